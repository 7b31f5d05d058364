// The stytch package's own verdict on a session JWT, at a given time; the key set is given, not fetched.
import { createLocalJWKSet } from "jose";
import stytch from "stytch";

export async function verify(product, projectId, token, jwks, now, options) {
  const client = new (product === "b2b" ? stytch.B2BClient : stytch.Client)({ project_id: projectId, secret: "unused" });
  client.sessions.jwksClient = createLocalJWKSet(jwks);
  const given = { session_jwt: token, current_date: new Date(now), ...options };
  return client.sessions.authenticateJwtLocal(given);
}

// What the stytch package asks its API about an opaque session token, and what it makes of the answer.
export async function authenticate(product, projectId, secret, address, token) {
  const client = new (product === "b2b" ? stytch.B2BClient : stytch.Client)({ project_id: projectId, secret, env: address });
  return client.sessions.authenticate({ session_token: token });
}
