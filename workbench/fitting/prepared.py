"""Data that is ready for training: streams, class names, and the code that creates the streams."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data import AbstractDataStream
from workbench.data.encoded_dataset import TARGETS
from workbench.data.making import dataset_below
from workbench.errors import DataError, SourceError, nearest
from workbench.fitting.program import Statements, literal

TARGET_NAMES = ("targets", "target", "y", "label", "labels", "class")
STREAM = "workbench.data"
"""The module that programs import streams and schemes from."""

NO_TARGET = (
    "{what} requires a target; pass target=... with the name of the column or array to predict, "
    "one of {names}"
)


@dataclass
class Prepared:
    """Data for training.

    Attributes
    ----------
    training : AbstractDataStream
    validation : AbstractDataStream or None
    inputs : tuple of str
        The sources that the model reads.
    target : str
        The source that the model predicts.
    code : Statements
        The statements that make the streams ``training`` and ``validation``.
    encoded : bool
        True if targets were checked and encoded; False if they are used as they are.
    names : tuple of str or None
        The class names, if the dataset does not have them.
    values : ndarray or None
        The targets of all examples, if they are known and are not in a dataset of `workbench.data`.
    """

    training: AbstractDataStream
    validation: AbstractDataStream | None
    inputs: tuple[str, ...]
    target: str
    code: Statements = field(default_factory=Statements)
    encoded: bool = True
    names: tuple[str, ...] | None = None
    values: npt.NDArray[Any] | None = None

    @property
    def dataset(self) -> Any:
        """The dataset that the training stream reads, or None if there is none."""
        return dataset_below(self.training)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names, if the targets are known to be classes.

        The names in a dataset are used only for its source ``targets``.
        """
        found = getattr(self.dataset, "classes", None)
        if not isinstance(found, tuple):
            return self.names
        try:
            source = self.training._source_below(self.target)
        except DataError:  # a transformer computes the targets
            return self.names
        return found if source == TARGETS else self.names

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names that the targets have in a table or a dictionary; empty for other data."""
        dataset = self.dataset
        encoding = getattr(dataset, "encoding", None)
        if encoding is not None:
            return tuple(encoding.target)
        keys = getattr(dataset, "keys", None)
        return (keys[self.target],) if isinstance(keys, Mapping) and self.target in keys else ()

    def all_targets(self) -> npt.NDArray[Any] | None:
        """Return the targets of all examples, if they are in memory."""
        if self.values is not None:
            return self.values
        dataset = self.dataset
        arrays = getattr(dataset, "indexables", None)
        if arrays is None or self.target not in dataset.sources:
            return None
        return np.asarray(arrays[list(dataset.sources).index(self.target)])

    def first_batch(self) -> dict[str, Any]:
        """Return the first batch of the training data; the position of the stream is unchanged."""
        batch = next(iter(self.training.iterate(0, 0)), None)
        if batch is None:
            raise DataError(f"{self.training!r} has no batches")
        return dict(zip(self.training.sources, batch, strict=True))


@dataclass(frozen=True)
class Wishes:
    """Arguments of `fit` that concern the data."""

    target: Any
    validation: Any
    batch_size: int
    as_classes: bool | None
    indices: bool
    seed: int


def check_target(target: object) -> None:
    """Raise a `DataError` unless `target` is None, a name or a list of names."""
    several = isinstance(target, (list, tuple)) and all(isinstance(one, str) for one in target)
    if not (target is None or isinstance(target, str) or (several and target)):
        raise DataError(
            "target must be the name of the column or array to predict, or a list of column names, "
            f"not {type(target).__name__}; to pass values, call fit(model, (X, y))"
        )


def target_in(names: Sequence[str], target: Any, what: str) -> str:
    """Return the name of the target: `target`, or the only common target name in `names`."""
    check_target(target)
    if isinstance(target, str):
        if target not in names:
            raise SourceError(
                f"{what} has no {target!r}, only {', '.join(map(repr, names))}"
                f"{nearest(target, names)}"
            )
        return target
    usual = [name for name in names if name in TARGET_NAMES]
    if target is None and len(usual) == 1:
        return usual[0]
    raise DataError(NO_TARGET.format(what=what, names=", ".join(map(repr, names))))


def arguments_of(wishes: Wishes, *, validation: str | None) -> list[str]:
    """Return the code of the arguments ``validation`` and ``batch_size``."""
    found = [] if validation is None else [f"validation={validation}"]
    found.append(f"batch_size={wishes.batch_size}")
    return found


def names_of_streams(validation: Any) -> str:
    """Return the variable names of the streams in the generated code."""
    return "training" if validation is None else "training, validation"


def validation_code(validation: Any, code: Statements) -> str | None:
    """Return the expression for `validation`; add the name that this expression needs to `code`."""
    if validation is None or isinstance(validation, (int, float, str, np.number)):
        return None if validation is None else literal(validation)
    if isinstance(validation, os.PathLike):
        return literal(validation)
    code.needs["validation_data"] = "the data that was passed to fit as validation"
    return "validation_data"


def pair_of(made: Any) -> tuple[AbstractDataStream, AbstractDataStream | None]:
    """Return the training stream and the validation stream (None if there is none)."""
    return made if isinstance(made, tuple) else (made, None)
