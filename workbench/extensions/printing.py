"""`Printing`, which prints the status and the records as text, without widgets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack

from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Triggers

_HEADINGS = {
    CallbackName.BEFORE_TRAINING: "Before training",
    CallbackName.ON_RESUMPTION: "Training has been resumed",
    CallbackName.BEFORE_EPOCH: "Before another epoch",
    CallbackName.BEFORE_BATCH: "Before another batch",
    CallbackName.AFTER_BATCH: "After another batch",
    CallbackName.AFTER_EPOCH: "After another epoch",
    CallbackName.ON_INTERRUPT: "Training has been interrupted",
    CallbackName.AFTER_TRAINING: "Training has been finished",
    CallbackName.ON_ERROR: "Training has failed",
}
_AT_THE_END = (CallbackName.AFTER_TRAINING, CallbackName.ON_ERROR)
_RULE = "-" * 79


UNCHANGING = ("hyperparameters", "versions")
"""Items of the status that are not printed, because they stay the same during a run."""


class Printing(SimpleExtension):
    """Extension that prints the status of the run and the records of the current iteration.

    By default it acts before the first epoch, after every epoch, on resumption, on interrupts and
    after training. Place it after the extensions whose records it should print.

    Parameters
    ----------
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to act; see `SimpleExtension`. False disables a default trigger.

    Examples
    --------
    >>> Printing(after_epoch=False, every_n_epochs=10)
    Printing(every_n_epochs=10, before_first_epoch=True, on_resumption=True, on_interrupt=True,
    after_training=True)
    """

    only_reports = True

    former_hooks = {  # noqa: RUF012
        "_print_attributes": "define do(which_callback, *args), which prints everything",
    }

    def __init__(self, name: str | None = None, **triggers: Unpack[Triggers]) -> None:
        triggers.setdefault("before_first_epoch", True)
        triggers.setdefault("on_resumption", True)
        triggers.setdefault("on_interrupt", True)
        triggers.setdefault("after_epoch", True)
        triggers.setdefault("after_training", True)
        super().__init__(name, **triggers)

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Print the status and records; at the end of training, wait for all other extensions."""
        if which_callback is not None and which_callback in _AT_THE_END:
            self.main_loop.after_event(partial(self._print, which_callback))
        else:
            self._print(which_callback)

    def _print(self, which_callback: CallbackName | None) -> None:
        log = self.main_loop.log
        status = {
            name: value
            for name, value in log.status.items()
            if not name.startswith("_") and name not in UNCHANGING
        }
        # a single call, so that other threads cannot print between the lines
        print("\n".join(self._text(which_callback, status, log.current_row)))

    @staticmethod
    def _text(
        event: CallbackName | None, status: Mapping[str, Any], records: Mapping[str, Any]
    ) -> list[str]:
        first = event is CallbackName.BEFORE_EPOCH and status["epochs_done"] == 0
        heading = "Before first epoch" if first else "Now" if event is None else _HEADINGS[event]
        return [
            _RULE,
            heading.upper(),
            _RULE,
            "Training status:",
            *(f"\t{name}: {_shown(status[name])}" for name in sorted(status)),
            f"Log records from iteration {status['iterations_done']}:",
            *(f"\t{name}: {_shown(records[name])}" for name in sorted(records)),
            "",
        ]


def _shown(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)
