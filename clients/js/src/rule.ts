import type { Session } from "./contract.js"

/** What is asked of a session. It shows and hides; whether a call is allowed, the server decides. */
export type Rule = { role?: string; permission?: string } | ((session: Session) => boolean)

/** Tell whether the session meets the rule, by the same reading of `*` as the server's. */
export function meets(session: Session, rule: Rule): boolean {
  if (typeof rule === "function") return rule(session)
  const { role = session.user.role, permission } = rule
  const holds = (held: string) =>
    held === permission || held === "*" || (held.endsWith(":*") && !!permission?.startsWith(held.slice(0, -1)))
  return role === session.user.role && (!permission || session.permissions.some(holds))
}
