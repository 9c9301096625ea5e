"""Frames that display numbers legibly in columns that also contain other values.

pandas shows the numbers in a column of dtype object with a fixed number of decimals, for example
1e-08 as 0.0. This module imports pandas, so other modules import it only inside functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from workbench.log.last_batch import marked

DIGITS = 6
LAST_BATCH = "last batch"
"""Key in the attributes of a frame for the rows whose names are shown with a mark."""


class MixedFrame(pd.DataFrame):
    """Frame that shows numbers with six digits, or with all digits if six do not distinguish them.

    Only the display differs from an ordinary frame; the values remain numbers.

    Examples
    --------
    >>> MixedFrame({"slow": [1e-8, 3, "at 5"], "fast": [0.1, 2, "at 7"]}, index=list("abc"))
        slow  fast
    a  1e-08   0.1
    b      3     2
    c   at 5  at 7
    """

    @property
    def _constructor(self) -> Callable[..., MixedFrame]:
        return MixedFrame

    @property
    def _constructor_sliced(self) -> Callable[..., MixedSeries]:
        return MixedSeries

    def in_words(self) -> pd.DataFrame:
        """Return a plain frame that shows the floats in columns of dtype object as text.

        Rows of channels whose values describe only the last batch are marked.
        """
        shown = pd.DataFrame(self)
        mixed = [place for place, kind in enumerate(shown.dtypes) if kind.kind == "O"]
        rows = [number_texts(row) for row in shown.iloc[:, mixed].itertuples(index=False)]
        for column, place in enumerate(mixed):
            values = pd.Series([row[column] for row in rows], index=shown.index, dtype=object)
            shown.isetitem(place, values.array)
        if marks := frozenset(self.attrs.get(LAST_BATCH, ())):
            last = shown.index.nlevels - 1
            names = [marked(name, marks) for name in shown.index.get_level_values(last)]
            levels = [shown.index.get_level_values(level) for level in range(last)]
            arrays = [*levels, pd.Index(names, name=shown.index.names[last])]
            shown = shown.set_axis(pd.MultiIndex.from_arrays(arrays) if levels else arrays[0])
        return shown

    def __repr__(self) -> str:
        return repr(self.in_words())

    def to_string(self, *args: Any, **options: Any) -> Any:
        """Return the frame as text; the arguments are those of ``pandas.DataFrame.to_string``."""
        return self.in_words().to_string(*args, **options)

    def _repr_html_(self) -> str | None:
        plain: Any = self.in_words()
        html: str | None = plain._repr_html_()
        return html


class MixedSeries(pd.Series):
    """Row or column of a `MixedFrame`, shown in the same way."""

    @property
    def _constructor(self) -> Callable[..., MixedSeries]:
        return MixedSeries

    @property
    def _constructor_expanddim(self) -> Callable[..., MixedFrame]:
        return MixedFrame

    def __repr__(self) -> str:
        plain = pd.Series(self)
        if plain.dtype.kind == "O":
            plain = pd.Series(number_texts(plain.tolist()), plain.index, object, plain.name)
        return repr(plain)


def number_texts(values: Any) -> list[Any]:
    """Convert the finite floats in `values` to text, and keep all other values unchanged.

    Examples
    --------
    >>> number_texts([1e-8, 12345.678, 3, "text", None])
    ['1e-08', '12345.7', 3, 'text', None]
    >>> number_texts([0.1, 0.1000000001])
    ['0.1', '0.1000000001']
    """
    found = [_text(value) if _is_float(value) else value for value in values]
    numbers = [value for value in values if _is_float(value)]
    texts = [text for text, value in zip(found, values, strict=True) if _is_float(value)]
    if len(set(texts)) == len(set(numbers)):
        return found
    return [repr(float(value)) if _is_float(value) else value for value in values]


def _is_float(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _text(value: float) -> str:
    return repr(float(f"{value:.{DIGITS}g}"))
