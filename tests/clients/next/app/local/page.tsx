import { verifySession } from "@watchword/client/next"

export default async function Local() {
  const session = await verifySession({ local: true })
  return <pre>{session ? `${session.user.role} ${"email" in session.user ? "asked" : "local"}` : "nobody"}</pre>
}
