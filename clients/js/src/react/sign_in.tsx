"use client"
import { useCallback, useEffect, useRef, useSyncExternalStore } from "react"
import type { Client } from "../client.js"
import type { Outcome } from "../contract.js"
import { hasPasskeyAutofill, hasPasskeys, signInWithPasskey, signUpWithPasskey } from "../passkey.js"
import { safeNext } from "../redirect.js"
import { signInWithPassword, signUpWithPassword } from "../sign_in.js"
import { useClient } from "./context.js"
import { Button, Form } from "./form.js"
import { useSignIn } from "./hooks.js"
import { Steps } from "./steps.js"

export type SignInProps = {
  /** Where to go on: a path of this site. Unless given, `next` in the address of this page, or `/`. */
  next?: string
  /** Called instead of going on. */
  onComplete?: () => void
}

/** Sign-in with a password, a passkey and whatever more the account asks for. */
export const SignIn = (props: SignInProps) => <Door {...props} />

/** A new account, with a password or a passkey. */
export const SignUp = (props: SignInProps) => <Door {...props} isNew />

function Door({ next, onComplete, isNew }: SignInProps & { isNew?: boolean }) {
  const done = useCallback(() => {
    if (onComplete) onComplete()
    else location.assign(safeNext(next ?? new URLSearchParams(location.search).get("next")))
  }, [next, onComplete])
  const flow = useSignIn(done)
  const client = useClient()
  const { run, pending, error, attempt } = flow
  const offer = useAutofill(client, run, !isNew)
  const passkeys = useSyncExternalStore(
    () => () => {},
    hasPasskeys,
    () => false,
  )
  if (attempt) return <Steps {...{ flow, attempt }} />
  const begin = (make: (signal: AbortSignal) => Promise<Outcome>) => {
    offer.current?.abort()
    void run((_, signal) => make(signal))
  }
  return (
    <Form
      {...{ pending, error }}
      fields={{
        ...(isNew
          ? {
              name: { label: "Name", autoComplete: "name", required: false },
              email: { label: "E-mail", type: "email", autoComplete: "email" },
            }
          : { identifier: { label: "E-mail or user name", autoComplete: "username webauthn" } }),
        password: { label: "Password", type: "password", autoComplete: isNew ? "new-password" : "current-password" },
      }}
      submit={isNew ? "Sign up" : "Sign in"}
      onSubmit={(typed) =>
        begin((signal) => (isNew ? signUpWithPassword : signInWithPassword)(client, typed as never, { signal }))
      }
    >
      {passkeys && (
        <Button
          disabled={pending}
          onClick={({ currentTarget: { form } }) => {
            const field = form?.elements.namedItem("email") as HTMLInputElement | null
            if (!field) begin((signal) => signInWithPasskey(client, { signal }))
            else if (field.reportValidity())
              begin((signal) => signUpWithPasskey(client, { email: field.value }, { signal }))
          }}
        >
          Use a passkey
        </Button>
      )}
    </Form>
  )
}

/** Wait for a passkey that is picked in the field for the name, until another way in begins. */
function useAutofill(client: Client, run: ReturnType<typeof useSignIn>["run"], wanted: boolean) {
  const waiting = useRef<AbortController>(undefined)
  useEffect(() => {
    const current = new AbortController()
    waiting.current = current
    const { signal } = current
    void (async () => {
      if (!wanted || !(await hasPasskeyAutofill()) || signal.aborted) return
      // Cancelled, or not known here: the form and the button are there.
      const answer = await signInWithPasskey(client, { autofill: true, signal }).catch(() => null)
      if (answer) await run(async () => answer)
    })()
    return () => current.abort()
  }, [client, run, wanted])
  return waiting
}
