import { require, verifySession } from "@watchword/client/next"

async function Name() {
  return <b>{(await verifySession())?.user.name}</b>
}

export default async function Thrice() {
  await require()
  return (
    <p>
      <Name />
      <Name />
    </p>
  )
}
