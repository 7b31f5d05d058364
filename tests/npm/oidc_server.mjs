// A real OpenID Connect provider, as a process of its own: tests/support/provider.py starts it and tells it who signs in.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const { certificate, clients } = JSON.parse(process.argv[2]);
const people = {};
let person = "";
let pushed = true;
let provider;
let codes = 0;

async function key(alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg, use: "sig", kid: crypto.randomUUID() };
}

async function make(issuer) {
  provider = new Provider(issuer, {
    clients,
    jwks: { keys: [await key("RS256"), await key("ES256")] },
    cookies: { keys: ["only for tests"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
    features: { devInteractions: { enabled: false }, pushedAuthorizationRequests: { enabled: pushed } },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_, client) => client.grantTypeAllowed("refresh_token"),
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people[id] }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope("openid email profile offline_access");
      await grant.save();
      return grant;
    },
  });
  provider.on("authorization_code.consumed", () => { codes += 1; });
}

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

async function interact(request, response) {
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html");
    response.end('<!doctype html><html lang="en"><title>Provider</title><main><h1>Provider</h1><form method="post"><button>Let them in</button></form></main>');
    return;
  }
  await body(request);
  const result = person ? { login: { accountId: person } } : { error: "access_denied", error_description: "<b>no</b>" };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function control(request, response) {
  const wish = JSON.parse(await body(request));
  if ("person" in wish) {
    person = wish.person.sub ?? "";
    if (person) people[person] = wish.person.claims;
  }
  if ("pushed" in wish) pushed = wish.pushed;
  if ("pushed" in wish || wish.rotate) await make(provider.issuer);
  response.end(JSON.stringify({ codes }));
}

const pem = readFileSync(certificate);
const server = createServer({ key: pem, cert: pem }, async (request, response) => {
  try {
    if (request.url === "/control") await control(request, response);
    else if (request.url.startsWith("/interaction/")) await interact(request, response);
    else await provider.callback()(request, response);
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
});
server.listen(0, "127.0.0.1", async () => {
  await make(`https://localhost:${server.address().port}`);
  process.stdout.write(`${provider.issuer}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
