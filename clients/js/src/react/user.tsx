"use client"
import { useCallback, useEffect, useState } from "react"
import type { Answer } from "../contract.js"
import { addPasskey, listPasskeys } from "../passkey.js"
import { useClient, useSession } from "./context.js"
import { Button, Form } from "./form.js"
import { useSignIn } from "./hooks.js"
import { Steps } from "./steps.js"

/** Who is here, with the ways to the account and out; a link to sign in where that is nobody. */
export function UserButton({ account, signIn }: { account?: string; signIn?: string }) {
  const { user, status, signOut } = useSession()
  const { baseURL } = useClient()
  if (status === "loading") return <span className="ww-user" aria-busy="true" />
  if (!user) return <a href={signIn ?? `${baseURL}/sign-in`}>Sign in</a>
  return (
    <details className="ww-user">
      <summary>{user.name || user.email}</summary>
      <p>{user.email}</p>
      <a href={account ?? `${baseURL}/account`}>Account</a>
      <Button onClick={() => void signOut()}>Sign out</Button>
    </details>
  )
}

type Lists = {
  passkeys: Answer<"GET", "/passkeys">["passkeys"]
  sessions: Answer<"GET", "/sessions">["sessions"]
}

/** One's own account: name, password, passkeys and sessions. */
export function UserProfile() {
  const client = useClient()
  const { user, refresh } = useSession()
  const [lists, setLists] = useState<Lists>({ passkeys: [], sessions: [] })
  const id = user?.id
  const changed = useCallback(async () => {
    if (!id) return
    const [passkeys, { sessions }] = await Promise.all([
      listPasskeys(client),
      client.call("GET", "/sessions"),
      refresh(),
    ])
    setLists({ passkeys, sessions })
  }, [client, id, refresh])
  useEffect(() => void changed().catch(() => {}), [changed])
  const flow = useSignIn(changed)
  if (!user) return null
  if (flow.attempt) return <Steps flow={flow} attempt={flow.attempt} />
  const { run, pending, error } = flow
  const remove = (path: "/passkeys/{id}" | "/sessions/{id}") => (id: string) =>
    void run(() => client.call("DELETE", path, { parts: { id } }))
  const form = { pending, error, submit: "Save" }
  return (
    <div className="ww-profile">
      <Form
        {...form}
        error={undefined}
        fields={{ name: { label: "Name", defaultValue: user.name, required: false } }}
        onSubmit={(body) => run(() => client.call("PATCH", "/user", { body }))}
      />
      <Form
        {...form}
        fields={{
          current: { label: "Current password", type: "password", autoComplete: "current-password", required: false },
          new: { label: "New password", type: "password", autoComplete: "new-password" },
        }}
        onSubmit={(body) => run(() => client.call("POST", "/password/change", { body: body as { new: string } }))}
      />
      <List title="Passkeys" entries={lists.passkeys} remove={remove("/passkeys/{id}")} />
      <Button disabled={pending} onClick={() => run((_, signal) => addPasskey(client, { signal }))}>
        Add a passkey
      </Button>
      <List title="Sessions" entries={lists.sessions} remove={remove("/sessions/{id}")} />
    </div>
  )
}

type Entry = { id: string; name?: string; user_agent?: string; current?: boolean }

function List({ title, entries, remove }: { title: string; entries: Entry[]; remove: (id: string) => void }) {
  return (
    <section>
      <h2>{title}</h2>
      <ul>
        {entries.map(({ id, name, user_agent, current }) => (
          <li key={id}>
            {name || user_agent || "Unnamed"}{" "}
            {current ? "(this one)" : <Button onClick={() => remove(id)}>Remove</Button>}
          </li>
        ))}
      </ul>
    </section>
  )
}
