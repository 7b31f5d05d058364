import type { Client } from "./client.js"

/**
 * Run an action of the app by the reference that its page holds.
 *
 * @param args what its parameters are called, and their values.
 * @param options `key`: the same key runs it once, however often it is sent; one of its own unless given.
 * @returns what the action's return type lets out.
 * @throws WatchwordError `fields` says what was wrong with the arguments.
 */
export function callAction<Result = unknown>(
  client: Client,
  reference: string,
  args: Record<string, unknown> = {},
  { key = crypto.randomUUID(), signal }: { key?: string; signal?: AbortSignal | undefined } = {},
): Promise<Result> {
  const headers = { "idempotency-key": `"${key}"` }
  const options = { parts: { reference }, body: args, signal, headers }
  return client.call("POST", "/actions/{reference}", options) as Promise<Result>
}
