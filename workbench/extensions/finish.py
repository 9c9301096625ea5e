"""Ending training after so many epochs or batches, or when something was recorded."""

from __future__ import annotations

from typing import Any

from workbench.extensions.events import CallbackName
from workbench.extensions.simple import Predicate, SimpleExtension


class FinishAfter(SimpleExtension):
    """Asks for the end of training, by the record ``training_finish_requested``.

    ``after_n_epochs`` and ``after_n_batches`` mean *at least* so many here: a run that is resumed
    beyond that point ends at its next epoch or batch instead of never.

    Parameters
    ----------
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        See `SimpleExtension`.

    Examples
    --------
    >>> FinishAfter(after_n_epochs=5)
    FinishAfter(after_n_epochs=5)
    """

    def do(self, which_callback: CallbackName, *args: Any) -> None:
        """Record the request."""
        self.main_loop.log.current_row["training_finish_requested"] = True

    @property
    def epochs(self) -> int | None:
        """The number of epochs after which training ends, where that is known beforehand."""
        return self._least("at_least_n_epochs")

    @property
    def batches(self) -> int | None:
        """The number of batches after which training ends, where that is known beforehand."""
        return self._least("at_least_n_batches")

    def _least(self, condition: str) -> int | None:
        predicates = (c.predicate for c in self.conditions)
        return min(
            (p.num for p in predicates if isinstance(p, Predicate) and p.condition == condition),
            default=None,
        )

    def _set_condition(self, trigger: str, value: Any) -> None:
        if trigger == "after_n_epochs":
            self.add_condition(["after_epoch"], Predicate("at_least_n_epochs", value))
        elif trigger == "after_n_batches":
            self.add_condition(["after_batch"], Predicate("at_least_n_batches", value))
        else:
            super()._set_condition(trigger, value)
