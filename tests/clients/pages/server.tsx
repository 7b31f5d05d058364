import { renderToString } from "react-dom/server"
import { App } from "./app"

const { view, session } = JSON.parse(process.argv[2] ?? "{}")
process.stdout.write(renderToString(<App view={view} session={session} />))
