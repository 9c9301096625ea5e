"""Functions that read tables in CSV and Parquet files as pandas data frames.

A column of a CSV file contains numbers if each of its cells is a number or empty, bools if each of
its cells is True, False or empty (in upper or lower case, as in pandas), and text otherwise. An
empty cell is a missing value. In a file for validation or predictions, a column of text may happen
to contain only "true" and "false", even though the same column also contained "maybe" in the
training data. Such a column is therefore still read as text if all its values occur in the training
column. `workbench.data.convert.csv_table` explains why CSV files are not read with pandas.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.convert.csv_table import read_table
from workbench.data.exact_dtypes import parsed
from workbench.data.files import one_line, regular_file
from workbench.errors import DataError, DataFileError, MissingLibraryError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".parquet")
READERS = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), "read_excel"),
    ".json": "read_json",
    ".jsonl": "read_json",
    ".feather": "read_feather",
    ".dta": "read_stata",
    ".sas7bdat": "read_sas",
    ".sav": "read_spss",
    ".pkl": "read_pickle",
    ".txt": "read_csv",
    ".data": "read_csv",
    ".gz": "read_csv",
    ".zip": "read_csv",
}
"""Names of pandas functions that read other files, keyed by the ending of the file name."""
BOOLS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
CHANGE_TABLE = (
    "{error}\nTo change the table, read it with frame = {call}, and pass {argument} instead of the "
    "path"
)
READ_IT = (
    "read the file with pandas.read_csv(path, sep=...), with decimal=',' if its numbers have "
    "decimal commas, and pass the table"
)

OTHER_ENCODING = (
    "if it has another encoding, read it with pandas.read_csv(path, encoding='latin-1'), for "
    "example, and pass the table"
)


def read_frame(
    path: str | os.PathLike[str], texts: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    r"""Read a table from a CSV or Parquet file.

    Parameters
    ----------
    path : str or Path
        A file whose name ends in ``.csv``, ``.tsv`` (cells are separated by tabs) or ``.parquet``.
    texts : dict of str to sequence of str, optional
        The values of each text column in the training data. In a CSV file, such a column stays
        text if all its cells are among these values.

    Raises
    ------
    MissingDataError
        If the file does not exist.
    DataFileError
        If the file is damaged, or if its name has another ending.
    MissingLibraryError
        If Parquet cannot be read because ``pyarrow`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "irises.csv"
    >>> _ = path.write_text("length,species\n5.1,setosa\n7.0,virginica\n")
    >>> read_frame(path)["species"].to_list()
    ['setosa', 'virginica']
    """
    import pandas as pd

    suffix = Path(path).suffix.lower()
    if suffix == ".parquet":
        file = regular_file(path, "Parquet file")
        try:
            return pd.read_parquet(file)
        except ImportError:
            raise MissingLibraryError(
                "reading Parquet requires pyarrow, which is not installed; install it with: pip "
                "install 'workbench[parquet]'"
            ) from None
        except Exception as error:
            raise DataFileError(
                f"{path} is not a Parquet file, or is damaged ({one_line(error)})"
            ) from None
    if suffix not in SUFFIXES:
        raise DataFileError(
            f"{path} must be a file whose name ends in {', '.join(SUFFIXES)}; {other_file(path)}"
        )
    try:
        table = read_table(path, "\t" if suffix == ".tsv" else ",", "utf-8-sig", READ_IT)
    except DataFileError as error:
        if isinstance(error.__context__, UnicodeError):
            raise DataFileError(f"{error}; {OTHER_ENCODING}") from None
        raise
    texts = {} if texts is None else texts
    columns = {name: _column(table.texts(name), texts.get(name, ())) for name in table.columns}
    return pd.DataFrame(columns)


def other_file(path: str | os.PathLike[str]) -> str:
    """Return advice on reading a file of an unknown kind.

    Examples
    --------
    >>> other_file("prices.xlsx")
    'read it with frame = pandas.read_excel(path), and pass the table'
    """
    reader = READERS.get(Path(path).suffix.lower())
    if reader is None:
        return "read other files yourself, and pass arrays or a table"
    return f"read it with frame = pandas.{reader}(path), and pass the table"


@contextmanager
def advice_for_file(path: str | os.PathLike[str] | None, argument: str = "frame") -> Iterator[None]:
    """Explain, in errors that advise changing the table, how to read it from its file.

    Parameters
    ----------
    path : str or Path, optional
        The file of the table; None if the table was not read from a file.
    argument : str
        The argument that the caller can pass instead of the path.
    """
    try:
        yield
    except DataError as error:
        if path is None or not error.changes_frame:
            raise
        suffix = Path(path).suffix.lower()
        kind = "parquet" if suffix == ".parquet" else "csv"
        tabs = r", sep='\t'" if suffix == ".tsv" else ""
        call = f"pandas.read_{kind}({os.fspath(path)!r}{tabs})"
        text = CHANGE_TABLE.format(error=error, call=call, argument=argument)
        raise type(error)(text) from None


def _column(cells: list[str], texts: Sequence[str]) -> Any:
    """Return the values of a column; empty cells are missing values."""
    if set(cells) <= set(texts):
        return np.array(cells, dtype=object)
    there = [cell for cell in cells if cell]
    for dtype in (np.dtype(np.int64), np.dtype(np.float64)):
        try:
            numbers = [parsed(cell, dtype) for cell in there]
        except (ValueError, OverflowError):
            continue
        if len(there) == len(cells):
            return np.array(numbers, dtype)
        values = iter(numbers)
        return np.array([next(values) if cell else np.nan for cell in cells], np.float64)
    if all(cell in BOOLS for cell in there):
        bools = [BOOLS.get(cell) for cell in cells]
        return np.array(bools, dtype=bool if len(there) == len(cells) else object)
    return np.array([cell or None for cell in cells], dtype=object)
