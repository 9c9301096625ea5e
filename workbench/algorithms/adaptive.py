"""Step rules that adapt the size of steps to the gradients of each parameter."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.algorithms.rules import (
    DECAY,
    NOT_NEGATIVE,
    OF_A_COMPONENT,
    POSITIVE,
    RATE,
    CompositeRule,
    Scale,
    StepRule,
    Steps,
    StepUpdates,
    buffer_for,
    counter,
    hyperparameter,
    learning_rate_of,
)
from workbench.tensor import SharedVariable, Variable


def _average(old: Variable, new: Variable, weight: Variable) -> Variable:
    """Compute ``(1 - weight) * old + weight * new`` in one operation."""
    average: Variable = old.lerp(_like(old, new), _like(old, weight))
    return average


def _like(other: Variable, value: Variable) -> Variable:
    return value if value.dtype == other.dtype else value.to(other.dtype)


class AdaDelta(StepRule):
    r"""Step rule that scales steps by the ratio of earlier steps to gradients (Zeiler 2012).

    Let :math:`g_t` be the step of the previous rule, :math:`\rho` the decay rate, and
    :math:`\mathrm{E}[\cdot]_t` an exponential moving average. Then

    .. math::

        \mathrm{E}[g^2]_t &= \rho \mathrm{E}[g^2]_{t-1} + (1 - \rho) g_t^2 \\
        \text{step}_t &= \sqrt{\frac{\mathrm{E}[\text{step}^2]_{t-1} + \epsilon}
            {\mathrm{E}[g^2]_t + \epsilon}}\; g_t \\
        \mathrm{E}[\text{step}^2]_t &= \rho \mathrm{E}[\text{step}^2]_{t-1}
            + (1 - \rho) \text{step}_t^2

    Parameters
    ----------
    decay_rate : float
        The decay rate of the averages, from 0 to 1.
    epsilon : float
        A constant that keeps the ratio finite. Without it, all steps would be zero.

    Attributes
    ----------
    decay_rate, epsilon : SharedVariable

    Examples
    --------
    >>> AdaDelta()
    AdaDelta(decay_rate=0.95, epsilon=1e-06)
    """

    elementwise = True

    def __init__(self, decay_rate: float = 0.95, epsilon: float = 1e-6) -> None:
        self.decay_rate = hyperparameter(decay_rate, "decay_rate", RATE)
        self.epsilon = hyperparameter(epsilon, "epsilon", NOT_NEGATIVE)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        weight = 1 - self.decay_rate
        square = buffer_for(parameter, "mean_square")
        step_square = buffer_for(parameter, "mean_square_step")
        new_square = _average(square, previous_step**2, weight)
        ratio = (step_square + self.epsilon) / (new_square + self.epsilon)
        step = ratio.sqrt() * previous_step
        return step, [
            (square, new_square),
            (step_square, _average(step_square, step**2, weight)),
        ]


class AdaGrad(StepRule):
    r"""Step rule that divides steps by the root of their summed squares (Duchi et al. 2011).

    Let :math:`\eta` be the learning rate and :math:`g_t` the step of the previous rule. Then

    .. math:: \text{step}_t = \eta \frac{g_t}{\sqrt{\sum_{s \le t} g_s^2} + \epsilon}

    Parameters
    ----------
    learning_rate : float
        The learning rate, at least 0.
    epsilon : float
        A non-negative number that keeps the quotient finite.

    Attributes
    ----------
    learning_rate, epsilon : SharedVariable

    Examples
    --------
    >>> AdaGrad(learning_rate=0.1)
    AdaGrad(learning_rate=0.1, epsilon=1e-06)
    """

    elementwise = True

    def __init__(self, learning_rate: float = 0.002, epsilon: float = 1e-6) -> None:
        self.learning_rate = learning_rate_of(learning_rate)
        self.epsilon = hyperparameter(epsilon, "epsilon", NOT_NEGATIVE)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        total = buffer_for(parameter, "sum_square")
        new_total = total + previous_step**2
        step = self.learning_rate * previous_step / (new_total.sqrt() + self.epsilon)
        return step, [(total, new_total)]


class Adam(StepRule):
    r"""Step rule of adaptive moment estimation (Kingma and Ba 2014).

    Let :math:`\eta` be the learning rate, :math:`g_t` the step of the previous rule,
    :math:`\beta_1, \beta_2` the decay rates and :math:`\lambda` the decay factor. Then

    .. math::

        \beta_{1,t} &= \beta_1 \lambda^{t-1} \\
        m_t &= \beta_{1,t} m_{t-1} + (1 - \beta_{1,t}) g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        \text{step}_t &= \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
            \frac{m_t}{\sqrt{v_t} + \epsilon}

    This is the efficient form given in the paper, where :math:`\epsilon` is added before the bias
    correction of the second moment. ``torch.optim.Adam`` adds it after the correction.

    Parameters
    ----------
    learning_rate : float
        The learning rate; the paper recommends 0.001.
    beta1, beta2 : float
        Decay rates, in [0, 1), for the averages of gradients and squared gradients.
    epsilon : float
        A constant that keeps the quotient finite.
    decay_factor : float
        A factor that multiplies `beta1` after every batch; 1 keeps it constant.

    Attributes
    ----------
    learning_rate, beta1, beta2, epsilon, decay_factor : SharedVariable

    Examples
    --------
    >>> Adam(learning_rate=0.001)
    Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, decay_factor=1)
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: float = 0.002,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        decay_factor: float = 1.0,
    ) -> None:
        self.learning_rate = learning_rate_of(learning_rate)
        self.beta1 = hyperparameter(beta1, "beta1", DECAY)
        self.beta2 = hyperparameter(beta2, "beta2", DECAY)
        self.epsilon = hyperparameter(epsilon, "epsilon", NOT_NEGATIVE)
        self.decay_factor = hyperparameter(decay_factor, "decay_factor", RATE)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        steps, updates = self._steps({parameter: previous_step})
        return steps[parameter], updates

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        if type(self).compute_step is not Adam.compute_step:
            return super().compute_steps(previous_steps)
        return self._steps(previous_steps)

    def _steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        """Return the steps for several parameters that share one batch counter."""
        # The bias corrections are computed in double precision, because rounding to single
        # precision would make 1 - 0.999 ** t inaccurate in the first batches.
        time = counter("adam_time")
        now = time + 1
        correction = (1 - self.beta2.double() ** now).sqrt() / (1 - self.beta1.double() ** now)
        rate = _like(self.learning_rate, self.learning_rate * correction)
        mean_weight = 1 - self.beta1 * self.decay_factor**time
        square_weight = 1 - self.beta2
        steps: Steps = {}
        updates: StepUpdates = [(time, now)]
        for parameter, previous in previous_steps.items():
            mean = buffer_for(parameter, "mean", shown_by_step=True)
            square = buffer_for(parameter, "mean_square")
            new_mean = _average(mean, previous, mean_weight)
            new_square = _average(square, previous**2, square_weight)
            steps[parameter] = rate * new_mean / (new_square.sqrt() + self.epsilon)
            updates += [(mean, new_mean), (square, new_square)]
        return steps, updates


