"""Training with any optimizer of torch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from workbench import errors
from workbench.algorithms.base import OnTrouble, UpdatesAlgorithm
from workbench.algorithms.finite import FiniteCost
from workbench.algorithms.rules import check_parameters, learning_rate_of, total_norm
from workbench.graph.training import GraphMode, TrainingGraph
from workbench.tensor import Function, SharedVariable, Variable, grad
from workbench.tensor.execution import Guard, Watch
from workbench.tensor.function import Updates
from workbench.tensor.shared import WriterLock, together
from workbench.utils.plain import is_count

MakeOptimizer = Callable[[list[torch.Tensor]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer], Any]

NOT_A_MAKER = (
    "optimizer is what makes one of a list of tensors, such as torch.optim.AdamW or a function; "
    "got {given!r}. Settings go into options, such as options={{'lr': 0.01}}"
)
NOT_MAKERS = (
    "schedulers is a list of functions that each make a scheduler of the optimizer, such as "
    "[lambda optimizer: ExponentialLR(optimizer, 0.9)]; got {given!r}"
)


class TorchOptimizer(UpdatesAlgorithm):
    """Training with an optimizer of torch, and its schedulers, over shared variables.

    Cost and gradients are computed as by `GradientDescent`; the optimizer changes the parameters.
    One that evaluates several times a step, such as ``torch.optim.LBFGS``, does so on the same
    batch; observers see the first evaluation, and other updates are done at each.

    Parameters
    ----------
    cost : Variable
        The scalar to minimise.
    parameters : list of SharedVariable
    optimizer : callable
        Makes the optimizer from the list of tensors of `parameters`, in their order: a class such
        as ``torch.optim.AdamW``, or a function, for groups of parameters for instance.
    options : dict, optional
        Keyword arguments for `optimizer`.
    schedulers : iterable of callable, optional
        Each makes a scheduler from the optimizer, for instance
        ``lambda optimizer: CosineAnnealingLR(optimizer, T_max=1000)``.
    schedule_every : int, optional
        After how many batches schedulers take a step; ``ReduceLROnPlateau`` then gets the mean cost
        over these batches.
    mode, on_not_finite, updates, function_kwargs, on_unused_sources : optional
        As in `GradientDescent`.

    Attributes
    ----------
    optimizer : torch.optim.Optimizer
    schedulers : list
    gradients : dict of SharedVariable to Variable
    total_gradient_norm : Variable
    learning_rate : SharedVariable
        That of the first group of parameters, kept up to date with the schedulers; assigning to it
        sets the rate of all groups from the next batch on.

    Raises
    ------
    AlgorithmError
        If `optimizer` or `schedulers` make nothing, or torch refuses the options.

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

    _fixed = dict.fromkeys(
        ("cost", "parameters", "gradients", "total_gradient_norm", "learning_rate"),
        "make a new TorchOptimizer, and a main loop with it",
    )

    def __init__(
        self,
        cost: Variable,
        parameters: Sequence[SharedVariable],
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
        check_parameters(type(self).__name__, parameters)
        self.cost = cost
        self.parameters = list(parameters)
        self.training_graph = TrainingGraph([cost], mode)
        [self._trained_cost] = self.training_graph([cost])
        gradients = grad(self._trained_cost, self.parameters)
        self.gradients = dict(zip(self.parameters, gradients, strict=True))
        self.total_gradient_norm = total_norm(self.gradients, "total_gradient_norm")
        if not is_count(schedule_every):
            raise errors.AlgorithmError(
                f"schedule_every is a number of batches, 1 or more; got {schedule_every!r}"
            )
        self.schedule_every = schedule_every
        self.finite = FiniteCost(
            self._trained_cost, on_not_finite, self.gradients, list(self.gradients.values())
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

    def _make(self) -> None:
        self._leaves = [parameter.leaf for parameter in self.parameters]
        make: Any = self._make_optimizer
        try:
            self.optimizer: torch.optim.Optimizer = make(self._leaves, **self._options)
        except (TypeError, ValueError) as error:
            name = getattr(make, "__name__", repr(make))
            raise errors.AlgorithmError(
                f"{name} refuses these parameters or the options {self._options}: {error}"
            ) from error
        self.schedulers = [make_one(self.optimizer) for make_one in self._make_schedulers]
        # Whoever reads or assigns a parameter from another thread waits for the end of the step.
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
        return self.finite.watch

    def settle(self) -> None:
        self.finite.settle()

    def _step(self, run: Function, values: Sequence[Any]) -> list[Any]:
        evaluations: list[list[Any]] = []

        def evaluate() -> Any:
            results = run(*values)
            for leaf, gradient in zip(self._leaves, results[1:], strict=False):
                leaf.grad = gradient
            evaluations.append(results)
            return results[0]

        with self._all_locks(run):
            rate = self.learning_rate.tensor.item()
            if rate != self._known_rate:
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                self._known_rate = rate
            with self._undone(run):
                self.optimizer.step(evaluate)
        if self.schedulers:
            self._schedule(evaluations[0][0])
        return evaluations[0]

    @contextmanager
    def _undone(self, run: Function) -> Iterator[None]:
        """Undo a step that fails halfway, or after which a parameter is not finite.

        Gradients are looked at before the optimizer sees them. Only one that evaluates several
        times has changed something when a later one is refused; and only with a rate above one,
        which is rare, a finite gradient may become a step that is not.
        """
        risky = any(not group["lr"] <= 1 for group in self.optimizer.param_groups)
        if not self.finite.variables or not (
            risky or isinstance(self.optimizer, torch.optim.LBFGS)
        ):
            yield
            return
        changed = list(dict.fromkeys([*self.parameters, *run.updates]))
        values = [variable.tensor.clone() for variable in changed]
        state = copy.deepcopy(self.optimizer.state_dict())
        try:
            yield
            self.finite.check_changed(self.parameters)
        except errors.NotFiniteError:
            for variable, value in zip(changed, values, strict=True):
                variable.tensor.copy_(value)
            self.optimizer.load_state_dict(state)
            raise

    def _all_locks(self, run: Function) -> AbstractContextManager[object]:
        """Of everything that the step touches; taken together, so that nobody waits in a circle."""
        if self._generation != WriterLock.generation:
            self._generation = WriterLock.generation
            touched = {*run.program.shared, *run.updates, *self.parameters, self.learning_rate}
            self._locks = together(lock for variable in touched for lock in variable.writers)
        return self._locks

    def _schedule(self, cost: torch.Tensor) -> None:
        self._costs.append(cost)
        if len(self._costs) < self.schedule_every:
            return
        mean = torch.stack(self._costs).double().mean().item()
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
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        own = {"optimizer", "schedulers", "costs"}
        super().load_state_dict({key: value for key, value in state.items() if key not in own})
        self.optimizer.load_state_dict(state["optimizer"])
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self._costs = [torch.tensor(cost) for cost in state["costs"]]
        # A rate that somebody has assigned since the last step differs, and counts from the next.
        self._known_rate = torch.tensor(self._rate(), dtype=self.learning_rate.dtype).item()

    def __getstate__(self) -> dict[str, Any]:
        # The optimizer refers to the parameters' storage, which a pickle would not share.
        made = {"optimizer", "schedulers", "_leaves", "_lock", "_locks"}
        kept = {key: value for key, value in super().__getstate__().items() if key not in made}
        return {**kept, "_saved": TorchOptimizer.state_dict(self, self.parameters)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = state.pop("_saved")
        self.__dict__.update(state)
        self._make()
        self.load_state_dict(saved)
