"""`ConfusionMatrix`: a live table of the classes that the network confuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from extensions_live.fixed_examples import TARGETS, Array, FixedExamples
from extensions_live.messages import ConfusionPayload
from extensions_live.probe_view import ProbeView
from extensions_live.widget import asset
from workbench.errors import SessionError
from workbench.interfaces import Probe, Session
from workbench.tensor import Variable

MOST_CLASSES = 50

TOO_MANY = "a confusion matrix of {count} classes is too large; at most {most} can be shown"


class ConfusionMatrix(ProbeView[ConfusionPayload]):
    """Live counts of examples by true and predicted class.

    Training is not affected, and nothing is computed while no page shows the view.

    Parameters
    ----------
    session : Session
        The run to watch.
    scores : Variable, optional
        One score, or one probability, for each class; by default the output of ``session.predict``.
    batch : mapping of str to array, optional
        The examples, such as a test set, keyed by source; by default validation examples or, if the
        run has none, the first batch of the training data.
    targets : str
        The source of the true classes.
    labels : sequence of str, optional
        The class names; by default the names in the data that was passed to `fit`.
    title : str, optional

    Raises
    ------
    SessionError
        If the session does not train the parameters that the scores depend on, or if the examples
        have no true classes.

    Examples
    --------
    In a notebook, a cell that ends with ``ConfusionMatrix(session, scores, batch)`` shows the view;
    after `fit`, ``ConfusionMatrix(session)`` is enough.
    """

    _esm = asset("confusion.js")

    def __init__(
        self,
        session: Session,
        scores: Variable | None = None,
        batch: Mapping[str, Any] | None = None,
        *,
        targets: str = TARGETS,
        labels: Sequence[str] | None = None,
        title: str = "",
    ) -> None:
        self.examples = FixedExamples(
            session,
            scores,
            batch,
            targets=targets,
            labels=labels,
            user="ConfusionMatrix",
            needs_classes=True,
        )
        if batch is None:
            self.examples.first_batch(session)
        super().__init__(session, title=title)

    def ask(self, session: Session) -> Probe:
        return self.examples.ask(session)

    def see(self, probe: Probe) -> None:
        self.examples.see(probe)

    @property
    def counts(self) -> Array:
        """The current counts: a row for each true class, a column for each predicted class."""
        truth, output = self.examples.truth, self.examples.output
        if truth is None or not self.examples.has_classes:
            return np.zeros((0, 0), np.int64)
        classes = output.shape[1]
        finite = np.isfinite(output).all(1)
        pairs = classes * truth[finite].astype(np.int64) + output[finite].argmax(1)
        found: Array = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        return found

    def contents(self) -> ConfusionPayload | None:
        counts = self.counts
        if not counts.size:
            return None
        if len(counts) > MOST_CLASSES:
            raise SessionError(TOO_MANY.format(count=len(counts), most=MOST_CLASSES))
        right, total = int(np.trace(counts)), int(counts.sum())
        lost = len(self.examples.output) - total
        return {
            "names": [self.examples.label(number) for number in range(len(counts))],
            "counts": counts.astype(np.float32).tobytes(),
            "summary": f"iteration {self.examples.iteration:,}: {right:,} of {total:,} right"
            f"{self.examples.which}",
            "note": f"examples omitted because their scores are not finite: {lost:,}"
            if lost
            else "",
        }

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        names = [self.examples.label(number) for number in range(len(self.counts))]
        rows = [
            [name, *map(str, row)] for name, row in zip(names, self.counts.tolist(), strict=True)
        ]
        return ["true class", *names], rows
