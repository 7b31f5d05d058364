"use client"
import type { ReactNode } from "react"
import { meets, type Rule } from "../rule.js"
import { useSession } from "./context.js"

type Shown = { children?: ReactNode; fallback?: ReactNode }

/** Shows its children to those who meet the rule: `<Show when={{ role: "admin" }}>`. */
export function Show({ when, children, fallback }: Shown & { when: Rule }) {
  const { session } = useSession()
  return <>{session && meets(session, when) ? children : fallback}</>
}

/** Shows its children to whoever is signed in. */
export const SignedIn = (shown: Shown) => <Show {...shown} when={{}} />

/** Shows its children to nobody in particular: not while it isn't known. */
export const SignedOut = ({ children }: Shown) => <>{useSession().status === "signed_out" && children}</>

/** `Show`, with something to wait by, and something else for whoever isn't signed in. */
export function Protect({
  when = {},
  children,
  fallback,
  loading,
  signedOut,
}: Shown & {
  when?: Rule
  loading?: ReactNode
  signedOut?: ReactNode
}) {
  const { status } = useSession()
  if (status === "loading") return <>{loading}</>
  return (
    <Show when={when} fallback={status === "signed_out" ? (signedOut ?? fallback) : fallback}>
      {children}
    </Show>
  )
}
