"""Base class of training logs; it provides rows, frames and series from a backend's records.

A backend derives from `TrainingLogBase` and defines the methods of the protocol
`workbench.log.records.Records`, which store records. `workbench.log.backends.register` registers it
under a name.
"""

from __future__ import annotations

import copy
import operator
import uuid as uuids
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from workbench.attributes import KnownAttributes
from workbench.errors import LogError, StateError, UnknownRecordError, nearest
from workbench.hints import Hinted
from workbench.log.column import as_float, frozen
from workbench.log.frames import FrameCache
from workbench.log.placeholders import Damaged
from workbench.log.records import listed
from workbench.log.row import Row
from workbench.log.tabular import Tabular

LAST = 2**63 - 1
"""Largest number of iterations that columns and databases can store."""
NOT_AN_ITERATION = "the index of a log must be a non-negative number of iterations, not {time!r}"
TOO_LATE = "the index of a log must be a number of iterations below 2**63, not {time}"
NOT_ASSIGNABLE = (
    "a row of a log cannot be replaced; to add records at iteration {time!r}, write "
    "log[{time!r}].update(...)"
)
NO_NUMBERS = (
    "channel {name!r} must contain only numbers, but has a value of type {type} at iteration "
    "{iteration}; log.channel({name!r}) returns the values unchanged"
)


def as_index(time: object) -> int | None:
    """Return a Python or NumPy integer as an int, or None for every other object.

    Examples
    --------
    >>> as_index(np.int64(3)), as_index(3.0)
    (3, None)
    """
    try:
        return operator.index(time)  # type: ignore[arg-type]
    except TypeError:
        return None


