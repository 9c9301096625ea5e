"""Tables in CSV files to HDF5.

The standard module `csv` splits the text into cells. `pandas.read_csv` would lose details that an
error must name. Its C engine reads a row that is too short as a row with empty cells, and accepts
text after a closing quote. Its Python engine is based on `csv` too, takes seconds for a table of
300,000 columns, and counts rows instead of lines, which differ after a cell of several lines.
`pandas.to_numeric` silently rounds 2**53 + 1 and reads 1e400 as infinite. Therefore `parsed`
converts each cell.
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
    "{place} has {what} where a number is expected; leave the column out with ignore, or name it "
    "in targets if it contains classes"
)
DOES_NOT_FIT = (
    "{place} has {what}, which {dtype} cannot hold; give a wider dtype, such as 'float64' or "
    "'int64', or leave the column out with ignore"
)


@dataclass(frozen=True)
class Table:
    """The cells of a file, as text.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        The names in its first line.
    rows : list of (int, list of str)
        The cells of each further row, and the line of the file where it starts, from 1.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[tuple[int, list[str]]]

    def numbers(self, names: Sequence[str], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """Return some columns as numbers, of shape (N, columns).

        Raises
        ------
        DataFileError
            If a cell is not a number, or `dtype` cannot hold it; the text names line and column.
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
                    what = f"{cell!r:.60}" if cell.strip() else "nothing"
                    text = NOT_A_NUMBER.format(place=self.place(line, name), what=what)
                    raise DataFileError(text) from None
                except OverflowError:
                    text = DOES_NOT_FIT.format(
                        place=self.place(line, name), what=f"{cell.strip():.60}", dtype=dtype.name
                    )
                    raise DataFileError(text) from None
        return values

    def texts(self, name: str) -> list[str]:
        """Return the cells of a column without the spaces around them."""
        index = self.columns.index(name)
        return [row[index].strip() for _, row in self.rows]

    def place(self, line: int, column: str) -> str:
        """Return the words that name a cell in an error."""
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
    r"""Put tables, one file per split, into one HDF5 file.

    The first line of each file names the columns. Columns that are not targets become the source
    ``features``, of shape (N, columns). Targets become the source ``targets``, of shape (N,
    targets): of dtype int64 if all of them are whole numbers, of `dtype` if they are other numbers.
    A single column of other text contains classes: these are numbered in alphabetical order, over
    all files, and their names are kept as the attribute ``classes``.

    Parameters
    ----------
    path : str or Path
        The file to write.
    files : mapping from split to path
        The files to read; all must have the same columns.
    targets : sequence of str
        The columns to be predicted.
    ignore : sequence of str
        The columns to leave out.
    dtype : dtype
        The dtype of the features.
    delimiter : str
        The character between cells.
    encoding : str
        The encoding of the files; by default UTF-8, with or without a byte order mark.

    Raises
    ------
    MissingDataError
        If a file does not exist.
    DataFileError
        If a file is not a table as described; the text names the line.
    SourceError
        If no column has a given name.

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
        If the file does not exist.
    DataFileError
        If it is not a table: no text, no lines, repeated names, rows of different lengths.
    """
    path = regular_file(path, "CSV file")
    if len(delimiter) != 1:
        raise DataError(f"delimiter={delimiter!r} must be a single character, such as ','")
    rows: list[tuple[int, list[str]]] = []
    line = 0  # the line where the last row that was read starts
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            start = 1
            for row in reader:
                if row:  # not a blank line
                    line = start
                    rows.append((line, row))
                start = reader.line_num + 1
    except (UnicodeError, LookupError) as error:
        raise DataFileError(
            f"{path}: not text in {encoding} after line {line} ({one_line(error)})"
        ) from None
    except csv.Error as error:
        raise DataFileError(f"{path}: not CSV after line {line} ({one_line(error)})") from None
    if len(rows) < 2:
        fault = "has no line but the first" if rows else "the file is empty"
        raise DataFileError(
            f"{path}: {fault}; the first line must name the columns, and each further line must be "
            "an example"
        )
    columns = tuple(name.strip() for name in rows[0][1])
    repeated = next((name for name, n in Counter(columns).items() if not name or n > 1), None)
    for line, row in rows:
        # a file in another encoding is full of NUL, so that its names are no help in an error
        fault = ""
        if line > 1 and len(row) != len(columns):
            fault = f"has {len(row)} cells, but there are {len(columns)} columns"
        elif any("\0" in cell for cell in row):
            fault = (
                "holds a NUL character, which no text has; the file is damaged, or in another "
                "encoding, such as encoding='utf-16'"
            )
        elif row is rows[0][1] and repeated is not None:
            fault = (
                f"two columns are called {repeated!r:.60}" if repeated else "a column has no name"
            )
        if fault:
            raise DataFileError(f"{path}:{line}: {fault}")
    return Table(path, columns, rows[1:])


def _targets(
    tables: list[Table], names: tuple[str, ...], dtype: npt.DTypeLike
) -> tuple[list[npt.NDArray[Any]], list[str]]:
    """Return the targets of each table, and the names of the classes if they are classes."""
    texts = [text for table in tables for name in names for text in table.texts(name)]
    if len(names) > 1 or all(_is_number(text) for text in texts):
        whole = all(_is_whole(text) for text in texts)
        return [table.numbers(names, np.int64 if whole else dtype) for table in tables], []
    columns = [table.texts(names[0]) for table in tables]
    for table, column in zip(tables, columns, strict=True):
        if "" in column:
            place = table.place(table.rows[column.index("")][0], names[0])
            raise DataFileError(f"{place} has nothing where a class is expected")
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
