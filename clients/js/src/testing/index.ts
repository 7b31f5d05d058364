import type { Client } from "../client.js"
import { createClient, failure } from "../client.js"
import type { Session } from "../contract.js"

type Given = Omit<Partial<Session>, "user"> & { user?: Partial<Session["user"]> }

/** Return a session to test components with; name what matters, the rest is somebody's. */
export function sessionOf({ user, ...given }: Given = {}): Session {
  const at = "2026-01-01T00:00:00Z"
  return {
    id: "ses_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    factors: ["password"],
    authenticated_at: at,
    created_at: at,
    last_used_at: at,
    expires_at: "2099-01-01T00:00:00Z",
    organization: null,
    permissions: [],
    assurance: "aal1",
    source: "watchword",
    roles: [],
    impersonator: null,
    kind: "cookie",
    ...given,
    user: {
      id: "usr_aaaaaaaaaaaaaaaaaaaaaaaaaa",
      email: "ada@example.org",
      name: "Ada",
      user_name: null,
      role: "user",
      ...user,
    },
  }
}

/** Return a client without a server, for `<ContextProvider client={…}>`: this session is here, and every call fails. */
export function clientOf(session: Session | null): Client {
  const client = createClient({ session })
  client.session.glance = client.session.refresh = async () => client.session.get()
  const call = async (method: string, path: string) => {
    throw failure("network", `A test client has no server: ${method} ${path}`)
  }
  return Object.assign(client, { call: call as Client["call"] })
}

/** What is used of Playwright's `BrowserContext`. */
type Browser = {
  request: {
    post(
      url: string,
      options: { data: unknown; headers: Record<string, string> },
    ): Promise<{ ok(): boolean; text(): Promise<string>; json(): Promise<unknown> }>
  }
}

/**
 * Sign a Playwright context in by the real server, so that its pages are: `await signIn(context, { url, … })`.
 *
 * @param given `url` of the site, and the account's name and password; accounts with a second factor need a page.
 */
export async function signIn(
  context: Browser,
  { url, identifier, password }: { url: string; identifier: string; password: string },
): Promise<Session> {
  const { origin } = new URL(url)
  const data = { identifier, password }
  const answer = await context.request.post(`${origin}/auth/sign-in/password`, { data, headers: { origin } })
  const said = (answer.ok() ? await answer.json() : {}) as { session?: Session }
  if (!said.session) throw new Error(`${identifier} could not be signed in: ${await answer.text()}`)
  return said.session
}
