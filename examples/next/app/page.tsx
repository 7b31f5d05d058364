import { declarePublic } from "@watchword/client/next"
import { SignedIn, SignedOut, UserButton } from "@watchword/client/react"
import Profile from "./profile"

function Home() {
  return (
    <main>
      <h1>Watchword and Next.js</h1>
      <UserButton />
      <SignedIn>
        <Profile />
      </SignedIn>
      <SignedOut>
        <p>Nobody is signed in.</p>
      </SignedOut>
    </main>
  )
}

export default declarePublic(Home)
