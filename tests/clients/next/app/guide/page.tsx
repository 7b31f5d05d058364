import { declarePublic } from "@watchword/client/next"
import { serverAction } from "@/app/lib/actions"
import { Call } from "./call"
import Profile from "./profile"

function Guide() {
  return (
    <main>
      <Profile />
      <Call action={serverAction as never} />
    </main>
  )
}

export default declarePublic(Guide)
