"""Training algorithms: what is done with a batch; gradient descent and its step rules."""

from workbench.algorithms.adaptive import Adam
from workbench.algorithms.base import TrainingAlgorithm, UpdatesAlgorithm
from workbench.algorithms.gradient_descent import GradientDescent
from workbench.algorithms.limits import StepClipping
from workbench.algorithms.momentum import BasicMomentum, Momentum
from workbench.algorithms.rules import CompositeRule, Scale, StepRule

__all__ = [
    "Adam",
    "BasicMomentum",
    "CompositeRule",
    "GradientDescent",
    "Momentum",
    "Scale",
    "StepClipping",
    "StepRule",
    "TrainingAlgorithm",
    "UpdatesAlgorithm",
]
