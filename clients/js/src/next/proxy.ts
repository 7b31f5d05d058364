import { type NextRequest, NextResponse } from "next/server"
import { safeNext } from "../redirect.js"
import { tokenCookie, tokenIn } from "./local.js"
import { onlySession, place, reach, sessionPairs } from "./server.js"

export type ProxyOptions = {
  /** Tells which paths a stranger is not led away from. */
  isPublic?: (path: string) => boolean
  /** The page to sign in: `/auth/sign-in`. */
  signIn?: string
  /** Tells which further paths are the Python server's, beside `/auth`. */
  handOn?: (path: string) => boolean
}

const RENEWED_BEFORE = 15_000

/**
 * Return what `proxy.ts` (`middleware.ts` before Next.js 16) exports: it hands `/auth` on to Watchword, leads
 * strangers to sign in before a page is rendered, and keeps the signed token fresh.
 *
 * It decides nothing. A request that gets around it, or brings a session cookie that opens nothing, meets
 * `verifySession()` in the page, action or handler all the same.
 */
export function watchwordProxy({ isPublic, signIn = "/auth/sign-in", handOn }: ProxyOptions = {}) {
  return async (request: NextRequest): Promise<NextResponse> => {
    const header = request.headers.get("cookie")
    const { pathname, search } = request.nextUrl
    const { url } = place()
    if (pathname === "/auth" || pathname.startsWith("/auth/")) {
      return NextResponse.rewrite(new URL(url + pathname.slice("/auth".length) + search))
    }
    if (handOn?.(pathname)) return NextResponse.rewrite(new URL(new URL(url).origin + pathname + search))
    if (!sessionPairs(header).length && !isPublic?.(pathname)) {
      const to = new URL(signIn, request.nextUrl)
      to.searchParams.set("next", safeNext(pathname + search))
      return NextResponse.redirect(to)
    }
    return renewed(request, header)
  }
}

/** Go on, with a fresh token for this very request and for those that follow, where one is due. */
async function renewed(request: NextRequest, header: string | null): Promise<NextResponse> {
  const session = onlySession(header)
  if (!place().audience || !session || isFresh(tokenIn(header), session.id)) return NextResponse.next()
  const answer = await reach("/session/token", {
    method: "POST",
    headers: { authorization: `Bearer ${session.token}`, accept: "application/json" },
  }).catch(() => null)
  const name = tokenCookie(request.cookies.has("__Host-watchword"))
  if (!answer?.ok) {
    // No session any more, or Watchword is away: whoever checks will ask, and hear so.
    const response = NextResponse.next()
    if (answer && tokenIn(header)) response.cookies.delete(name)
    return response
  }
  const { token, expires_at } = (await answer.json()) as { token: string; expires_at: string }
  request.cookies.set(name, token)
  const response = NextResponse.next({ request: { headers: new Headers(request.headers) } })
  const options = { httpOnly: true, sameSite: "lax", path: "/", secure: name.startsWith("__Host-") } as const
  response.cookies.set(name, token, { ...options, expires: new Date(expires_at) })
  return response
}

/** Tell whether a token need not be renewed yet. What it says is not believed here, but where it is checked. */
function isFresh(token: string | null, id: string): boolean {
  try {
    const claims = JSON.parse(atob((token ?? "").split(".")[1]?.replace(/-/g, "+").replace(/_/g, "/") ?? ""))
    return claims.sid === id && claims.exp * 1000 - RENEWED_BEFORE > Date.now()
  } catch {
    return false
  }
}
