"""Spirals in the plane, a toy classification problem that is not linearly separable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.data.datasets import IndexableDataset
from workbench.data.seeds import Rng, generator_at, resolve_seed
from workbench.data.transformers.elementwise import floatx
from workbench.errors import DataError
from workbench.utils.numbers import as_whole


class Spiral(IndexableDataset):
    """Dataset of points on intertwined spirals, one spiral per class.

    A point at position p on spiral k of K spirals is at distance (2 p + 1) / 3 from the centre, in
    the direction p + k / K. Position and direction are measured in turns; the direction runs from
    the second axis towards the first. The sources are ``features``, of shape (N, 2), and
    ``position``, of shape (N,), both of dtype `config.floatx`, and ``label``, of shape (N,) and
    dtype int64.

    Parameters
    ----------
    num_examples : int
        The number of points N.
    classes : int
        The number of spirals K.
    cycles : float
        The number of turns of each spiral.
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
    >>> spiral = Spiral(200, classes=3, noise=0.05, seed=0)
    >>> spiral
    Spiral(200 examples, sources=('features', 'position', 'label'))
    >>> features, position, label = spiral.get_data(slice(0, 100))
    >>> features.shape, sorted(set(label.tolist()))
    ((100, 2), [0, 1, 2])
    """

    def __init__(
        self,
        num_examples: int = 1000,
        classes: int = 1,
        cycles: float = 1.0,
        noise: float = 0.0,
        *,
        rng: Rng | None = None,
        seed: int | None = None,
        sources: Sequence[str] | None = None,
    ) -> None:
        count = as_whole(num_examples, "num_examples", DataError, 1)
        self.classes = as_whole(classes, "classes", DataError, 1)
        self.cycles, self.noise = float(cycles), float(noise)
        if not (self.cycles > 0 and self.noise >= 0):
            raise DataError(
                "cycles of Spiral must be positive and noise must be 0 or more, not "
                f"cycles={cycles} and noise={noise}"
            )
        self.seed = resolve_seed(rng, seed, "Spiral")
        draw = generator_at(self.seed)
        position = draw.uniform(0, self.cycles, count)
        label = draw.integers(self.classes, size=count)
        angle = 2 * np.pi * (position + label / self.classes)
        radius = (2 * position + 1) / 3
        features = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        features += self.noise * draw.standard_normal(features.shape)
        super().__init__(
            {
                "features": features.astype(floatx()),
                "position": position.astype(floatx()),
                "label": label,
            },
            sources=sources,
            axis_labels={
                "features": ("batch", "feature"),
                "position": ("batch",),
                "label": ("batch",),
            },
        )
