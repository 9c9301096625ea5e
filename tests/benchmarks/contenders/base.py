"""Interface of a contender of the step benchmark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib.util import find_spec

import torch

from tests.benchmarks.models import Work

LEARNING_RATE = 0.01
NOT_INSTALLED = "not installed"


class Contender(ABC):
    """Trainer on a workload, one epoch per call.

    Attributes
    ----------
    name : str
        The name in the results.
    library : str
        The package that it needs.
    """

    name: str
    library: str = "torch"

    @abstractmethod
    def __init__(self, work: Work) -> None:
        """Prepare everything that is not part of a step."""

    @abstractmethod
    def epoch(self) -> float:
        """Train on every batch once; return the seconds between the first batch and the end."""

    @abstractmethod
    def costs(self) -> list[float]:
        """Return the cost of every batch so far."""


def missing(contender: type[Contender]) -> bool:
    """Return True if the package that `contender` needs is not installed."""
    return find_spec(contender.library) is None


class Batches:
    """Slices of two tensors, in order, which the libraries accept as a data loader."""

    def __init__(self, work: Work) -> None:
        self.inputs = torch.from_numpy(work.inputs)
        self.targets = torch.from_numpy(work.targets)
        self.batch_size = work.batch_size

    def __len__(self) -> int:
        return len(self.inputs) // self.batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        size = self.batch_size
        for start in range(0, len(self.inputs), size):
            yield self.inputs[start : start + size], self.targets[start : start + size]
