"""Sessions of a sweep's runs, which are built by a function that the user provides."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.errors import ArgumentError, SessionError
from workbench.extensions import TrainingExtension
from workbench.interfaces import Session, State
from workbench.log import SQLiteLog, TrainingLog
from workbench.main_loop import MainLoop
from workbench.main_loop.starting import Start, prepared_by
from workbench.session.known_sessions import alive
from workbench.session.remote.folder import announced
from workbench.sweep.run import SweepRun

NOT_BUILT = (
    "build(**{settings}) returned {given!r:.80}, but must return a main loop that has not been "
    "started, or the session that fit() or main_loop.start() returns"
)
SEVERAL = (
    "build(**{settings}) started {count} main loops, but may start only the main loop that it "
    "returns"
)
OTHER_LOG = (
    "build(**{settings}) made a main loop with the log {log!r:.80}, but a sweep records all its "
    "runs in {database!r}; create the main loop without a log"
)
TRAINED = (
    "build(**{settings}) returned a main loop that has already been trained for {done} iterations; "
    "build a new main loop in every call"
)
NO_ARCHIVE = (
    "the state of run {number} was not kept, since the run is not among the best. Pass keep={keep} "
    "or more to Sweep, or train the run again with build(**{settings})"
)
LOST = "the state of run {number} was saved in {path}, but this file no longer exists"


class _PauseAfterEpochs(TrainingExtension):
    """Extension that pauses the session after the given numbers of epochs.

    Parameters
    ----------
    epochs : collection of int
        The numbers of completed epochs at which the session pauses.
    """

    def __init__(self, epochs: tuple[int, ...]) -> None:
        super().__init__("pauses_of_sweep")
        self.epochs = epochs

    def after_epoch(self) -> None:
        """Pause if the number of completed epochs is one of `epochs`."""
        session = self.main_loop.session
        if session is not None and self.main_loop.status["epochs_done"] in self.epochs:
            session.pause()


class Sessions:
    """The sessions of a sweep.

    Parameters
    ----------
    build : callable
        The user's function that builds a run from its settings.
    name : str
        The name of the sweep; the names of the sessions begin with it.
    database : str
        The database for all logs.
    folder : Path
        The folder for saved states.
    epochs : int or None
        The total number of epochs of a run; None for the end that `build` defines.
    pauses : tuple of int
        The numbers of completed epochs at which the runs are compared.
    """

    def __init__(
        self,
        build: Callable[..., Any],
        name: str,
        database: str,
        folder: Path,
        epochs: int | None,
        pauses: tuple[int, ...],
    ) -> None:
        self._build, self._name, self._database = build, name, database
        self._folder, self._epochs, self._pauses = folder, epochs, pauses
        self.live: dict[int, Session] = {}

    def open(self, run: SweepRun) -> Session:
        """Return the session of a run, paused at its last saved state; build it if necessary."""
        found = self.live.get(run.number)
        if found is not None:
            return found
        if run.archive and not Path(run.archive).exists():
            raise SessionError(LOST.format(number=run.number, path=run.archive))
        session = self._start(run)
        if run.archive:
            try:
                session.load(run.archive).wait()
            except BaseException:
                end(session)
                raise
        self.live[run.number] = session
        run.log = session.log.h_uuid
        return session

    def _start(self, run: SweepRun) -> Session:
        started: list[MainLoop] = []

        def prepare(main_loop: MainLoop) -> Start:
            if not started or started[-1] is not main_loop:
                started.append(main_loop)
                self._prepare(main_loop, run)
            return Start(self._free_name(run), self._epochs)

        with prepared_by(prepare):
            built = self._build(**run.settings)
            if isinstance(built, MainLoop):
                built = built.session if built.session is not None else built.start()
        if len(started) > 1:
            raise SessionError(SEVERAL.format(settings=run.settings, count=len(started)))
        if not started or not isinstance(built, Session):
            raise ArgumentError(NOT_BUILT.format(settings=run.settings, given=built))
        return built

    def _free_name(self, run: SweepRun) -> str:
        """Return an unused name for the session of a run.

        A session from an earlier start of the sweep may still have the usual name.
        """
        taken = {session.name for session in alive()}
        taken |= {folder.announced().get("name", "") for folder in announced()}
        name = f"{self._name}-{run.number}"
        others = (f"{name} ({i})" for i in itertools.count(2))
        return next(
            one for one in (name, *itertools.islice(others, len(taken))) if one not in taken
        )

    def _prepare(self, main_loop: MainLoop, run: SweepRun) -> None:
        """Give a main loop a log in the database, and an extension that pauses it."""
        log, done = main_loop.log, main_loop.status["iterations_done"]
        if done:
            raise ArgumentError(TRAINED.format(settings=run.settings, done=done))
        facts = {"sweep": self._name, "sweep_settings": dict(run.settings)}
        if type(log) is TrainingLog:
            main_loop.log = own = SQLiteLog(self._database)
        elif isinstance(log, SQLiteLog) and log.database == self._database:
            own = log
        else:
            raise ArgumentError(
                OTHER_LOG.format(settings=run.settings, log=log, database=self._database)
            )
        # Change the status only in memory, since another process may write the log.
        own.load_state_dict({**own.state_dict(), "status": {**log.status, **facts}})
        main_loop.extensions.append(_PauseAfterEpochs(self._pauses))

    def save(self, run: SweepRun) -> None:
        """Save the state of a run, in place of its earlier state."""
        path = self._folder / f"run-{run.number}-epoch-{run.epochs}.tar"
        self.live[run.number].save(path).wait()
        earlier, run.archive = run.archive, str(path)
        if earlier and earlier != run.archive:
            Path(earlier).unlink(missing_ok=True)

    def fork(self, run: SweepRun, child: SweepRun, changed: dict[str, tuple[str, Any]]) -> None:
        """Fork the session of a run, and change variables in the fork.

        `changed` maps each setting to the path of its variable and the new value.
        """
        session = self.live[run.number].fork(name=self._free_name(child))
        self.live[child.number] = session
        session.call(_noting(child.settings)).wait()
        for path, value in changed.values():
            session.set(path, value).wait()
        child.log = session.log.h_uuid
        self.save(child)

    def end(self, run: SweepRun) -> None:
        """End the session of a run, and drop the reference to it."""
        session = self.live.pop(run.number, None)
        if session is not None:
            end(session)

    def forget(self, run: SweepRun) -> None:
        """End the session of a run, and delete its saved state."""
        self.end(run)
        if run.archive:
            Path(run.archive).unlink(missing_ok=True)
            run.archive = ""


def end(session: Session) -> None:
    """Stop a session, and wait until it has ended; ignore any error that ended it."""
    if session.state is not State.CREATED and not session.state.ended:
        session.stop()
        with suppress(Exception):
            session.wait()
    if hasattr(session, "close"):  # closes the connection to other processes
        session.close()


def _noting(settings: dict[str, Any]) -> Callable[[Any], None]:
    def note(main_loop: Any) -> None:
        main_loop.status["sweep_settings"] = dict(settings)

    return note
