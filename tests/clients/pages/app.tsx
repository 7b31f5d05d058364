import {
  ContextProvider,
  type ContextProviderProps,
  Protect,
  Show,
  SignedIn,
  SignedOut,
  SignIn,
  SignUp,
  UserButton,
  UserProfile,
  useAction,
  useSession,
} from "@watchword/client/react"
import { StrictMode, Suspense, useState } from "react"
import useSWR from "swr"

const fetcher = (address: string) => fetch(address).then((answer) => answer.json())

function Profile() {
  const { userId } = useSession()
  const { data } = useSWR(userId && `/api/user/${userId}`, fetcher)
  return <p id="profile">{data?.greeting}</p>
}

function Rights() {
  return (
    <main>
      <h1>Rights</h1>
      <p id="status">{useSession().status}</p>
      <Show when={{ role: "admin" }} fallback={<p>no admin</p>}>
        <p>admin</p>
      </Show>
      <SignedIn>
        <p>inside</p>
      </SignedIn>
      <SignedOut>
        <p>outside</p>
      </SignedOut>
      <Protect when={{ permission: "notes:write" }} loading={<p>wait</p>} signedOut={<p>sign in first</p>}>
        <p>may write</p>
      </Protect>
      <UserButton />
    </main>
  )
}

function Greeting() {
  const [reference, setReference] = useState("")
  const { run, data, error, pending } = useAction<string>(reference)
  const load = async () => setReference((await fetcher("/api/reference")).reference)
  return (
    <main>
      <button onClick={() => void load()}>Load</button>
      <button disabled={!reference || pending} onClick={() => void run({ name: "Ada" })}>
        Greet
      </button>
      <button disabled={!reference || pending} onClick={() => void run({ name: "nobody" })}>
        Greet nobody
      </button>
      <output>{data ?? ""}</output>
      <p role="alert">{error?.fields[0]?.expected}</p>
    </main>
  )
}

const titled = (title: string, part: React.ReactNode) => (
  <main>
    <h1>{title}</h1>
    {part}
  </main>
)

const VIEWS: Record<string, () => React.ReactNode> = {
  profile: () => <Profile />,
  rights: () => <Rights />,
  greeting: () => <Greeting />,
  "sign-in": () => titled("Sign in", <SignIn />),
  "sign-up": () => titled("Sign up", <SignUp next="/pages/react.html?view=rights" />),
  account: () => titled("Account", <UserProfile />),
}

export function App({ view, session }: { view: string; session?: ContextProviderProps["session"] }) {
  return (
    <StrictMode>
      <ContextProvider session={session}>
        <Suspense fallback={<p id="status">suspended</p>}>{VIEWS[view]?.()}</Suspense>
      </ContextProvider>
    </StrictMode>
  )
}
