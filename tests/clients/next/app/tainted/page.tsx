import { require, taintSession } from "@watchword/client/next"
import { Told } from "./told"

export default async function Tainted({ searchParams }: { searchParams: Promise<{ what?: string }> }) {
  const session = taintSession(await require(), "a-key-of-the-server-alone")
  const { what } = await searchParams
  const given = { id: session.id, whole: session, key: "a-key-of-the-server-alone", email: session.user.email }
  return <Told what={given[what as keyof typeof given]} />
}