class TrainingLogBase(KnownAttributes, Hinted, Mapping[int, Row], Tabular):
    """Base class of training logs, which are mappings from iteration to row.

    ``log[iteration][channel]`` reads or writes a record. The iteration is the number of completed
    batches, so row 0 contains the records written before the first batch. A channel is the name of
    a record.

    A main loop trains in the `writing` context and calls `commit` after every event. All records of
    the event then become visible to other threads at the same time. Records written outside of
    `writing`, or by another thread, are visible immediately; the records of one `Row.update` become
    visible together.

    Parameters
    ----------
    uuid : uuid.UUID, optional
        The identity of the log; by default random. A persistent backend loads the log with this
        identity.

    Attributes
    ----------
    uuid : uuid.UUID
        The identity of the log.
    status : dict
        Information about the whole run: ``iterations_done``, ``epochs_done``, ``_epoch_ends`` (the
        iterations where epochs ended) and items that extensions store. To change an item, assign
        to its key, since a backend does not detect a value that is changed in place.

    Examples
    --------
    >>> from workbench.log import SQLiteLog, TrainingLog
    >>> for log in (TrainingLog(), SQLiteLog(":memory:")):
    ...     assert isinstance(log, TrainingLogBase)
    ...     log[1]["cost"] = 0.5
    ...     print(log.channels, log[1]["cost"], log.status["epochs_done"])
    ('cost',) 0.5 0
    ('cost',) 0.5 0
    """

    _row: ClassVar[type[Row]] = Row
    """Class of the rows that indexing returns."""

    def __init__(self, uuid: uuids.UUID | None = None) -> None:
        self.uuid = uuids.uuid4() if uuid is None else uuid
        self.status: MutableMapping[str, Any] = {
            "iterations_done": 0,
            "epochs_done": 0,
            "_epoch_ends": [],
        }
        self._frames = FrameCache()

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of all channels in the order of first appearance."""
        return tuple(self.snapshot().columns)

    def __getitem__(self, time: int) -> Row:
        if type(time) is not int or not 0 <= time <= LAST:
            time = self._iteration(time)
        return self._row(self, time)

    def __iter__(self) -> Iterator[int]:
        return iter(self.snapshot(()).rows.tolist())

    def __len__(self) -> int:
        return len(self.snapshot(()).rows)

    def __contains__(self, time: object) -> bool:
        iteration = as_index(time)
        return iteration is not None and iteration in self.snapshot(()).rows

    def __setitem__(self, time: int, records: object) -> NoReturn:
        raise LogError(NOT_ASSIGNABLE.format(time=time))

    @staticmethod
    def _iteration(time: Any) -> int:
        iteration = as_index(time)
        if iteration is None or iteration < 0:
            raise LogError(NOT_AN_ITERATION.format(time=time))
        if iteration > LAST:
            raise LogError(TOO_LATE.format(time=iteration))
        return iteration

    # Logs are compared by identity; a comparison of all rows would be slow and useless.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def current_row(self) -> Row:
        """The row of the latest iteration."""
        return self._row(self, self.status["iterations_done"])

    @property
    def previous_row(self) -> Row:
        """The row before `current_row`.

        Raises
        ------
        LogError
            If no iteration has been completed.
        """
        if self.status["iterations_done"] == 0:
            raise LogError("there is no previous row, because no iteration has been completed yet")
        return self._row(self, self.status["iterations_done"] - 1)

    @property
    def last_epoch_row(self) -> Row:
        """The row of the iteration where the last epoch ended.

        Raises
        ------
        LogError
            If no epoch has ended.
        """
        if not self.status["_epoch_ends"]:
            raise LogError("there is no row for the last epoch, because no epoch has ended yet")
        return self._row(self, self.status["_epoch_ends"][-1])

    @property
    def h_uuid(self) -> str:
        """The identity of the log as 32 hexadecimal digits."""
        return self.uuid.hex

    def resume(self) -> None:
        """Give the log a new identity, as a continuation of the log with the old identity.

        Records and status are kept; ``status["resumed_from"]`` is the old `h_uuid`.
        """
        old = self.h_uuid
        self.uuid = uuids.uuid4()
        self.status["resumed_from"] = old

    def state_dict(self) -> dict[str, Any]:
        """Return the identity, status and records of the log.

        Returns
        -------
        dict
            A dictionary with ``uuid``, ``status``, ``rows`` (an array of iterations) and
            ``columns``, which maps each name to iterations and values (an array of numbers or a
            list of objects). Later records do not change the state.
        """
        snapshot = self.snapshot()
        return {
            "uuid": self.h_uuid,
            "status": copy.deepcopy(dict(self.status)),
            "rows": snapshot.rows,
            "columns": {
                name: (e.iterations, e.values.tolist() if e.values.dtype == object else e.values)
                for name, e in snapshot.columns.items()
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the records, status and identity with the values that `state_dict` returned.

        Raises
        ------
        StateError
            If `state` is not the state of a log. In this case the log does not change.
        """
        try:
            uuid = uuids.UUID(state["uuid"])
            status = copy.deepcopy(dict(state["status"]))
            counts = status["iterations_done"], status["epochs_done"], *status["_epoch_ends"]
            columns = {str(name): tuple(entries) for name, entries in state["columns"].items()}
            if not all(type(count) is int and count >= 0 for count in counts):
                raise StateError(
                    f"the counts of a log must be non-negative whole numbers, not {counts}"
                )
            self.replace(state["rows"], columns)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, StateError):
                raise
            raise StateError(f"this is not the state of a log ({error!r})") from None
        self.uuid = uuid
        self._load_status(status)
        self._frames = FrameCache()

    def _load_status(self, status: Mapping[str, Any]) -> None:
        for key in [key for key in self.status if key not in status]:
            del self.status[key]
        self.status.update(status)

    def maker(self) -> Callable[[], TrainingLogBase] | None:
        """Return a picklable function that creates an empty log of this kind.

        A pickle can contain this function instead of the log if the state of the log is saved
        separately. Return None if the state alone is not enough to restore the log.
        """
        return None

    def column(self, name: str, start: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return a channel as arrays of numbers; this is faster than returning a Series.

        Parameters
        ----------
        name : str
            The name of the channel.
        start : int
            The first iteration to return.

        Returns
        -------
        iterations, values : array
            Read-only arrays of equal length, of dtypes int64 and float64. The iterations are in
            increasing order. Booleans become 0 and 1, and None becomes NaN. Later records do not
            change the arrays.

        Raises
        ------
        UnknownRecordError
            If the channel does not exist.
        LogError
            If a value is not a number.
        """
        iterations, values = self.entries(name)
        if start > 0:
            first = int(iterations.searchsorted(start))
            iterations, values = iterations[first:], values[first:]
        return iterations, self._numbers(name, iterations, values)

    def latest(self) -> dict[str, Any]:
        """Return a mapping from each channel to its latest value."""
        columns = self.snapshot().columns
        return {name: entries.values.item(-1) for name, entries in columns.items()}

    def entries(self, name: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the iterations and the unconverted values of a channel as read-only arrays.

        Raises
        ------
        UnknownRecordError
            If the channel does not exist.
        """
        found = self.snapshot((name,)).columns.get(name)
        if found is None:
            hint = nearest(name, self.channels) or listed(self.channels)
            raise UnknownRecordError(f"the log has no channel {name!r}{hint}")
        return found.iterations, found.values

    @staticmethod
    def _numbers(
        name: str, iterations: NDArray[np.int64], values: NDArray[Any]
    ) -> NDArray[np.float64]:
        if values.dtype == np.float64:
            return values
        if values.dtype != object:
            return frozen(values.astype(np.float64))
        numbers = np.empty(len(values), np.float64)
        for i, value in enumerate(values):
            if isinstance(value, Damaged):
                value = None
            if value is not None and not isinstance(value, (int, float)):
                raise LogError(
                    NO_NUMBERS.format(name=name, iteration=iterations[i], type=type(value).__name__)
                )
            numbers[i] = np.nan if value is None else as_float(value)
        return frozen(numbers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.h_uuid[:8]}: {self._summary()}>"

    def _summary(self) -> str:
        done, epochs = self.status["iterations_done"], self.status["epochs_done"]
        rows, channels = len(self), self.channels
        names = ", ".join(channels[:8]) + (", ..." if len(channels) > 8 else "")
        return (
            f"{rows} row{'s' * (rows != 1)}{f' of {names}' if names else ''}; "
            f"{done} iteration{'s' * (done != 1)}, {epochs} epoch{'s' * (epochs != 1)} done"
        )
