"""Start examples/notes in place of this process, once its port is known to be free."""

import argparse
import os
import socket
import sys

HIGHEST_PORT = 65_535


def read_options() -> argparse.Namespace:
    """Return the address and the port to listen on."""
    parser = argparse.ArgumentParser(prog="scripts/serve", description="Start the demo app, examples/notes.")
    parser.add_argument("--port", type=port_number, default=8000, help="port to listen on (default: 8000)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    return parser.parse_args()


def port_number(text: str) -> int:
    """Return the port that the text names."""
    if not text.isdecimal() or not 1 <= int(text) <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: expected a number from 1 to {HIGHEST_PORT}")
    return int(text)


def reason_not_to_listen(host: str, port: int) -> str | None:
    """Return why nothing can listen there, or `None` when the port is free."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


def main() -> None:
    """Check the port, then become the demo app, so that signals reach it directly."""
    options = read_options()
    if reason := reason_not_to_listen(options.host, options.port):
        sys.exit(
            f"Can't listen on {options.host} port {options.port}: {reason}.\n"
            "If another program uses it, stop that one or choose another port: "
            f"scripts/serve --port {min(options.port + 1, HIGHEST_PORT)}"
        )
    os.environ["PYTHONUNBUFFERED"] = "1"
    command = [sys.executable, "-m", "examples.notes", "--host", options.host, "--port", str(options.port)]
    os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
