"use client"
export {
  ContextProvider,
  ContextProvider as SessionProvider,
  type ContextProviderProps,
  type UseSession,
  useClient,
  useSession,
  useUser,
} from "./context.js"
export { useAction, useSignIn } from "./hooks.js"
export { Protect, Show, SignedIn, SignedOut } from "./show.js"
export { SignIn, type SignInProps, SignUp } from "./sign_in.js"
export { UserButton, UserProfile } from "./user.js"
