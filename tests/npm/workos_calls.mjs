// @workos-inc/node seals its session cookie, opens it, and says whether it is one; the key set is given, not fetched.
import { createLocalJWKSet } from "jose";
import { WorkOS } from "@workos-inc/node";

const made = (clientId) => new WorkOS("sk_test_key", { clientId }).userManagement;

export const seal = (clientId, authenticationResponse, cookiePassword) =>
  made(clientId).sealSessionDataFromAuthenticationResponse({ authenticationResponse, cookiePassword });

export async function authenticate(clientId, sessionData, cookiePassword, jwks) {
  const userManagement = made(clientId);
  userManagement.getJWKS = async () => createLocalJWKSet(jwks);
  return userManagement.authenticateWithSessionCookie({ sessionData, cookiePassword });
}

// What WorkOS signs a webhook with, and whether its library takes a call.
export const signWebhook = (timestamp, payload, secret) => new WorkOS("sk_test_key").webhooks.computeSignature(timestamp, payload, secret);
