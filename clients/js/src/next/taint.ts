import * as React from "react"
import type { LocalSession } from "./local.js"

type Taint = {
  experimental_taintUniqueValue?: (message: string, lifetime: object, value: string) => void
  experimental_taintObjectReference?: (message: string, object: object) => void
}

/**
 * Keep a session from client components: passed as it is, or its id or another of these values alone, the render fails.
 *
 * @param values further texts that must not leave, at least 16 characters each.
 */
export function taintSession<Given extends LocalSession>(session: Given, ...values: string[]): Given {
  const { experimental_taintUniqueValue: value, experimental_taintObjectReference: object } = React as Taint
  if (!value || !object) throw new Error("taintSession() needs `experimental: { taint: true }` in next.config")
  object("Pass the fields that the page shows, not the session", session)
  for (const text of [session.id, ...values]) value("This part of the session is for the server alone", session, text)
  return session
}
