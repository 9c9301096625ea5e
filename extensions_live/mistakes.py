"""`Mistakes`: a live view of the examples with the highest loss, and a form to edit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from extensions_live.fixed_examples import TARGETS, Shower, losses, wrong_ones
from extensions_live.messages import ChooseMessage, EditBar, Tile, TilesPayload, WidgetMessage
from extensions_live.probe_view import moment_of
from extensions_live.pump import pump
from extensions_live.requests import Request, Requests
from extensions_live.samples import MOST, Samples
from extensions_live.training_examples import DROPPED, TrainingExamples
from extensions_live.widget import asset
from workbench.errors import SessionError
from workbench.interfaces import Probe, Session
from workbench.tensor import Variable

MOST_CLASSES = 1000

GIVEN = (
    "these examples were passed to the view, but only training examples can be relabelled or "
    "dropped; to show the training examples, call Mistakes(session, scores) without batch"
)
NO_EDITS = "these examples cannot be relabelled or dropped: {reason}"
ENDED = "the run has ended, so its training examples cannot be relabelled or dropped"
TOO_MANY = (
    "there are too many classes to list; relabel in code: session.relabel(mistakes.flagged, label, "
    "source={source!r})"
)
NO_EXAMPLE = "there is no training example {index!r}; the number of training examples is {count:,}"


class Mistakes(Samples):
    """Live view of the examples with the highest loss, which users can flag, relabel or drop.

    The loss is the cross-entropy of the true class. Without `batch`, the view goes through all
    training examples, a few at a time, and keeps the examples with the highest loss. Examples with
    wrong labels are often among them. Flagging examples does not change the training data. The
    buttons of the view relabel or drop the flagged examples; in code,
    ``session.relabel(mistakes.flagged, 3)`` and ``session.drop(mistakes.flagged)`` do the same.
    Both operations are interventions, which ``session.undo()`` can undo.

    Parameters
    ----------
    session : Session
        The run to watch.
    scores : Variable, optional
        One score, or one probability, for each class; by default the output of ``session.predict``.
    batch : mapping of str to array, optional
        The examples to show, keyed by source. These examples cannot be relabelled or dropped. By
        default, the training examples are shown.
    source, targets, labels, shape, text, most, title : optional
        As in `Samples`.

    Attributes
    ----------
    flagged : list of int
        The indices of the flagged examples: in the dataset or, if `batch` is given, in the batch.

    Raises
    ------
    SessionError
        If the session does not train the parameters that the scores depend on, or an option is not
        valid.

    Examples
    --------
    In a notebook, ``mistakes = Mistakes(session, scores, shape=(28, 28))`` creates the view, and
    ``mistakes`` as the last line of a cell shows the view. ``mistakes.flagged`` then contains the
    indices of the examples that the user has flagged.
    """

    _css = Samples._css + asset("steer.css") + asset("mistakes.css")

    needs_classes = True
    by_default = TrainingExamples

    flags = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        session: Session,
        scores: Variable | None = None,
        batch: Mapping[str, Any] | None = None,
        *,
        source: str | None = None,
        targets: str = TARGETS,
        labels: Sequence[str] | None = None,
        shape: Sequence[int] | None = None,
        text: Shower | None = None,
        most: int = MOST,
        title: str = "",
    ) -> None:
        self._flagged: set[int] = set()
        self._requests = Requests()
        self._unsettled: list[tuple[Request, list[int]]] = []
        self._ended = False
        super().__init__(
            session, scores, batch, source=source, targets=targets, labels=labels, shape=shape,
            text=text, most=most, title=title,
        )  # fmt: skip

    @property
    def flagged(self) -> list[int]:
        return sorted(self._flagged)

    @property
    def _trained(self) -> TrainingExamples | None:
        """The training examples, or None if they have no indices or other examples are shown."""
        examples = self.examples
        return examples if isinstance(examples, TrainingExamples) and not examples.reason else None

    def flag(self, index: int, *, remove: bool = False) -> None:
        """Mark an example as flagged, or remove its flag.

        Raises
        ------
        SessionError
            If there is no such example.
        """
        if remove:
            self._flagged.discard(index)
        else:
            self._check(index)
            self._flagged.add(index)
        if isinstance(self.examples, TrainingExamples):
            self.examples.pinned = set(self._flagged)
        pump.nudge(self)

    def _check(self, index: int) -> None:
        trained = self._trained
        if trained is None:
            if self.examples.batch is None or not 0 <= index < len(self._shown):
                raise SessionError(
                    f"there is no example {index!r}; the number of examples is {len(self._shown)}"
                )
        elif not trained.has(index):
            raise SessionError(NO_EXAMPLE.format(index=index, count=trained.count))

    def choose(self, content: ChooseMessage) -> None:
        what, value = content["what"], content["value"]
        if what == "unflag all":
            for index in self.flagged:
                self.flag(index, remove=True)
        elif what in ("flag", "unflag") and value.isdigit():
            self.flag(int(value), remove=what == "unflag")

    def receive(self, content: WidgetMessage) -> None:
        session = self.subject
        if content["kind"] != "command" or session is None:
            return
        before = self._requests.count
        self._requests.handle(session, content)
        if self._requests.count > before and content["name"] in ("relabel", "drop"):
            examples = content.get("arguments", {}).get("examples", [])
            self._unsettled.append((self._requests.recent[-1], list(examples)))
        pump.nudge(self)

    def ask(self, session: Session) -> Probe:
        if isinstance(self.examples, TrainingExamples):
            return self.examples.ask_at(session, moment_of(session))
        return super().ask(session)

    def see(self, probe: Probe) -> None:
        super().see(probe)
        if isinstance(self.examples, TrainingExamples) and not self.examples.complete:
            self.ask_again(soon=not self.examples.slow)

    def snapshot(self, session: Session) -> TilesPayload | None:
        self._ended = session.state.ended
        for pair in list(self._unsettled):
            request, examples = pair
            if not request.waiting:
                self._unsettled.remove(pair)
                if request.receipt["state"] == "applied":  # the flags are no longer needed
                    for index in examples:
                        self.flag(index, remove=True)
                self.ask_again()
        return super().snapshot(session)

    def settled(self, session: Session) -> bool:
        complete = not isinstance(self.examples, TrainingExamples) or self.examples.complete
        return super().settled(session) and complete and not self._unsettled

    def chosen(self) -> list[int]:
        examples = self.examples
        assert examples.truth is not None
        self.losses = losses(examples.probabilities(), examples.truth)
        order = np.argsort(-np.nan_to_num(self.losses, nan=np.inf), kind="stable").tolist()
        trained = self._trained
        if trained is None:
            return [int(row) for row in order[: self._most]]
        index_of = [int(index) for index in trained.indices]
        recent = trained.recent
        plain = [row for row in order if not trained.edit_of(index_of[row])]
        special = [row for row in order if index_of[row] in self._flagged.union(recent)]
        return [*dict.fromkeys([*plain[: self._most], *special])]

    def tile(self, index: int) -> Tile:
        tile = super().tile(index)
        trained = self._trained
        if trained is not None:
            tile["index"] = int(trained.indices[index])
            tile["edit"] = trained.edit_of(tile["index"])
        tile["loss"] = f"{self.losses[index]:.3g}"
        tile["flagged"] = tile["index"] in self._flagged
        return tile

    def edit_bar(self) -> EditBar:
        trained, targets = self._trained, self.examples.targets
        reason = no_label = ""
        names: list[str] = []
        if trained is None:
            known = isinstance(self.examples, TrainingExamples)
            reason = NO_EDITS.format(reason=self.examples.reason) if known else GIVEN
        elif self._ended:
            reason = ENDED
        else:
            names = trained.classes if len(self.chances[0]) <= MOST_CLASSES else []
            no_label = trained.no_label or ("" if names else TOO_MANY.format(source=targets))
        return {
            "chosen": [i for i in self.flagged if trained is None or trained.edit_of(i) != DROPPED],
            "classes": names,
            "source": targets,
            "reason": reason,
            "no_label": no_label,
            "receipts": self._requests.receipts,
        }

    def told(self, tiles: Sequence[Tile]) -> str:
        truth, iteration = self.examples.truth, self.examples.iteration
        assert truth is not None
        trained = self._trained
        if trained is not None:
            looked, count = trained.looked, trained.count
            left = f" ({count - looked:,} not seen yet)" if looked < count else ""
            return (
                f"iteration {iteration:,}: wrong predictions for {trained.wrong:,} of {looked:,} "
                f"training examples{left}; the examples with the highest loss are shown first"
            )
        wrong = int(wrong_ones(self.chances, truth).sum())
        return (
            f"iteration {iteration:,}: wrong predictions for {wrong:,} of {len(truth):,} examples; "
            "the examples with the highest loss are shown first"
        )
