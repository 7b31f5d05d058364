import type { Client } from "./client.js"
import type { Input, Outcome, Pending } from "./contract.js"
import { type SafeNextOptions, safeNext } from "./redirect.js"

type Signal = { signal?: AbortSignal | undefined }

/** Steps that a typed text carries on: a code of a mail, an app or a list, or the password once more. */
export type CodeStep = "email_code" | "totp" | "recovery_code" | "password"

/** Begin an account. The answer is the same whether the address is free or taken: a mail says more. */
export const signUpWithPassword = (
  client: Client,
  body: Input<"POST", "/sign-up/password">,
  options?: Signal,
): Promise<Pending> => client.call("POST", "/sign-up/password", { body, ...options })

/** Sign in with an e-mail address or user name, and the password. */
export const signInWithPassword = (
  client: Client,
  body: Input<"POST", "/sign-in/password">,
  options?: Signal,
): Promise<Outcome> => client.call("POST", "/sign-in/password", { body, ...options })

/** Carry an attempt on with what was typed, for one of the steps in its `next`. */
export function continueWith(
  client: Client,
  attempt: string,
  step: CodeStep,
  typed: string,
  options?: Signal,
): Promise<Outcome> {
  return step === "password"
    ? client.call("POST", "/attempt/password", { body: { attempt, password: typed }, ...options })
    : client.call("POST", `/attempt/${step}`, { body: { attempt, code: typed }, ...options })
}

/** Carry an attempt on with the last part of the address in a mail. */
export const continueWithLink = (client: Client, token: string, options?: Signal): Promise<Outcome> =>
  client.call("POST", "/attempt/email_link", { body: { token }, ...options })

/** Ask for another code by mail. */
export const sendCode = (client: Client, attempt: string, options?: Signal): Promise<Pending> =>
  client.call("POST", "/attempt/email_code/send", { body: { attempt }, ...options })

/** Begin to show once more who is here, after a 401 `insufficient_user_authentication`. */
export const stepUp = (client: Client, options?: Signal): Promise<Pending> =>
  client.call("POST", "/step-up", { ...options })

/** End this session, here and in all tabs at once. */
export async function signOut(client: Client, options?: Signal): Promise<void> {
  await client.call("POST", "/sign-out", { ...options })
  client.session.announce(null)
}

/** What carries a sign-in through another site, and back. */
export type RedirectOptions = SafeNextOptions & { next?: string | null | undefined }

/**
 * Leave for a sign-in that goes through another site: `startRedirect(client, "/sign-in/oauth/github", { next })`.
 *
 * @param path the server's route that leads there, below `baseURL`.
 */
export function startRedirect(client: Client, path: `/${string}`, { next, ...options }: RedirectOptions = {}): void {
  location.assign(`${client.baseURL}${path}?next=${encodeURIComponent(safeNext(next, options))}`)
}
