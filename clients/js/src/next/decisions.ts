/** A node of an ESTree, with or without types: what ESLint's parsers and oxc-parser give. */
export type Node = { type: string; [name: string]: unknown }

/** What takes no decision: where it is, what it is called, what kind of thing it is. */
export type Undecided = { node: Node; name: string; kind: "action" | "route handler" | "page" }

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
const WRAPPERS = new Set(["withRole", "declarePublic"])
const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"])
/** Of what has branches, the parts that run whichever is taken. */
const BRANCHES: Record<string, string[]> = {
  LogicalExpression: ["left"],
  ConditionalExpression: ["test"],
  IfStatement: ["test"],
  TryStatement: ["block"],
}

/**
 * Return every exported server action, route handler and page of a module that decides nothing about who may call it.
 *
 * What decides: `await require(…)`; `await verifySession(…)` whose value is used; both on a path that is always gone,
 * and imported by that name. Or the whole thing in `withRole(…)` or `declarePublic(…)`.
 *
 * @param program the module's syntax tree.
 * @param file its path, which tells what Next.js makes of it.
 */
export function undecided(program: Node, file: string): Undecided[] {
  const scope = new Module(program)
  const found: Undecided[] = []
  const check = (node: Node, name: string, kind: Undecided["kind"]) => {
    if (!scope.decides(node)) found.push({ node, name, kind })
  }
  const kind = kindOf(file)
  const isActions = hasDirective(program, "use server")
  for (const [name, node] of scope.exports()) {
    if (isActions) check(node, name, "action")
    else if (kind === "page" && name === "default") check(node, name, "page")
    else if (kind === "route handler" && METHODS.has(name)) check(node, name, "route handler")
  }
  if (!isActions) {
    visit(program, (node) => {
      if (FUNCTIONS.has(node.type) && hasDirective(node.body as Node, "use server")) check(node, nameOf(node), "action")
      return true
    })
  }
  return found
}

function kindOf(file: string): "page" | "route handler" | undefined {
  const [, name] = /(?:^|[\\/])app[\\/](?:.*[\\/])?(page|route)\.[cm]?[jt]sx?$/.exec(file) ?? []
  return name === "page" ? "page" : name === "route" ? "route handler" : undefined
}

/** A module: what its names stand for. */
class Module {
  #statements: Node[]
  #imported = new Map<string, string>()
  #local = new Map<string, Node>()

  constructor(program: Node) {
    this.#statements = program.body as Node[]
    for (const statement of this.#statements) {
      if (statement.type === "ImportDeclaration") this.#import(statement)
      else this.#declare((statement.declaration as Node | null) ?? statement)
    }
  }

  /** Yield what the module exports, by name; what another module exports through it is undecided as it stands. */
  *exports(): Generator<[string, Node]> {
    for (const statement of this.#statements) {
      const declaration = statement.declaration as Node | null | undefined
      if (statement.exportKind === "type") continue
      if (statement.type === "ExportAllDeclaration") yield ["*", statement]
      else if (statement.type === "ExportDefaultDeclaration" && declaration) yield ["default", declaration]
      else if (statement.type !== "ExportNamedDeclaration") continue
      else if (declaration?.type === "VariableDeclaration") {
        for (const one of declaration.declarations as Node[]) yield [nameOf(one), one.init as Node]
      } else if (declaration?.type === "FunctionDeclaration") yield [nameOf(declaration), declaration]
      else {
        for (const one of (statement.specifiers as Node[] | undefined) ?? []) {
          if (one.exportKind !== "type") yield [word(one.exported), statement.source ? one : (one.local as Node)]
        }
      }
    }
  }

  /** Tell whether this function, or what stands for one, decides who may call it. */
  decides(node: Node | null | undefined, depth = 0): boolean {
    if (!node || depth > 8) return false
    if (node.type === "Identifier") return this.decides(this.#local.get(word(node)), depth + 1)
    if (node.type === "CallExpression") return this.#calls(node, WRAPPERS)
    if (!FUNCTIONS.has(node.type)) return this.decides(unwrapped(node), depth + 1)
    const body = node.body as Node
    const statements = body.type === "BlockStatement" ? (body.body as Node[]) : [body]
    return statements.some((statement) => this.#always(statement))
  }

  /** Tell whether a decision is taken in it whichever way is gone. */
  #always(node: Node): boolean {
    let decided = false
    visit(node, (one, parent) => {
      if (FUNCTIONS.has(one.type) || /^(Class|For|While|Switch)/.test(one.type)) return false
      const always = parent && BRANCHES[parent.type]
      if (always && !always.some((part) => parent[part] === one)) return false
      if (one.type === "AwaitExpression" && this.#decision(one.argument as Node, parent)) decided = true
      return true
    })
    return decided
  }

  #decision(call: Node, parent: Node | undefined): boolean {
    if (this.#calls(call, new Set(["require"]))) return true
    return this.#calls(call, new Set(["verifySession"])) && parent?.type !== "ExpressionStatement"
  }

  #calls(node: Node, names: Set<string>): boolean {
    const callee = node.type === "CallExpression" ? (node.callee as Node) : undefined
    return callee?.type === "Identifier" && names.has(this.#imported.get(word(callee)) ?? "")
  }

  #import(statement: Node): void {
    for (const one of statement.specifiers as Node[]) {
      if (one.type === "ImportSpecifier") this.#imported.set(word(one.local), word(one.imported))
    }
  }

  #declare(node: Node): void {
    if (node.type === "FunctionDeclaration") this.#local.set(nameOf(node), node)
    if (node.type !== "VariableDeclaration" || node.kind !== "const") return
    for (const one of node.declarations as Node[]) this.#local.set(nameOf(one), one.init as Node)
  }
}

/** Walk a tree; `enter` tells whether to go below a node. */
function visit(node: Node, enter: (node: Node, parent?: Node) => boolean, parent?: Node): void {
  if (!enter(node, parent)) return
  for (const [name, value] of Object.entries(node)) {
    if (name === "parent") continue
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, enter, node)
  }
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === "string"
const word = (node: unknown): string => String((node as Node).name ?? (node as Node).value ?? "")
const nameOf = (node: Node): string => (isNode(node.id) ? word(node.id) : "(unnamed)")
const unwrapped = (node: Node): Node | undefined =>
  /^TS(As|Satisfies|NonNull)|^ParenthesizedExpression/.test(node.type) ? (node.expression as Node) : undefined

function hasDirective(holder: Node | null, text: string): boolean {
  const statements = Array.isArray(holder?.body) ? (holder.body as Node[]) : []
  return statements.some((one) => one.directive === text)
}
