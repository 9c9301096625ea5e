"""Base class of transformers that draw random numbers and can resume from any position.

The random numbers of a batch depend only on the seed, the epoch, the position of the batch and the
number of random transformers before this transformer. No state is kept between batches. Therefore a
run that resumes in the middle of an epoch, a prefetching process and repeated reading all produce
the same data.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from workbench.data.datasets import stack
from workbench.data.fuel_hooks import check_called
from workbench.data.readonly import Watched
from workbench.data.seeds import Rng, generator_at, resolve_seed
from workbench.data.streams import AbstractDataStream, Data
from workbench.data.transformers.base import Transformer, chosen_sources


class RandomTransformer(Transformer):
    """Base class of transformers that change each example randomly.

    A subclass defines `transform_example`. All sources use the same random numbers, so that an
    image and a mask of the same size are changed in the same way.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    which_sources : sequence of str, optional
        The sources to change; by default all.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        The generator that draws the seed once, on construction.
    seed : int, optional
        The seed; by default `config.default_seed`.

    Examples
    --------
    >>> from workbench.data import DataStream
    >>> class Noise(RandomTransformer):
    ...     def transform_example(self, example, rng):
    ...         return example + rng.normal(size=example.shape).astype(example.dtype)
    >>> X, y = np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32")
    >>> batches = DataStream.from_arrays(X, y, batch_size=4)
    >>> stream = Noise(batches, which_sources=["features"], seed=1)
    >>> noisy, targets = next(stream.get_epoch_iterator())
    >>> noisy.shape, bool(noisy.all()), bool(targets.any())
    ((4, 2), True, False)
    """

    _hooks = "transform_example(self, example, rng)"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        advice = (
            "draw random numbers from rng, a numpy.random.Generator, so that a resumed run repeats "
            "them"
        )
        check_called(cls, "transform_example", ("example", "rng"), advice)

    def __init__(
        self,
        data_stream: AbstractDataStream,
        *,
        which_sources: Sequence[str] | None = None,
        rng: Rng | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(data_stream)
        self.batch_size = data_stream.batch_size
        self.which_sources = chosen_sources(data_stream, which_sources)
        self.num_random = data_stream.num_random + 1
        self.seed = resolve_seed(rng, seed, type(self).__name__)

    @abstractmethod
    def transform_example(self, example: Any, rng: np.random.Generator) -> Any:
        """Transform `example`, a read-only array, with random numbers from `rng`.

        All examples of a batch use the same generator, in order.
        """

    _one_for_one = True

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        transformed = self._transformed if self._never_writes else Watched(self._transformed, self)
        for position, data in enumerate(self.data_stream.iterate(epoch, start), start):
            entries = list(data)
            for index, name in enumerate(self.sources):
                if name in self.which_sources:
                    rng = generator_at(self.seed, epoch, position, self.num_random)
                    entries[index] = transformed(entries[index], rng)
            yield tuple(entries)

    def _transformed(self, entry: Any, rng: np.random.Generator) -> Any:
        if self.produces_examples:
            return self.transform_example(_as_array(entry), rng)
        examples = [self.transform_example(_as_array(example), rng) for example in entry]
        if isinstance(entry, torch.Tensor):
            return torch.stack(examples)
        return stack(examples)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data_stream!r}, seed={self.seed})"


def _as_array(example: Any) -> Any:
    return example if isinstance(example, torch.Tensor) else np.asarray(example)
