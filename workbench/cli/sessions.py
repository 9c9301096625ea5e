"""The ``sessions`` command, which lists the runs that train in separate processes."""

from __future__ import annotations

import json

import click

from workbench.cli.following import line
from workbench.cli.shown import plain
from workbench.session.remote import live

EXAMPLES = """\b
Examples:
  workbench sessions
  workbench sessions --json | jq '.[].name'
"""
NONE = (
    "no sessions; main_loop.start(detached=True) starts a session that this command lists. A "
    "session that runs in a thread of a notebook is visible only in that notebook"
)


@click.command(epilog=EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, for other programs.")
def sessions(as_json: bool) -> None:
    """List your sessions that train in separate processes on this machine."""
    found = live()
    if as_json:
        facts = [
            {
                "name": one.name,
                "state": one.state.value,
                "iterations_done": one.log.status["iterations_done"],
                "epochs_done": one.log.status["epochs_done"],
                "latest": one.log.latest(),
                "processes": list(one.processes),
            }
            for one in found
        ]
        click.echo(json.dumps(plain(facts), indent=1, allow_nan=False))
        return
    click.echo("\n".join(map(line, found)) or NONE)
