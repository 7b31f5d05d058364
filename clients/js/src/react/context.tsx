"use client"
import * as React from "react"
import { type Client, createClient } from "../client.js"
import type { Session } from "../contract.js"
import { type SessionState, stateOf } from "../session.js"
import { signOut } from "../sign_in.js"

type First = Session | null | undefined
type Given = { client: Client; session: First | Promise<Session | null> }

const Context = React.createContext<Given | null>(null)

export type ContextProviderProps = {
  children?: React.ReactNode
  /** Where Watchword's calls are, `/auth` unless given. */
  baseURL?: string
  /** A client of your own, instead of `baseURL`. */
  client?: Client
  /** Who the server says is here: the page shows it at once. A promise of it (React 19) suspends those who ask. */
  session?: First | Promise<Session | null>
}

/** Gives the components below it the session. Works in a server component's tree, as the root layout's is. */
export function ContextProvider({ children, baseURL, client: own, session }: ContextProviderProps) {
  const [client] = React.useState(() => own ?? createClient(baseURL ? { baseURL } : {}))
  const given = React.useMemo(() => ({ client, session }), [client, session])
  return <Context.Provider value={given}>{children}</Context.Provider>
}

function useGiven(): Given {
  const given = React.useContext(Context)
  if (given) return given
  throw new Error("useSession() is outside of a <ContextProvider>")
}

/** Return the client of the provider above. */
export const useClient = (): Client => useGiven().client

/** What `useSession()` gives. `userId` and `role` are undefined where nobody is signed in, or it is not known yet. */
export type UseSession = SessionState & {
  user: Session["user"] | undefined
  userId: string | undefined
  role: string | undefined
  refresh: () => Promise<SessionState>
  signOut: () => Promise<void>
}

/** Return who is here, and keep it up to date. */
export function useSession(): UseSession {
  const { client, session } = useGiven()
  const first = session instanceof Promise ? use(session) : session
  const before = React.useMemo(() => stateOf(first), [first])
  const store = client.session
  // Only a browser's store is one person's.
  if (typeof document === "object") store.seed(first)
  const state = React.useSyncExternalStore(store.subscribe, store.get, () => before)
  const leave = React.useCallback(() => signOut(client), [client])
  const user = state.session?.user
  return { ...state, user, userId: user?.id, role: user?.role, refresh: store.refresh, signOut: leave }
}

/** Return the user, or null. */
export const useUser = (): Session["user"] | null => useSession().user ?? null

function use<T>(promise: Promise<T>): T {
  const read = (React as unknown as Record<string, ((promise: Promise<T>) => T) | undefined>).use
  if (read) return read(promise)
  throw new Error("A promised session needs React 19: give its value")
}
