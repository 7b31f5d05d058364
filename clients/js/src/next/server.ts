import { cache } from "react"
import type { Session } from "../contract.js"
import { WatchwordError } from "../problem.js"

/** Where Watchword is, by the environment. */
export type Place = { url: string; issuer: string; audience: string | undefined }

const PATIENCE = 10_000

/** Return where Watchword is. */
export function place(): Place {
  const { WATCHWORD_URL: url, WATCHWORD_ISSUER: issuer, WATCHWORD_AUDIENCE: audience } = process.env
  if (!url) throw new Error("Set WATCHWORD_URL to where this server reaches Watchword: http://127.0.0.1:8000/auth")
  const root = url.replace(/\/+$/, "")
  return { url: root, issuer: issuer ?? root, audience }
}

const SESSION = ["__Host-watchword", "watchword"]

/**
 * Return of a `Cookie` header the pairs that may be a session, and nothing of the app's other cookies.
 *
 * All of them: the server refuses two, so that nobody can plant a second one.
 */
export function sessionPairs(header: string | null): string[] {
  const pairs = (header ?? "").split(";").map((pair) => pair.trim())
  return pairs.filter((pair) => SESSION.includes(pair.split("=", 1)[0] ?? ""))
}

/** Return the session's token and id, where exactly one is there. */
export function onlySession(header: string | null): { token: string; id: string } | null {
  const [pair, second] = sessionPairs(header)
  const token = pair?.slice(pair.indexOf("=") + 1) ?? ""
  const found = second === undefined ? /^wws_([a-z2-7]{26})[a-z2-7]{52}$/.exec(token) : null
  return found ? { token, id: `ses_${found[1]}` } : null
}

/** Call Watchword as this server. An answer that is no answer is an error, never "nobody". */
export async function reach(path: string, init: RequestInit): Promise<Response> {
  const options = { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(PATIENCE) } as const
  try {
    return await fetch(place().url + path, { ...options, ...init })
  } catch (cause) {
    throw Object.assign(new WatchwordError({ code: "network", title: "Watchword can't be reached" }), { cause })
  }
}

/** Ask Watchword who these cookies are of; one call for each render (React's `cache`). */
export const ask = cache(async (cookie: string): Promise<Session | null> => {
  const answer = await reach("/session", { headers: { cookie, accept: "application/json" } })
  const said = (await answer.json().catch(() => null)) as { session?: Session | null } | null
  if (answer.ok && said?.session !== undefined) return said.session
  throw new WatchwordError({
    code: "unreadable_answer",
    title: "Watchword did not say who is here",
    status: answer.status,
  })
})
