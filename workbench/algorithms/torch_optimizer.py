"""`TorchOptimizer`, a training algorithm that uses a torch optimizer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from workbench import errors
from workbench.algorithms.base import OnTrouble, UpdatesAlgorithm, named
from workbench.algorithms.finite import FiniteCost
from workbench.algorithms.rules import check_parameters, learning_rate_of, parameters_of, total_norm
from workbench.graph.criteria import is_criterion
from workbench.graph.selection import select
from workbench.graph.training import GraphMode, TrainingGraph
from workbench.tensor import Function, SharedVariable, Variable, grad
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution import Guard, Watch
from workbench.tensor.shared import WriterLock, together
from workbench.tensor.updates import Updates
from workbench.utils.numbers import as_whole

MakeOptimizer = Callable[[list[torch.Tensor]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer], Any]

NOT_A_MAKER = (
    "optimizer must be a class such as torch.optim.AdamW, or a function that creates an optimizer "
    "for a list of tensors, not {given!r}. Pass its arguments as options, such as "
    "options={{'lr': 0.01}}"
)
NOT_MADE = (
    "the function that creates the optimizer must return an optimizer of torch, such as "
    "torch.optim.AdamW(parameters, lr=0.01), not {given!r:.80}"
)
NOT_MAKERS = (
    "schedulers must be a list of functions that each create a scheduler for the optimizer, such "
    "as [lambda optimizer: ExponentialLR(optimizer, 0.9)], not {given!r}"
)

OPTIONS = (
    "pass the arguments of the optimizer as options, as in TorchOptimizer(cost, parameters, "
    "torch.optim.AdamW, options={'lr': 0.01}); for fit, pass step_rule=lambda parameters: "
    "torch.optim.AdamW(parameters, lr=0.01)"
)

OF_GRADIENTS = 0.4
"""Exponent p of the safe limit ``m ** p`` for gradient norms; m is the dtype's largest number.

