"""`watchword serve`."""

import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from watchword.cli.configuration import Config, opened
from watchword.foundation.errors import ConfigurationError

if TYPE_CHECKING:
    from watchword.auth import Auth

_STOP_SECONDS = 30
"""What a worker has to finish the requests in hand."""
HIGHEST_PORT = 65_535


def serve(
    config: Config = None,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(max=HIGHEST_PORT, min=1, help="Port.  [default: 8000]")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.  [default: 1; in production one for each core]")
    ] = None,
) -> None:
    """Run the server of its own: sign-in pages and the API under /auth.

    Without settings it is ready for development. SIGTERM or Ctrl-C lets it finish the requests in hand.

    \b
    Examples:
      watchword serve
      watchword serve --port 9000
      watchword serve --config /etc/watchword.toml --host 0.0.0.0 --workers 4
    """  # noqa: D301
    from watchword.foundation.environment import from_document, from_environment, read_document

    given = from_document(read_document(config)) | from_environment(os.environ)
    address: str = host or given.get("host", "127.0.0.1")
    number: int = port or given.get("port", 8000)
    refuse_taken_port(address, number)
    with opened(config) as auth:
        _announce(auth, address, number)
        cores = (os.cpu_count() or 1) if auth.settings.is_production else 1
    if config is not None:
        os.environ["WATCHWORD_CONFIG"] = str(config)
    _run(address, number, workers or given.get("workers", cores))


def refuse_taken_port(host: str, port: int) -> None:
    """Say so when nothing can listen there: the server's own workers share the port, so they would not notice.

    Raises:
        ConfigurationError: the port is taken, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"can't listen on {host} port {port}: {error.strerror or error}\n"
            f"Stop what uses it, or choose another port: watchword serve --port {min(port + 1, HIGHEST_PORT)}"
        ) from None


def _announce(auth: "Auth", host: str, port: int) -> None:
    settings = auth.settings
    url = settings.base_url or f"http://{_reachable(host)}:{port}"
    link = auth.first_admin_link(url)
    typer.echo("")
    typer.secho(f"  {settings.brand.name}", bold=True)
    typer.echo(f"  Sign in        {url}{settings.prefix}/account")
    if link:
        typer.echo(f"  First admin    {link}")
        typer.echo("                 works once, for a day; whoever opens it becomes the admin")
    if settings.smtp:
        typer.echo(f"  Mail leaves    {settings.smtp.host}:{settings.smtp.port}")
    else:
        typer.echo(f"  Mail lands     {url}{settings.prefix}/dev/mailbox")
    if not settings.is_production:
        typer.echo("  Mode           development: answers on this machine only")
    typer.echo("  Stop           Ctrl-C")
    typer.echo("")


def _reachable(host: str) -> str:
    """Return an address for a browser on this machine: what listens on all addresses is on this one too."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _run(host: str, port: int, workers: int) -> None:
    try:
        from granian import Granian
        from granian.constants import Interfaces
        from granian.log import LogLevels
    except ModuleNotFoundError:
        raise ConfigurationError("`watchword serve` needs its server: pip install 'watchword[server]'") from None
    from watchword.server import create

    server = Granian(
        "watchword.server:create",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
    )
    # The function itself: granian would search the working directory for the name first.
    server.serve(target_loader=create, wrap_loader=False)
