# Sourced by the commands beside it: brings uv and the Python environment in .venv, from any Python 3.11 to 3.14 and a
# package index. Asks nothing, and running it again is cheap.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT

uv_pinned=0.13.9
uv_oldest=0.9.0
tools=.watchword/tools
python=.venv/bin/python

say() { printf '→ %s\n' "$*" >&2; }

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Installs Debian packages where that is allowed, else names the command that does.
install_packages() {
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        fail "Missing on this machine: $*." "Install it, then run this again. On Debian or Ubuntu:" \
            "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
    fi
    say "Installing $* with apt-get"
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2
}

is_usable_python() {
    "$1" -c 'import sqlite3, ssl, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' >/dev/null 2>&1
}

# Prints the path of the newest usable Python. A version manager's shim may exist and not run, or talk before it runs.
find_python() {
    local name
    for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
        if is_usable_python "$name"; then
            "$name" -c 'import sys; print(sys.executable)' 2>/dev/null | tail -n 1
            return
        fi
    done
    fail "No Python 3.11 to 3.14 was found on PATH (with its sqlite3 and ssl modules)." \
        "Install one, then run this again. On Debian or Ubuntu: sudo apt-get install -y python3 python3-venv"
}

is_usable_uv() {
    local version
    version=$("$1" --version 2>/dev/null | awk '$1 == "uv" { print $2 }') || return 1
    [[ -n $version && $(printf '%s\n' "$uv_oldest" "$version" | sort -V | head -n 1) == "$uv_oldest" ]]
}

# Sets `uv` to a uv that runs: the machine's own, else one from the package index, kept in .watchword/tools.
find_uv() {
    for uv in uv "$tools/bin/uv"; do
        if is_usable_uv "$uv"; then return; fi
    done
    local base
    base=$(find_python)
    say "Getting uv $uv_pinned from the package index"
    if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages "$("$base" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    "$base" -m venv --clear "$tools"
    "$tools/bin/python" -m pip install --disable-pip-version-check --no-input "uv==$uv_pinned" >&2
}

# Brings .venv in line with uv.lock. Takes what to install, as options of `uv sync`.
synchronize() {
    # Compiled once, not at each of the hundred starts of a test run.
    unset PYTHONDONTWRITEBYTECODE
    find_uv
    if ! is_usable_python "$python"; then
        UV_PYTHON=${UV_PYTHON:-$(find_python)}
        export UV_PYTHON
        say "Making the environment in .venv with $UV_PYTHON"
    fi
    UV_PYTHON_DOWNLOADS=never "$uv" sync --frozen "$@"
}
