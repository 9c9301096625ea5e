"""`EncodedDataset`, the dataset for streams that are made from a table, arrays or images."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from workbench.data.datasets import IndexableDataset
from workbench.data.table_encoding import TableEncoding

FEATURES, TARGETS = "features", "targets"
"""Names of the sources that are made from a table, a pair of arrays or images."""


class EncodedDataset(IndexableDataset):
    """Dataset of arrays that were made from a table, arrays or images.

    Parameters
    ----------
    arrays : dict of str to array
        The arrays, keyed by source.
    classes : tuple of str or None
        The class names of the targets, if they are classes.
    encoding : TableEncoding or None
        How the columns of a table were encoded.
    labels : tuple or None
        The values that stand for the classes in the data, in the order of the classes.

    Attributes
    ----------
    images : tuple or None
        For images from a folder, the size they were resized to (or None) and their mode; None
        for other data.
    keys : dict of str to str
        For each source that `fit` has renamed, the key of its array in the dictionary that was
        passed.

    Examples
    --------
    >>> dataset = EncodedDataset({"features": [[0.5], [1.5]], "targets": [[0], [1]]}, ("no", "yes"))
    >>> dataset.classes
    ('no', 'yes')
    """

    keys: Mapping[str, str] = MappingProxyType({})  # on the class: missing in older pickles

    def __init__(
        self,
        arrays: Mapping[str, Any],
        classes: tuple[str, ...] | None = None,
        encoding: TableEncoding | None = None,
        labels: tuple[Any, ...] | None = None,
    ) -> None:
        super().__init__(arrays)
        self.classes = classes
        self.encoding = encoding
        self.labels = labels
        self.images: tuple[tuple[int, int] | None, str] | None = None
