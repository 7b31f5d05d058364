"""`watchword secret`."""

import typer


def secret() -> None:
    """Print a new secret for WATCHWORD_SECRET.

    Keep it where your server reads its environment. To change it later, write the new one before the old one,
    separated by a comma: nobody is signed out.

    \b
    Examples:
      export WATCHWORD_SECRET="$(watchword secret)"
      export WATCHWORD_SECRET="$(watchword secret),$WATCHWORD_SECRET"
    """  # noqa: D301 - \b is the terminal's, for lines that stay as they are
    from watchword.foundation.secrets import random_secret

    typer.echo(random_secret().reveal())
