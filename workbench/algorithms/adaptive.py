"""Step rules that adapt the size of the step to each parameter's gradients."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.algorithms.rules import (
    StepRule,
    Steps,
    StepUpdates,
    buffer_for,
    counter,
    hyperparameter,
)
from workbench.tensor import SharedVariable, Variable


class Adam(StepRule):
    r"""Adaptive moment estimation (Kingma and Ba 2014).

    With the previous rule's step :math:`g_t`, the decay rates :math:`\beta_1, \beta_2` and the
    decay factor :math:`\lambda`:

    .. math::

        \beta_{1,t} &= \beta_1 \lambda^{t-1} \\
        m_t &= \beta_{1,t} m_{t-1} + (1 - \beta_{1,t}) g_t \\
        v_t &= \beta_2 v_{t-1} + (1 - \beta_2) g_t^2 \\
        \text{step}_t &= \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
            \frac{m_t}{\sqrt{v_t} + \epsilon}

    This is the paper's efficient form, in which :math:`\epsilon` is added before the correction of
    the second moment; ``torch.optim.Adam`` adds it after.

    Parameters
    ----------
    learning_rate : float
        The paper recommends 0.001.
    beta1, beta2 : float
        Decay rates of the averages of gradients and of squared gradients.
    epsilon : float
        Keeps the division finite.
    decay_factor : float
        By which `beta1` shrinks with every batch; 1 leaves it as it is.

    Attributes
    ----------
    learning_rate, beta1, beta2, epsilon, decay_factor : SharedVariable

    Examples
    --------
    >>> Adam(learning_rate=0.001)
    Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, decay_factor=1)
    """

    def __init__(
        self,
        learning_rate: float = 0.002,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        decay_factor: float = 1.0,
    ) -> None:
        self.learning_rate = hyperparameter(learning_rate, "learning_rate")
        self.beta1 = hyperparameter(beta1, "beta1")
        self.beta2 = hyperparameter(beta2, "beta2")
        self.epsilon = hyperparameter(epsilon, "epsilon")
        self.decay_factor = hyperparameter(decay_factor, "decay_factor")

    def compute_step(
        self, parameter: SharedVariable, previous_step: Variable
    ) -> tuple[Variable, StepUpdates]:
        steps, updates = self.compute_steps({parameter: previous_step})
        return steps[parameter], updates

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        # Powers and their distance from one are taken in double precision: with 0.999 ** t single
        # precision would lose the first batches' correction in rounding.
        time = counter("adam_time")
        now = time + 1
        correction = (1 - self.beta2.double() ** now).sqrt() / (1 - self.beta1.double() ** now)
        rate = (self.learning_rate * correction).to(self.learning_rate.dtype)
        beta1 = self.beta1 * self.decay_factor**time
        beta1_rest, beta2_rest = 1 - beta1, 1 - self.beta2
        steps: Steps = {}
        updates: StepUpdates = [(time, now)]
        for parameter, previous in previous_steps.items():
            mean, square = buffer_for(parameter, "mean"), buffer_for(parameter, "mean_square")
            new_mean = beta1 * mean + beta1_rest * previous
            new_square = self.beta2 * square + beta2_rest * previous**2
            steps[parameter] = rate * new_mean / (new_square.sqrt() + self.epsilon)
            updates += [(mean, new_mean), (square, new_square)]
        return steps, updates