class BasicRMSProp(StepRule):
    r"""Step rule that divides steps by their running root mean square (Hinton 2014).

    Let :math:`g_t` be the step of the previous rule, :math:`\rho` the decay rate and :math:`c` the
    largest scaling factor. Then

    .. math::

        v_t &= \rho v_{t-1} + (1 - \rho) g_t^2 \\
        \text{step}_t &= g_t / \max(\sqrt{v_t}, 1 / c)

    Because the rule normalises steps, an earlier `Scale` has hardly any effect; the rule should
    therefore come first in a chain. `RMSProp` is this rule followed by `Scale`. The rule was
    presented in lecture 6e of the course "Neural Networks for Machine Learning".

    Parameters
    ----------
    decay_rate : float
        The decay rate of the average, from 0 to 1. With a lower rate, the average adapts faster.
    max_scaling : float
        The largest factor for a step, greater than 0.

    Attributes
    ----------
    decay_rate, max_scaling : SharedVariable

    Examples
    --------
    >>> BasicRMSProp()
    BasicRMSProp(decay_rate=0.9, max_scaling=100000)
    """

    elementwise = True

    def __init__(self, decay_rate: float = 0.9, max_scaling: float = 1e5) -> None:
        self.decay_rate = hyperparameter(decay_rate, "decay_rate", RATE)
        self.max_scaling = hyperparameter(max_scaling, "max_scaling", POSITIVE)

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        square = buffer_for(parameter, "mean_square")
        new_square = _average(square, previous_step**2, 1 - self.decay_rate)
        size = new_square.sqrt().maximum(_like(square, 1 / self.max_scaling))
        return previous_step / size, [(square, new_square)]


class RMSProp(CompositeRule):
    """Step rule that normalises steps and multiplies them by a learning rate (Hinton 2014).

    The rule applies `BasicRMSProp`, then `Scale`. ``torch.optim.RMSprop`` adds a small constant to
    the root of the running average. This rule applies a lower bound to the root instead.

    Parameters
    ----------
    learning_rate : float
        The learning rate, at least 0.
    decay_rate, max_scaling : float
        See `BasicRMSProp`.

    Attributes
    ----------
    learning_rate, decay_rate, max_scaling : SharedVariable

    Examples
    --------
    >>> RMSProp(learning_rate=0.001)
    RMSProp(learning_rate=0.001, decay_rate=0.9, max_scaling=100000)
    """

    _fixed = dict.fromkeys(
        ("learning_rate", "decay_rate", "max_scaling"),
        OF_A_COMPONENT,
    )

    def __init__(
        self, learning_rate: float = 1.0, decay_rate: float = 0.9, max_scaling: float = 1e5
    ) -> None:
        basic = BasicRMSProp(decay_rate=decay_rate, max_scaling=max_scaling)
        scale = Scale(learning_rate=learning_rate)
        super().__init__([basic, scale])
        self.learning_rate = scale.learning_rate
        self.decay_rate = basic.decay_rate
        self.max_scaling = basic.max_scaling

    __repr__ = StepRule.__repr__
