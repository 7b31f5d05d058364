import type { components } from "./openapi.js"

/** What can be wrong: the closed set of the server's codes, and three of the way there. */
export type Code = components["schemas"]["Problem"]["code"] | "network" | "unreadable_answer" | "passkey_cancelled"

/** What a field was expected to be. */
export type FieldError = { field: string; expected: string }

type Said = { code: Code; title: string; status?: number; detail?: string; fix?: string; fields?: FieldError[] }

/** A refusal (RFC 9457). Branch on `code`: a 401 `unauthenticated` asks to sign in, a 403 `forbidden` will not help. */
export class WatchwordError extends Error {
  override readonly name = "WatchwordError"
  readonly code: Code
  /** The status of the answer; 0 where there was none. */
  readonly status: number
  readonly detail: string
  readonly fix: string
  readonly fields: readonly FieldError[]
  /** Seconds to wait, where the server says so. */
  readonly retryAfter: number | undefined

  constructor(said: Said, retryAfter?: string | null) {
    super(said.title)
    this.code = said.code
    this.status = said.status ?? 0
    this.detail = said.detail ?? ""
    this.fix = said.fix ?? ""
    this.fields = said.fields ?? []
    this.retryAfter = retryAfter ? Number(retryAfter) : undefined
  }
}
