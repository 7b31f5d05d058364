import { ContextProvider } from "@watchword/client/react"
import "@watchword/client/react/styles.css"
import type { ReactNode } from "react"
import { verifySession } from "@/app/lib/dal"

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        {/* A promise: pages are not kept waiting by it, and the first picture has its person all the same. */}
        <ContextProvider session={verifySession()}>{children}</ContextProvider>
      </body>
    </html>
  )
}
