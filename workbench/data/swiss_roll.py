"""Swiss roll, a toy dataset for manifold learning: points on a rolled-up sheet in 3D space."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workbench.data.datasets import IndexableDataset
from workbench.data.seeds import Rng, generator_at, resolve_seed
from workbench.data.transformers.elementwise import floatx
from workbench.errors import DataError
from workbench.utils.numbers import as_whole


class SwissRoll(IndexableDataset):
    """Dataset of points on a sheet that is rolled up one and a half times.

    A point at position p along the sheet, between 0 and 1, and at height z, between -1 and 1, is at
    distance (2 p + 1) / 3 from the axis of the roll and at the angle 1.5 pi (2 p + 1). The source
    ``features``, of shape (N, 3), contains the coordinates in space. The source ``position``, of
    shape (N, 2), contains p and z. Both have the dtype `config.floatx`.

    Parameters
    ----------
    num_examples : int
        The number of points N.
    noise : float
        Standard deviation of the Gaussian noise that is added to each coordinate.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed once, on construction.
    seed : int, optional
        The seed; by default `config.default_seed`.
    sources : sequence of str, optional
        The sources to read, in this order; by default all.

    Examples
    --------
    >>> roll = SwissRoll(200, seed=0)
    >>> roll
    SwissRoll(200 examples, sources=('features', 'position'))
    >>> features, position = roll.get_data(slice(0, 100))
    >>> features.shape, position.shape
    ((100, 3), (100, 2))
    """

    def __init__(
        self,
        num_examples: int = 1000,
        noise: float = 0.0,
        *,
        rng: Rng | None = None,
        seed: int | None = None,
        sources: Sequence[str] | None = None,
    ) -> None:
        count = as_whole(num_examples, "num_examples", DataError, 1)
        self.noise = float(noise)
        if not 0 <= self.noise < math.inf:
            raise DataError(f"noise must be a finite, non-negative number, not {noise}")
        self.seed = resolve_seed(rng, seed, "SwissRoll")
        draw = generator_at(self.seed)
        along, height = draw.uniform(0, 1, count), draw.uniform(-1, 1, count)
        angle, radius = 1.5 * math.pi * (2 * along + 1), (2 * along + 1) / 3
        features = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
        features += self.noise * draw.standard_normal(features.shape)
        super().__init__(
            {
                "features": features.astype(floatx()),
                "position": np.stack([along, height], axis=1).astype(floatx()),
            },
            sources=sources,
            axis_labels={"features": ("batch", "feature"), "position": ("batch", "coordinate")},
        )
