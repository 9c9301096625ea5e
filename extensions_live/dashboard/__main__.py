"""The command `python -m extensions_live.dashboard`, which shows runs of other processes.

The command only reads the database of the runs. New runs appear in the list automatically, and the
curves are updated during training.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence

import click

from extensions_live.dashboard.dashboard import Dashboard
from extensions_live.loopback import LOOPBACK
from workbench.errors import LogError, SessionError


@click.command(
    epilog="""\b
Examples:
    python -m extensions_live.dashboard runs.sqlite
    python -m extensions_live.dashboard runs.sqlite --port 5006
"""
)
@click.argument("database", type=click.Path(path_type=str))
@click.option("--port", default=0, show_default="any free one", help="The port to listen on.")
@click.option(
    "--address",
    default=LOOPBACK,
    show_default=True,
    help="The address of this machine to listen on. Any address other than the default lets other "
    "machines connect, without encryption.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="A host whose pages may connect; needed behind a proxy that changes the host name.",
)
def main(database: str, port: int, address: str, origins: Sequence[str]) -> None:
    """List, show and compare the runs that other processes log in DATABASE.

    The printed address contains a token. Press Ctrl-C to stop.
    """
    ended = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
    try:
        dashboard = Dashboard(database).show(port=port, address=address, origins=origins)
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            while not ended.wait(1.0):  # Windows cannot interrupt a wait without a timeout
                pass
        dashboard.close()
    except (LogError, SessionError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    main(prog_name=f"{os.path.basename(sys.executable)} -m extensions_live.dashboard")
