"""Comparison of the channels of several logs in one pandas DataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import (
    LogError,
    UnknownRecordError,
    nearest,
)
from workbench.hints import hinted
from workbench.log.frames import ENDING
from workbench.log.records import listed
from workbench.log.sources import Source, named_runs

if TYPE_CHECKING:
    import pandas as pd

NOTHING_TO_COMPARE = "compare([...]) requires at least one log"


@hinted
def compare(
    logs: Mapping[str, Source] | Iterable[Source], channels: Sequence[str] | str | None = None
) -> pd.DataFrame:
    """Return channels of several logs side by side in a DataFrame.

    Parameters
    ----------
    logs : iterable or dict
        Logs of any backend, sessions, frames such as `TrainingLogBase.frame`, or paths of SQLite
        databases (the newest log of each database is used). The keys of a dictionary become the
        names. In other collections, a session keeps its name, a path is named after its file, a log
        is named after its session or by the first digits of its `uuid`, and a frame is named
        ``frame``.
    channels : sequence of str, or str, optional
        The channels to return, in order; by default all except ``training_finish_requested`` and
        ``training_finished``. Some of the channels may be missing from a log.

    Returns
    -------
    pandas.DataFrame
        A frame with a row for each iteration that occurs in at least one log. The columns have two
        levels, channel and log.

    Raises
    ------
    LogError
        If `logs` is empty or contains an unsupported object, if the index of a frame does not
        contain iterations, or if two columns of a frame have the same name.
    UnknownRecordError
        If one of `channels` is missing from all logs.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> slow, fast = TrainingLog(), TrainingLog()
    >>> for i in range(3):
    ...     slow[i]["cost"], fast[i]["cost"] = 1 - i / 8, 1 - i / 2
    >>> compare({"slow": slow, "fast": fast})["cost"]
    log         slow  fast
    iteration
    0          1.000   1.0
    1          0.875   0.5
    2          0.750   0.0
    """
    import pandas as pd

    channels = [channels] if isinstance(channels, str) else channels
    frames = {run.name: run.frame for run in named_runs(logs)}
    if not frames:
        raise LogError(NOTHING_TO_COMPARE)
    known = list(dict.fromkeys(str(channel) for frame in frames.values() for channel in frame))
    for channel in channels or ():
        if channel not in known:
            hint = nearest(channel, known) or listed(known, several=True)
            raise UnknownRecordError(f"none of the logs has a channel {channel!r}{hint}")
    usual = [channel for channel in known if channel not in ENDING] or known
    columns = {
        (channel, name): frame[channel]
        for channel in (usual if channels is None else channels)
        for name, frame in frames.items()
        if channel in frame
    }
    index = pd.Index(
        np.unique(np.concatenate([frame.index.to_numpy(np.int64) for frame in frames.values()])),
        name="iteration",
    )
    names = pd.MultiIndex.from_tuples(list(columns), names=["channel", "log"]) if columns else None
    aligned = pd.DataFrame(dict(enumerate(columns.values())), index=index)
    return aligned if names is None else aligned.set_axis(names, axis="columns")
