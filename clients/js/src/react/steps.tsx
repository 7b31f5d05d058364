"use client"
import { useState } from "react"
import type { Client } from "../client.js"
import type { Pending } from "../contract.js"
import { addPasskey, continueWithPasskey } from "../passkey.js"
import { type CodeStep, continueWith, sendCode } from "../sign_in.js"
import { useClient } from "./context.js"
import { Button, Form, Wrong } from "./form.js"
import type { useSignIn } from "./hooks.js"

const TYPED: Record<string, string> = {
  email_code: "Code from the mail",
  totp: "Code of your authenticator app",
  recovery_code: "Recovery code",
  password: "Password",
}
const PRESSED: Record<string, string> = { passkey: "Use a passkey", "passkey/enrol": "Add a passkey" }

/** What the attempt asks for next: one step that is typed, and the ways to choose another. */
export function Steps({
  flow: { run, pending, error },
  attempt: { attempt, next },
}: {
  flow: ReturnType<typeof useSignIn>
  attempt: Pending
}) {
  const { baseURL } = useClient()
  const [chosen, choose] = useState("")
  const methods = next.map(({ method }) => method)
  const typed = methods.filter((method) => TYPED[method])
  const method = typed.includes(chosen) ? chosen : typed[0]
  const press = (client: Client, step: string, signal: AbortSignal) =>
    step === "passkey" ? continueWithPasskey(client, attempt, { signal }) : addPasskey(client, { attempt, signal })
  return (
    <div className="ww-steps">
      {method ? (
        <Form
          key={method}
          fields={{
            typed: {
              label: TYPED[method] as string,
              autoFocus: true,
              type: method === "password" ? method : "text",
              autoComplete: method === "password" ? "current-password" : "one-time-code",
            },
          }}
          submit="Continue"
          {...{ pending, error }}
          onSubmit={({ typed = "" }) =>
            run((client, signal) => continueWith(client, attempt, method as CodeStep, typed, { signal }))
          }
        />
      ) : (
        <Wrong error={error} />
      )}
      {method === "email_code" && (
        <Button onClick={() => run((client, signal) => sendCode(client, attempt, { signal }))}>
          Send another code to {next[0]?.to}
        </Button>
      )}
      {methods.map((one) => {
        if (PRESSED[one])
          return (
            <Button key={one} disabled={pending} onClick={() => run((client, signal) => press(client, one, signal))}>
              {PRESSED[one]}
            </Button>
          )
        if (!TYPED[one])
          // The server's own page knows every step, those that are newer than this component too.
          return (
            <a key={one} href={`${baseURL}/second-factor?attempt=${attempt}`}>
              More ways to go on
            </a>
          )
        return (
          one !== method && (
            <Button key={one} onClick={() => choose(one)}>
              {TYPED[one]} instead
            </Button>
          )
        )
      })}
    </div>
  )
}