Below this limit, hundreds of squared norms can be added without overflow, except in float16.
"""
OF_STATE = 0.85
"""Exponent of the safe limit for norms of optimizer states; see `OF_GRADIENTS`."""
CHECK_EVERY = 128
"""The number of steps between two checks of the norms of parameters and states."""
FACTORS = ("lr", "momentum", "weight_decay")
"""Optimizer options that multiply gradients, states or parameters."""
LEAST = 1e-12
"""Constants in denominators are safe if they are at least this large."""

OTHER_CLASS = (
    "the algorithm is a {name}, which cannot be recreated for a changed model; use TorchOptimizer "
    "itself instead"
)
OTHER_GROUPS = (
    "the optimizer divides the changed parameters into {now} groups instead of {before}, so the "
    "learning rates and other options of its groups cannot be kept; build a new main loop"
)
ONE_STATE = (
    "LBFGS has one state for all parameters together, so the model can be changed only before the "
    "first batch, or in ways that keep all parameters. Train with another optimizer, or build a "
    "new main loop"
)
NOT_BY_UNIT = (
    "{optimizer} has the state {name!r} of shape {state} for {parameter} of shape {shape}, so it "
    "cannot be extended to more units; apply the other changes, or build a new main loop"
)
OTHER_PARAMETERS = (
    "the state of the optimizer belongs to the parameters {saved}, but the optimizer trains {own}; "
    "load the state into an algorithm with the same parameters in the same groups"
)
OTHER_ORDER = (
    "LBFGS has one state for all parameters together. It was saved for the order {saved}, but the "
    "algorithm has the order {own}; pass the parameters in the saved order"
)

Sources = Mapping[
    SharedVariable, tuple[SharedVariable, Callable[[torch.Tensor], torch.Tensor] | None]
]
"""Mapping from each parameter to the earlier parameter and, if the new parameter has more units, a
function that extends the earlier values."""


class TorchOptimizer(UpdatesAlgorithm):
    """Training algorithm that updates parameters with an optimizer and schedulers from torch.

    The cost and its gradients are computed as in `GradientDescent`; the optimizer updates the
    parameters. An optimizer that evaluates the cost several times in each step, such as
    ``torch.optim.LBFGS``, uses the same batch every time. Observers receive the values of the first
    evaluation; the updates of other variables are applied at each evaluation.

    Parameters
    ----------
    cost : Variable
        The scalar to minimise.
    parameters : list of SharedVariable or criterion
        See `GradientDescent`.
    optimizer : callable
        A class such as ``torch.optim.AdamW``, or a function that creates the optimizer. It is
        called with a list of the tensors of `parameters`, in the same order; a function can divide
        these tensors into groups.
    options : dict, optional
        Keyword arguments of `optimizer`.
    schedulers : iterable of callable, optional
        Functions that each create a scheduler for the optimizer, for instance
        ``lambda optimizer: CosineAnnealingLR(optimizer, T_max=1000)``.
    schedule_every : int, optional
        The number of batches between two steps of the schedulers. ``ReduceLROnPlateau`` receives
        the mean cost over these batches.
    mode, on_not_finite, updates, function_kwargs, on_unused_sources : optional
        See `GradientDescent`.

    Attributes
    ----------
    optimizer : torch.optim.Optimizer
    schedulers : list
    gradients : dict of SharedVariable to Variable
    total_gradient_norm : Variable
    learning_rate : SharedVariable
        The learning rate of the first group of parameters. Schedulers change its value; setting it
        changes the learning rate of all groups, starting with the next batch.

    Raises
    ------
    AlgorithmError
        If `optimizer` or a scheduler is not a function or class, or if torch rejects the options.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> x, w = tensor.vector("x"), shared(1.0, "w")
    >>> cost = ((w - x) ** 2).mean()
    >>> algorithm = TorchOptimizer(cost, [w], torch.optim.SGD, {"lr": 0.25})
    >>> algorithm.process_batch({"x": [2.0, 4.0]})
    >>> w.get_value()
    array(2., dtype=float32)
    """

    other_names: ClassVar = dict.fromkeys(
        ("lr", "learning_rate", "weight_decay", "momentum", "nesterov", "betas", "amsgrad"), OPTIONS
    )
    _fixed = dict.fromkeys(
        ("cost", "parameters", "gradients", "total_gradient_norm", "learning_rate"),
        "create a new TorchOptimizer and a new main loop",
    )

    def __init__(
        self,
        cost: Variable,
        parameters: Sequence[SharedVariable] | Any,
        optimizer: MakeOptimizer | type[torch.optim.Optimizer],
        options: Mapping[str, Any] | None = None,
        *,
        schedulers: Iterable[MakeScheduler] = (),
        schedule_every: int = 1,
        mode: GraphMode = "training",
        on_not_finite: OnTrouble = "raise",
        updates: Updates | None = None,
        function_kwargs: Mapping[str, Any] | None = None,
        on_unused_sources: OnTrouble = "raise",
    ) -> None:
        super().__init__(updates, function_kwargs, on_unused_sources)
        if is_criterion(parameters):
            parameters = select(parameters, parameters_of(cost), type(self).__name__)
        check_parameters(type(self).__name__, parameters)
        self.cost = cost
        self.parameters: list[SharedVariable] = list(parameters)
        self._mode: GraphMode = mode
        self.training_graph = TrainingGraph([cost], mode)
        [self._trained_cost] = self.training_graph([cost])
        gradients = grad(self._trained_cost, self.parameters)
        self.gradients = dict(zip(self.parameters, gradients, strict=True))
        self.total_gradient_norm = total_norm(self.gradients, "total_gradient_norm")
        as_whole(schedule_every, "schedule_every", errors.AlgorithmError, 1)
        self.schedule_every = schedule_every
        self.finite = FiniteCost(
            self._trained_cost,
            on_not_finite,
            self.gradients,
            list(self.gradients.values()),
            buffers=[kept for kept, _ in self._statistics()],
        )
        self._make_optimizer, self._options = optimizer, dict(options or {})
        if isinstance(optimizer, torch.optim.Optimizer) or not callable(optimizer):
            raise errors.AlgorithmError(NOT_A_MAKER.format(given=optimizer))
        if callable(schedulers) or not all(map(callable, schedulers := list(schedulers))):
            raise errors.AlgorithmError(NOT_MAKERS.format(given=schedulers))
        self._make_schedulers = schedulers
        self._make()
        self.learning_rate = learning_rate_of(self._rate())
        self._known_rate = self.learning_rate.get_value().item()
        self._costs: list[torch.Tensor] = []

    def further_updates(self) -> list[SharedVariable]:
        """Return the variables, other than parameters, that the algorithm updates."""
        return [target for target, _ in self._updates]

    def for_cost(self, cost: Variable, parameters: Sequence[SharedVariable]) -> TorchOptimizer:
        """Return an algorithm that minimises another cost with the same optimizer and options.

        Both algorithms share the variable `learning_rate`, so extensions that set it affect both.

        Raises
        ------
        AlgorithmError
            If this algorithm is an instance of a subclass, or if the optimizer rejects the
            parameters.
        """
        if type(self) is not TorchOptimizer:
            raise errors.AlgorithmError(OTHER_CLASS.format(name=type(self).__name__))
        found = TorchOptimizer(
            cost,
            parameters,
            self._make_optimizer,
            self._options,
            schedulers=self._make_schedulers,
            schedule_every=self.schedule_every,
            mode=self._mode,
            on_not_finite=self.finite.on_not_finite,
            function_kwargs=self.function_kwargs,
            on_unused_sources=self.on_unused_sources,
        )
        vars(found)["learning_rate"] = self.learning_rate  # no step has used the original yet
        return found

    def take_state(self, other: TorchOptimizer, sources: Sources) -> None:
        """Take over another algorithm's state for the parameters that both algorithms train.

        Parameters
        ----------
        other : TorchOptimizer
        sources : dict of SharedVariable to pair
            For each parameter that is kept, the parameter of the other algorithm and a function
            that extends a tensor of its shape to more units, or None if the number of units is the
            same.

        Raises
        ------
        AlgorithmError
            If the state of the optimizer cannot be kept.
        """
        groups, before = self.optimizer.param_groups, other.optimizer.param_groups
        if len(groups) != len(before):
            raise errors.AlgorithmError(OTHER_GROUPS.format(now=len(groups), before=len(before)))
        states = {} if isinstance(other.optimizer, torch.optim.LBFGS) else other.optimizer.state
        if isinstance(other.optimizer, torch.optim.LBFGS) and other.optimizer.state:
            kept = [sources.get(parameter, (None, None)) for parameter in self.parameters]
            if kept != [(parameter, None) for parameter in other.parameters]:
                raise errors.AlgorithmError(ONE_STATE)
            states = other.optimizer.state
        leaves = dict(zip(other.parameters, other._leaves, strict=True))
        for parameter, leaf in zip(self.parameters, self._leaves, strict=True):
            earlier, extend = sources.get(parameter, (None, None))
            if earlier in leaves and leaves[earlier] in states:
                state = copy.deepcopy(dict(states[leaves[earlier]]))
                if extend is not None:
                    state = other._extended(state, earlier, extend)
                self.optimizer.state[leaf] = state
        for group, old in zip(groups, before, strict=True):
            group.update({key: value for key, value in old.items() if key != "params"})
        for scheduler, old_one in zip(self.schedulers, other.schedulers, strict=True):
            scheduler.load_state_dict(copy.deepcopy(old_one.state_dict()))
        self._known_rate, self._costs = other._known_rate, list(other._costs)

    def _extended(
        self,
        state: dict[Any, Any],
        parameter: SharedVariable,
        extend: Callable[[torch.Tensor], torch.Tensor],
    ) -> dict[Any, Any]:
        """Return the state of a parameter, extended to more units."""
        shape = parameter.tensor.shape
        found = {}
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == shape:
                value = extend(value)
            elif any(tensor.numel() > 1 for tensor in _tensors(value)):
                raise errors.AlgorithmError(
                    NOT_BY_UNIT.format(
                        optimizer=type(self.optimizer).__name__, name=name, parameter=parameter,
                        state=tuple(getattr(value, "shape", ())), shape=tuple(shape),
                    )
                )  # fmt: skip
            found[name] = value
        return found

    def _make(self) -> None:
        self._leaves = [parameter.leaf for parameter in self.parameters]
        make: Any = self._make_optimizer
        try:
            self.optimizer: torch.optim.Optimizer = make(self._leaves, **self._options)
        except (TypeError, ValueError) as error:
            name = getattr(make, "__name__", repr(make))
            raise errors.AlgorithmError(
                f"{name} rejects the parameters or the options {self._options}: {error}"
            ) from error
        if not isinstance(self.optimizer, torch.optim.Optimizer):
            raise errors.AlgorithmError(NOT_MADE.format(given=self.optimizer))
        self.schedulers = [make_one(self.optimizer) for make_one in self._make_schedulers]
        self._checks, self._full = 0, False
        # The lock makes other threads wait for the end of a step before they access a parameter.
        self._lock = WriterLock()
        for parameter in self.parameters:
            parameter.writers.add(self._lock)
        WriterLock.generation += 1
        self._generation = -1
        self._locks = together(())

    def _rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _outputs(self) -> list[Variable]:
        return [self._trained_cost, *self.gradients.values()]

    def _guard(self) -> Guard | None:
        return self.finite.guard

    def _watch(self) -> Watch | None:
        return self.finite.watch_of(
            {*self.gradients.values(), *(target for target, _ in self.updates)}
        )

    def settle(self) -> None:
        self.finite.settle()

    def _step(self, run: Function, values: Sequence[Any]) -> list[Any]:
        evaluations: list[list[Any]] = []
        before: list[_Before] = []
        looking = bool(self.finite.variables)

        def evaluate() -> Any:
            results = run(*values)
            gradients = results[1 : len(self._leaves) + 1]
            for leaf, gradient in zip(self._leaves, gradients, strict=True):
                leaf.grad = gradient
            if looking:
                large = not _below(gradients, OF_GRADIENTS)
                if large and not gradients[0].is_cpu:
                    self.finite.settle()  # on an accelerator, checks may be outstanding
                if not (evaluations or before) and (large or self._is_full()):
                    before.append(_Before(self, run))
            evaluations.append(results)
            return results[0]

        with self._all_locks(run):
            rate = self.learning_rate.tensor.item()
            if rate != self._known_rate:
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                self._known_rate = rate
            if looking and self._is_uncertain():
                before.append(_Before(self, run))
            try:
                self.optimizer.step(evaluate)
                for one in before:
                    self.finite.check_changed(one.ruined())
            except errors.NotFiniteError:
                for one in before:
                    one.restore()
                raise
        if self.schedulers:
            self._schedule(evaluations[0][0])
        return evaluations[0]

    def _is_uncertain(self) -> bool:
        """Return True if a step may overflow even if its first gradients are small.

        Gradients are checked before they are passed to the optimizer, but an optimizer that
        evaluates the cost several times changes parameters before the later evaluations. Any step
        may overflow if a factor exceeds one, if a constant in a denominator is very small, if a
        parameter has dtype float16, or if the optimizer is not part of torch.
        """
        made_elsewhere = not type(self.optimizer).__module__.startswith("torch.optim.")
        if made_elsewhere or isinstance(self.optimizer, torch.optim.LBFGS):
            return True
        if any(leaf.dtype is torch.float16 for leaf in self._leaves):
            return True
        for group in self.optimizer.param_groups:
            eps = group.get("eps")
            if isinstance(eps, (int, float)) and not eps >= LEAST:
                return True
            if not all(group.get(factor, 0) <= 1 for factor in FACTORS):
                return True
        return False

    def _is_full(self) -> bool:
        """Return True if parameters or states are so large that even a small step may overflow.

        While the norms are small, they are computed only every `CHECK_EVERY` steps, since they
        cannot become too large in between.
        """
        if self._full or self._checks % CHECK_EVERY == 0:
            kept = list(_tensors(list(self.optimizer.state.values())))
            parameters = [leaf.detach() for leaf in self._leaves]
            self._full = not (_below(parameters, OF_GRADIENTS) and _below(kept, OF_STATE))
        self._checks += 1
        return self._full

    def _all_locks(self, run: Function) -> AbstractContextManager[object]:
        """Return a context manager that acquires the locks of all variables without deadlocks."""
        if self._generation != WriterLock.generation:
            self._generation = WriterLock.generation
            touched = {*run.program.shared, *run.updates, *self.parameters, self.learning_rate}
            self._locks = together(lock for variable in touched for lock in variable.writers)
        return self._locks

    def _schedule(self, cost: torch.Tensor) -> None:
        self._costs.append(cost)
        if len(self._costs) < self.schedule_every:
            return
        # Costs that were loaded are on the CPU.
        costs = [one.to(cost.device, torch.float64) for one in self._costs]
        mean = torch.stack(costs).mean().item()
        self._costs.clear()
        for scheduler in self.schedulers:
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(mean)
            else:
                scheduler.step()
        self.learning_rate.set_value(self._rate())
        self._known_rate = self.learning_rate.tensor.item()

    def state_variables(self) -> dict[str, SharedVariable]:
        return {**super().state_variables(), "learning_rate": self.learning_rate}

    def state_dict(self, exclude: Iterable[SharedVariable] = ()) -> dict[str, Any]:
        return {
            **super().state_dict(exclude),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "schedulers": [copy.deepcopy(one.state_dict()) for one in self.schedulers],
            "costs": [cost.item() for cost in self._costs],
            "parameter_names": self._groups(),
        }

    def _groups(self) -> list[list[str]]:
        """Return the parameter names in each group of the optimizer."""
        names = dict(zip(self._leaves, named(self.parameters), strict=True))
        groups = self.optimizer.param_groups
        return [[names.get(leaf, "") for leaf in group["params"]] for group in groups]

    def _arranged(self, state: dict[str, Any], saved: list[list[str]]) -> dict[str, Any]:
        """Return the saved state of an optimizer for parameters in the order of this algorithm."""
        own = self._groups()
        if own == saved:
            return state
        if [sorted(group) for group in own] != [sorted(group) for group in saved]:
            raise errors.StateError(OTHER_PARAMETERS.format(saved=saved, own=own))
        if isinstance(self.optimizer, torch.optim.LBFGS) and state["state"]:
            raise errors.StateError(OTHER_ORDER.format(saved=saved[0], own=own[0]))
        groups = []
        for names, before, group in zip(own, saved, state["param_groups"], strict=True):
            numbers = dict(zip(before, group["params"], strict=True))
            groups.append({**group, "params": [numbers[name] for name in names]})
        return {**state, "param_groups": groups}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        own = {"optimizer", "schedulers", "costs", "parameter_names"}
        optimizer = state["optimizer"]
        if "parameter_names" in state:  # earlier versions did not save them
            optimizer = self._arranged(optimizer, state["parameter_names"])
        super().load_state_dict({key: value for key, value in state.items() if key not in own})
        self.optimizer.load_state_dict(optimizer)
        self._checks = 0
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self._costs = [torch.tensor(cost, dtype=torch.float64) for cost in state["costs"]]
        # `learning_rate` has a different value if it was assigned after the last step before
        # saving. The next step then uses the assigned value.
        self._known_rate = torch.tensor(self._rate(), dtype=self.learning_rate.dtype).item()

    def __getstate__(self) -> dict[str, Any]:
        # The optimizer refers to the storage of the parameters, which a pickle would duplicate.
        made = {"optimizer", "schedulers", "_leaves", "_lock", "_locks"}
        kept = {key: value for key, value in super().__getstate__().items() if key not in made}
        return {**kept, "_saved": TorchOptimizer.state_dict(self, self.parameters)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = state.pop("_saved")
        self.__dict__.update(state)
        self._make()
        self.load_state_dict(saved)


class _Before:
    """Copy of all values that a step changes, used to undo a step that fails or overflows."""

    def __init__(self, algorithm: TorchOptimizer, run: Function) -> None:
        self.optimizer = algorithm.optimizer
        self.changed = list(dict.fromkeys([*algorithm.parameters, *run.updates]))
        self.values = [variable.tensor.clone() for variable in self.changed]
        self.state = copy.deepcopy(self.optimizer.state_dict())
        self.of_leaf = dict(zip(algorithm._leaves, algorithm.parameters, strict=True))

    def ruined(self) -> dict[SharedVariable, list[str]]:
        """Return the parameters that are not finite or whose states are no longer finite."""
        bad: dict[SharedVariable, list[str]] = {}
        leaves = [leaf for group in self.optimizer.param_groups for leaf in group["params"]]
        for i, leaf in enumerate(leaves):
            old, parameter = self.state["state"].get(i, {}), self.of_leaf.get(leaf)
            if parameter is None:
                continue
            names = [
                str(name)
                for name, value in self.optimizer.state.get(leaf, {}).items()
                if not _finite(value) and _finite(old.get(name))
            ]
            if not parameter.tensor.isfinite().all():
                bad[parameter] = []
            elif names:
                bad[parameter] = names
        return bad

    def restore(self) -> None:
        """Restore all values that the step changed."""
        for variable, value in zip(self.changed, self.values, strict=True):
            variable.tensor.copy_(value)
        self.optimizer.load_state_dict(self.state)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """Yield the floating-point tensors in the state of an optimizer."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))


def _finite(value: Any) -> bool:
    return all(tensor.isfinite().all() for tensor in _tensors(value))


def _below(tensors: Sequence[torch.Tensor], power: float) -> bool:
    """Return True if all norms are below ``m ** power``, where m is the dtype's largest number."""
    if tensors and not tensors[0].is_cpu:  # one transfer is faster than many
        norms = torch.stack(
            [norm.double() for norm in internals.foreach_norm(list(tensors))]
        ).tolist()
        pairs = zip(norms, tensors, strict=True)
        return all(norm < torch.finfo(tensor.dtype).max ** power for norm, tensor in pairs)
    return all(
        torch.linalg.vector_norm(tensor).item() < torch.finfo(tensor.dtype).max ** power
        for tensor in tensors
    )
