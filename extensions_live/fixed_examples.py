"""Fixed examples for views, and the output of the network for these examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from extensions_live.probe_view import NO_SESSION
from workbench.errors import SessionError, nearest
from workbench.interfaces import Probe, Session
from workbench.monitoring.graph_copy import GraphCopy
from workbench.tensor import Variable

Array = npt.NDArray[Any]

NO_OUTPUT = (
    "the second argument of {view}() must be a variable of the model, such as its scores, not "
    "{given!r}"
)
NO_TARGETS = (
    "the examples have no source {name!r} for the true classes; their sources: {known}; pass "
    "targets=...{hint}"
)
NOT_ROWS = (
    "the output must have one row for each of the {count} examples, but has shape {shape}; pass "
    "the variable that the mean over the examples is computed from"
)
NOT_CLASSES = (
    "{view} needs non-negative whole numbers as targets, one for each example; the source {name!r} "
    "has values of {targets}"
)
NO_CLASSES = (
    "{view} needs non-negative whole numbers as targets and one score for each class; got "
    "targets of {targets} and an output of shape {shape}"
)

TARGETS = "targets"
"""Default source of the true classes or values."""

PATIENCE = 0.5
"""Maximum number of seconds that a new view waits for examples needed to check its arguments."""


class FixedExamples:
    """Fixed examples, and the current output of the network for these examples.

    Parameters
    ----------
    session : Session
    output : Variable or None
        None for the prediction of the model.
    batch : mapping of str to array, optional
        The examples, keyed by source; by default validation examples or, if the run has none, the
        first batch of the training data.
    targets : str
        The source of the true classes or values.
    labels : sequence of str, optional
        The class names; by default the names in the data that was passed to `fit`.
    user : str
        The name of the view, for error messages.
    needs_classes : bool
        True to refuse examples without classes.

    Attributes
    ----------
    batch : mapping of str to array, or None
        The examples, keyed by source; None until they have been read from the training data.
    truth : array or None
        The true classes or values, if the examples contain them.
    output : array
        The output, with one row for each example; empty at first.
    iteration : int
        The iteration when the output was computed.
    which : str
        The number and the kind of the examples, if they are from the data of the run.
    """

    validates = True  # whether validation examples are preferred to training examples

    reason = "these examples were given to the view"  # why they have no dataset indices

    def __init__(
        self,
        session: Session,
        output: Variable | None,
        batch: Mapping[str, Any] | None,
        *,
        targets: str,
        labels: Sequence[str] | None,
        user: str,
        needs_classes: bool = False,
    ) -> None:
        if not isinstance(session, Session):
            raise SessionError(NO_SESSION.format(view=user, given=session))
        if output is None:
            output = session.prediction()
        if not isinstance(output, Variable):
            raise SessionError(NO_OUTPUT.format(view=user, given=output))
        self.targets = targets
        self.batch: Mapping[str, Any] | None = None
        self.which = ""
        self.truth: Array | None = None
        self.output: Array = np.zeros(0)
        self.iteration = 0
        if labels is None:  # `fit` keeps the class names there
            labels = session.log.status.get("classes")
        self._labels = None if labels is None else list(map(str, labels))
        self._user, self._needs_classes = user, needs_classes
        self._wanted: Literal[True, "validation"] = True  # the batch to read if none is given
        self._copy = GraphCopy([output], known=session.variables, session=session.name)
        if batch is not None:
            self._take(batch)

    def _take(self, batch: Mapping[str, Any]) -> None:
        """Store the examples, and the true classes or values if they are present."""
        self.truth = self._truth_in(batch)
        self.batch = batch

    def _truth_in(self, batch: Mapping[str, Any]) -> Array | None:
        """Return the true classes or values in a batch, or None if they are missing.

        Raises
        ------
        SessionError
            If the batch does not have the source that the user named, or if required classes are
            missing.
        """
        name = self.targets
        if name not in batch:
            if not self._needs_classes and name == TARGETS:
                return None
            hint, known = nearest(name, batch), ", ".join(map(repr, batch))
            raise SessionError(NO_TARGETS.format(name=name, hint=hint, known=known))
        truth = np.asarray(batch[name])
        if truth.ndim == 2 and truth.shape[1] == 1:
            truth = truth[:, 0]
        if self._needs_classes and (
            truth.ndim != 1 or truth.dtype.kind not in "iu" or (truth < 0).any()
        ):
            targets = f"{truth.dtype} {truth.shape}"
            text = NOT_CLASSES.format(view=self._user, name=name, targets=targets)
            raise SessionError(text)
        return truth

    def first_batch(self, session: Session) -> Mapping[str, Any] | None:
        """Return the examples of a new view, to check its arguments.

        These are validation examples or, if the run has none, the first batch of the training data.

        Returns
        -------
        mapping, or None if the run does not answer in time; the view then checks its arguments
        later, with the first batch of the training data.

        Raises
        ------
        SessionError
            If the batch does not have the source that the user named, or if required classes are
            missing.
        """
        kinds: list[Literal[True, "validation"]] = ["validation", True]
        for kind in kinds if self.validates else kinds[1:]:
            probe = session.probe((), batch=kind)
            try:
                probe.wait(PATIENCE)
            except TimeoutError:
                return None
            except SessionError:
                continue
            self._wanted = kind
            self._truth_in(probe.batch)
            return probe.batch
        return None

    def ask(self, session: Session) -> Probe:
        """Request the values that the output is computed from, and examples if necessary."""
        return session.probe(self._copy.names, batch=self._wanted if self.batch is None else False)

    def see(self, probe: Probe) -> None:
        """Compute the output from the values of a probe.

        Raises
        ------
        SessionError
            If the output does not have one row for each example, or required classes are missing.
        """
        if self.batch is None:
            self._take(probe.batch)
            kind = "validation" if self._wanted == "validation" else "training"
            self.which = f" ({len(next(iter(probe.batch.values()))):,} {kind} examples)"
        assert self.batch is not None
        self.evaluate(probe)

    def evaluate(self, probe: Probe) -> None:
        """Compute the output for the examples in `batch`; raise the same errors as `see`."""
        assert self.batch is not None and probe.iteration is not None
        [output] = self._copy(probe.values, self.batch)
        self.output, self.iteration = output.to("cpu").float().numpy(), probe.iteration
        count, shape = len(next(iter(self.batch.values()))), tuple(self.output.shape)
        if not shape or len(self.output) != count:
            raise SessionError(NOT_ROWS.format(count=count, shape=shape))
        if self._needs_classes and not self.has_classes:
            targets = "none" if self.truth is None else f"{self.truth.dtype} {self.truth.shape}"
            text = NO_CLASSES.format(view=self._user, targets=targets, shape=shape)
            raise SessionError(text)

    @property
    def has_classes(self) -> bool:
        """True if the output has one score for each class and the targets are classes."""
        truth, output = self.truth, self.output
        return (
            truth is not None
            and truth.dtype.kind in "iu"
            and output.ndim == 2
            and output.shape[1] > 1
            and truth.shape == output.shape[:1]
            and bool(((truth >= 0) & (truth < output.shape[1])).all())
        )

    @property
    def classes(self) -> list[str]:
        """The names of all classes."""
        return [self.label(number) for number in range(self.output.shape[1])]

    def label(self, number: int) -> str:
        """Return the name of a class."""
        known = self._labels
        return known[number] if known is not None and number < len(known) else str(number)

    def probabilities(self) -> Array:
        """Return class probabilities, using a softmax if the output contains scores."""
        return probabilities(self.output)


def probabilities(output: Array) -> Array:
    """Return rows of probabilities: the softmax of the output, unless it contains probabilities.

    Examples
    --------
    >>> probabilities(np.array([[0.25, 0.75]]))
    array([[0.25, 0.75]])
    >>> probabilities(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """
    sums = output.sum(1)
    if (output >= 0).all() and np.allclose(sums, 1, atol=1e-3):
        return output
    return torch.softmax(torch.from_numpy(output), 1).numpy()


def losses(chances: Array, truth: Array) -> Array:
    """Return the cross-entropy of each example.

    Examples
    --------
    >>> losses(np.array([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]), np.array([0, 1, 0]))
    array([0.69314718,        inf, 0.        ])
    """
    with np.errstate(divide="ignore"):
        found: Array = -np.log(chances[np.arange(len(truth)), truth])
    return found + 0.0  # without it, the logarithm of 1 becomes -0


def wrong_ones(chances: Array, truth: Array) -> Array:
    """Return an array that is True for each example whose prediction is wrong or not finite.

    Examples
    --------
    >>> wrong_ones(np.array([[0.9, 0.1], [0.9, 0.1], [np.nan, np.nan]]), np.array([0, 1, 0]))
    array([False,  True,  True])
    """
    found: Array = (chances.argmax(1) != truth) | ~np.isfinite(chances).all(1)
    return found


Shower = Callable[[Any], str]
"""Function that converts one example, or one output, to text."""


def shown(value: Any, show: Shower | None) -> str:
    """Return an example or an output as text."""
    if show is not None:
        return str(show(value))
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.4g}" if array.dtype.kind == "f" else str(array.item())
    parts = [f"{part:.3g}" if array.dtype.kind == "f" else str(part) for part in array.flat[:4]]
    return ", ".join(parts) + (", …" if array.size > 4 else "")
