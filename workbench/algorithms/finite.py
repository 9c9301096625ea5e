"""Checks that the cost and new parameters are finite, before any variable changes.

The cost is checked for every batch. Steps are checked inside the programs of the execution tiers
(`workbench.tensor.execution.screen`), and the cause is determined only if a step is not finite.
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
from workbench.tensor.row_shards import Rows
from workbench.tensor.transfer import Arrivals
from workbench.tensor.traversal import ancestors, inputs_of

NOT_FINITE = (
    "the cost {cost} is {value} in batch {batch} of this run ({before}); {effect}. {advice}"
)
WRONG = "{what} in {batch}{although}{others}; {effect}. {advice}"
GRADIENT = "the gradient of {parameter} is {value}"
STEP = "{parameter} would become infinite or NaN"
OF_OPTIMIZER = "the optimizer's state for {{parameter}} ({states}) would become infinite or NaN"
ADVICE = (
    "Try a smaller learning rate, clip the steps with CompositeRule([StepClipping(1.0), rule]), or "
    "skip these batches with RemoveNotFinite as the last rule"
)
GRADIENT_ADVICE = (
    "A function in the cost has no finite derivative at its current argument. Examples are the "
    "square root or the norm of zero, log(0) and 0 / 0, even in a branch that where() does not "
    "select. Keep the argument away from that point, as in (x + 1e-8).sqrt(), or skip these "
    "batches with RemoveNotFinite as the last rule"
)
ALREADY = "{parameters} {verb} already infinite or NaN before the batch; restore a checkpoint"
MOST = 3
"""The largest number of parameters that a message lists."""
LATE = 32
"""Maximum number of unchecked costs or steps on an accelerator."""
FIRST = "Check the data, the initial parameters and the learning rate"


class FiniteCost:
    """Guard that raises or warns when the cost or a step is not finite.

    Parameters
    ----------
    cost : Variable or None
    on_not_finite : {'raise', 'warn', 'ignore'}
        The action if the cost is not finite. Steps are checked only with ``'raise'``.
    gradients : dict of SharedVariable to Variable
        The gradients of the parameters.
    watched : sequence of Variable, optional
        For each parameter, the variable that must be finite before parameters change: its gradient,
        or the parameter itself, which stands for its new value. By default, these are the
        parameters.
    buffers : iterable of SharedVariable, optional
        Buffers of rules and bricks whose new values must be finite too. For example, without this
        check, all steps would be zero once an average of squares has become infinite. A buffer is
        not checked if it is not finite initially, if its dtype is not floating point, if it may
        overflow only together with a step, or if its rows are divided among processes; in that last
        case, the step becomes NaN instead.

    Attributes
    ----------
    last : float or None
        The last finite cost.
    latest : float or None
        The cost in the last check, finite or not.
    outputs : list of Variable
        The outputs that `guard` checks, which are the first outputs of the function: the cost, or
        nothing if the cost is not checked.
    variables : list of Variable
        See `Watch`.
    """

    def __init__(
        self,
        cost: Variable | None,
        on_not_finite: OnTrouble,
        gradients: Mapping[SharedVariable, Variable],
        watched: Sequence[Variable] | None = None,
        buffers: Iterable[SharedVariable] = (),
    ) -> None:
        self.cost = cost
        self.on_not_finite = choice("on_not_finite", on_not_finite)
        self.outputs = [] if cost is None or on_not_finite == "ignore" else [cost]
        self.gradients = dict(gradients)
        raising = on_not_finite == "raise"
        here = [v for v in buffers if raising and not isinstance(v, Rows)]
        self.buffers = [v for v in here if may_overflow(v)]
        watched = list(gradients if watched is None else watched) if raising else []
        self._of: dict[Variable, SharedVariable] = {}
        self._of.update(zip(watched, self.gradients, strict=raising))
        self._of.update((kept, kept) for kept in self.buffers)
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
        """The guard of the function (this object), or None if the cost is not checked."""
        return self if self.outputs else None

    @property
    def watch(self) -> Watch | None:
        """The watch of the function (this object), or None if no variables are checked."""
        return self if self.variables else None

    def watch_of(self, found: Collection[Variable]) -> Watch | None:
        """Restrict `watch` to `found`, the variables of a function, and return it."""
        self.variables = [variable for variable in self._of if variable in found]
        return self.watch

    def holds(self, outputs: Sequence[Any]) -> torch.Tensor | None:
        """Return a tensor that is true if updates are allowed, or None to always allow them."""
        return torch.isfinite(outputs[0]) if self.on_not_finite == "raise" else None

    def check(self, outputs: Sequence[Any]) -> None:
        """Raise or warn if the cost is not finite.

        A cost on an accelerator is checked several batches later. If a cost is not finite and an
        error is raised, the batch with this cost has changed no parameter, but later batches may
        have changed parameters.
        """
        cost = outputs[0]
        if cost.is_cpu:
            self._check_value(cost.item())
            return
        self._arriving.send(None, [cost])
        for _, [value] in self._arriving.received(most=LATE):
            self._check_value(value.item())

    def settle(self) -> None:
        """Run all outstanding checks of costs and steps."""
        for _, [value] in self._arriving.received(wait=True):
            self._check_value(value.item())
        self._check_flags(wait=True)

    def check_changed(self, ruined: Mapping[SharedVariable, Sequence[str]]) -> None:
        """Raise `NotFiniteError` if a parameter or optimizer state is not finite after a step.

        Parameters
        ----------
        ruined : dict of SharedVariable to sequence of str
            For each affected parameter, the names of its optimizer states that are not finite. The
            sequence is empty if the parameter itself is not finite.
        """
        if ruined:
            batch = self._of_this_run(self.batches)
            self.batches -= 1
            states = ruined[self.backwards(ruined)[0]]
            what = OF_OPTIMIZER.format(states=", ".join(states)) if states else STEP
            although = ", although all gradients are finite"
            raise self._error(what, dict.fromkeys(ruined), batch, although, ADVICE)

    def refuse(
        self, inputs: Sequence[Variable], values: Sequence[torch.Tensor], wrong: Sequence[Variable]
    ) -> None:
        """Raise `NotFiniteError` for the first parameter whose gradient or new value is not finite.

        The parameter nearest to the cost comes first, because backpropagation starts there.
        """
        program = lower(inputs, list(self.gradients.values()))
        task = Task(program, [], len(self.gradients))
        found = Eager(task, Threads(task))(values)
        pairs = zip(self.gradients, found, strict=True)
        bad = {parameter: value for parameter, value in pairs if not value.isfinite().all()}
        batch, although = "this batch", ""
        if self.outputs:  # the check of the cost has already counted the batch
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
        """Schedule a check, several batches later, that all watched variables were finite."""
        self._watched += 1
        self._flags.send((self._watched, self.variables), [finite])
        self._check_flags()

    def _check_flags(self, *, wait: bool = False) -> None:
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
        """Return the parameters of `watched`, or its buffers if it has no parameters."""
        found = [self._of[variable] for variable in watched]
        return [p for p in found if p in self.gradients] or found

    def backwards(self, parameters: Iterable[SharedVariable]) -> list[SharedVariable]:
        """Return parameters in the order of backpropagation, starting nearest to the cost."""
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
        effect: str = "the batch changed no parameter",
    ) -> errors.NotFiniteError:
        """Return an error that lists parameters in the order of backpropagation."""
        known = named([*self.gradients, *self.buffers])
        names = {parameter: name for name, parameter in known.items()}
        first, *others = (names[parameter] for parameter in self.backwards(bad))
        value = bad[self.backwards(bad)[0]]
        what = what.format(parameter=first, value="" if value is None else _one(value))
        noun, verb = ("gradients", "are") if len(others) > 1 else ("gradient", "is")
        also = f"; the {noun} of {_listed(others)} {verb} not finite either"
        if value is None:
            also = f"; so would {_listed(others)}"
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

    def _check_value(self, value: float) -> None:
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
            effect="the batch changed no parameter"
            if raising
            else "parameters are updated nevertheless",
            advice=self._already() or (FIRST if self.last is None else ADVICE),
        )
        if raising:
            raise errors.NotFiniteError(message)
        self.batches += 1
        if self._finite:
            warnings.warn(message, stacklevel=5)
        self._finite = False

    def _already(self) -> str:
        """Return advice if parameters were not finite before the batch, else an empty string."""
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
