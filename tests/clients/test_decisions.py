"""`watchword-next check` and the ESLint rule: what an exported action, route handler or page must do."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.client import PATIENCE

HEAD = 'import { verifySession, require, withRole, declarePublic } from "@/app/lib/dal"\n'
DECIDES = {
    "app/a/route.ts": (
        "export async function GET() { const s = await verifySession(); return s }",
        'export async function GET() { await require({ role: "admin" }) }',
        "export const GET = withRole('admin', async () => new Response())",
        "const GET = async () => { if (!(await verifySession())?.user) return null }\nexport { GET }",
        "export async function GET() { try { await require() } finally { done() } }",
        "export const dynamic = 'force-dynamic'\nexport const GET = declarePublic(() => new Response())",
        "function helper() { return 1 }",
        "export type GET = string",
    ),
    "app/page.tsx": (
        "export default async function Page() { const { user } = await require(); return <p>{user.name}</p> }",
        "const Page = () => <p/>\nexport default declarePublic(Page)",
        "export default (async () => { await require() }) satisfies unknown",
    ),
    "lib/actions.ts": (
        '"use server"\nexport async function act() { const s = await verifySession(); if (!s) return null }',
        "export async function act() { return 1 }",
    ),
    "app/act.tsx": ('export async function P() { async function act() { "use server"; await require() } return act }',),
}
DOES_NOT = {
    "app/a/route.ts": (
        "export async function GET() { return new Response() }",
        "export async function GET() { await verifySession(); return new Response() }",
        "export async function GET(r) { if (r.x) { await require() } return new Response() }",
        "export async function GET(r) { r.x && (await require()); return new Response() }",
        "export async function GET() { const later = async () => await require(); return new Response() }",
        "export async function GET() { try { work() } catch { await require() } }",
        "export async function GET() { for (const x of []) await require() }",
        "export const GET = wrap(async () => { await require() })",
        'export { GET } from "./elsewhere"',
        "export let GET = async () => new Response()",
    ),
    "app/(group)/page.jsx": (
        "export default function Page() { return <p/> }",
        '"use client"\nexport default () => <p/>',
    ),
    "lib/actions.ts": (
        '"use server"\nexport async function act() { return 1 }',
        '"use server"\nexport const act = async () => 1',
        '"use server"\nexport * from "./more"',
    ),
    "app/act.tsx": (
        'export function P(x) { if (x) { async function act() { "use server"; return 1 } return act } }',
        'export const P = () => <form action={async () => { "use server"; await save() }} />',
    ),
}


def write(folder: Path, cases: dict[str, tuple[str, ...]]) -> list[str]:
    """Write each case as a project of its own; return the paths."""
    paths: list[str] = []
    for name, texts in cases.items():
        for number, text in enumerate(texts):
            path = folder / f"{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            directive, _, rest = text.partition("\n")
            path.write_text(f"{directive}\n{HEAD}{rest}" if directive.startswith('"use') else HEAD + text)
            paths.append(path.relative_to(folder).as_posix())
    return paths


def check(package: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", str(package / "dist/next/cli.js"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def test_what_decides_passes_the_check(client_package: Path, tmp_path: Path):
    """Each way that is described, and what is not exported to callers at all."""
    write(tmp_path, DECIDES)
    done = check(client_package, tmp_path, "check")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_does_not_decide_on_every_way_fails_with_its_file_and_line(client_package: Path, tmp_path: Path):
    """A decision in a branch, a loop, a nested function or thrown away is none; each finding says how to mend it."""
    paths = write(tmp_path, DOES_NOT)
    done = check(client_package, tmp_path, "check", ".")
    found = {line.split(":")[0] for line in done.stderr.splitlines()}
    assert (done.returncode, found) == (1, set(paths))
    assert all("declarePublic" in line for line in done.stderr.splitlines())


def test_names_that_only_look_like_decisions_are_none(client_package: Path, tmp_path: Path):
    """A local function called `verifySession` proves nothing."""
    (tmp_path / "app").mkdir()
    text = "const verifySession = async () => ({})\nexport async function GET() { return await verifySession() }"
    (tmp_path / "app/route.ts").write_text(text)
    assert check(client_package, tmp_path, "check").returncode == 1


@pytest.mark.parametrize(("text", "status"), [("const const", 1), ("", 1)])
def test_what_can_not_be_read_or_is_not_there_fails(client_package: Path, tmp_path: Path, text: str, status: int):
    """A file that is no module, and a folder without any: nothing is known, so nothing passes."""
    if text:
        (tmp_path / "page.ts").write_text(text)
    assert check(client_package, tmp_path, "check").returncode == status
    assert check(client_package, tmp_path, "lint").returncode == 2


def test_the_eslint_rule_finds_the_same(client_package: Path, tmp_path: Path):
    """With ESLint's own parser, on plain JavaScript."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/route.js").write_text("export async function GET() { return new Response() }")
    (tmp_path / "app/page.jsx").write_text(HEAD + "export default async function P() { await require(); return 1 }")
    configuration = f'import {{ guardActions }} from "{client_package}/dist/next/eslint.js"\n'
    (tmp_path / "eslint.config.mjs").write_text(
        configuration + 'export default [{ files: ["**/*.{js,jsx}"], ...guardActions }]'
    )
    command = ["node", str(client_package / "node_modules/eslint/bin/eslint.js"), "--format", "json", "app"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    messages = {Path(one["filePath"]).name: len(one["messages"]) for one in json.loads(done.stdout)}
    assert messages == {"route.js": 1, "page.jsx": 0}, done.stdout
