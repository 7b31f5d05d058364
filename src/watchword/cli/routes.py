"""`watchword routes`."""

from watchword.cli.configuration import AsJSON, Config
from watchword.cli.terminal import print_json, print_table


def routes(config: Config = None, *, as_json: AsJSON = False) -> None:
    """List Watchword's own routes, and who may call each.

    \b
    Examples:
      watchword routes
      watchword routes --json
    """  # noqa: D301
    from watchword.auth import Auth
    from watchword.foundation.environment import read_document

    auth = Auth(configuration=read_document(config))
    prefix = auth.settings.prefix
    found = [(route.method, prefix + route.path, route.guard.description, route.name) for route in auth.routes]
    auth.stop()
    columns = ("method", "path", "guard", "name")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in found])
    else:
        print_table(columns, found)
