import type { Session } from "./contract.js"
import { WatchwordError } from "./problem.js"

/** What is known of who is here. `loading` is not "nobody": show neither of the two pages. */
export type SessionState =
  | { status: "loading"; session: null; error?: WatchwordError }
  | { status: "signed_in"; session: Session; error?: WatchwordError }
  | { status: "signed_out"; session: null; error?: WatchwordError }

const LOADING: SessionState = { status: "loading", session: null }

/** Return the state of a session, of nobody (`null`), or of not knowing yet (`undefined`). */
export function stateOf(session: Session | null | undefined): SessionState {
  if (session === undefined) return LOADING
  return session ? { status: "signed_in", session } : { status: "signed_out", session: null }
}

/**
 * Who is signed in, as a store for `useSyncExternalStore` and its like.
 *
 * While anybody subscribes, it asks again when the page gets the focus, when the network is back, and when another
 * tab signs in or out. The server alone says whether a session lives: the clock of this machine is never asked.
 */
export class SessionStore {
  #state: SessionState
  #ask: (signal: AbortSignal) => Promise<Session | null>
  #listeners = new Set<() => void>()
  #running: Promise<SessionState> | undefined
  #queued: Promise<SessionState> | undefined
  #known = new AbortController()
  #channel: string
  #tabs: BroadcastChannel | undefined
  #stop: (() => void) | undefined

  constructor(ask: (signal: AbortSignal) => Promise<Session | null>, name: string, session?: Session | null) {
    this.#ask = ask
    this.#channel = `watchword:${name}`
    this.#state = stateOf(session)
  }

  /** Return what is known now; the same object until it changes. */
  get = (): SessionState => this.#state

  /** Call `listener` at each change; returns what ends that. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    this.#stop ??= this.#watch()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size) return
      this.#stop?.()
      this.#stop = undefined
    }
  }

  /** Ask the server now. One request at most is under way; who asks meanwhile shares the one that follows it. */
  refresh = (): Promise<SessionState> => {
    if (!this.#running) return this.glance()
    this.#queued ??= this.#running.then(() => {
      this.#queued = undefined
      return this.glance()
    })
    return this.#queued
  }

  /** Ask the server, or wait for the answer that is on its way. */
  glance = (): Promise<SessionState> => {
    this.#running ??= this.#read().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Take what the server just said. An older answer that is still on its way no longer counts. */
  set(session: Session | null | undefined): void {
    this.#known.abort()
    this.#known = new AbortController()
    this.#show(stateOf(session))
  }

  /** Take a first value, where nothing is known yet. */
  seed(session: Session | null | undefined): void {
    if (this.#state === LOADING && session !== undefined) this.#state = stateOf(session)
  }

  /** Take it, and tell the other tabs to ask for themselves. What they show comes from the server, not from here. */
  announce(session: Session | null): void {
    this.set(session)
    const tabs = this.#tabs ?? new BroadcastChannel(this.#channel)
    tabs.postMessage(session ? "changed" : "signed_out")
    if (tabs !== this.#tabs) tabs.close()
  }

  async #read(): Promise<SessionState> {
    const { signal } = this.#known
    try {
      const session = await this.#ask(signal)
      if (!signal.aborted) this.#show(stateOf(session))
    } catch (error) {
      // Not reached, or broken for the moment: what was known stays, marked with why it may be old.
      if (!signal.aborted && error instanceof WatchwordError) this.#show({ ...this.#state, error })
    }
    return this.#state
  }

  #show(state: SessionState): void {
    const same = JSON.stringify(state) === JSON.stringify(this.#state)
    if (same) return
    this.#state = state
    for (const listener of [...this.#listeners]) listener()
  }

  #watch(): () => void {
    const ended = new AbortController()
    const { signal } = ended
    const glance = (): void => void (document.visibilityState === "visible" && this.glance())
    addEventListener("focus", glance, { signal })
    addEventListener("online", glance, { signal })
    document.addEventListener("visibilitychange", glance, { signal })
    // A page that may be kept for the back button is kept without its person.
    addEventListener("pagehide", (event) => event.persisted && this.set(undefined), { signal })
    addEventListener("pageshow", (event) => event.persisted && this.glance(), { signal })
    this.#tabs = new BroadcastChannel(this.#channel)
    this.#tabs.onmessage = ({ data }) => {
      if (data === "signed_out") this.set(null)
      void this.refresh()
    }
    if (this.#state === LOADING) void this.glance()
    return () => {
      ended.abort()
      this.#tabs?.close()
      this.#tabs = undefined
    }
  }
}
