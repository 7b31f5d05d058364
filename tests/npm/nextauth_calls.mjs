// NextAuth.js 4 and Auth.js 5: what makes and reads their session tokens, and what cuts them into cookies.
import { createRequire } from "node:module";
import { join } from "node:path";
import { Auth } from "@auth/core";
import { decode as decode5, encode as encode5, getToken as getToken5 } from "@auth/core/jwt";

const require = createRequire(import.meta.url);
const four = require("next-auth/jwt");
// Not among its exports, but what the library itself cuts cookies with.
const { SessionStore } = require(join(import.meta.dirname, "node_modules/next-auth/core/lib/cookie.js"));

export const encode = (version, parameters) => (version === 4 ? four.encode : encode5)(parameters);
export const decode = (version, parameters) => (version === 4 ? four.decode : decode5)(parameters);

export function chunk(name, value) {
  const logger = { debug() {}, warn() {}, error() {} };
  const store = new SessionStore({ name, options: {} }, { cookies: {} }, logger);
  return store.chunk(value, {}).map((cookie) => [cookie.name, cookie.value]);
}

export const token = (version, cookies, secret, cookieName, salt) =>
  version === 4
    ? four.getToken({ req: { cookies, headers: {} }, secret, cookieName }).then((found) => found)
    : getToken5({
        req: { headers: { cookie: Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join("; ") } },
        secret,
        cookieName,
        salt,
      });

// What Auth.js says of a session whose row is in a database: the adapter gives the row, or nothing.
export async function databaseSession(token, row, user, secret) {
  const adapter = {
    getSessionAndUser: async (sessionToken) =>
      row && sessionToken === row.sessionToken ? { session: { ...row, expires: new Date(row.expires) }, user } : null,
    updateSession: async () => null,
    deleteSession: async () => null,
  };
  for (const name of ["createUser", "getUser", "getUserByEmail", "getUserByAccount", "updateUser", "linkAccount", "createSession"])
    adapter[name] = async () => null;
  const request = new Request("http://localhost:3000/api/auth/session", {
    headers: { cookie: `authjs.session-token=${token}`, host: "localhost:3000" },
  });
  const config = { adapter, session: { strategy: "database" }, secret, providers: [], trustHost: true, basePath: "/api/auth" };
  return (await Auth(request, config)).json();
}
