import { createRoot, hydrateRoot } from "react-dom/client"
import { App } from "./app"

const given = new URLSearchParams(location.search)
const view = given.get("view") ?? "rights"
const root = document.getElementById("root") as HTMLElement
const { session } = root.dataset

if (session === undefined) createRoot(root).render(<App view={view} />)
else hydrateRoot(root, <App view={view} session={JSON.parse(session)} />)

Object.assign(window, {
  // A promise that the page is handed, as a server component would; it is kept until `settle` is called.
  promised: (said: unknown) => {
    let settle: (() => void) | undefined
    const session = new Promise<never>((resolve) => {
      settle = () => resolve(said as never)
    })
    root.replaceChildren()
    const place = root.appendChild(document.createElement("div"))
    createRoot(place).render(<App view="rights" session={session} />)
    Object.assign(window, { settle })
  },
})
