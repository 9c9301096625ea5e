"""Archives of a session; this session or a later run can continue from them.

The training thread writes a file between two batches, so the file is complete once the command
`save` has been applied. In contrast, the `Checkpoint` extension saves regularly, in the background.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import ArchiveError, BuilderError, StateError
from workbench.extensions.base import reported_elsewhere
from workbench.extensions.finish_after import GOAL
from workbench.extensions.saveload import (
    LOADED_FROM,
    SAVED_TO,
    filled_path,
    snapshot_for,
    write,
)
from workbench.log.interventions import INTERVENTIONS, each_intervention, interventions_in
from workbench.main_loop import MainLoop
from workbench.main_loop.parts import parts_of, put_in
from workbench.main_loop.processes import first_succeeded
from workbench.serialization.checkpoint import Snapshot, read_state
from workbench.session.reach import at_the_end
from workbench.session.rebuilding import last_rebuild, rebuild_as

DEFAULT = "{name}-{{iterations_done}}.tar"
"""Template for the default file name of a saved session, in the working directory."""

NO_PICKLE = (
    "the file does not contain the main loop itself ({error}); to continue in another process, "
    "build the main loop there, start it and call load()"
)
REBUILT = (
    "; the model of this run has been changed by {text!r}. If the file was saved before the "
    "change, undo the change, or rewind to an iteration before the change"
)
ELSEWHERE = "the first process could not write {path}; its error message states the reason"
NO_FILE = "there is no file {path}; the working directory is {folder}"


def save_to(main_loop: MainLoop, template: str, details: dict[str, Any]) -> str:
    """Write the state of a main loop to a file; add the file's path to `details`, and return it."""
    path = os.path.abspath(filled_path(template, main_loop.status))
    snapshot = _written(main_loop, path)
    log = main_loop.log
    row = log.current_row
    row[SAVED_TO] = (*row.get(SAVED_TO, ()), path)
    main_loop.after_event(log.commit)
    details["file"] = path
    if snapshot.failures:
        error = snapshot.failures[0]
        details["lacks"] = NO_PICKLE.format(error=f"{type(error).__name__}: {error}")
    return path


def _written(main_loop: MainLoop, path: str) -> Snapshot:
    """Write a file in the first process, and return its content.

    If the first process cannot write the file, all processes raise an error.
    """
    problem: Exception | None = None
    snapshot = snapshot_for(main_loop, path)  # collects the state of all processes
    if not reported_elsewhere(main_loop):
        try:
            write(snapshot, path)
        except Exception as error:
            problem = error
    if not first_succeeded(main_loop, problem is None):
        raise problem or ArchiveError(ELSEWHERE.format(path=path))
    return snapshot


def load_from(main_loop: MainLoop, path: str, state: Mapping[str, Any]) -> None:
    """Restore a main loop to a state that was read from a file.

    If the model was rebuilt during the saved run, the main loop is first given the rebuilt model.
    """
    before = parts_of(main_loop)
    try:
        rebuild_as_saved(main_loop, state)
        main_loop.load_state_dict(state)
    except (StateError, BuilderError) as error:
        put_in(main_loop, before)
        raise ArchiveError(f"{path}: {error}{_hint(main_loop)}") from error
    main_loop.refresh()
    ending = main_loop._run.ending
    ending.with_epoch = False
    log = main_loop.log
    # the planned end of this run applies, even if the saved run was planned to end earlier
    ended = GOAL in log.status or any(one.ended(log) for one in main_loop.extensions)
    ending.requested = at_the_end(main_loop) and ended
    log.resume()
    main_loop._run.note_name()
    log.current_row[LOADED_FROM] = path


def rebuild_as_saved(main_loop: MainLoop, state: Mapping[str, Any]) -> None:
    """Give a main loop the model of a saved run, if that model was rebuilt during the run."""
    columns = state.get("log", {}).get("columns", {})
    if INTERVENTIONS in columns:
        record = last_rebuild(each_intervention(*columns[INTERVENTIONS]))
        if record is not None:
            rebuild_as(main_loop, record)


def _hint(main_loop: MainLoop) -> str:
    record = last_rebuild(interventions_in(main_loop.log))
    if record is None:
        return ""
    return REBUILT.format(text=record["text"])


def default_path(name: str) -> str:
    """Return a template for the default path of a saved session named `name`."""
    allowed = "".join(one if one.isalnum() or one in "-_." else "_" for one in name)
    return DEFAULT.format(name=allowed)


def read_file(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any]]:
    """Return the absolute path of an archive, and the training state that it contains.

    Raises
    ------
    ArchiveError
        If there is no such file, or if it is damaged or contains no training state.
    """
    file = os.path.abspath(Path(path).expanduser())
    if not os.path.exists(file):
        raise ArchiveError(NO_FILE.format(path=file, folder=os.getcwd()))
    return file, read_state(file)
