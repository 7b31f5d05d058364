import { watchwordProxy } from "@watchword/client/next/proxy"

const PUBLIC = ["/", "/guide", "/promised", "/rights"]
export const proxy = watchwordProxy({
  isPublic: (path) => PUBLIC.includes(path) || path.startsWith("/api"),
  handOn: (path) => path.startsWith("/api/user/"),
})

export const config = { matcher: ["/((?!_next/|favicon.ico).*)"] }
