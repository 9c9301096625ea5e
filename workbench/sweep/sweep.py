"""`Sweep`, which trains many runs with different settings in the background."""

from __future__ import annotations

import contextvars
import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from workbench import interfaces
from workbench.config import config
from workbench.data.seeds import resolve_seed
from workbench.errors import ArgumentError, NoResultError, SessionError, SessionWarning
from workbench.extensions.compared_records import check_direction, direction_of
from workbench.hints import Hinted
from workbench.interfaces import Session, State
from workbench.main_loop.starting import SHARES
from workbench.sweep import run as states
from workbench.sweep.driver import Driver
from workbench.sweep.halving import milestones, ranked
from workbench.sweep.journal import Journal
from workbench.sweep.run import SweepRun
from workbench.sweep.sessions import NO_ARCHIVE, Sessions
from workbench.sweep.space import Between, as_plain, checked_space, settings_of
from workbench.utils.live_layer import show_live
from workbench.utils.notices import remark, tell
from workbench.utils.numbers import is_count
from workbench.utils.waiting import wait

if TYPE_CHECKING:
    import pandas as pd

ONLY_MIN_OR_MAX = "choose_best must be min or max, not {given!r}"
NO_EPOCHS = "halving={halving} also needs epochs=..., the number of epochs of the best runs"
TOO_FEW = (
    "halving={halving} cannot compare {n} runs within {epochs} epochs; pass at least {halving} "
    "runs and epochs={halving} or more, or omit halving"
)
NO_HALVING = "forks={forks} also needs halving=..., since runs are forked when they are compared"
NUMBER = "{name} must be a whole number >= {least}, not {given!r}"
FEWER = (
    "the space has only {count} different settings, so the sweep has {count} runs instead of {n}"
)
CONTINUES = (
    "the sweep {name!r} in {database} continues: {over} of its {count} runs have already ended; to "
    "train all runs again, pass another name"
)
NOTHING_YET = (
    "no run of the sweep {name!r} has a finite value of {record!r} yet, so there is no best run"
)
NO_RUN = "the sweep {name!r} has no run {number!r}; its runs are numbered from 0 to {last}"
STILL_TRAINS = (
    "run {number} is still {state} in the sweep {name!r}; wait for it, or call sweep.stop() first"
)
NOT_STARTED = (
    "the sweep {name!r} was not started, so there is nothing to wait for; call sweep.start() "
    "first, as in Sweep(...).start().wait()"
)
ALREADY = "the sweep {name!r} is already running"
DATABASE = "sweeps.sqlite"
FAILED_RUN = "run {number} of the sweep {name!r} with {settings} failed: {error}"


