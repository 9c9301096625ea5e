"""Archives of a session: its state in a file, from which it or a later run continues.

A file is written and read in the thread that trains, between two batches, so it is complete when
the command is applied. The extension `Checkpoint` saves at regular times, in the background.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from workbench.errors import ArchiveError, StateError
from workbench.extensions.saveload import (
    LOADED_FROM,
    SAVED_TO,
    checked_path,
    filled_path,
    snapshot_for,
    write,
)
from workbench.interfaces import State
from workbench.main_loop import MainLoop
from workbench.serialization.checkpoint import read_state
from workbench.session.command import Command
from workbench.session.reach import at_the_end
from workbench.session.steering import Steering

DEFAULT = "{name}-{{iterations_done}}.tar"
"""The file of a session that is saved without a path, in the working directory."""

NO_PICKLE = (
    "it has no copy of the main loop itself, because of {error}: to continue in another process, "
    "build the main loop there, start it and call load()"
)
NO_FILE = "there is no file {path}; the working directory is {folder}"


def save_to(main_loop: MainLoop, template: str, details: dict[str, Any]) -> str:
    """Write the state of a main loop to a file; return its path, and put it into `details`."""
    path = os.path.abspath(filled_path(template, main_loop.status))
    snapshot = snapshot_for(main_loop, path)
    write(snapshot, path)
    log = main_loop.log
    row = log.current_row
    row[SAVED_TO] = (*row.get(SAVED_TO, ()), path)
    main_loop.after_event(log.commit)
    details["file"] = path
    if snapshot.failures:
        error = snapshot.failures[0]
        details["lacks"] = NO_PICKLE.format(error=f"{type(error).__name__}: {error}")
    return path


def load_from(main_loop: MainLoop, path: str, state: Mapping[str, Any]) -> None:
    """Bring a main loop to the state that was read from a file."""
    try:
        main_loop.load_state_dict(state)
    except StateError as error:
        raise ArchiveError(f"{path}: {error}") from error
    main_loop.refresh()
    ending = main_loop._run.ending
    ending.with_epoch = False
    ending.requested = at_the_end(main_loop)
    log = main_loop.log
    log.resume()
    log.current_row[LOADED_FROM] = path


class Archives(Steering):
    """The methods of a session that save it to a file and load it again."""

    @property
    def default_path(self) -> str:
        """The path that `save` uses if it gets none, with a placeholder for the iteration."""
        allowed = "".join(one if one.isalnum() or one in "-_." else "_" for one in self.name)
        return DEFAULT.format(name=allowed)

    def save(self, path: str | os.PathLike[str] | None = None) -> Command:
        """Save the run to a file, between two batches; training waits meanwhile.

        The archive is one that the extension `Checkpoint` writes: with the parameters, the state of
        training, the log, and the main loop itself if it can be pickled. `load`, the extension
        `Load` and `workbench.serialization.continue_training` continue from it. It is saved after
        the end of a run too. The record ``saved_to`` has the path, and so has the result of the
        command.

        Parameters
        ----------
        path : path, optional
            ``{iterations_done}`` and ``{epochs_done}`` in it are replaced by these numbers. By
            default the name of the session and the number of iterations, in the working directory.
            A file of that name is replaced in one step, once the new one is complete.

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
            self._queue.carry_out(command, action, details)  # no thread trains
            return command

    def load(self, path: str | os.PathLike[str]) -> Command:
        """Bring training to the state in a file, and pause there.

        Nothing in the file is executed, so it need not be trusted. The main loop must be built as
        the saved one was. What was trained here stays as a branch, and `undo` brings it back. It
        also works after the end of a run.

        Parameters
        ----------
        path : path
            An archive that `save` or the extension `Checkpoint` has written.

        Raises
        ------
        ArchiveError
            If there is no such file, or it is damaged or has no state of training.
        """
        file = os.path.abspath(Path(path).expanduser())
        if not os.path.exists(file):
            raise ArchiveError(NO_FILE.format(path=file, folder=os.getcwd()))
        state = read_state(file)
        pause = self._worker.pause

        def action(command: Command) -> None:
            load_from(self.main_loop, file, state)
            pause.stay()

        return self._come_back("load", f"load {file}", action, {"file": file})

    def stop(self, *, save: str | os.PathLike[str] | None = None) -> Command:
        """End training between two batches, in an orderly way.

        It overtakes every `pause`, `resume`, `step` and `train` that was given before and has not
        taken effect; these are refused. Values given by `set` are assigned and functions given to
        `call` are called first, since they may save the result. Fires ``on_interrupt``. `train` and
        ``main_loop.start()`` continue from there.

        Parameters
        ----------
        save : path, optional
            Save to this file first, as the method `save` does. If that fails, training does not
            end: the command is refused, and says why.
        """
        worker, details = self._worker, dict[str, Any]()
        template = None if save is None else checked_path(save)
        action = partial(self._save_or_stay, template, details)
        with self._queue.lock:
            if worker.state in (State.RUNNING, State.PAUSED):
                worker.state = State.STOPPING
                self._queue.overtake()
            text = "stop" if template is None else f"save {template} and stop"
            then = self.main_loop.interrupt
            return self._queue.ask("stop", text, action, details, then, urgent=True)

    def _save_or_stay(self, template: str | None, details: dict[str, Any]) -> None:
        if template is None:
            return
        try:
            save_to(self.main_loop, template, details)
        except Exception:
            self._worker.stay()
            raise
