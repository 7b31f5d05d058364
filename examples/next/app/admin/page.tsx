import { serverAction } from "@/app/lib/actions"
import { require } from "@/app/lib/dal"
import { Announce } from "./announce"

export default async function Admin() {
  const { user } = await require({ role: "admin" })
  return (
    <main>
      <h1>For admins</h1>
      <p>{user.email}</p>
      <Announce announce={serverAction} />
    </main>
  )
}
