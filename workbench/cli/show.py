"""The ``show`` command, which prints the contents of a run's archive."""

from __future__ import annotations

import json
from typing import Any

import click
import numpy as np

from workbench.cli.archives import check_archive
from workbench.cli.shown import counted, plain, progress, short
from workbench.log.last_batch import epochs_first, marked, of_last_batch
from workbench.serialization.checkpoint import read_state

EXAMPLES = """\b
Examples:
  workbench show digits-500.tar
  workbench show digits-500.tar --json | jq .parameters
"""


@click.command(epilog=EXAMPLES)
@click.argument("archive", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, for other programs.")
def show(archive: str, as_json: bool) -> None:
    """Show the progress, the latest values and the parameters in ARCHIVE.

    A value that describes only the last batch is marked, and is in the JSON object among
    `last_batch`. No code in the archive is executed, so you do not need to trust the archive.
    """
    facts = facts_of(archive)
    if as_json:
        click.echo(json.dumps(plain(facts), indent=1, allow_nan=False))
        return
    done = progress(facts["iterations_done"], facts["epochs_done"])
    click.echo(f"{facts['name'] or archive}: {done}")
    last_batch = frozenset(facts["last_batch"])
    latest = {marked(name, last_batch): short(value) for name, value in facts["latest"].items()}
    _print("latest values", latest)
    shapes = {
        name: f"{one['dtype']} {tuple(one['shape'])}" for name, one in facts["parameters"].items()
    }
    total = sum(one["size"] for one in facts["parameters"].values())
    _print(f"{counted(len(shapes), 'parameter')} with {counted(total, 'number')}", shapes)
    _print("versions", facts["versions"])


def facts_of(path: str) -> dict[str, Any]:
    """Return the contents of an archive as plain values."""
    check_archive(path)
    state = read_state(path, ("parameters", "log"))
    log = state["log"]
    status = log["status"]
    latest = {name: values[-1] for name, (_, values) in log["columns"].items() if len(values)}
    counts = {name: len(values) for name, (_, values) in log["columns"].items()}
    last_batch = of_last_batch(counts, status)
    parameters = {
        name: {
            "shape": list(np.shape(value)),
            "dtype": str(value.dtype).removeprefix("torch."),
            "size": int(np.prod(np.shape(value))),
        }
        for name, value in state["parameters"].items()
    }
    return {
        "name": status.get("session_name"),
        "uuid": log.get("uuid"),
        "iterations_done": status["iterations_done"],
        "epochs_done": status["epochs_done"],
        "latest": {
            name: getattr(one, "item", lambda one=one: one)() if np.ndim(one) == 0 else one
            for name, one in epochs_first(latest, last_batch).items()
        },
        "last_batch": sorted(last_batch),
        "parameters": parameters,
        "versions": dict(status.get("versions", {})),
    }


def _print(heading: str, rows: dict[str, Any]) -> None:
    if not rows:
        return
    click.echo(f"\n{heading}")
    width = max(map(len, rows))
    for name, text in rows.items():
        click.echo(f"  {name:{width}}  {text}")
