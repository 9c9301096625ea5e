"""The contenders of the step benchmark: this project, plain torch, and other libraries.

Each trains the same model on the same batches with plain gradient descent and keeps the cost of
every batch. Each is written as an expert of the library would write it for speed, within the
purpose of the library: without progress bars, checkpoints and validation, and with batches that are
slices of arrays in memory instead of examples that are collected one by one.
"""

from tests.benchmarks.contenders.base import NOT_INSTALLED, Contender, missing
from tests.benchmarks.contenders.ignite import Ignite
from tests.benchmarks.contenders.keras import Keras
from tests.benchmarks.contenders.lightning import Lightning
from tests.benchmarks.contenders.project import Compiled, Eager, InSession
from tests.benchmarks.contenders.skorch import Skorch
from tests.benchmarks.contenders.torch import CompiledModel, Raw

CONTENDERS = (Compiled, InSession, Eager, Raw, CompiledModel, Ignite, Skorch, Lightning, Keras)

__all__ = [
    "CONTENDERS",
    "NOT_INSTALLED",
    "Compiled",
    "Contender",
    "Eager",
    "InSession",
    "Raw",
    "missing",
]
