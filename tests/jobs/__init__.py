"""Real jobs: models that are trained on real data until they reach a stated result.

Each module has a `JOB` of two sizes: a small one, which the tests run, and a full one.
``python -m tests.jobs.lenet`` trains the small one and shows the progress, ``--full`` the full one.
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
    """Settings of a job, and the bound of its measure."""

    limit: float
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """Result of a job."""

    name: str
    measure: str
    value: float
    limit: float
    seconds: float

    @property
    def reached(self) -> bool:
        """True if the measure is below its bound."""
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
        A description of the value that `train` returns; smaller is better.
    train : callable
        Trains a new model, with the settings of a size as keywords and a list `extensions` for the
        main loop; returns the measure on unseen data. The same settings give the same number.
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
        """Train one size, on a given number of torch's threads (``None``: all of them)."""
        size = self.full if full else self.small
        start = time.perf_counter()
        with _threads(threads):
            value = self.train(extensions=list(extensions), **size.settings)
        seconds = time.perf_counter() - start
        return Result(self.name, self.measure, value, size.limit, seconds)


def main(job: Job, arguments: Sequence[str] | None = None) -> int:
    """Train at the command line; return 0 if the bound is reached."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.jobs.{job.name}")
    parser.add_argument("--full", action="store_true", help="train the full size")
    parser.add_argument("--threads", type=int, help="number of threads of torch")
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
