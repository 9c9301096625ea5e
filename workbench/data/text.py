"""Dataset of the lines of text files, encoded as sequences of word or character indices."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from workbench.data.datasets import IterableDataset
from workbench.data.files import one_line, regular_file
from workbench.data.streams import Data
from workbench.errors import DataError, DataFileError
from workbench.hints import hinted

Files = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Level = Literal["word", "character"]


class TextFile(IterableDataset):
    r"""Dataset of the lines of text files, each encoded as an array of indices.

    The only source is ``features``. Each line is an array of dtype int64 that starts with the index
    of `bos_token` and ends with the index of `eos_token`. White space separates words.

    Parameters
    ----------
    files : path, or sequence of paths
        The files, in this order.
    dictionary : mapping of str to int
        The index of each word or character; `make_dictionary` creates this mapping.
    bos_token, eos_token : str or None
        The tokens to add at the start and at the end of each line; None adds no token.
    unk_token : str or None
        The token that replaces words or characters outside the dictionary. If None, unknown words
        or characters cause an error.
    level : {'word', 'character'}
        The units that a line is split into.
    preprocess : callable, optional
        A function that is applied to each line before it is split, such as `str.lower`.
    encoding : str
        The encoding of the files.

    Raises
    ------
    MissingDataError
        If a file does not exist.
    DataError
        If an argument is not valid, if one of the tokens is missing from the dictionary or, while
        reading, if a word or character is missing and `unk_token` is None.
    DataFileError
        While reading, if a file is not valid text in this encoding.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "poem.txt"
    >>> _ = path.write_text("a rose is\na rose\n")
    >>> dictionary = {"<S>": 0, "</S>": 1, "<UNK>": 2, "a": 3, "rose": 4}
    >>> for features, in TextFile(path, dictionary).examples():
    ...     print(features)
    [0 3 4 2 1]
    [0 3 4 1]
    """

    def __init__(
        self,
        files: Files,
        dictionary: Mapping[str, int],
        bos_token: str | None = "<S>",
        eos_token: str | None = "</S>",
        unk_token: str | None = "<UNK>",
        level: Level = "word",
        preprocess: Callable[[str], str] | None = None,
        encoding: str = "utf-8",
    ) -> None:
        lines = _Lines(files, preprocess, encoding)
        super().__init__({"features": lines}, axis_labels={"features": ("time",)})
        self.files = lines.paths
        self.dictionary = dict(dictionary)
        self.bos_token, self.eos_token, self.unk_token = bos_token, eos_token, unk_token
        self.level: Level = _checked_level(level)
        self.preprocess, self.encoding = preprocess, encoding
        for name, token in (("bos", bos_token), ("eos", eos_token), ("unk", unk_token)):
            if token is not None and token not in self.dictionary:
                raise DataError(
                    f"the dictionary of a TextFile must contain {name}_token, which is {token!r}; "
                    f"add it, or pass {name}_token=None"
                )
        self._lines = lines

    def examples(self, start: int = 0) -> Iterator[Data]:
        before = [] if self.bos_token is None else [self.dictionary[self.bos_token]]
        after = [] if self.eos_token is None else [self.dictionary[self.eos_token]]
        for line, where in itertools.islice(self._lines.numbered(), start, None):
            numbers = [self._number(token, where) for token in _tokens(line, self.level)]
            yield (np.array([*before, *numbers, *after], dtype=np.int64),)

    def _number(self, token: str, where: str) -> int:
        number = self.dictionary.get(token)
        if number is not None:
            return number
        if self.unk_token is None:
            raise DataError(
                f"{where}: {token!r} is not in the dictionary; add it, or pass unk_token to "
                "replace unknown words"
            )
        return self.dictionary[self.unk_token]

    def __repr__(self) -> str:
        files = ", ".join(str(path) for path in self.files)
        count = len(self.dictionary)
        return f"TextFile({files}, {count} {self.level}{'s' * (count != 1)})"


@hinted
def make_dictionary(
    files: Files,
    *,
    level: Level = "word",
    max_size: int | None = None,
    tokens: Sequence[str] = ("<S>", "</S>", "<UNK>"),
    preprocess: Callable[[str], str] | None = None,
    encoding: str = "utf-8",
) -> dict[str, int]:
    r"""Create a dictionary that indexes the words or characters of text files by frequency.

    Parameters
    ----------
    files : path, or sequence of paths
        The files.
    level : {'word', 'character'}
        The units to count and index.
    max_size : int, optional
        The maximum number of entries, including `tokens`.
    tokens : sequence of str
        The tokens that get the first indices, before all other entries.
    preprocess : callable, optional
        A function that is applied to each line before it is split.
    encoding : str
        The encoding of the files.

    Raises
    ------
    MissingDataError
        If a file does not exist.
    DataFileError
        If a file is not valid text in this encoding.
    DataError
        If `files` is empty, or if `level` or `encoding` is not valid.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "poem.txt"
    >>> _ = path.write_text("a rose is\na rose\n")
    >>> make_dictionary(path, max_size=5)
    {'<S>': 0, '</S>': 1, '<UNK>': 2, 'a': 3, 'rose': 4}
    """
    counts: Counter[str] = Counter()
    for line, _ in _Lines(files, preprocess, encoding).numbered():
        counts.update(_tokens(line, _checked_level(level)))
    # ties are in alphabetical order, which does not depend on the order of the files
    ordered = sorted(counts, key=lambda token: (-counts[token], token))
    names = dict.fromkeys([*tokens, *ordered])
    return {token: number for number, token in enumerate(itertools.islice(names, max_size))}


class _Lines:
    """Lines of files, without line endings, as an iterable that can be read repeatedly."""

    def __init__(
        self, files: Files, preprocess: Callable[[str], str] | None, encoding: str
    ) -> None:
        several = [files] if isinstance(files, (str, os.PathLike)) else files
        self.paths = tuple(Path(path) for path in several)
        self.preprocess = preprocess
        self.encoding = encoding
        for path in self.paths:
            regular_file(path, "text file")
        if not self.paths:
            raise DataError("the argument files must contain at least one path, but is empty")
        try:
            "".encode(encoding)
        except LookupError:
            raise DataError(
                f"encoding must be the name of an encoding, such as 'utf-8', not {encoding!r}"
            ) from None

    def __iter__(self) -> Iterator[Any]:
        return (line for line, _ in self.numbered())

    def numbered(self) -> Iterator[tuple[str, str]]:
        """Yield each line with its location (file and line number) for messages."""
        for path in self.paths:
            number = 0
            with path.open(encoding=self.encoding) as file:
                try:
                    for number, line in enumerate(file, start=1):
                        text = line.rstrip("\n")
                        yield self.preprocess(text) if self.preprocess else text, f"{path}:{number}"
                except UnicodeError as error:
                    raise DataFileError(
                        f"{path} is not valid {self.encoding} text after line "
                        f"{number} ({one_line(error)})"
                    ) from None


def _tokens(line: str, level: Level) -> Sequence[str]:
    return line.split() if level == "word" else line


def _checked_level(level: Level) -> Level:
    if level not in ("word", "character"):
        raise DataError(f"level must be 'word' or 'character', not {level!r}")
    return level
