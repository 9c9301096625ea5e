"""Frames that are passed in place of logs: checks of their iterations and channel names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.log.query import INDEX

if TYPE_CHECKING:
    import pandas as pd

NO_ITERATIONS = (
    "the index of {where} must contain iterations: whole numbers, 0 or more, in increasing order; "
    "log.frame and log.epochs are valid frames"
)
SAME_NAMES = (
    "the column names of {where} must differ as text, but {name!r} occurs {count} times; "
    "rename or drop columns, for example with frame.columns = [...]"
)


def by_iteration(frame: pd.DataFrame, where: str, error: type[WorkbenchError]) -> pd.DataFrame:
    """Return a frame with iterations as its index and text as its column names.

    Parameters
    ----------
    frame : pandas.DataFrame
        A column for each channel. The iterations are in the column ``iteration`` if this column
        exists and the index has a different name; otherwise they are in the index.
    where : str
        The name of the frame in error messages.
    error : type
        The class of error to raise.

    Raises
    ------
    error
        If the iterations are not increasing whole numbers, or if two columns have the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> from workbench.errors import LogError
    >>> by_iteration(pd.DataFrame({"iteration": [5, 10], 1: [0.5, 0.2]}), "the frame", LogError)
                 1
    iteration
    5          0.5
    10         0.2
    """
    import pandas as pd

    names = [str(name) for name in frame.columns]
    name, count = (Counter(names).most_common(1) or [("", 0)])[0]
    if count > 1:
        raise error(SAME_NAMES.format(where=where, name=name, count=count))
    named = frame.set_axis(names, axis="columns")
    rows: Any = named.index
    if named.index.name != INDEX and INDEX in named:
        rows = named[INDEX]
        named = named.drop(columns=INDEX)
    iterations = _whole(rows.to_numpy())
    if iterations is None:
        raise error(NO_ITERATIONS.format(where=where))
    return named.set_axis(pd.Index(iterations, name=INDEX), axis="index")


def _whole(rows: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return `rows` as int64 if they are increasing whole numbers below 2**63, otherwise None."""
    if rows.dtype.kind not in "iuf" or not len(rows):
        return None if len(rows) else np.empty(0, np.int64)
    if not (rows == np.floor(rows)).all() or rows[0] < 0 or (rows[1:] <= rows[:-1]).any():
        return None
    return rows.astype(np.int64) if rows[-1] < 2.0**63 else None
