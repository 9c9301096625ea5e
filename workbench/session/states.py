"""Methods of a session that keep, restore, copy and save the state of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from workbench.errors import AlreadyTrainingError, SessionError
from workbench.extensions.saveload import checked_path
from workbench.log import TrainingLogBase
from workbench.log.sources import HasLog
from workbench.main_loop import MainLoop
from workbench.main_loop.lease import at_rest
from workbench.session import exporting, predicting
from workbench.session.archives import default_path, load_from, read_file, save_to
from workbench.session.branch import Branch, check_iteration, interventions
from workbench.session.command import Command
from workbench.session.editing import Editing
from workbench.session.fork import Fork
from workbench.session.known_sessions import check_name
from workbench.session.learning_rate_test import LearningRateTest, check_options, run_test
from workbench.session.queue import LATER, Refused
from workbench.session.recipe import Recipe, recipe_of
from workbench.session.replay import Replay, to_replay
from workbench.session.replay_notes import start_notes, tell_of_first_batch, thread_note
from workbench.session.snapshots import Snapshot
from workbench.session.tiers import repeat_tiers_of
from workbench.utils.live_layer import from_live_layer
from workbench.utils.notices import tell


class States(Editing):
    """Base class of `Session`, with the methods that keep and restore the state of a run."""

    predict = predicting.predict
    prediction = predicting.prediction
    evaluate = predicting.evaluate
    best = predicting.best
    to_onnx = exporting.to_onnx
    to_torch = exporting.to_torch

    def __init__(self, main_loop: MainLoop, name: str | None = None) -> None:
        self.main_loop = main_loop

    def snapshot(self, name: str = "snapshot") -> Command:
        """Keep the current training state in memory, longer than automatic snapshots are kept.

        Parameters
        ----------
        name : str
            The name of the snapshot, which is shown as the reason for keeping it.

        Raises
        ------
        SessionError
            If `name` is empty or not a string.
        """
        if not isinstance(name, str) or not name:
            raise SessionError(f"the name of a snapshot must be a non-empty string, not {name!r}")
        rewinder = self._worker.rewinder
        return self._queue.ask("snapshot", name, lambda: rewinder.taker.take(name).iteration)

    def rewind(self, iteration: int, *, branch: str | None = None) -> Command:
        """Rewind training to the point after `iteration` batches, and pause there.

        The latest snapshot up to that point is loaded, and training on the batches in between is
        repeated with the same results; extensions are called again. Interventions made at
        `iteration` are not repeated. The training that followed is kept as a branch, in memory and
        in the database of an `SQLiteLog`. A rewind is also possible after the end of a run.

        Parameters
        ----------
        iteration : int
        branch : str, optional
            The name of one of `branches`; by default the current branch.

        Raises
        ------
        SessionError
            If `iteration` is not a non-negative integer.
        """
        check_iteration(iteration)
        of = "" if branch is None else f" of {branch}"
        return self._go_back("rewind", f"rewind to {iteration:,}{of}", iteration, branch)

    def fork(
        self, iteration: int | None = None, *, branch: str | None = None, name: str | None = None
    ) -> Self:
        """Start a second session, paused at an iteration of this session; this session continues.

        The new session has a copy of the main loop, with separate parameters, extensions and log.
        The two sessions share only the values in the snapshots before the fork, and each
        `IndexableDataset` and `H5PYDataset`. The new session can be rewound to these snapshots
        unless their model differs or their extensions cannot be copied. The new session is ready
        after it has trained on the batches between the last snapshot and `iteration`.

        Parameters
        ----------
        iteration : int, optional
            The iteration to start from; by default the current iteration or, if `branch` is given,
            the end of that branch.
        branch : str, optional
            The name of one of `branches`; by default the current branch.
        name : str, optional
            The name of the new session.

        Returns
        -------
        Session

        Raises
        ------
        SessionError
            If `iteration` has not been reached or cannot be reached exactly, or if the main loop
            cannot be copied.
        """
        if iteration is not None:
            check_iteration(iteration)
        check_name(name)
        fork = self._copy("fork", partial(self._worker.rewinder.fork, iteration, branch))
        new = type(self)(fork.main_loop, name)
        new._worker.begin_at(fork, f"fork of {self.name} at {fork.iteration:,}")
        return new

    def _copy(self, kind: str, copy: Callable[[], Fork]) -> Fork:
        """Copy the main loop in the training thread or, if training has ended, in this thread."""
        try:
            with self._queue.lock:
                if self._worker.state.ended:
                    with at_rest(self.main_loop):
                        return copy()
                command = self._queue.ask(kind, kind, copy)
            found: Fork = command.wait()
        except (Refused, AlreadyTrainingError) as refusal:
            raise SessionError(f"{kind}: refused: {refusal}") from None
        return found

    def find_learning_rate(
        self,
        low: float = 1e-6,
        high: float = 10.0,
        *,
        batches: int = 100,
        parameter: str = "learning_rate",
    ) -> LearningRateTest:
        """Train a copy of the run with a learning rate that increases with each batch.

        The run continues unchanged. The copy starts from the run's current state, and is trained in
        the calling thread without extensions. The test ends early if the cost exceeds a multiple
        of its lowest value or is not finite.

        Parameters
        ----------
        low, high : float
            The first and the last learning rate; the rate grows by the same factor at each batch.
        batches : int
            The number of batches, at least 20.
        parameter : str
            The name or path of the hyperparameter to change.

        Returns
        -------
        LearningRateTest
            The cost at each learning rate, and a suggested rate.

        Raises
        ------
        ArgumentError
            If an argument is not valid.
        SessionError
            If the run cannot be copied, or has no such hyperparameter, no cost or too few batches.

        Warns
        -----
        SessionWarning
            If the cost does not fall clearly at any learning rate.

        Examples
        --------
        >>> result = session.find_learning_rate()  # doctest: +SKIP
        >>> session.set("learning_rate", result.suggestion)  # doctest: +SKIP
        """
        check_options(low, high, batches)
        rewinder = self._worker.rewinder
        fork = self._copy("range test", lambda: rewinder.fork(None, None, in_memory=True))
        return run_test(fork.main_loop, low=low, high=high, batches=batches, parameter=parameter)

    def replay(
        self,
        source: TrainingLogBase | HasLog | str | os.PathLike[str] | Iterable[Mapping[str, Any]],
        *,
        functions: Mapping[str, Callable[[MainLoop], Any]] | None = None,
    ) -> Command:
        """Repeat the interventions of another run in this run, each at its iteration.

        The interventions are commands from `set`, `hold`, `release`, `call`, `set_end`, `train`,
        `relabel`, `drop` and `rebuild`. A `load` is left out, with a note. Rewinds and undone
        commands are not repeated. If the main loop was built by the same code with the same seeds,
        and runs in the same tier with the same number of threads, the results of both runs are
        bitwise identical.

        Parameters
        ----------
        source : TrainingLogBase, Session, Branch, path or iterable of mapping
            The other run, given by its log, its session, one of its branches, its `interventions`,
            or the path of a database, whose newest log is used.
        functions : mapping, optional
            The functions that were passed to `call` in the other run, keyed by name. They are
            needed because a log cannot store functions.

        Returns
        -------
        Command
            The command, which is applied at the iteration of the last intervention.

        Raises
        ------
        SessionError
            If an intervention cannot be made in this run. In this case, nothing is changed.
        LogError
            If the database cannot be opened.

        Examples
        --------
        >>> again = main_loop.start(paused=True)  # doctest: +SKIP
        >>> again.replay(session.log)  # doctest: +SKIP
        >>> again.resume()  # doctest: +SKIP
        """
        given = to_replay(source)
        replay = Replay(self.main_loop, given, functions or {})
        count = f"{len(replay)} intervention{'s' * (len(replay) != 1)}"
        for note in filter(None, (thread_note(given), replay.left_out)):
            tell(note)

        def action() -> object:
            for note in start_notes(given, self.main_loop):  # known when training has started
                tell(note)
            replay.check(self.log.status["iterations_done"])
            tell_of_first_batch(given, self.main_loop)
            if isinstance(given, TrainingLogBase):
                repeat_tiers_of(self.main_loop, given)
            replay.begin(self._queue, command)
            return LATER

        with self._queue.lock:
            command = self._queue.ask("replay", f"replay {count}", action)
            return command

    def undo(self) -> Command:
        """Rewind training to the point before the last intervention, and pause there.

        An intervention is a rewind, or a command from `set`, `set_end`, `hold`, `release`,
        `relabel`, `drop`, `rebuild`, `call`, `train` or `load`. The training that followed is kept
        as a branch.
        """
        return self._go_back("undo", "undo")

    def _go_back(self, kind: str, text: str, *where: Any) -> Command:
        rewinder = self._worker.rewinder

        def action(command: Command) -> object:
            if kind == "undo":
                return rewinder.undo(command, self._queue.commands)
            return rewinder.rewind(command, *where)

        check = partial(rewinder.check, *where)
        return self._worker.come_back(kind, text, action, {}, check)

    @property
    def branches(self) -> list[Branch]:
        """The branches of the run; training continues on the last branch.

        A session that continues the run of an earlier session also has its branches and snapshots.
        """
        return list(self._worker.rewinder.history.branches)

    @property
    def snapshots(self) -> list[Snapshot]:
        """The training states that are kept in memory, in the order of their iterations."""
        return list(self._worker.rewinder.taker.ring)

    @property
    def interventions(self) -> list[dict[str, Any]]:
        """The logged commands that took effect in this run, in the order of their iterations."""
        return interventions(self.log)

    @property
    def default_path(self) -> str:
        """The path that `save` uses by default, with a placeholder for the iteration."""
        return default_path(self.name)

    def save(self, path: str | os.PathLike[str] | None = None) -> Command:
        """Save the run to a file between two batches; training waits until the file is written.

        The archive has the format of the `Checkpoint` extension. `load`, the `Load` extension and
        `workbench.serialization.continue_training` can continue from it. The path is the result of
        the command and is added to the record ``saved_to``.

        Parameters
        ----------
        path : path, optional
            The file. The placeholders ``{iterations_done}`` and ``{epochs_done}`` are replaced by
            the numbers of completed iterations and epochs. By default the file is in the working
            directory, and its name consists of the session's name and the number of iterations.
            Missing folders are created, as by `Checkpoint`, so that a long run is not lost.

        Raises
        ------
        ExtensionError
            If `path` has an unknown placeholder.
        """
        template = checked_path(self.default_path if path is None else path)
        details: dict[str, Any] = {}

        def action() -> str:
            saved = save_to(self.main_loop, template, details)
            command.text = f"save {saved}"
            return saved

        with self._queue.lock:
            if not self._worker.state.ended:
                command = self._queue.ask("save", f"save {template}", action, details)
                return command
            command = self._queue.new("save", f"save {template}")
            try:
                with at_rest(self.main_loop):
                    self._queue.carry_out(command, action, details)
            except AlreadyTrainingError as refusal:
                command._refuse(str(refusal), refusal)
            return command

    def load(self, path: str | os.PathLike[str]) -> Command:
        """Restore the state of training from a file, and pause there.

        No code in the file is executed, so the file need not be trusted. The main loop must be
        built in the same way as the saved main loop. The training before this command is kept as a
        branch, and `undo` returns to it.

        Parameters
        ----------
        path : path
            An archive that `save` or the `Checkpoint` extension wrote.

        Raises
        ------
        ArchiveError
            If there is no such file, or if it is damaged or contains no training state.
        """
        file, state = read_file(path)
        pause = self._worker.pause

        def action(command: Command) -> None:
            load_from(self.main_loop, file, state)
            pause.stay()

        return self._worker.come_back("load", f"load {file}", action, {"file": file})

    def recipe(self) -> Recipe:
        """Return an editable program that does the work of `fit` in explicit steps.

        Returns
        -------
        Recipe
            The text of the program, which a notebook shows line by line.

        Raises
        ------
        SessionError
            If the session was not started by `fit`.
        """
        return recipe_of(self)

    def to_html(self, path: str | os.PathLike[str], *, title: str = "") -> Path:
        """Write a report of the run as a single file that a browser can show offline.

        The report contains the curves, the results, the settings and interventions, the model and
        the versions of libraries. Training continues while the report is being written. An
        existing file is replaced when the new file is complete.

        Parameters
        ----------
        path : path
            The file, for example ``run.html``.
        title : str
            The heading; by default the name of the session.

        Returns
        -------
        pathlib.Path
            The path of the file.

        Raises
        ------
        MissingLibraryError
            If Bokeh, which draws the curves, is not installed.
        """
        write = from_live_layer("to_html", "to_html", what="session.to_html()")
        written: Path = write(self, path, title=title)
        return written
