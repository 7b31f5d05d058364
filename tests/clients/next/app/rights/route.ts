import { require, withRole } from "@watchword/client/next"

export const GET = withRole("admin", (_request: Request, { session }) => Response.json({ email: session.user.email }))

export async function POST() {
  const { user } = await require({ role: "admin" })
  return Response.json({ email: user.email })
}
