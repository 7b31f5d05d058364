import type { components, paths } from "./openapi.js"

type Schemas = components["schemas"]
/** A signed-in presence, as the server says it. */
export type Session = Schemas["Session"]
export type User = Schemas["User"]
/** Signed in: the token came in a cookie that no script can read. */
export type Complete = Schemas["CompleteAnswer"]
/** The sign-in goes on: `next` names the steps that carry it on. */
export type Pending = Schemas["PendingAnswer"]
export type Outcome = Complete | Pending

export type Method = "GET" | "POST" | "PATCH" | "DELETE"
type Verb<M extends Method> = Lowercase<M>

/** The paths of the server's contract that take this method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<Verb<M>, { responses: unknown }> ? P : never
}[keyof paths]

type Operation<M extends Method, P extends keyof paths> = paths[P] extends Record<Verb<M>, infer O> ? O : never
type Json<R> = R extends { content: { "application/json": infer A } } ? A : never

/** What a call answers: the bodies of its 200 and 202. */
export type Answer<M extends Method, P extends PathOf<M>> =
  Operation<M, P> extends { responses: infer R }
    ? { [S in keyof R]: S extends 200 | 202 ? Json<R[S]> : never }[keyof R]
    : never

/** What a call takes. */
export type Input<M extends Method, P extends PathOf<M>> =
  Operation<M, P> extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined

/** The variable parts of a path: `{ id: string }` of `/passkeys/{id}`. */
export type Parts<P> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [N in Name]: string } & Parts<Rest>
  : unknown
