"""Fisher's irises: four measurements of each of 150 flowers of three species.

The package contains the table; ``iris.LICENSE`` in `workbench.data.embedded` names its source.

R. A. Fisher: The use of multiple measurements in taxonomic problems, Annals of Eugenics 7, 1936.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from workbench.data.datasets import IndexableDataset
from workbench.data.hdf5 import H5PYDataset
from workbench.data.transformers import ForceFloatX

AXES = {"features": ("batch", "measurement"), "targets": ("batch", "index")}
EMBEDDED = Path(__file__).parent / "embedded" / "iris.h5"


class Iris(IndexableDataset):
    """In-memory dataset of measurements of irises.

    The source ``features``, of shape (150, 4) and dtype float32, contains the `measurements` in
    centimetres. The source ``targets``, of shape (150, 1) and dtype uint8, contains indices of
    `classes`. The 50 flowers of each class are consecutive, so shuffle the examples.
    `DataStream.default_stream` converts the features to `config.floatx`.

    Parameters
    ----------
    which_sets : sequence of str
        ``("all",)``, the only set; `cross_validation` can split it.
    start, stop : int, optional
        The range of examples to use, from `start` up to, but not including, `stop`.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.

    Attributes
    ----------
    classes, measurements : tuple of str
        The names of the species and the features.

    Examples
    --------
    >>> iris = Iris()
    >>> iris
    Iris(150 examples, sources=('features', 'targets'))
    >>> iris.get_data(0)
    (array([5.1, 3.5, 1.4, 0.2], dtype=float32), array([0], dtype=uint8))
    """

    classes = ("setosa", "versicolor", "virginica")
    measurements = ("sepal length", "sepal width", "petal length", "petal width")
    default_transformers = (ForceFloatX,)

    def __init__(
        self,
        which_sets: Sequence[str] = ("all",),
        *,
        start: int | None = None,
        stop: int | None = None,
        sources: Sequence[str] | None = None,
    ) -> None:
        self.which_sets = (which_sets,) if isinstance(which_sets, str) else tuple(which_sets)
        super().__init__(self.load(), start, stop, sources=sources, axis_labels=AXES)

    def load(self) -> dict[str, npt.NDArray[Any]]:
        table = H5PYDataset(EMBEDDED, self.which_sets, load_in_memory=True)
        return dict(zip(table.sources, table.indexables, strict=True))
