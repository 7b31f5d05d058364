import { type Node, undecided } from "./decisions.js"

type Context = { filename: string; report(finding: { node: Node; message: string }): void }

const rule = {
  meta: { type: "problem" as const, schema: [] },
  create: (context: Context) => ({
    Program(program: Node) {
      for (const { node, name, kind } of undecided(program, context.filename)) {
        context.report({ node, message: advice(name, kind) })
      }
    },
  }),
}

/** What is wrong, and how to mend it. */
export const advice = (name: string, kind: string): string =>
  `the ${kind} ${name} decides nothing about who may call it: begin with \`await require()\` or use what ` +
  "`await verifySession()` gives, wrap it in `withRole(…)`, or in `declarePublic(…)` on purpose"

/** A flat configuration for ESLint: each exported action, route handler and page decides who may call it. */
export const guardActions = {
  plugins: { watchword: { meta: { name: "@watchword/client/next/eslint" }, rules: { "guard-actions": rule } } },
  rules: { "watchword/guard-actions": "error" as const },
}
