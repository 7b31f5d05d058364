import { ContextProvider, Show } from "@watchword/client/react"
import { clientOf, sessionOf, signIn } from "@watchword/client/testing"
import { renderToString } from "react-dom/server"

const given = JSON.parse(process.argv[2] ?? "{}")
const request = {
  post: async (url: string, { data, headers }: { data: unknown; headers: Record<string, string> }) => {
    const body = JSON.stringify(data)
    const answer = await fetch(url, { method: "POST", body, headers: { ...headers, "content-type": "application/json" } })
    const text = await answer.text()
    return { ok: () => answer.ok, text: async () => text, json: async () => JSON.parse(text) }
  },
}
async function main() {
  const admin = sessionOf({ user: { role: "admin" } })
  const client = clientOf(admin)
  const wrong = { ...given, password: "not this one" }
  const said = {
    shown: renderToString(
      <ContextProvider client={client} session={client.session.get().session}>
        <Show when={{ role: "admin" }}>for admins</Show>
      </ContextProvider>,
    ),
    nobody: clientOf(null).session.get().status,
    refreshed: (await client.session.refresh()).session?.user.role,
    called: await client.call("GET", "/sessions").catch((error) => `${error.code} ${error.message}`),
    signedIn: (await signIn({ request }, given)).user.email,
    refused: await signIn({ request }, wrong).catch((error: Error) => error.message),
  }
  process.stdout.write(JSON.stringify(said))
}

void main()
