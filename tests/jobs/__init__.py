"""Real jobs: models that are trained on real data until they do what is asked of them.

Each module here has a `JOB`, of two sizes: a small one, which the tests run, and a full one.
``python -m tests.jobs.lenet`` trains the small one and shows how it goes, ``--full`` the full one.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workbench.extensions import Printing, ProgressBar, TrainingExtension


@dataclass(frozen=True)
class Size:
    """Settings of a job, and what its measure must be under."""

    limit: float
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What came of a job."""

    name: str
    measure: str
    value: float
    limit: float
    seconds: float

    @property
    def reached(self) -> bool:
        """Whether the model does what is asked of it."""
        return self.value < self.limit

    def __str__(self) -> str:
        verdict = "reached" if self.reached else "MISSED"
        return (
            f"{self.name}: {self.measure} {self.value:.4f}, must be under {self.limit}: {verdict} "
            f"({self.seconds:.1f} s)"
        )


@dataclass(frozen=True)
class Job:
    """A model to train.

    Attributes
    ----------
    name : str
    measure : str
        What `train` returns, in words; the smaller, the better.
    train : callable
        Trains from nothing, with the settings of a size as keywords and `extensions`, a list for
        the main loop; returns the measure on data that were not trained on. With the same settings
        it returns the same number.
    small, full : Size
    """

    name: str
    measure: str
    train: Callable[..., float]
    small: Size
    full: Size

    def run(
        self,
        full: bool = False,
        extensions: Sequence[TrainingExtension] = (),
        threads: int | None = 1,
    ) -> Result:
        """Train one size, on a given number of torch's threads (``None``: on all it has)."""
        size = self.full if full else self.small
        start = time.perf_counter()
        with _threads(threads):
            value = self.train(extensions=list(extensions), **size.settings)
        seconds = time.perf_counter() - start
        return Result(self.name, self.measure, value, size.limit, seconds)


def main(job: Job, arguments: Sequence[str] | None = None) -> int:
    """Train at the command line; 0 if the model does what is asked of it."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.jobs.{job.name}")
    parser.add_argument("--full", action="store_true", help="train the full size")
    parser.add_argument("--threads", type=int, help="how many threads torch uses")
    options = parser.parse_args(arguments)
    shown = [ProgressBar(), Printing(after_epoch=True)]
    result = job.run(full=options.full, extensions=shown, threads=options.threads)
    print(result)
    return 0 if result.reached else 1


@contextlib.contextmanager
def _threads(number: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(before if number is None else number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
