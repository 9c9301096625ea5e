"""`Dropout`, a brick that sets elements to zero at random in training mode."""

from __future__ import annotations

from typing import ClassVar, Unpack

import torch

from workbench.bricks.activations import Activation
from workbench.bricks.application import application
from workbench.bricks.dimensions import check_probability
from workbench.bricks.options import RandomOptions
from workbench.bricks.random_numbers import Random
from workbench.bricks.to_torch import TorchCall
from workbench.graph.annotations import ApplicationCall, add_annotation
from workbench.graph.modes import MODE, ModeDependent
from workbench.graph.noise import probability_variable
from workbench.roles import DROPOUT, add_role
from workbench.tensor import SharedVariable, Variable


class Dropout(Random, Activation, ModeDependent):
    """Brick that sets elements to zero at random in training mode.

    Each element becomes zero with probability `drop_prob` and is otherwise divided by
    ``1 - drop_prob``. By default the brick is applied in evaluation mode, where it returns its
    input. It is applied in training mode inside ``with brick:`` or
    `workbench.graph.training_mode`, and `workbench.graph.apply_training_mode` changes the mode of a
    finished graph. `workbench.graph.apply_dropout` applies dropout to variables of a graph without
    this brick.

    Parameters
    ----------
    drop_prob : float or SharedVariable, optional
        The probability of dropping an element, in [0, 1). A number greater than 0 becomes a shared
        variable of the brick, a hyperparameter that can be changed during training, for example
        with ``session.set("drop_prob", 0.3)``. With the number 0, the graph contains no dropout.
        Pass a scalar shared variable to use one probability in several bricks, to give the variable
        another name, or to start at 0.
    random_seed : int, optional
        The seed of the masks; see `workbench.bricks.Random`.

    Attributes
    ----------
    drop_prob : float
        The current probability. Assigning a value affects only later applications.
    probability : SharedVariable or None
        The variable that holds the probability, or None if the probability is always 0.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, *Dropout: a simple way to prevent
    neural networks from overfitting*, 2014.

    Examples
    --------
    >>> import torch
    >>> dropout = Dropout(0.5, random_seed=1)
    >>> dropout.apply(torch.ones(5))
    tensor([1., 1., 1., 1., 1.])
    >>> with dropout:
    ...     dropout.apply(torch.ones(5))
    tensor([2., 2., 0., 0., 2.])
    """

    setting_checks: ClassVar = {"drop_prob": check_probability}

    def __init__(
        self, drop_prob: float | SharedVariable = 0.5, **kwargs: Unpack[RandomOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.probability: SharedVariable | None = None
        self.drop_prob = drop_prob

    @property
    def drop_prob(self) -> float:
        return 0.0 if self.probability is None else float(self.probability.tensor)

    @drop_prob.setter
    def drop_prob(self, value: float | SharedVariable) -> None:
        if isinstance(value, SharedVariable):
            self.probability = probability_variable(value)
        elif value == 0:
            self.probability = None
        else:
            self.probability = probability_variable(value)
            add_annotation(self.probability, self)  # so that its name contains the path

    def describe(self) -> str:
        return str(self.drop_prob)

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.Dropout(self.drop_prob)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, application_call: ApplicationCall, input_: Variable) -> Variable:
        """Drop elements of a float variable of any shape, but only in training mode.

        In training mode, the result has the role ``DROPOUT``.
        """
        application_call.metadata[MODE] = self.in_training_mode
        if not self.in_training_mode or self.probability is None:
            return input_
        keep = 1 - self.probability.to(torch.float64)  # exact for a value of any dtype
        mask = self.random_stream.bernoulli(input_.shape, keep, dtype=input_.dtype)
        divisor = keep if input_.ndim else keep.to(input_.dtype)  # so as to keep the dtype
        kept: Variable = input_ * mask / divisor
        add_role(kept, DROPOUT)
        return kept
