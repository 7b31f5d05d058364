"use client"
import { useCallback, useEffect, useRef, useState } from "react"
import { callAction } from "../action.js"
import type { Client } from "../client.js"
import type { Outcome, Pending } from "../contract.js"
import { WatchwordError } from "../problem.js"
import { stepUp } from "../sign_in.js"
import { useClient } from "./context.js"

type Work<T> = (client: Client, signal: AbortSignal) => Promise<T>

/** Run one thing at a time; what was under way ends, and so does all when the component goes. */
function useWork() {
  const client = useClient()
  const [pending, setPending] = useState(false)
  const [error, setError] = useState<WatchwordError>()
  const last = useRef<AbortController>(undefined)
  useEffect(() => () => last.current?.abort(), [])
  const run = useCallback(
    async <T>(work: Work<T>): Promise<T | undefined> => {
      last.current?.abort()
      const current = new AbortController()
      last.current = current
      setPending(true)
      setError(undefined)
      try {
        const done = await work(client, current.signal)
        return current.signal.aborted ? undefined : done
      } catch (problem) {
        if (current.signal.aborted) return undefined
        if (!(problem instanceof WatchwordError)) throw problem
        setError(problem)
        return undefined
      } finally {
        if (last.current === current) setPending(false)
      }
    },
    [client],
  )
  return { run, pending, error }
}

/** Return how to run an action: `const { run, pending, error, data } = useAction<User>(reference)`. */
export function useAction<Result = unknown>(reference: string) {
  const work = useWork()
  const [data, setData] = useState<Result>()
  const run = useCallback(
    async (args?: Record<string, unknown>): Promise<Result | undefined> => {
      const made = await work.run((client, signal) => callAction<Result>(client, reference, args, { signal }))
      if (made !== undefined) setData(made)
      return made
    },
    [work.run, reference],
  )
  return { ...work, run, data }
}

/**
 * Return what drives a sign-in, a sign-up, or anything else that may ask for one more step.
 *
 * `run((client, signal) => signInWithPassword(client, given, { signal }))` begins or carries on; while `attempt` is
 * there, its `next` names the steps to show. A change that needs a fresher proof asks for that first, then is made.
 *
 * @param onComplete called once all is done, with the last answer.
 */
export function useSignIn(onComplete?: (answer: unknown) => void) {
  const { run, ...state } = useWork()
  const [attempt, setAttempt] = useState<Pending>()
  const waiting = useRef<Work<unknown>>(undefined)
  const go = useCallback(
    async (work: Work<unknown>): Promise<void> => {
      const answer = await run(async (client, signal) => {
        try {
          const done = await work(client, signal)
          const then = waiting.current
          if (!then || (done as Outcome | undefined)?.status === "pending") return done ?? null
          waiting.current = undefined
          return await then(client, signal)
        } catch (problem) {
          if (!(problem instanceof WatchwordError) || problem.code !== "insufficient_user_authentication") throw problem
          waiting.current = work
          return stepUp(client, { signal })
        }
      })
      if (answer === undefined) return
      const outcome = answer as Outcome | null
      if (outcome?.status === "pending") return setAttempt(outcome)
      setAttempt(undefined)
      onComplete?.(answer)
    },
    [run, onComplete],
  )
  return { ...state, run: go, attempt, startOver: () => setAttempt(undefined) }
}
