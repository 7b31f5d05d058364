"""The package as it would be published: its types, its sizes, its form, and what is not in it."""

import gzip
import json
import re
import tarfile
from pathlib import Path

import pytest

from scripts.generate_client import TYPES, contract, digest, types
from tests.support.client import CLIENT, bundle, run

KIB = 1_024
CORE, REACT = 5 * KIB, 3 * KIB
"""Bytes, minified and gzipped: of the core, and what React's part adds to it."""
OUTSIDE = ("--external:react", "--external:react/jsx-runtime")
BOTH = 'export * from "@watchword/client"; export * from "@watchword/client/react"'


@pytest.fixture(scope="module")
def packed(client_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball that `npm publish` would send."""
    folder = tmp_path_factory.mktemp("packed")
    run(client_package, "npm", "pack", "--ignore-scripts", "--pack-destination", str(folder))
    return next(folder.glob("*.tgz"))


def weight(code: bytes) -> int:
    return len(gzip.compress(code, 9))


def weighed(package: Path, text: str, *options: str) -> int:
    return weight(bundle(package, text, "--minify", *options))


def test_the_types_are_of_the_contract_that_we_serve():
    """Without Node.js: the types name the digest of what they were made of. When this fails, see the next one."""
    assert f"of {digest(contract())}\n" in TYPES.read_text()


@pytest.mark.all
def test_the_types_are_those_of_our_contract(client_package: Path):
    """When this fails: `python -m scripts.generate_client <folder with node_modules>`."""
    assert types(client_package) == TYPES.read_text()


def test_the_sources_are_formatted_and_clean(client_package: Path):
    """Biome finds nothing. The build, which every test here needs, has checked the types, strictly."""
    run(client_package, "npm", "run", "lint")


@pytest.mark.all
def test_the_packed_form_is_right_for_every_resolver(client_package: Path, packed: Path):
    """publint and attw find nothing; CommonJS and the resolution of Node 10 are not served, on purpose."""
    run(client_package, "publint", str(packed), "--strict")
    run(client_package, "attw", str(packed), "--profile", "esm-only", "--exclude-entrypoints", "react/styles.css")


def test_the_packed_form_has_the_built_files_and_no_more(packed: Path):
    """Neither sources nor tests, and no file that is not of a known kind."""
    with tarfile.open(packed) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    assert {"package.json", "README.md", "dist/index.js", "dist/index.d.ts"} <= names
    assert {name for name in names if not re.match(r"dist/[\w/.-]+\.(js|d\.ts|css)$", name)} == {
        "package.json",
        "README.md",
    }


def test_the_core_has_no_dependency_and_stays_small(client_package: Path):
    """Everything it exports, minified and gzipped."""
    assert weighed(client_package, 'export * from "@watchword/client"') <= CORE
    sources = [file.read_text() for file in CLIENT.glob("src/*.ts") if file != TYPES]
    imported = {name for text in sources for name in re.findall(r'from "([^"]+)"', text)}
    assert {name for name in imported if not name.startswith("./")} == set()


def test_the_part_for_react_stays_small(client_package: Path):
    """What it adds to the core, with all its components; React itself is the app's."""
    core = weighed(client_package, 'export * from "@watchword/client"')
    assert weighed(client_package, BOTH, *OUTSIDE) - core <= REACT


def test_what_is_not_used_is_not_shipped(client_package: Path):
    """Who signs in by password alone ships no passkeys."""
    text = (
        'import { createClient, signInWithPassword } from "@watchword/client"; signInWithPassword(createClient(), {})'
    )
    used = bundle(client_package, text.replace("{})", "null)"), "--minify")
    assert b"credentials.get" not in used
    assert weight(used) < 0.85 * weighed(client_package, 'export * from "@watchword/client"')


def test_no_part_for_browsers_touches_a_secret(client_package: Path):
    """No cookie is read, nothing is stored, and no session's token has a name here."""
    code = bundle(client_package, BOTH, *OUTSIDE).decode()
    assert [
        word for word in ("document.cookie", "localStorage", "sessionStorage", "wws_", "indexedDB") if word in code
    ] == []


def test_the_package_names_what_it_needs(client_package: Path):
    """Every import of the built files is the package's own, or declared."""
    declared = json.loads((client_package / "package.json").read_text())
    known = {*declared.get("dependencies", {}), *declared.get("peerDependencies", {})}
    files = (client_package / "dist").rglob("*.js")
    named = {name for file in files for name in re.findall(r'(?:from|import\() ?"([^".][^"]*)"', file.read_text())}
    assert {name.split("/")[0] for name in named if not name.startswith("node:")} - known == set()
