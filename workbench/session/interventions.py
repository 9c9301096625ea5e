"""Journal of interventions: the commands that took effect in a run, with their iterations.

The record ``interventions`` of a row is a tuple of mappings. Each mapping contains ``id``,
``command``, ``text``, ``by`` (the origin of the command) and ``time`` (a date and time with the
offset from UTC; comparisons of runs ignore this item). Other items depend on the command:

- `Session.set`: for example ``variable``, ``path``, ``value`` and ``old``
- `Session.relabel`: for example ``examples``, ``source``, ``value`` and ``old``, a list with the
  old value of each example
- `Session.call`, a rewind, an undo and a direct edit: ``arrangement``, which names the extensions,
  streams and schemes that have changed
- `Session.rebuild`: for example ``spec``, ``frozen`` and ``earlier``, which contains the values of
  ``spec`` and ``frozen`` before the change
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from workbench.interfaces import Command, Loop
from workbench.log.interventions import INTERVENTIONS

REPLAYED = ("set", "call", "hold", "release", "set_end", "train", "relabel", "drop", "rebuild")
"""Commands that change the results of training and can be repeated in another run."""

CHANGING = (*REPLAYED, "load", "edit")
"""Commands and direct edits that change training.

An exact replay of batches starts after the last of these interventions.
"""

FREELY_RECORDED = 1000
"""Maximum number of interventions in one row that are recorded immediately, one by one.

Each recording copies all interventions of the row, so the cost grows with the square of their
number.
"""


class Journal:
    """Journal that writes interventions to the log of a main loop, in the training thread.

    Parameters
    ----------
    main_loop : Loop

    Attributes
    ----------
    paused : bool
        True during a pause, when long rows of interventions are copied less often.
    """

    def __init__(self, main_loop: Loop) -> None:
        self.paused = False
        self._main_loop = main_loop
        self._unrecorded: list[tuple[int, dict[str, Any]]] = []
        self._posted = False

    def document(
        self, command: Command, details: dict[str, Any], iteration: int | None = None
    ) -> None:
        """Record that `command` took effect, at the current or an earlier `iteration`."""
        record = {
            "id": command.id,
            "command": command.kind,
            "text": command.text,
            "by": command.by,
            "time": datetime.now().astimezone().isoformat(" ", "milliseconds"),
            **details,
        }
        log = self._main_loop.log
        row = log.current_row if iteration is None else log[iteration]
        records = row.get(INTERVENTIONS, ())
        if len(records) < FREELY_RECORDED and not self._unrecorded:
            row[INTERVENTIONS] = (*records, record)
        else:
            self._unrecorded.append((row.iteration, record))
            if not self._posted:  # one request after all queued commands, to copy the row once
                self._posted = True
                self._main_loop.post(self._record_some)
        self._main_loop.after_event(log.commit)  # rows are incomplete during an event

    def _record_some(self) -> None:
        self._posted = False
        recorded = len(self._main_loop.log.current_row.get(INTERVENTIONS, ()))
        if not self.paused or 16 * len(self._unrecorded) >= recorded:
            self.flush()

    def flush(self) -> None:
        """Record the interventions that were held back so that long rows are copied less often."""
        kept, self._unrecorded = self._unrecorded, []
        by_row: dict[int, list[dict[str, Any]]] = {}
        for iteration, record in kept:
            by_row.setdefault(iteration, []).append(record)
        log = self._main_loop.log
        for iteration, records in by_row.items():
            row = log[iteration]
            row[INTERVENTIONS] = (*row.get(INTERVENTIONS, ()), *records)
        if kept:
            self._main_loop.after_event(log.commit)
