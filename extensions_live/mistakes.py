"""`Mistakes`: a live view of the examples with the highest loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from extensions_live.fixed_examples import Shower, losses
from extensions_live.messages import ChooseMessage, Tile
from extensions_live.pump import pump
from extensions_live.samples import MOST, Samples
from workbench.errors import SessionError
from workbench.interfaces import Session
from workbench.tensor import Variable


class Mistakes(Samples):
    """Live view of the examples with the highest loss, in which examples can be flagged.

    The loss is the cross-entropy of the true class. Flags are kept in the view; they change neither
    training nor data.

    Parameters
    ----------
    session : Session
        The run to watch.
    scores : Variable
        One score, or one probability, for each class.
    batch : mapping of str to array, optional
        The examples by source; by default the first batch of the training data.
    source, targets, labels, shape, text, most, title : optional
        As in `Samples`.

    Attributes
    ----------
    flagged : list of int
        The indices of the flagged examples.

    Raises
    ------
    SessionError
        If the session does not train the parameters of the scores, or an option is not valid.

    Examples
    --------
    In a notebook, ``mistakes = Mistakes(session, scores, batch, shape=(28, 28))`` creates the view,
    and ``mistakes`` as the last line of a cell shows it. ``mistakes.flagged`` then contains the
    indices of the examples that were flagged there.
    """

    needs_classes = True

    flags = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        session: Session,
        scores: Variable,
        batch: Mapping[str, Any] | None = None,
        *,
        source: str | None = None,
        targets: str = "targets",
        labels: Sequence[str] | None = None,
        shape: Sequence[int] | None = None,
        text: Shower | None = None,
        most: int = MOST,
        title: str = "",
    ) -> None:
        self._flagged: set[int] = set()
        super().__init__(
            session, scores, batch, source=source, targets=targets, labels=labels, shape=shape,
            text=text, most=most, title=title,
        )  # fmt: skip

    @property
    def flagged(self) -> list[int]:
        return sorted(self._flagged)

    def flag(self, index: int, *, remove: bool = False) -> None:
        """Mark an example as flagged, or remove its flag.

        Raises
        ------
        SessionError
            If there is no such example.
        """
        if self.examples.batch is None or not 0 <= index < len(self._shown):
            raise SessionError(
                f"there is no example {index!r}; the number of examples is {len(self._shown)}"
            )
        (self._flagged.discard if remove else self._flagged.add)(index)
        pump.nudge(self)

    def choose(self, content: ChooseMessage) -> None:
        if content["what"] in ("flag", "unflag") and content["value"].isdigit():
            self.flag(int(content["value"]), remove=content["what"] == "unflag")

    def chosen(self) -> list[int]:
        assert self.examples.truth is not None
        self.losses = losses(self.examples.probabilities(), self.examples.truth)
        order = np.argsort(-np.nan_to_num(self.losses, nan=np.inf), kind="stable")
        return [int(index) for index in order[: self._most]]

    def tile(self, index: int) -> Tile:
        loss = f"{self.losses[index]:.3g}"
        return {**super().tile(index), "loss": loss, "flagged": index in self._flagged}

    def told(self, tiles: Sequence[Tile]) -> str:
        truth, iteration = self.examples.truth, self.examples.iteration
        assert truth is not None
        wrong = int((self.chances.argmax(1) != truth).sum())
        return (
            f"iteration {iteration:,}: wrong predictions for {wrong:,} of {len(truth):,} examples; "
            "those with the highest loss are shown first"
        )
