"""Functions that export logs to CSV, Parquet and HDF5 files.

The functions support logs of every backend.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from workbench.errors import (
    MissingDataError,
    MissingLibraryError,
)
from workbench.hints import hinted
from workbench.log.query import INDEX
from workbench.log.sources import Log, Source, log_of
from workbench.utils.atomic import replacing

if TYPE_CHECKING:
    import pandas as pd

RECORDED = "iteration (recorded)"
"""Column name for a channel ``iteration`` in files, which already have a column ``iteration``."""

NO_PYARROW = (
    "writing Parquet requires pyarrow, which is not installed; install it with: pip install "
    "pyarrow (or install workbench with the extra: pip install 'workbench[parquet]'); to_csv and "
    "to_hdf5 do not require it"
)


@hinted
def to_csv(log: Source, path: str | os.PathLike[str]) -> None:
    """Write ``log.frame`` as comma-separated values, with the iteration as the first column.

    Arrays, lists and other objects are written as JSON; objects that JSON cannot represent are
    written as their repr. A channel with the name ``iteration`` is written as ``iteration
    (recorded)``.

    Parameters
    ----------
    log : TrainingLogBase or path
        The log, or the path of a database, whose latest log is used.
    path : path
        The file to write. An existing file is replaced after the new file is complete.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[1].update(cost=0.5, sizes=[3, 4])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_csv(log, f"{folder}/log.csv")
    ...     print(Path(folder, "log.csv").read_text())
    iteration,cost,sizes
    1,0.5,"[3, 4]"
    """
    frame = _flat(log_of(log))
    texts = [name for name in frame if frame[name].dtype.kind not in "biuf"]
    quoting = quoting_of([*frame, *(cell for name in texts for cell in frame[name])])
    with replacing(path, MissingDataError) as temporary:
        frame.to_csv(temporary, lineterminator="\n", quoting=quoting)


def quoting_of(cells: Iterable[Any]) -> Literal[0, 2]:
    """Return a quoting rule of `csv` that allows each row to be read back.

    If a cell contains a carriage return, all text is quoted: some versions of Python do not quote a
    cell just because it contains a carriage return, which readers take for the end of a row.
    """
    broken = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    return csv.QUOTE_NONNUMERIC if broken else csv.QUOTE_MINIMAL


@hinted
def to_parquet(log: Source, path: str | os.PathLike[str]) -> None:
    """Write ``log.frame`` as a Parquet file, with the iteration as the index.

    A channel with values of several types, or with integers beyond 64 bits, is written as text;
    objects are written as JSON. A channel with the name ``iteration`` is written as ``iteration
    (recorded)``.

    Parameters
    ----------
    log : TrainingLogBase or path
        The log, or the path of a database, whose latest log is used.
    path : path
        The file to write. An existing file is replaced after the new file is complete.

    Raises
    ------
    MissingLibraryError
        If pyarrow is not installed.

    Examples
    --------
    >>> import pandas, tempfile
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[1]["cost"] = 0.5
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_parquet(log, f"{folder}/log.parquet")
    ...     pandas.read_parquet(f"{folder}/log.parquet")
               cost
    iteration
    1           0.5
    """
    if find_spec("pyarrow") is None:
        raise MissingLibraryError(NO_PYARROW)
    frame = _flat(log_of(log))
    for name in frame:
        if frame[name].dtype == object:
            values = [value for value in frame[name] if not _blank(value)]
            large = any(type(value) is int and not -(2**63) <= value < 2**63 for value in values)
            if large or len({type(value) for value in values}) > 1:
                frame[name] = [None if _blank(v) else _text(v) for v in frame[name]]
    with replacing(path, MissingDataError) as temporary:
        frame.to_parquet(temporary, engine="pyarrow")


@hinted
def to_hdf5(log: Source, path: str | os.PathLike[str]) -> None:
    """Write all records and the status of a log to an HDF5 file.

    Every channel is a group ``channels/<name>`` with two datasets of equal length, ``iterations``
    (int64) and ``values``. Numbers and Booleans are stored directly, and arrays of the same shape
    and dtype are stacked. All other values are stored as JSON; in this case the attribute
    ``encoding`` of ``values`` is ``json``. The ``channels`` attribute of the file lists the names
    of the groups in order. In these names, ``%`` and characters that HDF5 does not allow are
    percent-encoded as in URLs: ``/`` becomes ``%2F``, and the name ``.`` becomes ``%2E``. The
    attributes ``uuid`` and ``status`` (JSON) contain the identity and status of the log.

    Parameters
    ----------
    log : TrainingLogBase or path
        The log, or the path of a database, whose latest log is used.
    path : path
        The file to write. An existing file is replaced after the new file is complete.

    Examples
    --------
    >>> import h5py, tempfile
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> for i in range(3):
    ...     log[i].update(cost=i / 2, weights=[[i, i]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_hdf5(log, f"{folder}/log.h5")
    ...     with h5py.File(f"{folder}/log.h5") as file:
    ...         file["channels/cost/values"][:], file["channels/weights/values"].asstr()[:]
    (array([0. , 0.5, 1. ]), array(['[[0, 0]]', '[[1, 1]]', '[[2, 2]]'], dtype=object))
    """
    import h5py

    source = log_of(log)
    state = source.state_dict()
    with replacing(path, MissingDataError) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["uuid"] = state["uuid"]
        file.attrs["status"] = _json(state["status"])
        names = [_path(name) for name in state["columns"]]
        file.attrs["channels"] = json.dumps(names)
        for name, (iterations, values) in zip(names, state["columns"].values(), strict=True):
            group = file.create_group(f"channels/{name}")
            group["iterations"] = iterations
            stacked = _stacked(values)
            if stacked is None:
                group["values"] = [_json(value) for value in values]
                group["values"].attrs["encoding"] = "json"
            else:
                group["values"] = stacked


def _flat(log: Log) -> pd.DataFrame:
    """Return the frame of a log; values other than numbers, text and None become JSON."""
    frame = log.frame.copy()
    recorded = RECORDED
    while recorded in frame:
        recorded += " (recorded)"
    frame = frame.rename(columns={INDEX: recorded})
    for name in frame:
        if frame[name].dtype == object:
            simple = [
                v if isinstance(v, (bool, int, float)) or v is None else _text(v)
                for v in frame[name]
            ]
            frame[name] = _objects(simple)
    return frame


def _objects(values: list[Any]) -> NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return _json(value)
    return value.encode("utf-8", "backslashreplace").decode()  # a lone surrogate cannot be encoded


def _json(value: Any) -> str:
    """Encode `value` as JSON, or its repr if JSON cannot represent it."""
    try:
        return json.dumps(_named_by_text(value), default=_described)
    except (TypeError, ValueError, RecursionError):  # for instance if it contains itself
        return json.dumps(f"{value!r}")


def _named_by_text(value: Any) -> Any:
    """Convert the keys of all dictionaries in `value` to text, as JSON requires."""
    if isinstance(value, (list, tuple)):
        return [_named_by_text(item) for item in value]
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else repr(key): _named_by_text(item)
            for key, item in value.items()
        }
    return value


def _path(name: str) -> str:
    """Encode a name for an HDF5 group; `urllib.parse.unquote` decodes all except the empty name."""
    if name in ("", "."):
        return "%2E" if name else "%"
    return "".join(quote(char, safe="") if char in "%/\0" else char for char in name)


def _described(value: Any) -> Any:
    """Return a replacement for `value` that JSON can represent."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return repr(value)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _stacked(values: NDArray[Any] | list[Any]) -> NDArray[Any] | None:
    """Stack `values` into one numeric array; return None if that is impossible."""
    if isinstance(values, np.ndarray):
        return values
    first = values[0]
    if not isinstance(first, np.ndarray) or first.dtype.kind not in "biufc":
        return None
    if any(
        not isinstance(v, np.ndarray) or (v.shape, v.dtype) != (first.shape, first.dtype)
        for v in values
    ):
        return None
    return np.stack(values)
