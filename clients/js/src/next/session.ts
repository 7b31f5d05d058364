import { headers } from "next/headers"
import { forbidden, unauthorized } from "next/navigation"
import type { Session } from "../contract.js"
import { meets, type Rule } from "../rule.js"
import { type LocalSession, readLocal } from "./local.js"
import { ask, sessionPairs } from "./server.js"

/**
 * Return who is here, or `null`: in server components, server actions and route handlers.
 *
 * It asks Watchword, so a session that was ended is nobody's at once: one round trip, however often a render asks.
 * With `{ local: true }` a signed token beside the session is believed, for the minute that it lives, without a round
 * trip; where there is no valid one, Watchword is asked.
 *
 * @throws WatchwordError Watchword can't be reached: nobody is let in, and nobody is taken for a stranger.
 */
export async function verifySession(options?: { local?: false }): Promise<Session | null>
export async function verifySession(options: { local: boolean }): Promise<LocalSession | null>
export async function verifySession({ local = false } = {}): Promise<Session | LocalSession | null> {
  // The cookies alone: no header that a caller could forge says who is here, or that somebody has looked already.
  const header = (await headers()).get("cookie")
  const pairs = sessionPairs(header)
  if (!pairs.length) return null
  return (local && (await readLocal(header))) || ask(pairs.join("; "))
}

/**
 * Return the session, or end the render, action or handler with Next's 401 or 403: `await require({ role: "admin" })`.
 *
 * Next answers so where `experimental.authInterrupts` is on in next.config; where it is off, with a 500.
 */
export async function require(rule: Rule = {}): Promise<Session> {
  const session = await verifySession()
  if (!session) unauthorized()
  if (!meets(session, rule)) forbidden()
  return session
}

type Handler<Given, Context> = (request: Given, context: Context & { session: Session }) => Response | Promise<Response>

/** Return the route handler for those who have the role: 401 for nobody, 403 for others. */
export function withRole<Given extends Request, Context>(role: string, handler: Handler<Given, Context>) {
  return async (request: Given, context: Context): Promise<Response> => {
    const session = await verifySession()
    if (!session) return refused(401, "unauthenticated", "Sign in first")
    if (session.user.role !== role) return refused(403, "forbidden", "Not allowed")
    return handler(request, { ...context, session })
  }
}

/** Say on purpose that an action, a route handler or a page is for everyone; it changes nothing. */
export const declarePublic = <Anything>(anything: Anything): Anything => anything

function refused(status: number, code: string, title: string): Response {
  const headers = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    ...(status === 401 && { "www-authenticate": 'Bearer realm="watchword"' }),
  }
  const type = `https://watchword.dev/problems/${code}`
  return new Response(JSON.stringify({ type, title, status, code }), { status, headers })
}
