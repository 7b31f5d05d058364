export { callAction } from "./action.js"
export { type CallOptions, type Client, type ClientOptions, createClient } from "./client.js"
export type { Answer, Complete, Input, Method, Outcome, PathOf, Pending, Session, User } from "./contract.js"
export {
  addPasskey,
  continueWithPasskey,
  hasPasskeyAutofill,
  hasPasskeys,
  listPasskeys,
  signInWithPasskey,
  signUpWithPasskey,
} from "./passkey.js"
export { type Code, type FieldError, WatchwordError } from "./problem.js"
export { safeNext } from "./redirect.js"
export { meets, type Rule } from "./rule.js"
export { type SessionState, SessionStore } from "./session.js"
export {
  type CodeStep,
  continueWith,
  continueWithLink,
  sendCode,
  signInWithPassword,
  signOut,
  signUpWithPassword,
  startRedirect,
  stepUp,
} from "./sign_in.js"
