import { watchwordProxy } from "@watchword/client/next/proxy"

// Hands `/auth` and the Python server's own API on, so that browsers see one origin. Leads strangers to sign in before
// a page is rendered: what counts is decided in pages and actions.
export const proxy = watchwordProxy({
  isPublic: (path) => path === "/" || path.startsWith("/api"),
  handOn: (path) => path.startsWith("/api/user/"),
})

export const config = { matcher: ["/((?!_next/|favicon.ico).*)"] }