class Sweep(Hinted, interfaces.Sweep):
    """Many runs of one program with different settings, trained as sessions in the background.

    ``Sweep(build, space)`` trains every combination of the values in `space`, and
    ``Sweep(build, space, 20)`` trains 20 random combinations. `start` returns immediately. In a
    notebook, a sweep on the last line of a cell shows a table and a figure of all runs, which are
    updated during training.

    All logs are in one database, which also contains a journal of the sweep. If the program is
    interrupted or killed, start the same sweep again. Runs that have finished, or that the sweep
    has ended early, are not repeated. Runs that have failed are repeated only if `retry` is True.
    All other runs continue from their last saved state, or start again if there is none. The
    states of all runs are saved before each comparison.

    With `halving`, the runs are compared several times before their last epoch, and only the best
    of them continue (successive halving). With ``halving=3`` and ``epochs=9``, all runs train for
    one epoch, a third of them for three epochs, and a ninth of them for nine epochs. With
    ``forks=1``, each run that continues after a comparison is also forked once. The fork has
    slightly different values for the settings that can be changed during training, such as a
    learning rate.

    Runs train in threads of this process. If `build` returns ``main_loop.start(detached=True,
    linger=10)``, each run trains in a separate process, which ends soon after the run.

    A run that is paused by a user or by an extension stays paused until it is resumed; meanwhile
    the sweep waits for it, and `note` and the view of the sweep say so.

    Parameters
    ----------
    build : callable
        A function that takes settings as keyword arguments, and returns a new main loop or the
        session that `fit` returns. The function must set all seeds itself.
    space : mapping
        A list of values, or a range `Between`, for each setting. Values are numbers, strings, True,
        False or None.
    n : int, optional
        The number of random settings, which are all different. By default, the runs use the
        whole grid.
    record : str
        The record whose latest values are compared. Runs whose value is NaN or infinite rank last.
    choose_best : {min, max}, optional
        `min` if lower values are better, `max` if higher values are better. By default this follows
        from the name of the record: `max` for an accuracy, AUC, F1 score, precision or recall,
        `min` for a cost, loss or error. For other names it is required.
    epochs : int, optional
        The number of epochs of each run; by default `build` defines the end of a run.
    halving : int, optional
        The factor, at least 2, by which each comparison reduces the number of runs. By default,
        runs are not compared before their end.
    forks : int
        The number of forks of each run that continues after a comparison.
    at_once : int
        The number of runs that train at the same time. On a CPU, training one run at a time is
        usually the fastest.
    keep : int
        The number of best runs whose final states are kept on disk.
    seed : int, optional
        The seed for the random settings; by default ``config.default_seed``.
    name : str
        The name of the sweep in its database.
    database : path, optional
        The database; by default ``config.sqlite_database`` or, if this is not set, the file
        ``sweeps.sqlite`` in the working directory.
    retry : bool
        True to repeat runs that failed after an earlier start.

    Raises
    ------
    ArgumentError
        If the space does not fit `build`, or if another argument is invalid.
    LogError
        If the file is not a database of logs.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> import workbench as wb
    >>> X = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    >>> def build(rate):
    ...     model, data = [wb.Linear(output_dim=1)], (X, X.sum(axis=1, keepdims=True))
    ...     return wb.fit(model, data, step_rule=wb.Scale(rate), epochs=2, seed=1)
    >>> database = f"{tempfile.mkdtemp()}/runs.sqlite"
    >>> sweep = wb.Sweep(build, {"rate": [1e-4, 0.1]}, database=database).start()
    >>> sweep.wait()
    True
    >>> sweep.best.settings, sweep.frame["state"].to_list()
    ({'rate': 0.1}, ['finished', 'finished'])
    >>> sweep.open()
    <Session sweep-1...: finished...>
    """

    def __init__(
        self,
        build: Callable[..., Any],
        space: Mapping[str, Sequence[Any] | Between],
        n: int | None = None,
        *,
        record: str = "validation_cost",
        choose_best: Callable[..., Any] | None = None,
        epochs: int | None = None,
        halving: int | None = None,
        forks: int = 0,
        at_once: int = 1,
        keep: int = 1,
        seed: int | None = None,
        name: str = "sweep",
        database: str | os.PathLike[str] | None = None,
        retry: bool = False,
    ) -> None:
        if not callable(build):
            raise ArgumentError(f"build must be a function, not {build!r:.80}")
        if choose_best not in (None, min, max):
            raise ArgumentError(ONLY_MIN_OR_MAX.format(given=choose_best))
        for text, given in (("name", name), ("record", record)):
            if not isinstance(given, str) or not given:
                raise ArgumentError(f"{text} must be non-empty text, not {given!r}")
        least = {"epochs": 1, "halving": 2, "forks": 0, "at_once": 1, "keep": 1}
        numbers = {
            "epochs": epochs, "halving": halving, "forks": forks, "at_once": at_once, "keep": keep
        }  # fmt: skip
        for one, number in numbers.items():
            optional = one in ("epochs", "halving")
            if not (optional and number is None) and not is_count(number, least[one]):
                raise ArgumentError(NUMBER.format(name=one, least=least[one], given=number))
        self.space = checked_space(build, space)
        if choose_best is None:
            choose_best = direction_of("Sweep", record)
        self.name, self.record, self.lower = name, record, choose_best is min
        check_direction("Sweep", record, self.lower, "choose_best=max or min")
        seed = resolve_seed(None, seed, "Sweep")
        settings = settings_of(self.space, n, seed)
        if n is not None and len(settings) < n:
            tell(FEWER.format(count=len(settings), n=n))
        self.runs: list[SweepRun] = [SweepRun(i, one) for i, one in enumerate(settings)]
        pauses = self._pauses(len(settings), epochs, halving, forks)
        self._retry, self._keep = retry, keep
        self._facts = {
            "space": as_plain(self.space), "n": n, "seed": seed, "record": record,
            "choose_best": "min" if self.lower else "max", "epochs": epochs, "halving": halving,
            "forks": forks,
        }  # fmt: skip
        path = getattr(config, "sqlite_database", DATABASE) if database is None else database
        self._journal = Journal(path, name)
        self._sessions = Sessions(
            build, name, self._journal.database, self._journal.folder, epochs, pauses
        )
        self._driver = Driver(
            self, self._sessions, self._journal, pauses, halving, forks, at_once, keep, seed
        )
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._state = State.CREATED
        self.exception: BaseException | None = None
        self.version = 0

    @staticmethod
    def _pauses(n: int, epochs: int | None, halving: int | None, forks: int) -> tuple[int, ...]:
        if halving is None:
            if forks:
                raise ArgumentError(NO_HALVING.format(forks=forks))
            return ()
        if epochs is None:
            raise ArgumentError(NO_EPOCHS.format(halving=halving))
        found = milestones(epochs, halving, n)[:-1]
        if not found:
            raise ArgumentError(TOO_FEW.format(halving=halving, n=n, epochs=epochs))
        return tuple(found)

    @property
    def state(self) -> State:
        """The state: created, running, stopping, finished or failed."""
        return self._state

    @property
    def database(self) -> str:
        """The absolute path of the database with all logs."""
        return self._journal.database

    @property
    def sessions(self) -> dict[int, Session]:
        """The sessions that are in memory, keyed by the numbers of their runs."""
        return dict(self._sessions.live)

    @property
    def note(self) -> str:
        """The paused runs that the sweep is waiting for, as text; empty if there are none."""
        held = sorted(self._driver.held)
        if not held:
            return ""
        words = "run {} is paused" if len(held) == 1 else "runs {} are paused"
        text = words.format(", ".join(map(str, held)))
        return f"{text}; to continue, call sweep.sessions[{held[0]}].resume()"

    @property
    def frame(self) -> pd.DataFrame:
        """A table with the settings, the value and the state of each run; the best run is first."""
        import pandas as pd  # slow to load

        order = ranked(self.runs, lower=self.lower)
        rows = [
            {**run.settings, self.record: run.value, "epochs": run.epochs, "state": run.state}
            for run in order
        ]
        return pd.DataFrame(rows, index=pd.Index([run.number for run in order], name="run"))

    @property
    def best(self) -> SweepRun:
        """The finished run with the best value; if no run has finished, the best of all runs.

        Raises
        ------
        NoResultError
            If no run has a finite value yet; ``hasattr(sweep, "best")`` is then False.
        """
        known = [one for one in self.runs if one.value is not None and math.isfinite(one.value)]
        whole = [one for one in known if one.state == states.FINISHED] or known
        if not whole:
            raise NoResultError(NOTHING_YET.format(name=self.name, record=self.record))
        return ranked(whole, lower=self.lower)[0]

    def start(self) -> Self:
        """Start or continue the sweep in the background, and return it.

        Raises
        ------
        SessionError
            If the sweep is already running, here or in another program, or if its database contains
            a sweep with the same name but different arguments.
        """
        if self._thread is not None and not self._ended.is_set():
            raise SessionError(ALREADY.format(name=self.name))
        self._journal.claim()
        try:
            self._restore()
        except BaseException:
            self._journal.release()
            raise
        self.exception, self._state = None, State.RUNNING
        self._ended.clear()
        self._driver.stopping.clear()
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._work,), name=self.name, daemon=True
        )
        self._thread.start()
        return self

    def _restore(self) -> None:
        """Restore the runs of an earlier start from the journal."""
        earlier = self._journal.begin(self._facts, "n")
        again = (states.RUNNING, states.STOPPED, *([states.FAILED] if self._retry else []))
        for run in earlier:
            if run.state in again:
                run.state, run.error = states.PAUSED if run.archive else states.WAITING, ""
                run.epochs, run.value = (run.epochs, run.value) if run.archive else (0, None)
        self.runs[: len(earlier)] = earlier
        if earlier:
            over = sum(run.over for run in self.runs)
            count = len(self.runs)
            tell(CONTINUES.format(name=self.name, database=self.database, over=over, count=count))
        self._journal.write(self.runs)

    def _work(self) -> None:
        SHARES.set(True)
        try:
            self._driver.work()
            self._state = State.FINISHED
        except BaseException as error:
            self.exception, self._state = error, State.FAILED
        finally:
            self._journal.release()
            self.changed()
            self._ended.set()

    def changed(self) -> None:
        """Notify views that a run has changed."""
        self.version += 1

    def note_failure(self, run: SweepRun, error: BaseException) -> None:
        """Store the error of a run, and warn about it; the other runs continue."""
        run.state, run.error = states.FAILED, f"{type(error).__name__}: {error}"
        text = FAILED_RUN.format(
            number=run.number, name=self.name, settings=run.settings, error=run.error
        )
        remark(text, SessionWarning, stacklevel=None)

    def stop(self) -> None:
        """Stop the sweep between two batches, and wait until it has ended.

        `start` continues it, even after a restart of the kernel.
        """
        if self._thread is None or self._ended.is_set():
            return
        self._state = State.STOPPING
        self._driver.stopping.set()
        wait(self._ended, None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the sweep has ended; return False if the timeout expires first.

        Raises
        ------
        SessionError
            If the sweep was not started, or if all its runs failed.
        ArgumentError
            If no run has the record to compare, or if `build` returned something other than a main
            loop or a session.
        """
        if self._thread is None:
            raise SessionError(NOT_STARTED.format(name=self.name))
        ended = wait(self._ended, timeout)
        if ended and self.exception is not None:
            raise self.exception
        return ended

    def open(self, number: int | None = None) -> Session:
        """Return the session of a run that has ended, so that you can continue or examine the run.

        By default, it is the session of the best run. If the session is no longer in memory, the
        run is built again, its last state is loaded, and the session is paused.

        Raises
        ------
        SessionError
            If the run is still training, if there is no such run, or if its state was not kept.
        """
        run = self.best if number is None else self._run(number)
        if not run.over and not (self._thread is None or self._ended.is_set()):
            raise SessionError(
                STILL_TRAINS.format(number=run.number, state=run.state, name=self.name)
            )
        if run.number not in self._sessions.live and not run.archive:
            place = ranked(self.runs, lower=self.lower).index(run) + 1
            raise SessionError(
                NO_ARCHIVE.format(
                    number=run.number, keep=max(place, self._keep + 1), settings=run.settings
                )
            )
        return self._sessions.open(run)

    def _run(self, number: int) -> SweepRun:
        if not is_count(number, 0) or number >= len(self.runs):
            raise SessionError(
                NO_RUN.format(name=self.name, number=number, last=len(self.runs) - 1)
            )
        return self.runs[number]

    def __repr__(self) -> str:
        over = sum(run.over for run in self.runs)
        note = self.note and f"; {self.note}"
        return (
            f"<Sweep {self.name!r} in {self.database}: {self.state}, {over} of {len(self.runs)} "
            f"runs are over{note}>"
        )

    def _repr_html_(self) -> str:
        html: Any = self.frame._repr_html_()  # type: ignore[operator]
        return f"<div>{self.name}: {self.state}</div>{html}"

    _ipython_display_ = show_live
