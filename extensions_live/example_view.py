"""Base of the views of examples: it computes an output of the network on examples that stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import traitlets

from extensions_live.graph_copy import GraphCopy
from extensions_live.probe_view import ProbeView
from workbench.errors import SessionError, nearest
from workbench.interfaces import Probe, Session
from workbench.tensor import Variable

Payload = TypeVar("Payload", bound=Mapping[str, object])
Array = npt.NDArray[Any]

NO_OUTPUT = (
    "the second argument of {view}() must be a variable of the model, such as its scores, not "
    "{given!r}"
)
NO_TARGETS = (
    "the examples have no source {name!r} for the true classes{hint}; their sources are {known}; "
    "give targets=..."
)
NOT_ROWS = (
    "the output must have one row for each of the {count} examples, not the shape {shape}; give "
    "the variable before the mean over examples"
)
NO_CLASSES = (
    "{view} needs whole numbers from 0 on as targets and one score for each class; got targets of "
    "{targets}, and an output of shape {shape}"
)


class ExampleView(ProbeView[Payload]):
    """View of an output of the network on fixed examples.

    Parameters
    ----------
    session : Session
    output : Variable
    batch : mapping of str to array, optional
        The examples by source; by default the first batch of the training data.
    targets : str
        The source of the true classes or values.
    labels : sequence of str, optional
        The names of the classes.
    title : str, optional
    """

    title = traitlets.Unicode().tag(sync=True)

    needs_classes = False

    def __init__(
        self,
        session: Session,
        output: Variable,
        batch: Mapping[str, Any] | None,
        *,
        targets: str,
        labels: Sequence[str] | None,
        title: str,
        **traits: object,
    ) -> None:
        if not isinstance(output, Variable):
            raise SessionError(NO_OUTPUT.format(view=type(self).__name__, given=output))
        self._labels = None if labels is None else list(map(str, labels))
        self._targets = targets
        self._batch: Mapping[str, Any] | None = None
        self.truth: Array | None = None
        self.output: Array = np.zeros(0)
        self.iteration = 0
        if isinstance(session, Session):
            self._copy = GraphCopy([output], known=session.variables, session=session.name)
        if batch is not None:
            self._take(batch)
        super().__init__(session, title=title, **traits)

    def _take(self, batch: Mapping[str, Any]) -> None:
        """Keep the examples."""
        if self._targets in batch:
            self.truth = np.asarray(batch[self._targets])
            if self.truth.ndim == 2 and self.truth.shape[1] == 1:
                self.truth = self.truth[:, 0]
        elif self.needs_classes:
            hint, known = nearest(self._targets, batch), ", ".join(map(repr, batch))
            raise SessionError(NO_TARGETS.format(name=self._targets, hint=hint, known=known))
        self._batch = batch

    def ask(self, session: Session) -> Probe:
        return session.probe(self._copy.names, batch=self._batch is None)

    def see(self, probe: Probe) -> None:
        if self._batch is None:
            self._take(probe.batch)
        assert self._batch is not None and probe.iteration is not None
        [output] = self._copy(probe.values, self._batch)
        self.output, self.iteration = output.to("cpu").float().numpy(), probe.iteration
        count = len(next(iter(self._batch.values())))
        if not self.output.ndim or len(self.output) != count:
            raise SessionError(NOT_ROWS.format(count=count, shape=tuple(self.output.shape)))
        if self.needs_classes and not self.has_classes:
            targets = "none" if self.truth is None else f"{self.truth.dtype} {self.truth.shape}"
            shape = tuple(self.output.shape)
            text = NO_CLASSES.format(view=type(self).__name__, targets=targets, shape=shape)
            raise SessionError(text)

    @property
    def has_classes(self) -> bool:
        """True if the output is one score for each class, and the targets are classes."""
        truth, output = self.truth, self.output
        return (
            truth is not None
            and truth.dtype.kind in "iu"
            and output.ndim == 2
            and output.shape[1] > 1
            and truth.shape == output.shape[:1]
            and bool(((truth >= 0) & (truth < output.shape[1])).all())
        )

    def label(self, number: int) -> str:
        """Return the name of a class."""
        known = self._labels
        return known[number] if known is not None and number < len(known) else str(number)

    def probabilities(self) -> Array:
        """Return the probability of each class: the output itself, or its softmax for scores."""
        return probabilities(self.output)


def probabilities(output: Array) -> Array:
    """Return rows of probabilities: those that sum to 1 stay, scores go through a softmax.

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
    >>> losses(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1]))
    array([0.69314718,        inf])
    """
    with np.errstate(divide="ignore"):
        found: Array = -np.log(chances[np.arange(len(truth)), truth])
    return found


Shower = Callable[[Any], str]
"""Function that turns one example, or one output, into text."""


def shown(value: Any, show: Shower | None) -> str:
    """Return the text of an example or of an output."""
    if show is not None:
        return str(show(value))
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.4g}" if array.dtype.kind == "f" else str(array.item())
    parts = [f"{part:.3g}" if array.dtype.kind == "f" else str(part) for part in array.flat[:4]]
    return ", ".join(parts) + (", …" if array.size > 4 else "")
