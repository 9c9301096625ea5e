"""Ending training after so many epochs or batches, and knowing beforehand when that will be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from workbench.extensions.base import TrainingExtension
from workbench.extensions.composite import CompositeExtension
from workbench.extensions.events import CallbackName
from workbench.extensions.simple import Predicate, SimpleExtension

if TYPE_CHECKING:
    from workbench.main_loop import MainLoop


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

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Record the request."""
        self.main_loop.log.current_row["training_finish_requested"] = True

    def records(self) -> dict[str, bool]:
        return {"training_finish_requested": False}

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


def batches_per_epoch(main_loop: MainLoop) -> int | None:
    """Return the length of an epoch: the data stream's, or else that of the last one, if any."""
    stream, ends = main_loop.data_stream, [0, *main_loop.status["_epoch_ends"]]
    if stream is not None and stream.num_batches is not None:
        return stream.num_batches
    return ends[-1] - ends[-2] if len(ends) > 1 else None


def planned_epochs(main_loop: MainLoop) -> int | None:
    """Return the number of epochs after which an extension ends training, if one does."""
    epochs = (extension.epochs for extension in _ends(main_loop.extensions))
    return min((number for number in epochs if number is not None), default=None)


def planned_batches(main_loop: MainLoop) -> int | None:
    """Return the number of batches after which an extension ends training, if that is known."""
    limits = [extension.batches for extension in _ends(main_loop.extensions)]
    epochs, length = planned_epochs(main_loop), batches_per_epoch(main_loop)
    if epochs is not None and length is not None:
        limits.append(epochs * length)
    return min((number for number in limits if number is not None), default=None)


def _ends(extensions: Iterable[TrainingExtension]) -> Iterator[FinishAfter]:
    for extension in extensions:
        if isinstance(extension, FinishAfter):
            yield extension
        elif isinstance(extension, CompositeExtension):
            yield from _ends(extension.sub_extensions)
