"""Step rules with momentum, which continue in the direction of earlier steps."""

from __future__ import annotations

from workbench.algorithms.rules import (
    NOT_NEGATIVE,
    OF_A_COMPONENT,
    CompositeRule,
    Scale,
    StepRule,
    StepUpdates,
    buffer_for,
    hyperparameter,
)
from workbench.tensor import SharedVariable, Variable


class BasicMomentum(StepRule):
    r"""Step rule that accumulates steps with exponential discount.

    With the momentum :math:`\mu` and the previous rule's step :math:`s_t`,

    .. math:: v_t = \mu v_{t-1} + s_t

    is both the step and the new velocity. Combine it with `Scale`; `Momentum` is both rules.

    Parameters
    ----------
    momentum : float
        0 or more.

    Attributes
    ----------
    momentum : SharedVariable

    Examples
    --------
    >>> BasicMomentum(0.9)
    BasicMomentum(momentum=0.9)
    """

    def __init__(self, momentum: float = 0.0) -> None:
        self.momentum = hyperparameter(momentum, "momentum", NOT_NEGATIVE)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        velocity = buffer_for(parameter, "velocity", shown_by_step=True)
        step = self.momentum * velocity + previous_step
        return step, [(velocity, step)]


class Momentum(CompositeRule):
    r"""Step rule of gradient descent with momentum (Polyak 1964).

    It applies `Scale`, then `BasicMomentum`: with the learning rate :math:`\eta`, the momentum
    :math:`\mu` and the gradient :math:`g_t`, the step is :math:`v_t = \mu v_{t-1} + \eta g_t`. In
    ``torch.optim.SGD`` the learning rate multiplies the velocity instead; the two agree as long as
    the learning rate is constant.

    Parameters
    ----------
    learning_rate, momentum : float
        0 or more.

    Attributes
    ----------
    learning_rate, momentum : SharedVariable

    Examples
    --------
    >>> rule = Momentum(learning_rate=0.1, momentum=0.9)
    >>> rule.learning_rate, rule.momentum
    (learning_rate, momentum)
    """

    _fixed = dict.fromkeys(("learning_rate", "momentum"), OF_A_COMPONENT)

    def __init__(self, learning_rate: float = 1.0, momentum: float = 0.0) -> None:
        scale = Scale(learning_rate=learning_rate)
        basic = BasicMomentum(momentum=momentum)
        super().__init__([scale, basic])
        self.learning_rate = scale.learning_rate
        self.momentum = basic.momentum

    __repr__ = StepRule.__repr__
