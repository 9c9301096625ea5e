"""`Tabular`: questions to a log, answered by pandas frames, figures and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.log.differences import differences
from workbench.log.frames import FrameCache, by_epoch
from workbench.log.query import select
from workbench.log.records import Records
from workbench.log.sources import Run, Source, named_runs
from workbench.log.summary import LAST_ROWS, Summary, as_html, summarise
from workbench.utils.live_layer import from_live_layer

if TYPE_CHECKING:
    import pandas as pd


class Tabular(Records):
    """Records that are shown and compared; the part of `TrainingLogBase` that only reads."""

    status: MutableMapping[str, Any]
    _frames: FrameCache

    def entries(self, name: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return iterations and unconverted values of one channel as read-only arrays."""
        raise NotImplementedError

    @property
    def frame(self) -> pd.DataFrame:
        """All rows as a pandas DataFrame, indexed by iteration, with a column for each channel.

        A channel of numbers is float64 with NaN for missing records, or keeps its dtype if no
        record is missing; other channels are objects. Only rows that are new since the last frame
        cost time. The cells are read-only views of the log; to change them, call ``.copy()`` first.
        """
        return self._frames.frame(self.snapshot())

    @property
    def epochs(self) -> pd.DataFrame:
        """The rows at the ends of epochs as a pandas DataFrame, indexed by epoch from 1.

        The first column, ``iteration``, contains the iterations at which the epochs ended.
        """
        # copied first, since the thread that trains can append to the list meanwhile
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
        """Return facts about each channel and about the run.

        Returns
        -------
        Summary
            Its ``channels`` is a frame: number of records, first, last, smallest and largest value
            of each channel, the iterations of the latter two, and the best value so far where
            `TrackTheBest` looked for it. Its ``run`` is a dictionary with iterations, epochs, and,
            as far as the log has them, seconds of training, tier, threads and versions.

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
        """Return the rows for which an expression is true.

        Parameters
        ----------
        expression : str
            A condition as in `pandas.DataFrame.query`, over names of channels and ``iteration``:
            comparisons, arithmetic, ``and``, ``or``, ``not``, ``in`` and text in quotes. A name
            that is not an identifier stands in backticks. Functions, attributes and ``@`` are
            refused, so that an expression from a page or a tool cannot execute code.

        Returns
        -------
        pandas.DataFrame
            Rows of `frame`. A comparison with a missing value is false.

        Raises
        ------
        UnknownRecordError
            If the log has no channel of one of the names.
        LogError
            If it is not a condition, or has parts that are not allowed.

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
        """Return what differs between this run and others.

        `workbench.log.compare` returns the channels of several logs side by side instead.

        Parameters
        ----------
        others : iterable or dict
            Logs, sessions, frames, or paths of SQLite databases. The keys of a dictionary are the
            names of the runs.
        best : str, optional
            Compare the results at the row of each run where this channel is smallest. By default
            the newest record of each channel is compared.
        largest : bool
            True to compare where `best` is largest.
        everything : bool
            True to return also what is the same in all runs.

        Returns
        -------
        pandas.DataFrame
            A column for each run, the first one called ``this``. The index has the kind of each
            row (run, version, hyperparameter, intervention, result) and its name. Hyper-parameters
            are those at the start of training.

        Raises
        ------
        LogError
            If one of `others` is not a source of records, or `best` has no numbers.
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
        runs = [Run("this", self.frame, dict(self.status)), *named_runs(others)]
        return differences(runs, best=best, largest=largest, everything=everything)

    def plot(
        self,
        channels: Sequence[str] | str | None = None,
        *,
        x: str = "iteration",
        smoothing: float = 0.0,
        log_y: bool = False,
        title: str = "",
    ) -> Any:
        """Return a Bokeh figure of the log as it is now; in a notebook it shows itself.

        A notebook shows it without a network, and keeps a still image of it when it is saved. Every
        curve keeps its extremes, and has gaps where values are not finite.

        Parameters
        ----------
        channels : sequence of str, optional
            The channels to draw, of numbers; all of them if not given.
        x : str
            The horizontal axis: ``iteration``, ``epoch`` (counted with fractions), or a channel of
            numbers, such as ``time_train_total``, at the rows that have it.
        smoothing : float
            From 0, for none, to below 1: the weight of the past in a moving average. The curve as
            recorded stays visible behind it.
        log_y : bool
            True for a logarithmic vertical axis, on which values of 0 and below are gaps.
        title : str
            A heading.

        Returns
        -------
        bokeh.plotting.figure
            It can be changed and saved as any figure of Bokeh.

        Raises
        ------
        MissingLibraryError
            If Bokeh is not installed.
        UnknownRecordError
            If there is no channel of such a name.
        LogError
            If there is nothing to draw, or an option has another value.
        """
        draw = from_live_layer("log_figure", "figure_of", what="log.plot()")
        return draw(self, channels, x=x, smoothing=smoothing, log_y=log_y, title=title)

    def _repr_html_(self) -> str:
        snapshot = self.snapshot()
        return as_html(repr(self).strip("<>"), snapshot, self.status, self.frame.tail(LAST_ROWS))
