"""Checks that the cost and the new parameters are finite, before anything changes.

The cost is checked with every batch. The tiers of execution check steps as part of their program
(`workbench.tensor.execution.screen`); the cause is computed only when a step is not finite.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch

from workbench import errors
from workbench.algorithms.base import OnTrouble, choice, named
from workbench.algorithms.rules import about, may_overflow
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.execution import Guard, Task, Watch
from workbench.tensor.execution.eager import Eager
from workbench.tensor.execution.threads import Threads
from workbench.tensor.lowering import lower
from workbench.tensor.transfer import Arrivals
from workbench.tensor.traversal import ancestors, inputs_of

NOT_FINITE = (
    "the cost {cost} is {value} in batch {batch} of this run ({before}); {effect}. {advice}"
)
WRONG = "{what} in {batch}{although}{others}; {effect}. {advice}"
GRADIENT = "the gradient of {parameter} is {value}"
STEP = "{parameter} would not stay finite"
OF_OPTIMIZER = "the optimizer's state of {{parameter}} ({states}) would not stay finite"
ADVICE = (
    "Try a smaller learning rate, clip the steps with CompositeRule([StepClipping(1.0), rule]), or "
    "skip these batches with RemoveNotFinite as the last rule"
)
GRADIENT_ADVICE = (
    "A function in the cost has no finite derivative at its present argument: the root or the norm "
    "of zero, log(0), 0 / 0, also in the branch that where() does not take. Keep the argument away "
    "from that point, as in (x + 1e-8).sqrt(); or skip these batches with RemoveNotFinite as the "
    "last rule"
)
ALREADY = "{parameters} {verb} not finite before the batch already; return to a checkpoint"
MOST = 3
"""The number of parameters that a message lists."""
LATE = 32
"""The number of costs on an accelerator that can wait to be checked."""
FIRST = "Check the data, the initial parameters and the learning rate"


class FiniteCost:
    """Guard that raises or warns when the cost or a step is not finite.

    Parameters
    ----------
    cost : Variable or None
    on_not_finite : {'raise', 'warn', 'ignore'}
        Steps are checked only with ``'raise'``.
    gradients : dict of SharedVariable to Variable
        The gradients of the parameters.
    watched : sequence of Variable, optional
        The variables that must be finite for parameters to change, one for each parameter: its
        gradient, or the parameter itself, for its new value. By default the parameters.
    remembered : iterable of SharedVariable, optional
        Buffers of rules and bricks, whose new values must be finite, too: once an average of
        squares is infinite, all further steps are zero. A buffer is not checked if it is not finite
        from the start, if its dtype is not floating point, or if it can overflow only when a step
        does.

    Attributes
    ----------
    last : float or None
        The last finite cost.
    latest : float or None
        The last cost that was checked.
    outputs : list of Variable
        The first outputs of the function, for `guard`: the cost, or none.
    variables : list of Variable
        See `Watch`.
    """

    def __init__(
        self,
        cost: Variable | None,
        on_not_finite: OnTrouble,
        gradients: Mapping[SharedVariable, Variable],
        watched: Sequence[Variable] | None = None,
        remembered: Iterable[SharedVariable] = (),
    ) -> None:
        self.cost = cost
        self.on_not_finite = choice("on_not_finite", on_not_finite)
        self.outputs = [] if cost is None or on_not_finite == "ignore" else [cost]
        self.gradients = dict(gradients)
        raising = on_not_finite == "raise"
        self.remembered = [v for v in remembered if raising and may_overflow(v)]
        watched = list(gradients if watched is None else watched) if raising else []
        self._of: dict[Variable, SharedVariable] = {}
        self._of.update(zip(watched, self.gradients, strict=raising))
        self._of.update((kept, kept) for kept in self.remembered)
        self.variables = list(self._of)
        self.batches = 0
        self.last: float | None = None
        self.latest: float | None = None
        self._finite = True
        self._arriving: Arrivals[None] = Arrivals()
        self._flags: Arrivals[tuple[int, list[Variable]]] = Arrivals()
        self._watched = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_arriving": Arrivals(), "_flags": Arrivals()}

    @property
    def guard(self) -> Guard | None:
        """The condition on which the updates of the function depend, if there is one."""
        return self if self.outputs else None

    @property
    def watch(self) -> Watch | None:
        """The condition that watched values are finite, if any are watched."""
        return self if self.variables else None

    def watch_of(self, found: Collection[Variable]) -> Watch | None:
        """Return `watch` for a function that computes or updates only `found`."""
        self.variables = [variable for variable in self._of if variable in found]
        return self.watch

    def holds(self, outputs: Sequence[Any]) -> torch.Tensor | None:
        """Return True, as a tensor, if parameters may change; None if they always may."""
        return torch.isfinite(outputs[0]) if self.on_not_finite == "raise" else None

    def check(self, outputs: Sequence[Any]) -> None:
        """Raise, or warn, if the cost is not finite.

        A cost on an accelerator is checked some batches later. By then later batches can have
        changed parameters, but not the batch whose cost is not finite.
        """
        cost = outputs[0]
        if cost.is_cpu:
            self._judge(cost.item())
            return
        self._arriving.send(None, [cost])
        for _, [value] in self._arriving.received(most=LATE):
            self._judge(value.item())

    def settle(self) -> None:
        """Check all costs and steps that still wait to be checked."""
        for _, [value] in self._arriving.received(wait=True):
            self._judge(value.item())
        self._look_at_flags(wait=True)

    def check_changed(self, ruined: Mapping[SharedVariable, Sequence[str]]) -> None:
        """Raise `NotFiniteError` if a step has made parameters or their state not finite.

        Parameters
        ----------
        ruined : dict of SharedVariable to sequence of str
            For each parameter the names of the optimizer's states that are not finite, or no name
            if the parameter itself is not finite.
        """
        if ruined:
            batch = self._of_this_run(self.batches)
            self.batches -= 1
            states = ruined[self._backwards(ruined)[0]]
            what = OF_OPTIMIZER.format(states=", ".join(states)) if states else STEP
            although = ", although all gradients are finite"
            raise self._error(what, dict.fromkeys(ruined), batch, although, ADVICE)

    def refuse(
        self, inputs: Sequence[Variable], values: Sequence[torch.Tensor], wrong: Sequence[Variable]
    ) -> None:
        """Raise `NotFiniteError`, which names the parameter whose gradient was the first to fail.

        Of the parameters whose gradient is not finite, this is the one nearest to the cost, since
        backpropagation starts there.
        """
        program = lower(inputs, list(self.gradients.values()))
        task = Task(program, [], len(self.gradients))
        found = Eager(task, Threads(task))(values)
        pairs = zip(self.gradients, found, strict=True)
        bad = {parameter: value for parameter, value in pairs if not value.isfinite().all()}
        batch, although = "this batch", ""
        if self.outputs:  # the cost was checked before, and the batch was counted
            batch, although = (
                self._of_this_run(self.batches),
                f", although the cost {self._cost} is",
            )
            although += f" {self.last:.6g}"
            self.batches -= 1
        if bad:
            raise self._error(GRADIENT, bad, batch, although, GRADIENT_ADVICE)
        although += f"{' and' if although else ', although'} all gradients are finite"
        raise self._error(STEP, dict.fromkeys(self._parameters(wrong)), batch, although, ADVICE)

    def look_later(self, finite: torch.Tensor) -> None:
        """Check, some batches later, whether anything was not finite."""
        self._watched += 1
        self._flags.send((self._watched, self.variables), [finite])
        self._look_at_flags()

    def _look_at_flags(self, *, wait: bool = False) -> None:
        most = None if wait else LATE
        for (batch, variables), [flags] in self._flags.received(wait=wait, most=most):
            pairs = zip(variables, flags.tolist(), strict=True)
            bad = dict.fromkeys(self._parameters(v for v, fine in pairs if not fine))
            if bad:
                raise self._error(STEP, bad, self._of_this_run(batch), "", GRADIENT_ADVICE)

    def _of_this_run(self, batch: int) -> str:
        return f"batch {batch} of this run"

    @property
    def _cost(self) -> str:
        return repr(str(self.cost))

    def _parameters(self, watched: Iterable[Variable]) -> list[SharedVariable]:
        """Return the parameters that `watched` belong to, or buffers without parameters."""
        found = [self._of[variable] for variable in watched]
        return [p for p in found if p in self.gradients] or found

    def _backwards(self, parameters: Iterable[SharedVariable]) -> list[SharedVariable]:
        """Return parameters in the order of backpropagation: the nearest to the cost first."""
        roots = [] if self.cost is None else [self.cost]
        last = {v: i for i, used in enumerate(ancestors(roots)) for v in inputs_of(used)}

        def place(one: SharedVariable) -> int:
            return -last.get(about(one), -1)

        return sorted(parameters, key=place)

    def _error(
        self,
        what: str,
        bad: Mapping[SharedVariable, torch.Tensor | None],
        batch: str,
        although: str,
        advice: str,
        effect: str = "no parameter was changed",
    ) -> errors.NotFiniteError:
        """Return the error about parameters, which are named from the cost backwards."""
        known = named([*self.gradients, *self.remembered])
        names = {parameter: name for name, parameter in known.items()}
        first, *others = (names[parameter] for parameter in self._backwards(bad))
        value = bad[self._backwards(bad)[0]]
        what = what.format(parameter=first, value="" if value is None else _one(value))
        also = f"; so {'is that' if len(others) == 1 else 'are those'} of {_listed(others)}"
        if value is None:
            also = f"; nor would {_listed(others)}"
        return errors.NotFiniteError(
            WRONG.format(
                what=what,
                batch=batch,
                although=although,
                others=also if others else "",
                effect=effect,
                advice=advice,
            )
        )

    def _judge(self, value: float) -> None:
        self.latest = value
        if math.isfinite(value):
            self.last = value
            self._finite = True
            self.batches += 1
            return
        raising = self.on_not_finite == "raise"
        message = NOT_FINITE.format(
            cost=self._cost,
            value=value,
            batch=self.batches + 1,
            before="the first"
            if self.last is None
            else f"the last finite cost was {self.last:.6g}",
            effect="no parameter was changed" if raising else "parameters follow it",
            advice=self._already() or (FIRST if self.last is None else ADVICE),
        )
        if raising:
            raise errors.NotFiniteError(message)
        self.batches += 1
        if self._finite:
            warnings.warn(message, stacklevel=5)
        self._finite = False

    def _already(self) -> str:
        """Return the advice for parameters that were not finite before, or an empty text."""
        names = named(self.gradients)
        bad = [name for name, p in names.items() if not p.tensor.isfinite().all()]
        if not bad:
            return ""
        return ALREADY.format(parameters=_listed(bad), verb="was" if len(bad) == 1 else "were")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"{', '.join(names[:MOST])}{more}"


def _one(value: torch.Tensor) -> str:
    """Return the first element that is not finite, as text."""
    return f"{value[~value.isfinite()].flatten()[0].item()}"
