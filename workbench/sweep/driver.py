"""Thread of a sweep, which trains, compares, forks and ends runs through their sessions."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from workbench.errors import ArgumentError, SessionError, nearest
from workbench.interfaces import Command, Session, State
from workbench.log.summary import numbers_of
from workbench.sweep import run as states
from workbench.sweep.halving import ranked, survivors
from workbench.sweep.journal import Journal
from workbench.sweep.run import SweepRun
from workbench.sweep.sessions import Sessions
from workbench.sweep.space import Between, Space
from workbench.utils.notices import tell

PERIOD = 0.05
"""Seconds between two checks of the sessions that are training."""

HELD = (
    "run {number} of the sweep {name!r} is paused, and the sweep waits for it; to continue, call "
    "sweep.sessions[{number}].resume(), or end this run with sweep.sessions[{number}].stop()"
)
NO_RECORD = (
    "run {number} of the sweep has no record {record!r} to compare; its records: {known}{hint}. "
    "Pass the name of one of its records, as in Sweep(..., record={example!r}), and also "
    "choose_best=max if higher values are better"
)
NOT_A_NUMBER = (
    "the record {record!r} that the sweep compares must be a single number, not {value!r:.80}"
)
ALL_FAILED = "all runs of the sweep failed; the first error: {error}"
NONE_FINITE = (
    "no run has a finite value of {record!r} after {epochs} epochs, so no run continues; check the "
    "settings: {settings}"
)
NO_LIVE = (
    "forks={forks} needs a setting that can be changed during training. A hyperparameter must have "
    "the same name and value, but the settings are {settings}, and the hyperparameters are {known}"
)


class Owner(Protocol):
    """Protocol for a sweep whose runs a driver trains."""

    name: str
    record: str
    lower: bool
    space: Space
    runs: list[SweepRun]

    def changed(self) -> None:
        """Notify views that a run has changed."""

    def note_failure(self, run: SweepRun, error: BaseException) -> None:
        """Store the error of a run."""


class Driver:
    """Trainer of all runs of a sweep.

    Parameters
    ----------
    sweep : Owner
    sessions : Sessions
    journal : Journal
    pauses : tuple of int
        The numbers of completed epochs at which the runs are compared.
    halving : int or None
    forks, at_once, keep, seed : int
        See `Sweep`.

    Attributes
    ----------
    stopping : threading.Event
        An event that is set to stop the sweep.
    held : set of int
        The numbers of the runs that were paused by something other than the sweep.
    """

    def __init__(
        self,
        sweep: Owner,
        sessions: Sessions,
        journal: Journal,
        pauses: tuple[int, ...],
        halving: int | None,
        forks: int,
        at_once: int,
        keep: int,
        seed: int,
    ) -> None:
        self._sweep, self._sessions, self._journal = sweep, sessions, journal
        self._pauses, self._halving = pauses, halving
        self._forks, self._at_once, self._keep, self._seed = forks, at_once, keep, seed
        self.stopping = threading.Event()
        self.held: set[int] = set()
        self._resumed: dict[int, Command] = {}
        self._passed: set[tuple[int, int]] = set()

    def work(self) -> None:
        """Train all runs until they have ended or `stopping` is set."""
        try:
            for index, until in enumerate([*self._pauses, None]):
                if index < self._journal.rounds:
                    continue
                self._train([run for run in self._sweep.runs if not run.over], until)
                if self.stopping.is_set():
                    return
                if until is not None:
                    self._compare(until)
                    self._journal.rounds = index + 1
        finally:
            best = [run for run in self._sweep.runs if run.state == states.FINISHED]
            kept = ranked(best, lower=self._sweep.lower)[:1]
            for run in self._sweep.runs:
                if run not in kept:
                    self._sessions.end(run)
            self._journal.write(self._sweep.runs)
        if all(run.state == states.FAILED for run in self._sweep.runs):
            raise SessionError(ALL_FAILED.format(error=self._sweep.runs[0].error))

    def _train(self, runs: list[SweepRun], until: int | None) -> None:
        """Train each run until it has completed `until` epochs or has ended."""
        queue = [run for run in runs if until is None or run.epochs < until]
        training: list[SweepRun] = []
        try:
            while (queue or training) and not self.stopping.is_set():
                while queue and len(training) < self._at_once:
                    run = queue.pop(0)
                    if self._resume(run):
                        training.append(run)
                    self._wrote([run])
                self.stopping.wait(PERIOD)
                for run in list(training):
                    session = self._sessions.live[run.number]
                    if self._arrived(session, until):
                        self.held.discard(run.number)
                        training.remove(run)
                        self._collect(run, session)
                    else:
                        self._measure(run, session)
                        self._look_for_pause(run, session)
        finally:
            self.held.clear()
            for run in training:  # the run will continue from its last saved state
                self._sessions.end(run)
                run.state = states.PAUSED if run.archive else states.WAITING
            self._wrote(training)

    def _resume(self, run: SweepRun) -> bool:
        """Resume a run; return False if it cannot be built."""
        try:
            session = self._sessions.open(run)
        except (ArgumentError, SessionError) as error:
            if not isinstance(error, SessionError):
                raise
            self._sweep.note_failure(run, error)
            return False
        except Exception as error:
            self._sweep.note_failure(run, error)
            return False
        run.state = states.RUNNING
        self._passed.add((run.number, run.epochs))
        self._resumed[run.number] = session.resume()
        return True

    def _arrived(self, session: Session, until: int | None) -> bool:
        if session.state.ended:
            return True
        paused = until is not None and session.state is State.PAUSED
        return paused and session.log.status["epochs_done"] >= (until or 0)

    def _look_for_pause(self, run: SweepRun, session: Session) -> None:
        """Note a pause by the user; resume a run that paused where runs were already compared.

        A failed run that is repeated pauses again at the epochs where other runs were compared.
        """
        if not self._resumed[run.number].done:
            return
        paused, before = session.state is State.PAUSED, run.number in self.held
        place = run.number, run.epochs
        if paused and run.epochs in self._pauses and place not in self._passed:
            self._passed.add(place)
            self._resumed[run.number] = session.resume()
        elif paused and not before:
            self.held.add(run.number)
            tell(HELD.format(number=run.number, name=self._sweep.name))
        elif before and not paused:
            self.held.discard(run.number)
        if before != (run.number in self.held):
            self._sweep.changed()

    def _measure(self, run: SweepRun, session: Session) -> None:
        """Read the progress and the latest value of a run from its log."""
        log = session.log
        before = run.epochs, run.value
        run.epochs = int(log.status["epochs_done"])
        if self._sweep.record in log.channels:
            value = log.entries(self._sweep.record)[1][-1]
            try:
                run.value = None if value is None else float(value)
            except (TypeError, ValueError):
                raise ArgumentError(
                    NOT_A_NUMBER.format(record=self._sweep.record, value=value)
                ) from None
        if before != (run.epochs, run.value):
            self._sweep.changed()

    def _collect(self, run: SweepRun, session: Session) -> None:
        """Save the result of a run that has paused or ended."""
        self._measure(run, session)
        if session.exception is not None:
            self._sweep.note_failure(run, session.exception)
            self._sessions.forget(run)
        elif run.value is None:
            self._refuse(run, session)
        elif not session.state.ended:
            run.state = states.PAUSED
            self._sessions.save(run)
        elif any(command.kind == "stop" for command in session.commands):
            run.state = states.STOPPED
            self._sessions.save(run)
            self._sessions.end(run)
        else:
            run.state = states.FINISHED
            self._keep_best(run)
        self._wrote([run])

    def _refuse(self, run: SweepRun, session: Session) -> None:
        record, log = self._sweep.record, session.log
        numbers = [
            name
            for name in log.channels
            if not name.startswith(("time_", "training_"))
            and numbers_of(log.entries(name)[1])[0] == "numbers"
        ]
        raise ArgumentError(
            NO_RECORD.format(
                number=run.number,
                record=record,
                known=", ".join(numbers) or "none",
                hint=nearest(record, numbers, " ({})"),
                example=next(iter(numbers), "cost"),
            )
        )

    def _keep_best(self, new: SweepRun) -> None:
        """Keep the states of the `keep` best runs, and the session of the best run."""
        done = [run for run in self._sweep.runs if run.state == states.FINISHED]
        order = ranked(done, lower=self._sweep.lower)
        if new in order[: self._keep]:
            self._sessions.save(new)
        for place, run in enumerate(order):
            if place >= self._keep:
                self._sessions.forget(run)
            elif place > 0:
                self._sessions.end(run)
        self._wrote(order)

    def _compare(self, epochs: int) -> None:
        """End all runs except the best, and fork each of the best runs."""
        sweep = self._sweep
        assert self._halving is not None
        # Include runs that an interrupted comparison has ended, so that repeating the comparison
        # gives the same result.
        compared = [
            run
            for run in sweep.runs
            if (run.state != states.FAILED and run.fork_epoch != epochs and run.epochs >= epochs)
            or run.state == states.FINISHED
        ]
        chosen = survivors(compared, self._halving, lower=sweep.lower)
        if not chosen and any(run.state != states.FAILED for run in sweep.runs):
            shown = "; ".join(str(run.settings) for run in compared[:3])
            raise SessionError(
                NONE_FINITE.format(record=sweep.record, epochs=epochs, settings=shown)
            )
        for run in chosen:
            if run.state == states.PAUSED:
                self._fork(run, epochs)
        for run in compared:
            if run not in chosen and run.state in (states.PAUSED, states.STOPPED):
                run.state = states.ENDED
                self._sessions.forget(run)
        self._wrote(compared)

    def _fork(self, run: SweepRun, epochs: int) -> None:
        """Fork a run, with new values for the settings that can be changed during training."""
        existing = [
            one for one in self._sweep.runs
            if one.parent == run.number and one.fork_epoch == epochs
        ]  # fmt: skip
        missing = self._forks - len(existing)
        if missing <= 0:
            return
        session = self._sessions.open(run)
        paths = live_settings(session, run.settings)
        if not paths:
            raise SessionError(
                NO_LIVE.format(
                    forks=self._forks,
                    settings=run.settings,
                    known={one.path: one.value for one in session.hyperparameters},
                )
            )
        for _ in range(missing):
            number = len(self._sweep.runs)
            random = np.random.default_rng([self._seed, number])
            settings = dict(run.settings)
            for name in paths:
                settings[name] = near(self._sweep.space[name], settings[name], random)
            changed = {name: (path, settings[name]) for name, path in paths.items()}
            child = SweepRun(
                number, settings, states.PAUSED, run.value, run.epochs, run.number, epochs
            )
            self._sessions.fork(run, child, changed)
            self._sweep.runs.append(child)
            self._wrote([child])

    def _wrote(self, runs: Iterable[SweepRun]) -> None:
        self._journal.write(runs)
        self._sweep.changed()


def live_settings(session: Session, settings: dict[str, Any]) -> dict[str, str]:
    """Return the paths of the hyperparameters that settings determine, keyed by setting."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, (bool, str)) or value is None:
            continue
        own = [
            one
            for one in session.hyperparameters
            if name in (one.name, one.path)
            and not one.driven_by
            and math.isclose(one.value, value, rel_tol=1e-5)
        ]
        if len(own) == 1:
            found[name] = own[0].path
    return found


def near(values: list[Any] | Between, value: Any, random: np.random.Generator) -> Any:
    """Return a random value near the given value.

    In a range with a logarithmic scale, the result is between half and twice the value. In a range
    with a linear scale, it differs from the value by at most a fifth of the range. In a list, it is
    the element before or after the value.

    Examples
    --------
    >>> near([0.1, 0.2, 0.4], 0.1, np.random.default_rng(0))
    0.2
    """
    if isinstance(values, Between):
        if values.log:
            return values.clip(value * math.exp(random.uniform(-1, 1) * math.log(2)))
        return values.clip(value + random.uniform(-0.2, 0.2) * (values.high - values.low))
    place = values.index(value)
    beside = [i for i in (place - 1, place + 1) if 0 <= i < len(values)]
    return values[beside[int(random.integers(len(beside)))]] if beside else value
