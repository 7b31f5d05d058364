#!/usr/bin/env node
// `watchword-next check [folder]`: fails where an action, a route handler or a page takes no decision.
import { readdir, readFile } from "node:fs/promises"
import { join, relative } from "node:path"
import { type Node, undecided } from "./decisions.js"
import { advice } from "./eslint.js"

const SKIPPED = new Set(["node_modules", ".next", ".git", "dist", "out"])
const MODULE = /(?<!\.d)\.[cm]?[jt]sx?$/

async function* modules(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* modules(path)
    else if (entry.isFile() && MODULE.test(entry.name)) yield path
  }
}

async function check(folder: string): Promise<number> {
  const { parseSync } = await import("oxc-parser")
  let files = 0
  let wrong = 0
  for await (const path of modules(folder)) {
    const source = await readFile(path, "utf8")
    const { program, errors } = parseSync(path, source, { lang: "tsx" })
    const shown = relative(process.cwd(), path)
    files += 1
    if (errors.length) {
      wrong += 1
      console.error(`${shown}: can't be read, so nothing is known of what it exports: ${errors[0]?.message}`)
    }
    for (const { node, name, kind } of undecided(program as unknown as Node, path)) {
      wrong += 1
      const line = source.slice(0, node.start as number).split("\n").length
      console.error(`${shown}:${line}: ${advice(name, kind)}`)
    }
  }
  if (!files) console.error(`${folder} has no modules: run this where \`app/\` is`)
  else if (!wrong)
    console.log(`${files} modules: every exported action, route handler and page decides who may call it`)
  return files && !wrong ? 0 : 1
}

const [command, folder = "."] = process.argv.slice(2)
if (command === "check") {
  process.exitCode = await check(folder)
} else {
  console.error("usage: watchword-next check [folder]")
  process.exitCode = 2
}
