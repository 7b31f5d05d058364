import { declarePublic, verifySession } from "@watchword/client/next"
import { ContextProvider, SignedIn, SignedOut } from "@watchword/client/react"

function Promised() {
  return (
    <ContextProvider session={verifySession()}>
      <SignedIn>inside</SignedIn>
      <SignedOut>outside</SignedOut>
    </ContextProvider>
  )
}

export default declarePublic(Promised)
