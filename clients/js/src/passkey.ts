import { type Client, failure } from "./client.js"
import type { Answer, Input, Outcome, Pending } from "./contract.js"
import { WatchwordError } from "./problem.js"

type Signal = { signal?: AbortSignal | undefined }
type Asked = Answer<"POST", "/sign-in/passkey/options">
type Credential = Input<"POST", "/sign-in/passkey">["credential"]

/** Tell whether this browser has passkeys at all. */
export const hasPasskeys = (): boolean => typeof PublicKeyCredential === "function"

/** Tell whether it offers them in the field for the name: `<input autocomplete="username webauthn">`. */
export const hasPasskeyAutofill = async (): Promise<boolean> =>
  hasPasskeys() && !!(await PublicKeyCredential.isConditionalMediationAvailable?.())

/**
 * Sign in with a passkey.
 *
 * @param options `autofill: true` waits for the person to pick one in the field for the name; end that with `signal`
 *   before any other ceremony begins: browsers have one at a time.
 * @throws WatchwordError `passkey_cancelled`: the person, or the browser, said no.
 */
export async function signInWithPasskey(
  client: Client,
  { autofill, signal }: Signal & { autofill?: boolean } = {},
): Promise<Outcome> {
  const asked = await client.call("POST", "/sign-in/passkey/options", { body: {}, signal })
  const { attempt } = asked
  const credential = await used(asked, signal, autofill ? "conditional" : undefined)
  try {
    return await client.call("POST", "/sign-in/passkey", { body: { attempt, credential }, signal })
  } catch (error) {
    if (error instanceof WatchwordError && error.code === "passkey_unknown") {
      // The device may forget what no account has.
      const unknown = { rpId: asked.public_key.rpId as string, credentialId: credential.id as string }
      await signals()
        .signalUnknownCredential?.(unknown)
        .catch(() => {})
    }
    throw error
  }
}

/** Begin an account with a passkey and no password. */
export async function signUpWithPasskey(
  client: Client,
  body: Input<"POST", "/sign-up/passkey/options">,
  { signal }: Signal = {},
): Promise<Pending> {
  const asked = await client.call("POST", "/sign-up/passkey/options", { body, signal })
  const made = { attempt: asked.attempt, credential: await created(asked, signal) }
  return client.call("POST", "/sign-up/passkey", { body: made, signal })
}

/** Carry an attempt on with a passkey. */
export async function continueWithPasskey(client: Client, attempt: string, { signal }: Signal = {}): Promise<Outcome> {
  const asked = await client.call("POST", "/attempt/passkey/options", { body: { attempt }, signal })
  const shown = { attempt: asked.attempt, credential: await used(asked, signal) }
  return client.call("POST", "/attempt/passkey", { body: shown, signal })
}

/** Add a passkey to the account of who is signed in; within a sign-in that asks for one, name its attempt. */
export async function addPasskey(
  client: Client,
  {
    attempt,
    kind,
    name = "",
    signal,
  }: Signal & { attempt?: string; kind?: "passkey" | "security_key"; name?: string } = {},
): Promise<Outcome> {
  const asked = attempt
    ? await client.call("POST", "/attempt/passkey/enrol", { body: { attempt }, signal })
    : await client.call("POST", "/passkeys/options", { body: kind ? { kind } : {}, signal })
  const made = { attempt: asked.attempt, credential: await created(asked, signal), name }
  return client.call("POST", "/passkeys", { body: made, signal })
}

/** Return my passkeys, and let devices forget those that are not among them. */
export async function listPasskeys(client: Client, options?: Signal): Promise<Answer<"GET", "/passkeys">["passkeys"]> {
  const { passkeys, signal } = await client.call("GET", "/passkeys", { ...options })
  if (signal && hasPasskeys())
    await signals()
      .signalAllAcceptedCredentials?.(signal)
      .catch(() => {})
  return passkeys
}

const used = (asked: Asked, signal?: AbortSignal, mediation?: CredentialMediationRequirement): Promise<Credential> =>
  answered(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.public_key as never),
      ...(mediation && { mediation }),
      ...(signal && { signal }),
    }),
  )

const created = (asked: Asked, signal?: AbortSignal): Promise<Credential> =>
  answered(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.public_key as never),
      ...(signal && { signal }),
    }),
  )

async function answered(ask: () => Promise<unknown>): Promise<Credential> {
  if (!hasPasskeys()) throw failure("passkey_cancelled", "This browser has no passkeys")
  try {
    return ((await ask()) as PublicKeyCredential).toJSON() as Credential
  } catch (error) {
    const { name } = error as Error
    if (name === "AbortError") throw error
    throw failure(
      "passkey_cancelled",
      name === "InvalidStateError" ? "It is there already" : "The passkey was not shown",
    )
  }
}

type Signals = Record<
  "signalUnknownCredential" | "signalAllAcceptedCredentials",
  ((told: object) => Promise<void>) | undefined
>
const signals = (): Signals => PublicKeyCredential as unknown as Signals
