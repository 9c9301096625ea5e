"""`Tabular`, the part of a log that returns pandas frames, figures and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.log.differences import differences
from workbench.log.frames import FrameCache, by_epoch
from workbench.log.query import select
from workbench.log.records import Records
from workbench.log.sources import Run, Source, log_of, named_runs
from workbench.log.summary import LAST_ROWS, Summary, as_html, summarise
from workbench.utils.live_layer import from_live_layer

if TYPE_CHECKING:
    import pandas as pd


class Tabular(Records):
    """Read-only part of `TrainingLogBase`, with methods that show and compare records."""

    status: MutableMapping[str, Any]
    _frames: FrameCache

    def entries(self, name: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the iterations and unconverted values of one channel as read-only arrays."""
        raise NotImplementedError

    @property
    def frame(self) -> pd.DataFrame:
        """All rows as a pandas DataFrame, indexed by iteration, with a column for each channel.

        A channel of numbers has dtype float64 with NaN for missing records, or keeps its dtype if
        no record is missing; other channels have dtype object. Only rows added since the previous
        frame are converted. The cells are read-only views of the log; to change them, first call
        ``.copy()``.
        """
        return self._frames.frame(self.snapshot())

    @property
    def epochs(self) -> pd.DataFrame:
        """The rows at the ends of epochs as a pandas DataFrame, indexed by epoch from 1.

        The first column, ``iteration``, contains the iterations at which each epoch ended. The
        records ``training_finish_requested`` and ``training_finished`` are omitted. A channel that
        is recorded for each batch, such as ``cost`` in a run of `fit`, has the value of the last
        batch of the epoch, not the mean over the epoch.
        """
        # copied first, since the training thread may append to the list in the meantime
        ends = list(self.status["_epoch_ends"])
        return by_epoch(self.frame, ends)

    def channel(self, name: str) -> pd.Series[Any]:
        """Return a channel as a pandas Series, indexed by the iterations that have a record.

        Raises
        ------
        UnknownRecordError
            If the channel does not exist.
        """
        import pandas as pd

        iterations, values = self.entries(name)
        index = pd.Index(iterations, name="iteration", copy=False)
        return pd.Series(values, index=index, name=name, dtype=values.dtype, copy=False)

    def summary(self) -> Summary:
        """Return a summary of each channel and the run.

        Returns
        -------
        Summary
            Its ``channels`` attribute is a frame with the number of records and the first, last,
            smallest and largest value of each channel, the iterations of the smallest and the
            largest value, and the best value so far if `TrackTheBest` determines it. Its attribute
            ``run`` is a dictionary with the numbers of rows, iterations and epochs and, if the log
            contains them, the training time in seconds, the execution tier, the number of threads
            and the software versions.

        Examples
        --------
        >>> from workbench.log import TrainingLog
        >>> log = TrainingLog()
        >>> for i, cost in enumerate([2.0, 0.5, float("nan"), 1.0]):
        ...     log[i]["cost"] = cost
        >>> log.summary().channels[["count", "not_finite", "last", "min", "min_at"]]
                 count  not_finite  last  min  min_at
        channel
        cost         4           1   1.0  0.5       1
        """
        return summarise(self.snapshot(), dict(self.status))

    def query(self, expression: str) -> pd.DataFrame:
        """Return the rows that satisfy an expression.

        Parameters
        ----------
        expression : str
            A condition as in `pandas.DataFrame.query`, with channel names, ``iteration``,
            comparisons, arithmetic, ``and``, ``or``, ``not``, ``in`` and text in quotes. A name
            that is not an identifier must be in backticks. Functions, attributes and ``@`` are
            rejected, so that an expression from a web page or a tool cannot execute code.

        Returns
        -------
        pandas.DataFrame
            The rows of `frame` that satisfy the condition. A missing Boolean value counts as
            False. A comparison with any other missing value is false, unless the operator is ``!=``
            or ``not in``.

        Raises
        ------
        UnknownRecordError
            If a name is not a channel of the log.
        LogError
            If `expression` is not a condition, or contains parts that are not allowed.

        Examples
        --------
        >>> from workbench.log import TrainingLog
        >>> log = TrainingLog()
        >>> for i in range(4):
        ...     log[i].update({"cost": 1 / (i + 1), "test cost": 0.5})
        >>> log.query("cost < 0.4 and iteration > 1 and `test cost` == 0.5")
                       cost  test cost
        iteration
        2          0.333333        0.5
        3          0.250000        0.5
        """
        return select(self.frame, expression)

    def compare(
        self,
        others: Mapping[str, Source] | Iterable[Source] | Source,
        *,
        best: str | None = None,
        largest: bool = False,
        everything: bool = False,
    ) -> pd.DataFrame:
        """Return the differences between this run and other runs.

        For the channels of several logs side by side, use `workbench.log.compare`.

        Parameters
        ----------
        others : iterable or dict
            Logs, sessions, frames, or paths of SQLite databases. The keys of a dictionary are the
            names of the runs.
        best : str, optional
            For each run, compare the newest records up to the row where this channel is
            smallest. By default, compare the newest record of each channel.
        largest : bool
            If True, use the row where `best` is largest.
        everything : bool
            If True, also return the rows that are the same in all runs.

        Returns
        -------
        pandas.DataFrame
            A frame with a column for each run; the column of this run is the first and has the name
            of its session, or ``this`` if it has none. The index contains the kind of each row
            (run, version, hyperparameter, intervention, result) and its name. Hyperparameters are
            shown with their values at the start of training.

        Raises
        ------
        LogError
            If an item of `others` is not a log, session, frame or path, or if the channel `best`
            has no numbers.
        UnknownRecordError
            If no run has the channel `best`.

        Examples
        --------
        >>> from workbench.log import TrainingLog
        >>> one, two = TrainingLog(), TrainingLog()
        >>> one[1].update(cost=2.0, width=3), two[1].update(cost=0.5, width=3)
        (None, None)
        >>> one.compare({"two": two})
                    this  two
        what   name
        result cost  2.0  0.5
        """
        runs, log = named_runs(others), log_of(self)
        own = str(log.status.get("session_name") or "this")
        own = "this" if own in [run.name for run in runs] else own
        runs = [Run.of_log(own, log), *runs]
        return differences(runs, best=best, largest=largest, everything=everything)

    def plot(
        self,
        channels: Sequence[str] | str | None = None,
        *,
        others: Mapping[str, Source] | Iterable[Source] | Source | None = None,
        x: str = "iteration",
        smoothing: float = 0.0,
        log_y: bool = False,
        robust: bool = True,
        title: str = "",
    ) -> Any:
        """Return a Bokeh figure of the log's current contents.

        A notebook displays the figure, even offline, and a saved notebook contains a static image
        of it. Every curve keeps its extremes, and has gaps where values are not finite.

        Parameters
        ----------
        channels : sequence of str, optional
            The numeric channels to draw; by default all.
        others : iterable or dict, optional
            Additional runs whose channels are drawn in the same figure: logs, sessions, or paths of
            SQLite databases. The keys of a dictionary are the names of the runs.
        x : str
            The horizontal axis: ``iteration``, ``epoch`` (a fractional number), or a numeric
            channel, such as ``time_train_total``; rows without it are omitted.
        smoothing : float
            The factor, from 0 (no smoothing) to less than 1, that multiplies the weight of earlier
            values in a moving average at each iteration. The average extends over about
            ``1 / (1 - smoothing)`` iterations, a number that live plots show. A channel with
            one value per epoch is therefore smoothed much less than one with a value per batch. The
            recorded curve remains visible behind the smoothed curve.
        log_y : bool
            If True, the vertical axis is logarithmic, and values of 0 or less leave gaps.
        robust : bool
            If True, a few extreme values that would flatten the curve are left outside the vertical
            range and do not affect a smoothed curve. Marks at the edge and text above the figure
            show their positions and sizes. If False, all values are in range.
        title : str
            The heading.

        Returns
        -------
        bokeh.plotting.figure
            The figure, which can be changed and saved like any Bokeh figure.

        Raises
        ------
        MissingLibraryError
            If Bokeh is not installed.
        UnknownRecordError
            If a channel does not exist.
        LogError
            If there is nothing to draw, or if an option is not valid.
        """
        draw = from_live_layer("log_figure", "figure_of", what="log.plot()")
        options = {
            "others": others,
            "x": x,
            "smoothing": smoothing,
            "log_y": log_y,
            "robust": robust,
        }
        return draw(self, channels, **options, title=title)

    def _repr_html_(self) -> str:
        snapshot = self.snapshot()
        return as_html(repr(self).strip("<>"), snapshot, self.status, self.frame.tail(LAST_ROWS))
