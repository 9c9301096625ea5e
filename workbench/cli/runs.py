"""The ``runs`` command, which lists the runs in an SQLite database, oldest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from workbench.cli.shown import plain, progress, short
from workbench.log import TrainingLog
from workbench.log.last_batch import epochs_first, marked, of_last_batch
from workbench.log.sqlite.reader import Reader
from workbench.log.sqlite.tables import Database, Listed
from workbench.main_loop.facts import NAME

EXAMPLES = """\b
Examples:
  workbench runs runs.sqlite
  workbench runs runs.sqlite --json | jq '.[-1].latest.cost'
"""


@dataclass(frozen=True)
class Run:
    """A run in a database.

    `parent_iteration` is None if the parent is not in the database. `last_batch` lists the channels
    with a record for each batch.
    """

    uuid: str
    created: str
    iterations_done: int
    epochs_done: int
    parent: str | None
    parent_iteration: int | None
    latest: Mapping[str, Any]
    name: str | None = None
    last_batch: Sequence[str] = ()


@click.command(epilog=EXAMPLES)
@click.argument("database", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, for other programs.")
def runs(database: str, as_json: bool) -> None:
    """List the runs in DATABASE, an SQLite file that training wrote.

    Each run is listed with the first digits of its identifier, which are sufficient to open its
    log, and with its name, the run that it continues, and the last value of every channel. A value
    that describes only the last batch is marked, and is in the JSON list among `last_batch`. This
    list contains whole identifiers; values that JSON cannot represent, such as infinite numbers,
    become strings.
    """
    found = _runs_of(database)
    if as_json:
        click.echo(json.dumps([plain(asdict(run)) for run in found], indent=1, allow_nan=False))
    else:
        for run in found:
            click.echo(_shown(run))


def _runs_of(path: str) -> Iterator[Run]:
    """Yield the runs in the database at `path`; raise an error if there are none."""
    database = Database(path, read_only=True)
    try:
        for listed in database.logs():
            yield _read(database, listed)
    finally:
        database.close()


def _read(database: Database, listed: Listed) -> Run:
    """Read a log without unpickling objects, since unpickling can execute arbitrary code."""
    memory = TrainingLog()
    facts = dict(memory.status)
    reader = Reader(database, listed.uuid, trusted=False)
    try:
        reader.update(memory, facts)
    finally:
        reader.close()
    parent = listed.parent
    if parent is None and isinstance(facts.get("resumed_from"), str):
        parent = facts["resumed_from"]  # a run in another database
    columns = memory.snapshot().columns
    last_batch = of_last_batch({name: len(one.values) for name, one in columns.items()}, facts)
    return Run(
        listed.uuid,
        listed.created,
        facts["iterations_done"],
        facts["epochs_done"],
        parent,
        listed.parent_time,
        epochs_first(memory.latest(), last_batch),
        facts.get(NAME),
        sorted(last_batch),
    )


def _shown(run: Run) -> str:
    """Format a run as a line, followed by a line for each of its channels."""
    heading = (
        f"{run.uuid[:8]}  {'' if run.name is None else f'{run.name}  '}{run.created} UTC  "
        f"{progress(run.iterations_done, run.epochs_done)}"
    )
    if run.parent is not None:
        heading += f", continued from {run.parent[:8]}"
        if run.parent_iteration is not None:
            heading += f" at iteration {run.parent_iteration}"
    last_batch = frozenset(run.last_batch)
    rows = {marked(name, last_batch): short(value) for name, value in run.latest.items()}
    width = max(map(len, rows), default=0)
    lines = [f"  {name:{width}}  {text}" for name, text in rows.items()]
    return "\n".join([heading, *lines])
