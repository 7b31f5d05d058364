import { createRemoteJWKSet, type JWTPayload, jwtVerify } from "jose"
import type { Session } from "../contract.js"
import { onlySession, type Place, place } from "./server.js"

/** A session as a signed token tells it: who, and with what rights; neither name nor address. */
export type LocalSession = Pick<
  Session,
  "id" | "permissions" | "factors" | "assurance" | "organization" | "authenticated_at" | "expires_at"
> & { user: Pick<Session["user"], "id" | "role"> }

const LEEWAY = 5
const keys = new Map<string, ReturnType<typeof createRemoteJWKSet>>()

/** Name of the cookie with the signed token, which `watchwordProxy()` keeps fresh. */
export const tokenCookie = (secure: boolean): string => (secure ? "__Host-watchword-token" : "watchword-token")

/** Return the session of the signed token among the cookies, where it is valid and of the session beside it. */
export async function readLocal(header: string | null): Promise<LocalSession | null> {
  const { url, issuer, audience } = place()
  const session = onlySession(header)
  const token = tokenIn(header)
  if (!audience || !session || !token) return null
  const claims = await valid(token, { url, issuer, audience })
  // Somebody who signs in anew, in the same browser, brings the token of before for a moment.
  return claims?.sid === session.id ? told(claims, session.id) : null
}

/** Return the token among the cookies, if there is exactly one. */
export function tokenIn(header: string | null): string | null {
  const found = (header ?? "").split(";").flatMap((pair) => {
    const [name, value] = pair.trim().split("=")
    return value && (name === tokenCookie(true) || name === tokenCookie(false)) ? [value] : []
  })
  return found.length === 1 ? (found[0] ?? null) : null
}

async function valid(token: string, { url, issuer, audience }: Place): Promise<JWTPayload | null> {
  const source = keys.get(url) ?? createRemoteJWKSet(new URL(`${url}/jwks.json`))
  keys.set(url, source)
  try {
    const { payload } = await jwtVerify(token, source, {
      algorithms: ["ES256"],
      issuer,
      audience: audience ?? "",
      clockTolerance: LEEWAY,
      requiredClaims: ["sub", "sid", "iat", "exp", "auth_time", "role"],
    })
    return payload
  } catch {
    // Not valid, over, or the keys can't be had: then the server is asked.
    return null
  }
}

function told(claims: JWTPayload, id: string): LocalSession {
  return {
    id,
    user: { id: claims.sub as string, role: claims.role as string },
    permissions: claims.permissions as string[],
    factors: claims.amr as string[],
    assurance: claims.acr as Session["assurance"],
    organization: (claims.org_id as string | undefined) ?? null,
    authenticated_at: new Date((claims.auth_time as number) * 1000).toISOString(),
    expires_at: new Date((claims.exp as number) * 1000).toISOString(),
  }
}
