"""Tables in CSV files to HDF5.

Read by the standard library, cell by cell, so that whatever is wrong is named with its line.
"""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.convert.splits import check_splits
from workbench.data.files import one_line, regular_file, some
from workbench.data.hdf5 import write_hdf5
from workbench.data.narrow import number_dtype, parsed
from workbench.errors import DataError, DataFileError, SourceError, nearest
from workbench.hints import hinted

FLOAT = np.dtype(np.float64)


@dataclass(frozen=True)
class Table:
    """The cells of a file, as text.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        The names in its first line.
    rows : list of list of str
        The cells of each further line.
    lines : list of int
        Where each row stands in the file, from 1.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    def numbers(self, names: Sequence[str], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return some columns as numbers, of shape (N, columns).

        Raises
        ------
        DataFileError
            If a cell is no number, or one that `dtype` cannot hold; the text names the line.
        """
        dtype = number_dtype(dtype, "csv_to_hdf5")
        place = {name: index for index, name in enumerate(self.columns)}
        where = [place[name] for name in names]
        values = np.empty((len(self.rows), len(names)), dtype)
        for number, row in enumerate(self.rows):
            try:
                values[number] = [parsed(row[index], dtype) for index in where]
            except (ValueError, OverflowError):
                raise DataFileError(self._no_number(number, where, dtype)) from None
        return values

    def _no_number(self, number: int, where: list[int], dtype: np.dtype[Any]) -> str:
        for index in where:
            cell = self.rows[number][index]
            place = f"{self.path}:{self.lines[number]}: column {self.columns[index]!r} has"
            try:
                parsed(cell, dtype)
            except ValueError:
                what = f"{cell!r:.60}" if cell.strip() else "nothing"
                return (
                    f"{place} {what} where a number is expected; leave the column out with ignore, "
                    "or name it in targets if it holds classes"
                )
            except OverflowError:
                return (
                    f"{place} {cell.strip():.60}, which {dtype.name} cannot hold; give a wider "
                    "dtype, such as 'float64' or 'int64', or leave the column out with ignore"
                )
        raise AssertionError("every cell is a number")

    def texts(self, name: str) -> list[str]:
        """Return the cells of a column without the spaces around them."""
        index = self.columns.index(name)
        return [row[index].strip() for row in self.rows]


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
    r"""Put tables, one file a split, into one HDF5 file.

    The first line of each file names the columns. Those that are not targets become the source
    ``features``, of shape (N, columns). Targets become the source ``targets``, of shape (N,
    targets): of dtype int64 where all of them are whole numbers, of `dtype` where they are numbers.
    A single column that holds something else holds classes: these are numbered in the order of the
    alphabet, over all files, and their names are kept as the attribute ``classes``.

    Parameters
    ----------
    path : str or Path
        The file to write.
    files : mapping from split to path
        The files to read; all with the same columns.
    targets : sequence of str
        The columns that are to be predicted.
    ignore : sequence of str
        The columns to leave out.
    dtype : dtype
        The dtype of the features.
    delimiter : str
        What separates cells.
    encoding : str
        The encoding of the files; by default UTF-8, with or without a mark at its beginning.

    Raises
    ------
    MissingDataError
        If a file is not there.
    DataFileError
        If a file is no such table; the text names the line.
    SourceError
        If there is no column of a name given.

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
        raise DataError(f"nothing to write to {path}: no files were given")
    first = next(iter(tables.values()))
    targets = (targets,) if isinstance(targets, str) else tuple(targets)
    ignore = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    for table in tables.values():
        if table.columns != first.columns:
            raise DataFileError(
                f"{table.path}: has the columns {some(table.columns, str)}, but {first.path} has "
                f"{some(first.columns, str)}"
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


def read_table(path: str | os.PathLike[str], delimiter: str, encoding: str) -> Table:
    """Read the cells of a CSV file.

    Raises
    ------
    MissingDataError
        If there is no such file.
    DataFileError
        If it is no table: no text, no lines, names that repeat, rows of different lengths.
    """
    path = regular_file(path, "CSV file")
    if len(delimiter) != 1:
        raise DataError(f"delimiter is {delimiter!r}; expected a single character, such as ','")
    rows, lines = [], []
    line = 0
    try:
        with path.open(encoding=encoding, newline="") as file:
            for line, row in _numbered(csv.reader(file, delimiter=delimiter, strict=True)):
                rows.append(row)
                lines.append(line)
    except (UnicodeError, LookupError) as error:
        raise DataFileError(
            f"{path}: not text in {encoding} after line {line} ({one_line(error)})"
        ) from None
    except csv.Error as error:
        raise DataFileError(f"{path}: no CSV after line {line} ({one_line(error)})") from None
    if len(rows) < 2:
        raise DataFileError(
            f"{path}: {'the file is empty' if not rows else 'has no line but the first'}; expected "
            "a line with the names of the columns and then a line for each example"
        )
    columns = tuple(name.strip() for name in rows.pop(0))
    lines.pop(0)
    _refuse_nul(path, 1, columns)
    for name, count in Counter(columns).items():
        if not name or count > 1:
            fault = f"two columns are called {name!r:.60}" if name else "a column has no name"
            raise DataFileError(f"{path}:1: {fault}")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(columns):
            raise DataFileError(
                f"{path}:{line}: has {len(row)} cells, but there are {len(columns)} columns"
            )
        _refuse_nul(path, line, row)
    return Table(path, columns, rows, lines)


def _refuse_nul(path: Path, line: int, cells: Sequence[str]) -> None:
    if any("\0" in cell for cell in cells):
        raise DataFileError(
            f"{path}:{line}: holds a NUL character, which no text has; the file is damaged, or in "
            "another encoding, such as encoding='utf-16'"
        )


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the line that it begins at."""
    begun = 1
    for row in reader:
        if row:
            yield begun, row
        begun = reader.line_num + 1


def _targets(
    tables: list[Table], names: tuple[str, ...], dtype: npt.DTypeLike
) -> tuple[list[npt.NDArray[Any]], list[str]]:
    """Return the targets of each table, and the names of the classes if they are classes."""
    texts = [text for table in tables for name in names for text in table.texts(name)]
    if len(names) > 1 or all(_is_number(text) for text in texts):
        whole = all(_is_whole(text) for text in texts)
        return [table.numbers(names, np.int64 if whole else dtype) for table in tables], []
    for table in tables:
        for text, line in zip(table.texts(names[0]), table.lines, strict=True):
            if not text:
                raise DataFileError(
                    f"{table.path}:{line}: column {names[0]!r} has nothing where a class is "
                    "expected"
                )
    classes = sorted(set(texts))
    numbers = {text: number for number, text in enumerate(classes)}
    values = [np.array([[numbers[text]] for text in table.texts(names[0])]) for table in tables]
    return values, classes


def _is_number(text: str) -> bool:
    try:
        parsed(text, FLOAT)
    except OverflowError:
        return True
    except ValueError:
        return False
    return True


def _is_whole(text: str) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    return math.isfinite(number) and number == math.floor(number)
