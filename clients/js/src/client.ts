import type { Answer, Input, Method, Parts, PathOf, Session } from "./contract.js"
import { type Code, WatchwordError } from "./problem.js"
import { SessionStore } from "./session.js"

export type ClientOptions = {
  /** Where Watchword's calls are: `/auth` of the same site, unless given; `https://example.org/auth`. */
  baseURL?: string
  /** What is known already, for example from the server's first page: `null` for nobody. */
  session?: Session | null
}

export type CallOptions<P = unknown, B = undefined> = {
  signal?: AbortSignal | undefined
  headers?: HeadersInit
} & (unknown extends Parts<P> ? unknown : { parts: Parts<P> }) &
  (B extends undefined ? unknown : { body: B })

/** One browser's way to Watchword. */
export type Client = {
  readonly baseURL: string
  /** Who is signed in here, kept up to date. */
  readonly session: SessionStore
  /**
   * Make any call of the contract: `client.call("PATCH", "/passkeys/{id}", { parts: { id }, body: { name } })`.
   *
   * @returns the answer's body; a session in it is the client's from then on.
   * @throws WatchwordError the call was refused; `AbortError` where `signal` ended it.
   */
  call<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    ...options: object extends CallOptions<P, Input<M, P>>
      ? [CallOptions<P, Input<M, P>>?]
      : [CallOptions<P, Input<M, P>>]
  ): Promise<Answer<M, P>>
}

type Sent = { signal?: AbortSignal; headers?: HeadersInit; parts?: Record<string, string>; body?: unknown }

/** Return a client. Nothing is asked before somebody subscribes to its session, or calls. */
export function createClient({ baseURL = "/auth", session }: ClientOptions = {}): Client {
  const root = baseURL.replace(/\/+$/, "")
  const send = async (method: string, path: string, { parts, body, ...rest }: Sent = {}): Promise<unknown> => {
    const address = root + path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts?.[name] ?? ""))
    const answer = await fetched(address, {
      method,
      credentials: "include",
      cache: "no-store",
      signal: rest.signal ?? null,
      // The server leads nowhere: a redirect would be somebody else's, a captive portal's for example.
      redirect: "error",
      headers: { accept: "application/json", ...(body ? { "content-type": "application/json" } : {}), ...rest.headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const said = (await answer.json().catch(() => null)) as Record<string, unknown> | null
    if (answer.ok && said) return said
    throw said && typeof said.code === "string"
      ? new WatchwordError(said as never, answer.headers.get("retry-after"))
      : failure("unreadable_answer", "The answer is no answer of Watchword", answer.status)
  }
  const store = new SessionStore(
    async (signal) => ((await send("GET", "/session", { signal })) as { session: Session | null }).session,
    root,
    session,
  )
  const call = async (method: string, path: string, options?: Sent): Promise<unknown> => {
    try {
      const said = (await send(method, path, options)) as { status?: string; session?: Session }
      if (path === "/session") store.set(said.session ?? null)
      else if (said.status === "complete" && said.session && !path.startsWith("/actions/")) store.announce(said.session)
      return said
    } catch (error) {
      // What is shown of this session may be out of date: it has ended, or its rights have changed.
      if (error instanceof WatchwordError && ["unauthenticated", "forbidden"].includes(error.code)) store.glance()
      throw error
    }
  }
  return { baseURL: root, session: store, call: call as Client["call"] }
}

async function fetched(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init)
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw failure("network", "The server can't be reached")
  }
}

/** Return an error of this side. */
export function failure(code: Code, title: string, status = 0): WatchwordError {
  return new WatchwordError({ code, title, status })
}
