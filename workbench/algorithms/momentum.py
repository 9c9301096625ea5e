"""Step rules with momentum, which combine each gradient with earlier gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from workbench.algorithms.rules import (
    DECAY,
    NOT_NEGATIVE,
    OF_A_COMPONENT,
    CompositeRule,
    Scale,
    StepRule,
    StepUpdates,
    buffer_for,
    hyperparameter,
    learning_rate_of,
)
from workbench.errors import AlgorithmError
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.interval import Interval
from workbench.utils.notices import remark

DIVERGES = (
    "the momentum is {momentum:g}, so earlier steps never lose their weight and training usually "
    "diverges; momentum is usually between 0 and 1, for example 0.9"
)


@dataclass(frozen=True)
class _MomentumInterval(Interval):
    """Nonnegative numbers, with a warning if training usually diverges with this momentum."""

    def __call__(self, name: str, value: torch.Tensor, given: Any) -> None:
        super().__call__(name, value, given)
        momentum = float(value.max())
        if momentum >= 1:
            remark(DIVERGES.format(momentum=momentum), UserWarning, stacklevel=None)


MOMENTUM = _MomentumInterval(0, error=AlgorithmError)


class BasicMomentum(StepRule):
    r"""Step rule that sums all steps with weights that decrease exponentially with age.

    Let :math:`\mu` be the momentum and :math:`s_t` the step of the previous rule. Then

    .. math:: v_t = \mu v_{t-1} + s_t

    is both the step and the new velocity. `Momentum` combines this rule with `Scale`.

    Parameters
    ----------
    momentum : float
        The momentum, at least 0.

    Attributes
    ----------
    momentum : SharedVariable

    Warns
    -----
    UserWarning
        If the momentum is 1 or more, since earlier steps then never lose their weight.

    Examples
    --------
    >>> BasicMomentum(0.9)
    BasicMomentum(momentum=0.9)
    """

    elementwise = True

    def __init__(self, momentum: float = 0.0) -> None:
        self.momentum = hyperparameter(momentum, "momentum", MOMENTUM)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        velocity = buffer_for(parameter, "velocity", shown_by_step=True)
        step = self.momentum * velocity + previous_step
        return step, [(velocity, step)]


class Lion(StepRule):
    r"""Step rule that uses only the sign of an average of gradients (Chen et al. 2023).

    Let :math:`\eta` be the learning rate, :math:`g_t` the step of the previous rule,
    :math:`\beta_1, \beta_2` the decay rates, :math:`\lambda` the weight decay and :math:`p_{t-1}`
    the parameter. Then

    .. math::

        \text{step}_t &= \eta \left(\operatorname{sign}(\beta_1 m_{t-1} + (1 - \beta_1) g_t)
            + \lambda p_{t-1}\right) \\
        m_t &= \beta_2 m_{t-1} + (1 - \beta_2) g_t

    Without weight decay, every element changes by the learning rate. The paper recommends a
    learning rate 3 to 10 times smaller than for `Adam`, and a weight decay larger by the same
    factor. The weight decay is decoupled, that is, added to the sign and not to the gradient.

    Parameters
    ----------
    learning_rate : float
        The learning rate, at least 0.
    beta1 : float
        The weight of the average when it is combined with :math:`g_t`, a number in [0, 1).
    beta2 : float
        The decay rate of the average, a number in [0, 1).
    weight_decay : float
        The weight decay, at least 0. The default, 0, means no weight decay.

    Attributes
    ----------
    learning_rate, beta1, beta2, weight_decay : SharedVariable

    Examples
    --------
    >>> Lion(learning_rate=0.001, weight_decay=0.01)
    Lion(learning_rate=0.001, beta1=0.9, beta2=0.99, weight_decay=0.01)
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: float = 0.0001,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
    ) -> None:
        self.learning_rate = learning_rate_of(learning_rate)
        self.beta1 = hyperparameter(beta1, "beta1", DECAY)
        self.beta2 = hyperparameter(beta2, "beta2", DECAY)
        self.weight_decay = hyperparameter(weight_decay, "weight_decay", NOT_NEGATIVE)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        # The buffer is not shown_by_step, because the sign of an infinite average is finite.
        mean = buffer_for(parameter, "mean")
        blend = self.beta1 * mean + (1 - self.beta1) * previous_step
        step = self.learning_rate * (blend.sign() + self.weight_decay * parameter)
        return step, [(mean, self.beta2 * mean + (1 - self.beta2) * previous_step)]


class Momentum(CompositeRule):
    r"""Step rule of gradient descent with momentum (Polyak 1964).

    The rule applies `Scale`, then `BasicMomentum`. With the learning rate :math:`\eta`, the
    momentum :math:`\mu` and the gradient :math:`g_t`, the step is
    :math:`v_t = \mu v_{t-1} + \eta g_t`. In ``torch.optim.SGD`` the learning rate multiplies the
    velocity instead of the gradient; the results agree as long as the learning rate is constant.

    Parameters
    ----------
    learning_rate, momentum : float
        The learning rate and the momentum, at least 0.

    Attributes
    ----------
    learning_rate, momentum : SharedVariable

    Warns
    -----
    UserWarning
        If the momentum is 1 or more; see `BasicMomentum`.

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
