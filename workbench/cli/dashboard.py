"""The ``dashboard`` command, which serves a page that shows the runs in a database."""

from __future__ import annotations

import click

from workbench.utils.live_layer import from_live_layer

EXAMPLES = """\b
Examples:
  workbench dashboard runs.sqlite
  workbench dashboard runs.sqlite --port 5006
"""


@click.command(epilog=EXAMPLES)
@click.argument("database", type=click.Path())
@click.option("--port", default=0, show_default="any free one", help="The port to listen on.")
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on. An address other than the default allows unencrypted "
    "connections from other machines.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="A host whose pages may connect; needed behind a proxy that changes the host name.",
)
def dashboard(database: str, port: int, address: str, origins: tuple[str, ...]) -> None:
    """Show and compare the runs in DATABASE in a browser, even while they train.

    The printed address contains a token. Press Ctrl-C to stop.
    """
    command = from_live_layer("dashboard.__main__", "main", what="workbench dashboard")
    command.callback(database, port, address, origins)
