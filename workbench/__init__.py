"""A Jupyter-native workbench for training neural networks interactively.

``import workbench as wb`` is enough for most programs: the common bricks, costs, step rules, data,
extensions and schemes are available directly from this package. They are loaded when they are first
used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

import workbench.exit  # first, so that its exit function runs last
import workbench.openmp  # noqa: F401, before torch, which reads its settings
from workbench import tensor
from workbench.names import explain_missing
from workbench.tensor import function, grad, scan, shared
from workbench.tensor.execution.explain import explain

if TYPE_CHECKING:  # the names of `PLACES` and `MODULES`, for type checkers and completion
    from workbench import algorithms, bricks, data, extensions, initialization
    from workbench.algorithms import (
        AdaGrad,
        Adam,
        CompositeRule,
        GradientDescent,
        Lion,
        Momentum,
        RMSProp,
        Scale,
        StepClipping,
        TorchOptimizer,
    )
    from workbench.bricks import (
        GELU,
        MLP,
        BatchNormalization,
        Dropout,
        FeedforwardSequence,
        Identity,
        LayerNormalization,
        LeakyRectifier,
        Linear,
        Logistic,
        Rectifier,
        Residual,
        Softmax,
        SpatialBatchNormalization,
        Tanh,
        TorchModule,
        TransformerBlock,
    )
    from workbench.bricks.conv import AveragePooling, Convolutional, Flattener, MaxPooling
    from workbench.bricks.cost import (
        AbsoluteError,
        BinaryCrossEntropy,
        CategoricalCrossEntropy,
        MisclassificationRate,
        SquaredError,
    )
    from workbench.bricks.lookup import LookupTable
    from workbench.bricks.recurrent import LSTM, Bidirectional, GatedRecurrent, SimpleRecurrent
    from workbench.data import (
        CIFAR10,
        MNIST,
        DataStream,
        FashionMNIST,
        H5PYDataset,
        IndexableDataset,
        Iris,
        SequentialScheme,
        ShuffledScheme,
    )
    from workbench.extensions import (
        Alert,
        Checkpoint,
        DataStreamMonitoring,
        EarlyStopping,
        FinishAfter,
        Guard,
        Printing,
        ProgressBar,
        ReduceOnPlateau,
        TrackTheBest,
        TrainingDataMonitoring,
    )
    from workbench.filter import VariableFilter
    from workbench.fitting import fit
    from workbench.graph import ComputationGraph
    from workbench.initialization import (
        Constant,
        Glorot,
        He,
        IsotropicGaussian,
        Orthogonal,
        Uniform,
    )
    from workbench.main_loop import MainLoop
    from workbench.model import Model
    from workbench.session.remote import attach, sessions
    from workbench.sweep import Between, Sweep

PLACES = {
    "algorithms": (
        "AdaGrad Adam CompositeRule GradientDescent Lion Momentum RMSProp Scale StepClipping "
        "TorchOptimizer"
    ),
    "bricks": (
        "GELU MLP BatchNormalization Dropout FeedforwardSequence Identity LayerNormalization "
        "LeakyRectifier Linear Logistic Rectifier Residual Softmax SpatialBatchNormalization "
        "Tanh TorchModule TransformerBlock"
    ),
    "bricks.conv": "AveragePooling Convolutional Flattener MaxPooling",
    "bricks.cost": (
        "AbsoluteError BinaryCrossEntropy CategoricalCrossEntropy MisclassificationRate "
        "SquaredError"
    ),
    "bricks.lookup": "LookupTable",
    "bricks.recurrent": "LSTM Bidirectional GatedRecurrent SimpleRecurrent",
    "data": (
        "CIFAR10 MNIST DataStream FashionMNIST H5PYDataset IndexableDataset Iris "
        "SequentialScheme ShuffledScheme"
    ),
    "extensions": (
        "Alert Checkpoint DataStreamMonitoring EarlyStopping FinishAfter Guard Printing "
        "ProgressBar ReduceOnPlateau TrackTheBest TrainingDataMonitoring"
    ),
    "filter": "VariableFilter",
    "fitting": "fit",
    "graph": "ComputationGraph",
    "initialization": "Constant Glorot He IsotropicGaussian Orthogonal Uniform",
    "main_loop": "MainLoop",
    "model": "Model",
    "session.remote": "attach sessions",
    "sweep": "Between Sweep",
}
"""Names that are loaded when they are first used, keyed by module."""

MODULES = ("algorithms", "bricks", "data", "extensions", "initialization")
"""Packages that are loaded when they are first used."""

__all__ = [
    "CIFAR10",
    "GELU",
    "LSTM",
    "MLP",
    "MNIST",
    "AbsoluteError",
    "AdaGrad",
    "Adam",
    "Alert",
    "AveragePooling",
    "BatchNormalization",
    "Between",
    "Bidirectional",
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "Checkpoint",
    "CompositeRule",
    "ComputationGraph",
    "Constant",
    "Convolutional",
    "DataStream",
    "DataStreamMonitoring",
    "Dropout",
    "EarlyStopping",
    "FashionMNIST",
    "FeedforwardSequence",
    "FinishAfter",
    "Flattener",
    "GatedRecurrent",
    "Glorot",
    "GradientDescent",
    "Guard",
    "H5PYDataset",
    "He",
    "Identity",
    "IndexableDataset",
    "Iris",
    "IsotropicGaussian",
    "LayerNormalization",
    "LeakyRectifier",
    "Linear",
    "Lion",
    "Logistic",
    "LookupTable",
    "MainLoop",
    "MaxPooling",
    "MisclassificationRate",
    "Model",
    "Momentum",
    "Orthogonal",
    "Printing",
    "ProgressBar",
    "RMSProp",
    "Rectifier",
    "ReduceOnPlateau",
    "Residual",
    "Scale",
    "SequentialScheme",
    "ShuffledScheme",
    "SimpleRecurrent",
    "Softmax",
    "SpatialBatchNormalization",
    "SquaredError",
    "StepClipping",
    "Sweep",
    "Tanh",
    "TorchModule",
    "TorchOptimizer",
    "TrackTheBest",
    "TrainingDataMonitoring",
    "TransformerBlock",
    "Uniform",
    "VariableFilter",
    "algorithms",
    "attach",
    "bricks",
    "data",
    "explain",
    "extensions",
    "fit",
    "function",
    "grad",
    "initialization",
    "scan",
    "sessions",
    "shared",
    "tensor",
]

PLACE_OF = {name: place for place, names in PLACES.items() for name in names.split()}
"""The modules of the names in `PLACES`, keyed by name."""


def _load(name: str) -> object:
    """Load a name in `PLACES` or a package in `MODULES`; return None for any other name."""
    if name in MODULES:
        return import_module(f"workbench.{name}")
    if name not in PLACE_OF:
        return None
    found: object = getattr(import_module(f"workbench.{PLACE_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


explain_missing(__name__, load=_load)
