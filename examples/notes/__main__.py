"""Run the app: `python -m examples.notes`."""

import argparse
import socket
import sys

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from examples.notes.app import auth


def main() -> None:
    """Say where to click, then serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m examples.notes", description="Private notes, with Watchword.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    options = parser.parse_args()
    refuse_taken_port(options.host, options.port)
    auth.prepare_store()
    print(welcome(f"http://{options.host}:{options.port}"), flush=True)  # noqa: T201 - a person reads it
    auth.store.close()
    server = Granian(
        "examples.notes.app:app",
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=5,
    )
    server.serve()


def refuse_taken_port(host: str, port: int) -> None:
    """End with a clear message when nothing can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        sys.exit(f"Can't listen on {host} port {port}: {error}.\nStop what uses it, or choose another with --port.")


def welcome(url: str) -> str:
    """Return what people need to know first."""
    link = auth.first_admin_link(url)
    lines = ["", "  Notes is running.", "", f"  Open it        {url}"]
    if link:
        lines += [f"  First admin    {link}", "                 works once, for a day"]
    lines += [f"  Mail lands at  {url}/auth/dev/mailbox", "  Stop           Ctrl-C", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
