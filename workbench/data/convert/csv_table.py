"""Converter from tables in CSV files to HDF5.

The standard module `csv` splits the text into cells. `pandas.read_csv` is not used: its C engine
adds empty cells to a row that is too short, and accepts text after a closing quote. Its Python
engine, which is also based on `csv`, takes seconds for a table of 300,000 columns, and counts rows
instead of lines, although a cell may contain several lines. `parsed` converts each cell, because
`pandas.to_numeric` silently rounds 2**53 + 1 and reads 1e400 as infinity.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.convert.splits import check_splits
from workbench.data.exact_dtypes import number_dtype, parsed
from workbench.data.files import one_line, regular_file, some
from workbench.data.hdf5 import write_hdf5
from workbench.errors import DataError, DataFileError, SourceError, nearest
from workbench.hints import hinted

NOT_A_NUMBER = (
    "{place} must be a number, not {what}; exclude the column with ignore, or make it the only "
    "target if it contains classes"
)
OTHER_DELIMITER = (
    "{path}:1: the only column is named {name!r:.60}, so the cells seem to be separated by "
    "{other!r} instead of {delimiter!r}; {advice}"
)
DOES_NOT_FIT = (
    "{place} has {what}, which {dtype} cannot represent; pass a wider dtype, such as 'float64' or "
    "'int64', or exclude the column with ignore"
)


@dataclass(frozen=True)
class Table:
    """Contents of a CSV file as text.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        The column names, from the first line.
    rows : list of (int, list of str)
        For each row after the first line, the number of the line where it starts, and its cells.
        Lines are counted from 1.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[tuple[int, list[str]]]

    def numbers(self, names: Sequence[str], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Convert the named columns to an array of shape (N, columns).

        Raises
        ------
        DataFileError
            If a cell is not a number, or `dtype` cannot represent it. The message names the line
            and the column.
        """
        dtype = number_dtype(dtype, "csv_to_hdf5")
        index = {name: number for number, name in enumerate(self.columns)}
        values = np.empty((len(self.rows), len(names)), dtype)
        for number, (line, row) in enumerate(self.rows):
            for position, name in enumerate(names):
                cell = row[index[name]]
                try:
                    values[number, position] = parsed(cell, dtype)
                except ValueError:
                    what = f"{cell!r:.60}" if cell.strip() else "an empty cell"
                    text = NOT_A_NUMBER.format(place=self.place(line, name), what=what)
                    raise DataFileError(text) from None
                except OverflowError:
                    text = DOES_NOT_FIT.format(
                        place=self.place(line, name), what=f"{cell.strip():.60}", dtype=dtype.name
                    )
                    raise DataFileError(text) from None
        return values

    def texts(self, name: str) -> list[str]:
        """Return the cells of a column, without surrounding spaces."""
        index = self.columns.index(name)
        return [row[index].strip() for _, row in self.rows]

    def place(self, line: int, column: str) -> str:
        """Describe the location of a cell for an error message."""
        return f"{self.path}:{line}: column {column!r}"


@hinted
def csv_to_hdf5(
    path: str | os.PathLike[str],
    files: Mapping[str, str | os.PathLike[str]],
    *,
    targets: Sequence[str] = (),
    ignore: Sequence[str] = (),
    dtype: npt.DTypeLike = "float32",
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> None:
    r"""Convert CSV files, one per split, to one HDF5 file.

    The first line of each file names the columns. Columns that are neither targets nor ignored
    become the source ``features``, of shape (N, columns). Targets become the source ``targets``, of
    shape (N, targets), with dtype int64 if all values are integers, and with `dtype` if not. If
    there is a single target column and it contains text, its values are class names. The
    attribute ``classes`` lists the names from all files in alphabetical order, and ``targets``
    contains their indices in this list.

    Parameters
    ----------
    path : str or Path
        The HDF5 file to write.
    files : mapping from split to path
        The CSV files to read; all must have the same columns.
    targets : sequence of str
        The columns that a model predicts.
    ignore : sequence of str
        The columns to exclude.
    dtype : dtype
        The dtype of the features, and of targets that are not integers.
    delimiter : str
        The character that separates cells.
    encoding : str
        The encoding of the files; by default UTF-8, with or without a byte order mark.

    Raises
    ------
    DataError
        If `files` is empty or is not a mapping from split to path, or if `dtype`, `delimiter` or
        `encoding` is not valid.
    MissingDataError
        If a file does not exist.
    DataFileError
        If a file is not a table of the form described above. The message names the line.
    SourceError
        If `targets` or `ignore` names a column that does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from workbench.data import H5PYDataset
    >>> folder = Path(tempfile.mkdtemp())
    >>> text = "length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n"
    >>> _ = (folder / "irises.csv").write_text(text)
    >>> csv_to_hdf5(folder / "irises.h5", {"all": folder / "irises.csv"}, targets=["species"])
    >>> features, targets = H5PYDataset(folder / "irises.h5", ("all",)).indexables
    >>> features.tolist(), targets.tolist()
    ([[5.099999904632568, 3.5], [7.0, 3.200000047683716]], [[0], [1]])
    """
    check_splits(files, "path")
    tables = {split: read_table(file, delimiter, encoding) for split, file in files.items()}
    if not tables:
        raise DataError(f"files must not be empty; pass at least one split to write to {path}")
    first = next(iter(tables.values()))
    targets = (targets,) if isinstance(targets, str) else tuple(targets)
    ignore = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    for table in tables.values():
        if table.columns != first.columns:
            raise DataFileError(
                f"{table.path}: the columns must be the same as in {first.path} "
                f"({some(first.columns, str)}), not {some(table.columns, str)}"
            )
    for name in (*targets, *ignore):
        if name not in first.columns:
            raise SourceError(
                f"{first.path} has no column {name!r}, only "
                f"{some(first.columns)}{nearest(name, first.columns)}"
            )
    others = {*targets, *ignore}
    features = [name for name in first.columns if name not in others]
    splits: dict[str, dict[str, npt.NDArray[Any]]] = {split: {} for split in tables}
    attributes: dict[str, Sequence[str]] = {}
    if features:
        attributes["columns"] = features
        for split, table in tables.items():
            splits[split]["features"] = table.numbers(features, dtype)
    if targets:
        values, classes = _targets(list(tables.values()), targets, dtype)
        for split, array in zip(splits, values, strict=True):
            splits[split]["targets"] = array
        if classes:
            attributes["classes"] = classes
    write_hdf5(
        path,
        splits,
        axis_labels={"features": ("batch", "feature"), "targets": ("batch", "index")},
        attributes=attributes,
    )


def other_delimiter(header: str) -> str:
    """Return the character that seems to separate the names in a line, or an empty string.

    Examples
    --------
    >>> other_delimiter("length;width"), other_delimiter("length")
    (';', '')
    """
    return next((one for one in ";\t|," if one in header), "")


def read_table(
    path: str | os.PathLike[str], delimiter: str, encoding: str, advice: str = "pass delimiter=..."
) -> Table:
    """Read the cells of a CSV file.

    The error message for a file with another delimiter ends with `advice`.

    Raises
    ------
    DataError
        If `delimiter` is not a single character, or if `encoding` is unknown.
    MissingDataError
        If the file does not exist.
    DataFileError
        If the file is not valid text, is empty, repeats a column name, or has rows of different
        lengths.
    """
    path = regular_file(path, "CSV file")
    if len(delimiter) != 1:
        raise DataError(f"delimiter={delimiter!r} must be a single character, such as ','")
    try:
        "".encode(encoding)
    except LookupError as error:
        raise DataError(
            f"encoding must be the name of an encoding, such as 'utf-8', not {encoding!r} ({error})"
        ) from None
    rows: list[tuple[int, list[str]]] = []
    line = 0  # the line where the last complete row starts
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            start = 1
            for row in reader:
                if row:  # not a blank line
                    line = start
                    rows.append((line, row))
                start = reader.line_num + 1
    except UnicodeError as error:
        raise DataFileError(
            f"{path} is not valid {encoding} text after line {line} ({one_line(error)})"
        ) from None
    except csv.Error as error:
        raise DataFileError(
            f"{path} is not valid CSV after line {line} ({one_line(error)})"
        ) from None
    if len(rows) < 2:
        fault = "the file has only one line" if rows else "the file is empty"
        raise DataFileError(
            f"{path}: {fault}; the first line must name the columns, and every other line must "
            "contain an example"
        )
    columns = tuple(name.strip() for name in rows[0][1])
    if len(columns) == 1 and (other := other_delimiter(columns[0])):
        raise DataFileError(
            OTHER_DELIMITER.format(
                path=path, name=columns[0], other=other, delimiter=delimiter, advice=advice
            )
        )
    repeated = next((name for name, n in Counter(columns).items() if not name or n > 1), None)
    for line, row in rows:
        # NUL is checked before the names, which are unreadable in another encoding
        fault = ""
        if line > 1 and len(row) != len(columns):
            cells = f"{len(columns)} cell{'s' * (len(columns) != 1)}"
            fault = f"a row must have {cells}, one per column, not {len(row)} cells"
        elif any("\0" in cell for cell in row):
            fault = (
                "text must not contain a NUL character; the file is damaged, or has another "
                "encoding, such as encoding='utf-16'"
            )
        elif row is rows[0][1] and repeated is not None:
            fault = (
                f"two columns are named {repeated!r:.60}" if repeated else "a column has no name"
            )
            if not repeated and not columns[0]:
                fault += (
                    "; if it is the index of a pandas.DataFrame, write the table with "
                    "to_csv(path, index=False), or read the file with "
                    "pandas.read_csv(path, index_col=0), and pass the table"
                )
        if fault:
            raise DataFileError(f"{path}:{line}: {fault}")
    return Table(path, columns, rows[1:])


def _targets(
    tables: list[Table], names: tuple[str, ...], dtype: npt.DTypeLike
) -> tuple[list[npt.NDArray[Any]], list[str]]:
    """Return the targets of each table, and the class names if the targets are classes."""
    texts = [text for table in tables for name in names for text in table.texts(name)]
    if len(names) > 1 or all(_is_number(text) for text in texts):
        whole = all(_is_whole(text) for text in texts)
        return [table.numbers(names, np.int64 if whole else dtype) for table in tables], []
    columns = [table.texts(names[0]) for table in tables]
    for table, column in zip(tables, columns, strict=True):
        if "" in column:
            place = table.place(table.rows[column.index("")][0], names[0])
            raise DataFileError(f"{place} must be the name of a class, but is empty")
    classes = sorted(set(texts))
    numbers = {text: number for number, text in enumerate(classes)}
    return [np.array([[numbers[text]] for text in column]) for column in columns], classes


def _is_number(text: str) -> bool:
    try:
        parsed(text, np.dtype(np.float64))
    except OverflowError:
        return True
    except ValueError:
        return False
    return True


def _is_whole(text: str) -> bool:
    try:
        return float(text).is_integer()
    except ValueError:
        return False
