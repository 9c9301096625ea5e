"""`Guard`, which pauses or rewinds a run whose cost is not finite or explodes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from workbench.algorithms import GradientDescent
from workbench.errors import ArgumentError, ExtensionError, NotFiniteError
from workbench.extensions.alerts import ALERTS, alert
from workbench.extensions.base import TrainingExtension
from workbench.extensions.culprits import cause, steepest
from workbench.interfaces import Command, Hyperparameter, Session
from workbench.names import explain_missing
from workbench.utils.actors import acting_as
from workbench.utils.numbers import as_whole

__all__ = ["Guard"]

LEARNING_RATE = "learning_rate"

FEWEST = 20
"""Minimum number of costs needed to compute the medians and the spread."""

EARLY = 10
"""Factor that multiplies `exploding` while fewer than `FEWEST` costs are known."""

SUSPECTS = ("set", "call", "hold", "release", "relabel")
"""Commands that may make a cost explode soon afterwards."""

NO_COST = (
    "{guard!r} has no cost to check, because {algorithm} does not compute a cost in every batch; "
    "pass "
    "record_name, the name of a record that TrainingDataMonitoring writes after every batch"
)
EXPLODES = (
    "the cost explodes: it was {cost:.4g}, above the limit of {limit:.4g} (patience={patience}); "
    "the median cost of the last {count} batch{plural} below the limit is {median:.4g}{steepest}"
)
STEEPEST = ". The gradient of {parameter} has the largest norm, {norm:.4g}"
PAUSED = "{what}. Training is paused; resume() processes batch {batch} of this run again"
PAUSED_AFTER = "{what}. Training is paused"
REWOUND = (
    "{what}. Training is rewound to iteration {target:,} with {changes} (rewind {count} of {times})"
)
NOT_POSSIBLE = " ({reason}, so the run was not rewound)"
ENDED = "{what}. Training ends, because there is no session that could pause it"


class Guard(TrainingExtension):
    """Extension that pauses or rewinds a run when its cost is not finite or explodes.

    A cost, gradient or step that is not finite is detected before it changes a variable. Among the
    parameters whose gradients are not finite, the message names the parameter nearest to the cost.
    If no gradient is finite, as is usual when the cost is not finite, the message says so, and
    names the parameter with the largest absolute value.

    The batch that produced the value is processed again when training resumes.

    The cost explodes if it exceeds a limit in several consecutive batches. The limit is the median
    of the first costs or of the most recent costs, whichever is larger, plus a multiple of the
    spread of the most recent costs. In the first batches, before the medians are known, the
    limit (with the default value of `exploding`) is the first cost plus 100 times its absolute
    value, or plus 100 if the absolute value is less than 1.

    In a `Session` the extension performs `action` and alerts the user. Without a session, as in
    `MainLoop.run`, a value that is not finite ends training with an error; an exploding cost ends
    training without an error.

    Parameters
    ----------
    action : {'pause', 'rewind'}
        With ``'rewind'``, training is rewound to an iteration before the failure, the learning rate
        is reduced, and training continues.
    factor : float
        The factor for the learning rate, between 0 and 1. It multiplies the rate at the failure or
        the rate at the earlier iteration, whichever is lower.
    back : int
        The number of iterations to rewind from the last good batch. If a value was set or an
        example was relabelled in these iterations, training is rewound only to the point just
        before the last of these changes. After a failure within `back` iterations of an earlier
        rewind, training is rewound further.
    times : int
        After this number of rewinds, a further failure pauses the run.
    exploding : float
        A cost explodes if it exceeds the larger median by this multiple of the spread. The spread
        is either the interquartile range of the most recent costs or the absolute value of their
        median, whichever is larger. Infinity disables this check.
    patience : int
        The number of consecutive batches whose cost must exceed the limit.
    window : int
        The number of costs in each median, at least 20.
    parameters : sequence of str, optional
        The names or paths of the hyperparameters to reduce; by default all hyperparameters named
        ``learning_rate``. If a schedule sets a hyperparameter, the hyperparameter is held at the
        reduced value until it is released.
    record_name : str, optional
        The name of the record with the cost of each batch; by default the cost of the algorithm is
        used, without a record. The extension that writes the record must come before this
        extension.
    name : str, optional
        The name of the extension; by default the class name.

    Raises
    ------
    ArgumentError
        If an argument is not valid.
    ExtensionError
        When training starts, if there is no cost to check.

    Examples
    --------
    >>> Guard()
    Guard('pause')
    >>> Guard("rewind", factor=0.1)
    Guard('rewind', factor=0.1)
    """

    state_keys: ClassVar[tuple[str, ...]] = ("first", "last", "above")

    def __init__(
        self,
        action: Literal["pause", "rewind"] = "pause",
        *,
        factor: float = 0.5,
        back: int = 100,
        times: int = 3,
        exploding: float = 10.0,
        patience: int = 3,
        window: int = 100,
        parameters: Sequence[str] = (LEARNING_RATE,),
        record_name: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        if action not in ("pause", "rewind"):
            raise ArgumentError(f"action must be 'pause' or 'rewind', not {action!r}")
        if not 0 < factor < 1:
            raise ArgumentError(f"factor must be between 0 and 1, not {factor!r}")
        if not exploding > 0:
            raise ArgumentError(f"exploding must be greater than 0, not {exploding!r}")
        if isinstance(parameters, str):
            parameters = (parameters,)
        self.action = action
        self.factor = factor
        self.back = as_whole(back, "back", ArgumentError, 0)
        self.times = as_whole(times, "times", ArgumentError, 0)
        self.exploding = exploding
        self.patience = as_whole(patience, "patience", ArgumentError, 1)
        self.window = as_whole(window, "window", ArgumentError, FEWEST)
        self.parameters = tuple(parameters)
        self.record_name = record_name
        self.first: list[float] = []
        self.last: list[float] = []
        self.above = 0
        self.rewinds = 0  # not part of the state, which a rewind would restore
        self._limit: float | None = None  # for the current `last`; None if unknown
        self._wrong = False  # the last cost was not finite
        self._rewinding = False  # a rewind was requested and is not complete
        self._target: int | None = None  # of the last rewind

    def records(self) -> dict[str, bool]:
        return {ALERTS: False}

    def before_training(self) -> None:
        """Check that the cost of each batch is available."""
        self._check()

    def on_resumption(self) -> None:
        """Check that the cost of each batch is available."""
        self._limit = None
        self._rewinding = False
        self._check()

    def _check(self) -> None:
        algorithm = self.main_loop.algorithm
        if self.record_name is None and not (
            isinstance(algorithm, GradientDescent) and algorithm.checks_cost
        ):
            raise ExtensionError(NO_COST.format(guard=self, algorithm=type(algorithm).__name__))

    def load_state_dict(self, state: Any) -> None:
        super().load_state_dict(state)
        self._limit = None

    def after_batch(self, batch: Any) -> None:
        """Act if the cost of the batch is not finite, or if the costs explode."""
        cost = self._cost()
        if cost is None:
            return
        if not math.isfinite(cost):
            if not self._wrong:
                self._act(self._with_cause(f"the cost is {cost} in batch {self._done}", batch))
            self._wrong = True
            return
        self._wrong = False
        if self._limit is None:
            self._limit = self._new_limit()
        if cost > self._limit:
            self.above += 1
            if self.above >= self.patience:
                self._act(self._explosion(cost, batch))
                self.above = 0
            return  # such a cost does not raise the limit
        self.above = 0
        if len(self.first) < self.window:
            self.first.append(cost)
        self.last.append(cost)
        if len(self.last) >= self.window + self.window // 4 or len(self.last) < 2 * FEWEST:
            del self.last[: -self.window]
            self._limit = None

    def _cost(self) -> float | None:
        algorithm = self.main_loop.algorithm
        if self.record_name is not None:
            value = self.main_loop.log.current_row.get(self.record_name)
            return None if value is None else float(value)
        return algorithm.last_cost if isinstance(algorithm, GradientDescent) else None

    @property
    def _done(self) -> int:
        return int(self.main_loop.log.status["iterations_done"])

    def _new_limit(self) -> float:
        """Compute the limit above which a cost counts as exploding."""
        if not self.first:
            return math.inf
        if len(self.last) < FEWEST:  # a few costs after the first one may have been too high too
            scale = max(abs(self.first[0]), 1.0)
            return self.first[0] + EARLY * self.exploding * scale
        low, median, high = statistics.quantiles(self.last, n=4)
        spread = max(high - low, abs(median))
        return max(statistics.median(self.first), median) + self.exploding * spread

    def _explosion(self, cost: float, batch: Any) -> str:
        assert self._limit is not None
        found = steepest(self.main_loop.algorithm, batch)
        return EXPLODES.format(
            cost=cost,
            patience=self.patience,
            limit=self._limit,
            count=len(self.last),
            plural="es" * (len(self.last) != 1),
            median=statistics.median(self.last),
            steepest="" if found is None else STEEPEST.format(parameter=found[0], norm=found[1]),
        )

    def recover(self, error: Exception, batch: Any) -> bool:
        """Act on a value that is not finite, and request that the batch be processed again."""
        session = self.main_loop.session
        if not isinstance(error, NotFiniteError) or session is None:
            return False
        what, algorithm = str(error), self.main_loop.algorithm
        cost = algorithm.last_cost if isinstance(algorithm, GradientDescent) else None
        if cost is not None and not math.isfinite(cost):  # else the error names a parameter
            what = self._with_cause(what, batch)
        self._act(what, again=True)
        return True

    def _with_cause(self, what: str, batch: Any) -> str:
        found = cause(self.main_loop.algorithm, batch)
        return f"{what.rstrip('.')}. {found}" if found else what

    def _act(self, what: str, *, again: bool = False) -> None:
        """Alert the user, and rewind, pause or end the run."""
        if self._rewinding:  # after the rewind, the failed batch is not processed again
            return
        session, what = self.main_loop.session, what.rstrip(".")
        if session is None:
            with acting_as(self.name):
                alert(self.main_loop, ENDED.format(what=what), "error")
            self.main_loop.request_finish()
            return
        reason = self._rewind(session, what, again) if self.action == "rewind" else ""
        if self.action == "pause" or reason:
            self._pause(session, what, reason, again)

    def _pause(self, session: Session, what: str, reason: str, again: bool) -> None:
        if reason:
            what += NOT_POSSIBLE.format(reason=reason)
        with acting_as(self.name):
            session.pause()
            text = PAUSED if again else PAUSED_AFTER
            alert(self.main_loop, text.format(what=what, batch=self._done + 1), "error")

    def _rewind(self, session: Session, what: str, again: bool) -> str:
        """Request a rewind with lower learning rates; return a reason if this is not possible."""
        lowered = self._lowered(session)
        if self.rewinds >= self.times:
            return f"the limit of {self.times} rewind{'s' * (self.times != 1)} is reached"
        if not lowered:
            return f"the run has no hyperparameter {' or '.join(self.parameters)}"
        if not any(one.iteration <= self._done for one in session.snapshots):
            return "there is no snapshot to rewind to"
        self.rewinds += 1
        self._rewinding = True
        rates = {one.path: one.value for one in lowered}
        self._go(session, self._targets(session), partial(self._arrive, what, again, rates))
        return ""

    def _go(
        self,
        session: Session,
        targets: list[int],
        arrive: Callable[[Session, list[int], Command], None],
    ) -> None:
        """Request a rewind to the first target; the training thread then calls `_arrive`."""
        with acting_as(self.name):
            command = session.rewind(targets[0])
        self.main_loop.post(partial(arrive, session, targets, command))

    def _arrive(
        self,
        what: str,
        again: bool,
        rates: dict[str, float],
        session: Session,
        targets: list[int],
        command: Command,
    ) -> None:
        """Lower the rates and continue after a rewind; try another target if the rewind failed."""
        target, *others = targets
        if command.reason is not None and others:
            self._go(session, others, partial(self._arrive, what, again, rates))
            return
        self._rewinding = False
        if command.reason is not None:
            self.rewinds -= 1
            self._pause(session, what, command.reason, again)
            return
        self._target = target
        lowered = [
            (p, float(f"{self.factor * min(p.value, rates.get(p.path, p.value)):.6g}"))
            for p in self._lowered(session)
        ]
        changes = ", ".join(f"{one.path} = {rate:.4g}" for one, rate in lowered)
        text = REWOUND.format(
            what=what, target=target, changes=changes, count=self.rewinds, times=self.times
        )
        with acting_as(self.name):
            alert(self.main_loop, text)  # in the log of the new branch
            for one, rate in lowered:
                change = session.hold if one.driven_by else session.set
                change(one.path, rate)
            session.resume()

    def _lowered(self, session: Session) -> list[Hyperparameter]:
        return [p for p in session.hyperparameters if {p.path, p.name} & set(self.parameters)]

    def _targets(self, session: Session) -> list[int]:
        """Return the iterations to rewind to, starting with the preferred iteration."""
        good = self._done - self.above
        if self._target is not None and good - self._target <= self.back:
            good = self._target - 1  # the last rewind did not go back far enough
        good = max(good, 0)
        changes = [
            one["iteration"]
            for one in session.interventions
            if one["command"] in SUSPECTS
            and one.get("by") != self.name
            and good - self.back <= one["iteration"] <= good
        ]
        target = max(changes, default=max(good - self.back, 0))
        kept = sorted({s.iteration for s in session.snapshots if s.iteration <= self._done})
        earlier = [iteration for iteration in reversed(kept) if iteration < target]
        return list(dict.fromkeys([target, *earlier, *kept[:1]]))

    def __repr__(self) -> str:
        shown = "" if self.action == "pause" else f", factor={self.factor}"
        return f"Guard({self.action!r}{shown})"


explain_missing(__name__)
