// Passkeys on the hosted pages: what a button shows the browser, and what the browser gives back.
"use strict";

(() => {
  if (!window.PublicKeyCredential) return;
  const prefix = document.currentScript.dataset.prefix;
  const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const toText = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withBytes = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

  // Older browsers lack the standard's own conversions from and to JSON.
  const creation = (options) => PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: withBytes(options.excludeCredentials),
  };
  const request = (options) => PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: withBytes(options.allowCredentials),
  };
  const asJSON = (credential) => {
    if (credential.toJSON) return credential.toJSON();
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = toText(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return { id: credential.id, rawId: credential.id, type: credential.type, response };
  };

  class Refused extends Error {
    constructor(problem) {
      super(problem.code);
      this.code = problem.code;
    }
  }

  const post = async (path, body) => {
    const response = await fetch(prefix + path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body ?? {}),
    });
    const answer = await response.json();
    if (!response.ok) throw new Refused(answer);
    return answer;
  };

  const goOn = (answer, next) => {
    const mail = answer.next?.some((step) => step.method === "email_code");
    const page = mail ? "/confirm" : "/second-factor";
    location.assign(answer.status === "pending" ? `${prefix}${page}?attempt=${encodeURIComponent(answer.attempt)}` : next);
  };

  const use = async (asked, path, mediation, signal) => {
    const credential = await navigator.credentials.get({ publicKey: request(asked.public_key), mediation, signal });
    try {
      return await post(path, { attempt: asked.attempt, credential: asJSON(credential) });
    } catch (error) {
      // The device may forget what no account has.
      if (error.code === "passkey_unknown") {
        const told = { rpId: asked.public_key.rpId, credentialId: credential.id };
        await PublicKeyCredential.signalUnknownCredential?.(told).catch(() => {});
      }
      throw error;
    }
  };
  const make = async (asked, path, more) => {
    const credential = await navigator.credentials.create({ publicKey: creation(asked.public_key) });
    return post(path, { attempt: asked.attempt, credential: asJSON(credential), ...more });
  };

  let waiting = null; // for a passkey that the person picks in the field for their name
  const stopWaiting = () => {
    waiting?.abort();
    waiting = null;
  };

  const actions = {
    "sign-in": async () => use(await post("/sign-in/passkey/options"), "/sign-in/passkey"),
    "sign-up": async () => {
      const email = document.getElementById("email");
      if (!email.reportValidity()) return null;
      const name = document.getElementById("name").value;
      return make(await post("/sign-up/passkey/options", { email: email.value, name }), "/sign-up/passkey");
    },
    prove: async ({ attempt }) => {
      const begun = attempt || (await post("/step-up")).attempt;
      return use(await post("/attempt/passkey/options", { attempt: begun }), "/attempt/passkey");
    },
    enrol: async ({ attempt }) => make(await post("/attempt/passkey/enrol", { attempt }), "/passkeys"),
    add: async ({ kind }) => make(await post("/passkeys/options", { kind }), "/passkeys"),
  };

  for (const hint of document.querySelectorAll("[data-passkey-missing]")) hint.hidden = true;

  const texts = { passkey_unknown: "unknown", rate_limited: "limited", InvalidStateError: "exists" };
  for (const place of document.querySelectorAll("[data-passkey]")) {
    const [button, error] = place.children;
    place.hidden = false;
    button.addEventListener("click", async () => {
      stopWaiting();
      error.hidden = true;
      button.disabled = true;
      try {
        const answer = await actions[place.dataset.passkey](place.dataset);
        if (answer) goOn(answer, place.dataset.next);
      } catch (problem) {
        if (problem.code === "insufficient_user_authentication") {
          const back = location.pathname + location.search;
          location.assign(`${prefix}/step-up?next=${encodeURIComponent(back)}`);
        }
        error.textContent = error.dataset[texts[problem.code] ?? texts[problem.name] ?? "failed"];
        error.hidden = false;
      } finally {
        button.disabled = false;
      }
    });
  }

  // Passkeys among what the browser offers for the field of the name (conditional mediation).
  const field = document.querySelector('input[autocomplete~="webauthn"]');
  const autofill = async () => {
    if (!field || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    waiting = new AbortController();
    try {
      const asked = await post("/sign-in/passkey/options");
      const answer = await use(asked, "/sign-in/passkey", "conditional", waiting.signal);
      goOn(answer, document.querySelector('[data-passkey="sign-in"]').dataset.next);
    } catch {
      // Cancelled, or not known here: the form and the button are there.
    }
  };
  autofill();

  // Devices forget the passkeys that the account has no more.
  const kept = document.querySelector("[data-passkey-signal]");
  if (kept) PublicKeyCredential.signalAllAcceptedCredentials?.(JSON.parse(kept.dataset.passkeySignal)).catch(() => {});
})();
