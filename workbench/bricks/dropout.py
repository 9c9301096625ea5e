"""`Dropout`, a brick that sets elements to zero at random in training mode."""

from __future__ import annotations

from typing import ClassVar, Unpack

from workbench.bricks.activations import Activation
from workbench.bricks.application import application
from workbench.bricks.dimensions import check_probability
from workbench.bricks.options import RandomOptions
from workbench.bricks.random_numbers import Random
from workbench.graph.annotations import ApplicationCall
from workbench.graph.modes import MODE, ModeDependent
from workbench.roles import DROPOUT, add_role
from workbench.tensor import Variable


class Dropout(Random, Activation, ModeDependent):
    """Sets elements to zero at random in training mode.

    Each element becomes zero with probability `drop_prob` and is otherwise divided by
    ``1 - drop_prob``. By default the brick is applied in evaluation mode, where it returns its
    input. It is applied in training mode inside ``with brick:`` or
    `workbench.graph.training_mode`, and `workbench.graph.apply_training_mode` changes the mode of a
    finished graph. `workbench.graph.apply_dropout` applies dropout to variables of a graph without
    this brick.

    Parameters
    ----------
    drop_prob : float, optional
        The probability of dropping an element, in [0, 1).
    random_seed : int, optional
        The seed of the masks; see `workbench.bricks.Random`.

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

    def __init__(self, drop_prob: float = 0.5, **kwargs: Unpack[RandomOptions]) -> None:
        super().__init__(**kwargs)
        self.drop_prob = drop_prob

    def describe(self) -> str:
        return str(self.drop_prob)

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, application_call: ApplicationCall, input_: Variable) -> Variable:
        """Drop elements of a float variable of any shape; only in training mode.

        In training mode, the result has the role ``DROPOUT``.
        """
        application_call.metadata[MODE] = self.in_training_mode
        if not self.in_training_mode or self.drop_prob == 0:
            return input_
        keep = 1 - self.drop_prob
        mask = self.random_stream.bernoulli(input_.shape, keep, dtype=input_.dtype)
        kept = input_ * mask / keep
        add_role(kept, DROPOUT)
        return kept
