// @clerk/backend's own verdict on a session token, at a given time.
import { createClerkClient, verifyToken } from "@clerk/backend";
import { verifyWebhook } from "@clerk/backend/webhooks";

export async function verify(token, options, now) {
  const real = Date.now;
  const RealDate = globalThis.Date;
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length ? given : [now]));
    }
    static now() {
      return now;
    }
  };
  try {
    return await verifyToken(token, options);
  } finally {
    globalThis.Date = RealDate;
    Date.now = real;
  }
}

// @clerk/backend's own verdict on a webhook: the event, or what it threw.
export async function verifyWebhookCall(headers, body, signingSecret) {
  const request = new Request("https://example.org/webhook", { method: "POST", headers, body });
  return verifyWebhook(request, { signingSecret });
}

// What @clerk/backend asks its API about an API key, and what it makes of the answer.
export const verifyApiKey = (secretKey, apiUrl, secret) => createClerkClient({ secretKey, apiUrl }).apiKeys.verify(secret);
