// @auth0/nextjs-auth0 encrypts its session cookie, cuts it into chunks and reads it: its own store, without Next.js.
import { join } from "node:path";

const server = join(import.meta.dirname, "node_modules/@auth0/nextjs-auth0/dist/server");
const { encrypt, RequestCookies, ResponseCookies } = await import(`${server}/cookies.js`);
const { StatelessSessionStore } = await import(`${server}/session/stateless-session-store.js`);

const requestOf = (pairs) =>
  new RequestCookies(new Headers({ cookie: pairs.map(([name, value]) => `${name}=${value}`).join("; ") }));

export async function write(session, secret) {
  const answer = new ResponseCookies(new Headers());
  await new StatelessSessionStore({ secret }).set(requestOf([]), answer, session);
  return answer.getAll().filter(({ value }) => value !== "").map(({ name, value }) => [name, value]);
}

export const read = (pairs, secret) => new StatelessSessionStore({ secret }).get(requestOf(pairs));

// What versions 3 wrote, and what else is encrypted with the same key.
export const sealed = (payload, secret, expiration, header) => encrypt(payload, secret, expiration, header ?? {});
