"""A run that is quick to train, whose cost depends on its settings alone."""

import torch

from workbench import shared
from workbench.algorithms import GradientDescent, Scale
from workbench.extensions import FinishAfter, TrainingDataMonitoring
from workbench.main_loop import MainLoop
from workbench.roles import WEIGHT, add_role
from workbench.tensor import vector


def build(learning_rate, goal=3.0, epochs=4):
    """Return a main loop that moves one number towards `goal`, in epochs of two batches."""
    weight = shared(torch.zeros(()), name="weight")
    add_role(weight, WEIGHT)
    x = vector("x")
    cost = ((weight - goal) ** 2 * x.mean()).copy(name="cost")
    algorithm = GradientDescent(cost=cost, parameters=[weight], step_rule=Scale(learning_rate))
    batches = [{"x": torch.ones(2)}, {"x": torch.ones(2)}]
    return MainLoop(
        algorithm,
        batches,
        extensions=[
            TrainingDataMonitoring([cost], after_epoch=True),
            FinishAfter(after_n_epochs=epochs),
        ],
    )
