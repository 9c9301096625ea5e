"""Training algorithms: gradient descent with step rules, and torch optimizers."""

from workbench.algorithms.adaptive import AdaDelta, AdaGrad, Adam, BasicRMSProp, RMSProp
from workbench.algorithms.base import TrainingAlgorithm, UpdatesAlgorithm
from workbench.algorithms.gradient_descent import GradientDescent
from workbench.algorithms.limits import (
    RemoveNotFinite,
    Restrict,
    StepClipping,
    VariableClipping,
)
from workbench.algorithms.momentum import BasicMomentum, Lion, Momentum
from workbench.algorithms.rules import CompositeRule, Scale, StepRule
from workbench.algorithms.torch_optimizer import TorchOptimizer
from workbench.algorithms.zero import ZeRO1
from workbench.names import explain_missing

__all__ = [
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "BasicMomentum",
    "BasicRMSProp",
    "CompositeRule",
    "GradientDescent",
    "Lion",
    "Momentum",
    "RMSProp",
    "RemoveNotFinite",
    "Restrict",
    "Scale",
    "StepClipping",
    "StepRule",
    "TorchOptimizer",
    "TrainingAlgorithm",
    "UpdatesAlgorithm",
    "VariableClipping",
    "ZeRO1",
]

explain_missing(__name__)
