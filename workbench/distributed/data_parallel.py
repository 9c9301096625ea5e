"""Data parallelism: each process of a group trains on its share of every batch.

All processes build the same graph. For its share, each process computes the gradients, the cost and
all monitored values; one message for each batch combines these values. All later computations, such
as clipping and step rules, use the values for the whole batch. Therefore the parameters are the
same in all processes, and the same as when a single process trains.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace as replaced
from typing import Any, Literal

import torch

from workbench import errors
from workbench.algorithms.base import DIVIDERS, Batch, inputs_by_name
from workbench.algorithms.rules import StepRule, Steps, StepUpdates, keeper_of
from workbench.bricks.module_call import ModuleCall
from workbench.data.shares import Share, SharedBatch
from workbench.data.streams import EpochIterator
from workbench.distributed.independence import NOT_FINITE, Examples, check_independence
from workbench.distributed.statistics import over_batch, statistic_of
from workbench.distributed.whole import Statistics, Whole
from workbench.graph.modes import estimates
from workbench.hints import Hinted
from workbench.monitoring.sizes import size_of
from workbench.tensor import SharedVariable, Variable, shared
from workbench.tensor.collectives import all_reduce, broadcast, in_one_message
from workbench.tensor.processes import ProcessGroup, process_group
from workbench.tensor.random import at_step, in_share, is_draw
from workbench.tensor.scan import Loop
from workbench.tensor.traversal import ancestors, replace

APART = (
    "the processes have not read the same batch: the batch of process {rank} has the number {own}, "
    "but the numbers of all {size} processes add up to {sum}. A number depends on the position in "
    "the data and on values of the batch. Give schemes and data loaders the same seed in all "
    "processes; draw random changes of examples from the global generators of torch, NumPy or "
    "Python, or from generators that depend only on the example and the epoch; and let all "
    "extensions act after the same batches"
)
LOCAL_STATISTICS = (
    "batch normalisation{where} uses the mean and the standard deviation of each process's "
    "share instead of the whole batch, so results depend on the number of processes"
)
LOCAL_DRAWS = (
    "random numbers that are drawn in loops or by wrapped modules, or whose shape does not contain "
    "the example axis exactly once, depend on the number of processes"
)
UNCHECKED = (
    "the check of the cost {name!r} for values that combine the examples of a batch is incomplete, "
    "because {reason}; if there are such values, results depend on the number of processes"
)
LOOP_STATISTICS = "it normalises batches in a loop"
OTHER_DRAWS = "it draws random numbers in loops, or with a shape without one example axis"
TOO_FEW = "the batches have too few examples"
ATTEMPTS = 10
"""The number of batches that are searched for examples with a finite cost."""

NOT_SHARED = (
    "the epoch iterator must be an EpochIterator, which gives each process its share of a batch, "
    "not {iterator!r}; derive the data stream from AbstractDataStream, define its method iterate, "
    "and let its get_epoch_iterator create the iterator"
)

CHOICES: tuple[Statistics, ...] = ("batch", "share")

Level = Literal["epoch", "batch"]
COUNTED = 4096
"""Limit for batch numbers, so that their sum over all processes is exact in float32."""


class DataParallel(Hinted):
    """Training of one model by a group of processes; each gets a share of every batch.

    Pass this object to `GradientDescent`, and start the script in several processes, for instance
    with ``torchrun --nproc_per_node 2 train.py``. Schemes and streams define whole batches, which
    must be the same in all processes, and the main loop gives each process its share. Shares differ
    by at most one example and may be empty. If the script runs in a single process, this object has
    no effect.

    If the cost is a mean or a sum over examples, or a function of such means and sums, the results
    are the same as when one process trains the model, except for rounding. Dropout also uses the
    same masks. Any other differences are recorded in the log, under ``distributed``.

    A cost that combines the examples of a batch, for example with ``x.flip(0)`` or in a wrapped
    module, is an error. Before the first step, all processes compute the cost of up to 8 examples
    of the batch and its gradient, once of all examples together and once combined from two parts.
    The two results must agree except for rounding. Draws depend on the positions of the examples;
    wrapped modules run without dropout. If a cost cannot be checked, because it draws random
    numbers in another way or normalises batches in a loop, the log says so.

    Only the first process shows progress and writes the log and checkpoints. Any number of
    processes can continue from a checkpoint. Extensions must run after the same batches in
    all processes. Steps run eagerly, or compiled with
    ``function_kwargs={'execution': 'compiled'}``.

    Parameters
    ----------
    group : ProcessGroup, optional
        The group of processes; by default the group that the launcher of the script defines (see
        `process_group`).
    axis : int or dict of str to (int or None), optional
        The example axis of all sources, or a mapping from source to axis. The default, also for
        sources that are not in the mapping, is the first axis. A source whose axis is None is read
        completely by all processes.
    statistics : {'batch', 'share'}
        The examples that a batch normalisation computes its mean and standard deviation from. By
        default, it uses the whole batch, as it would in a single process; this takes two messages
        between the processes. With 'share', each process uses only its share, without messages.
        Inside loops, the share is always used.

    Attributes
    ----------
    group : ProcessGroup
    share : Share
        The part of each batch that this process gets.
    statistics : {'batch', 'share'}
    wish, agreed : {'epoch', 'batch'} or None
        The request of this process to end training after the epoch or the batch, and the strongest
        request of any process in the last batch.
    waiting : callable
        A function that returns the number of calls that are waiting in this process; see
        `take_called`.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> from workbench.algorithms import GradientDescent, Scale
    >>> x, w = tensor.vector("x"), shared(1.0, "w")
    >>> algorithm = GradientDescent(
    ...     cost=((w - x) ** 2).mean(), parameters=[w], step_rule=Scale(0.25),
    ...     distributed=DataParallel())
    >>> algorithm.distributed
    DataParallel(<process 0 of 1>)
    """

    _unchecked: list[tuple[Variable, list[SharedVariable]]]

    def __init__(
        self,
        group: ProcessGroup | None = None,
        *,
        axis: int | Mapping[str, int | None] = 0,
        statistics: Statistics = "batch",
    ) -> None:
        if statistics not in CHOICES:
            raise errors.ArgumentError(
                f"statistics must be 'batch' or 'share', not {statistics!r}"
                f"{errors.nearest(str(statistics), CHOICES)}"
            )
        self.group = process_group() if group is None else group
        self.share = Share(self.group.rank, self.group.size, axis)
        self.statistics = statistics
        self.whole = Whole(self.group, statistics)
        self.notes: list[str] = []
        self._facts = shared(torch.zeros(6, dtype=torch.int64), "place_in_batch")
        self._number = 0
        self.check: Variable = all_reduce(self._facts[2:].float(), group=self.group)
        self.wish: Level | None = None
        self.agreed: Level | None = None
        self.waiting: Callable[[], int] = _nothing_waits
        self._called = False
        self._unchecked, self._attempts = [], 0

    @property
    def described(self) -> str:
        """The number of processes, and the differences from training in one process, as text."""
        return "; ".join([f"{self.group.size} processes", *self.notes])

    @property
    def is_active(self) -> bool:
        """True if there are several processes."""
        return self.group.size > 1

    def gradients(self, cost: Variable | None, gradients: Steps) -> Steps:
        """Return the gradients for the whole batch.

        Parameters
        ----------
        cost : Variable or None
            The cost for the share of this process, in training mode.
        gradients : dict of SharedVariable to Variable
            The gradients of this cost.

        Raises
        ------
        AlgorithmError
            If there is no cost, or if the costs of the shares cannot be combined.
        """
        if cost is None:
            raise errors.AlgorithmError(
                "GradientDescent requires a cost to train in several processes, because the "
                "weight of each share is inferred from the cost; pass cost=..."
            )
        found = self.whole.gradients(cost, gradients)
        if self.is_active:
            reason = self._unclear(cost)
            if reason is None:
                self._unchecked.append((cost, list(gradients)))
            else:
                self.notes.append(UNCHECKED.format(name=str(cost), reason=reason))
        return found

    def check_cost(self, batch: Batch) -> None:
        """Check that the cost of a batch can be computed from its shares, before the first step.

        The value and the gradient of the cost of a few examples are computed twice: of all of them
        together, and combined from two parts. This is repeated for the next batches until there are
        two examples whose cost is finite.

        Parameters
        ----------
        batch : dict

        Raises
        ------
        AlgorithmError
            If the cost combines the examples of a batch.

        Warns
        -----
        MonitoringWarning
            If the cost cannot be checked.
        """
        if not self._unchecked or (isinstance(batch, SharedBatch) and batch.total < 2):
            return
        given = batch.read_whole() if isinstance(batch, SharedBatch) else batch
        left = []
        for cost, parameters in self._unchecked:
            if given is batch and any(one.divided is not None for one in parameters):
                continue  # its values are gathered, but other processes may have too few examples
            reason = self._checked(cost, parameters, given)
            self._attempts += 1
            if reason == TOO_FEW or (reason == NOT_FINITE and self._attempts < ATTEMPTS):
                left.append((cost, parameters))
            elif reason is not None:
                note = UNCHECKED.format(name=str(cost), reason=reason)
                self.notes.append(note)
                if self.group.is_first:
                    warnings.warn(note, errors.MonitoringWarning, stacklevel=2)
        self._unchecked = left

    def _checked(
        self, cost: Variable, parameters: list[SharedVariable], batch: Batch
    ) -> str | None:
        """Check the cost of some examples; return the reason if this is impossible."""
        roots = [cost, self.whole(cost)]
        inputs = list(inputs_by_name(roots, "the cost").values())
        if not all(one.name in batch for one in inputs):
            return TOO_FEW
        order = ancestors(roots)
        moved, _ = self._moved(order)
        found = replace(roots, {**moved, **over_batch(order, self.group)})
        try:
            examples = Examples(batch, inputs, self.share.axis_of)
        except (errors.WorkbenchError, IndexError):
            return TOO_FEW  # the step raises an error
        if examples.sizes[0] < 2:
            return TOO_FEW
        one, whole = (found[root] for root in roots)
        return check_independence(one, whole, inputs, examples, parameters, self._facts)

    def _unclear(self, cost: Variable) -> str | None:
        """Return the reason if a check of a cost would say nothing."""
        moved, left = self._moved(ancestors([cost]))
        if any(one not in moved for one in left):  # modules, whose seeds move, run without draws
            return OTHER_DRAWS
        if any(statistic_of(one) is None for one in estimates([cost])):
            return LOOP_STATISTICS
        return None

    def check_rule(self, rule: StepRule) -> None:
        """Accept any rule."""

    def steps(self, rule: StepRule, steps: Steps, updates: StepUpdates) -> Steps:
        """Return the steps of a rule, which are the same in all processes."""
        return steps

    def prepare(self, roots: Iterable[Variable]) -> list[Variable]:
        """Make random draws depend on positions in the whole batch.

        Also merge all messages between processes into one.
        """
        roots = list(roots)
        order = ancestors(roots)
        moved, left = self._moved(order)
        moved.update(over_batch(order, self.group) if self.statistics == "batch" else {})
        notes = [*self._of_shares(roots), *[LOCAL_DRAWS] * bool(left)]
        self.notes = list(dict.fromkeys([*self.notes, *notes]))
        found = replace(roots, moved)
        return in_one_message([found[root] for root in roots])

    def _of_shares(self, roots: list[Variable]) -> list[str]:
        """Return notes about batch normalisations that use per-share statistics."""
        found = estimates(roots)
        if self.statistics == "share":
            return [LOCAL_STATISTICS.format(where="")] * bool(found)
        loops = [one for one in found if statistic_of(one) is None]
        return [LOCAL_STATISTICS.format(where=" in a loop")] * bool(loops)

    def _moved(self, order: list[Variable]) -> tuple[dict[Variable, Variable], list[Variable]]:
        """Return replacements for draws, and the variables whose draws cannot be divided."""
        sizes = {
            size_of(one.fake.shape[axis])
            for one in order
            if one.owner is None and not isinstance(one, SharedVariable) and not one.is_number
            if (axis := self.share.axis_of(str(one.name))) is not None and axis < one.ndim
        }
        sizes.discard(None)
        moved: dict[Variable, Variable] = {}
        # A wrapped module draws a seed for its own generator.
        seeds = set(ancestors(seed for one in order for seed in _seeds(one)))
        left: list[Variable] = []
        for one in order:
            call = one.owner
            if call is None:
                continue
            if isinstance(call.function, Loop) and _draws(call.function):
                left.append(one)
            if not is_draw(call):
                continue
            if one in seeds:
                moved[one] = at_step(one, self._facts[0])
                left.append(one)
                continue
            axes = [axis for axis, size in enumerate(one.fake.shape) if size_of(size) in sizes]
            if len(axes) == 1:
                moved[one] = in_share(one, axes[0], self._facts[0], self._facts[1])
            elif any(map(size_of, one.fake.shape)):  # known shapes: same draws in all processes
                left.append(one)
        return moved, left

    def take_share(self, batches: Any) -> None:
        """Make an iterator over batches return only this process's share of each batch.

        Raises
        ------
        DataError
            If `batches` is not an `EpochIterator`.
        """
        if not isinstance(batches, EpochIterator):
            raise errors.DataError(NOT_SHARED.format(iterator=batches))
        batches.share = self.share

    def take_agreed(self) -> Level | None:
        """Return `agreed`, and reset it to None."""
        agreed, self.agreed = self.agreed, None
        return agreed

    def take_called(self) -> bool:
        """Return True if any process had calls waiting before the last batch; reset the flag."""
        called, self._called = self._called, False
        return called

    def begin(self, batch: Batch) -> None:
        """Record the position of a share in its batch, before the batch is processed."""
        first, total, number = self.share.rank, self.share.size, self._number + 1
        if isinstance(batch, SharedBatch):
            first, total, number = batch.first, batch.total, batch.number
        self._number = number % COUNTED
        wishes = [self.wish == "epoch", self.wish == "batch"]
        calls = min(self.waiting(), COUNTED)
        self._facts.tensor.copy_(torch.tensor([first, total, self._number, *wishes, calls]))

    def end(self, total: torch.Tensor) -> None:
        """Check that all processes have processed the same batch, and read their requests.

        Raises
        ------
        DataError
            If the processes have processed different batches.
        """
        size = self.group.size
        found, epoch, batch, calls = map(int, total.tolist())
        if found != size * self._number:
            text = APART.format(rank=self.group.rank, own=self._number, size=size, sum=found)
            raise errors.DataError(text)
        if batch or epoch:
            self.agreed, self.wish = "batch" if batch else "epoch", None
        self._called = self._called or calls > 0

    def agree(self, variables: Iterable[SharedVariable]) -> None:
        """Set variables to the values that they have in the first process.

        Variables that only one process keeps do not change.
        """
        for variable in variables:
            if self.is_active and not self.is_divided(variable):
                variable.tensor.copy_(broadcast(variable.tensor, group=self.group))

    def is_divided(self, variable: SharedVariable) -> bool:
        """Return True if only one process keeps the value of a variable."""
        return self.is_active and keeper_of(variable) is not None

    def value(self, variable: SharedVariable) -> torch.Tensor:
        """Return the value of a variable that only one process keeps, as a tensor in main memory.

        All processes must call this method together.
        """
        keeper = keeper_of(variable)
        assert keeper is not None
        found: torch.Tensor = broadcast(variable.tensor, keeper.rank, group=self.group)
        return found.cpu()

    def __getstate__(self) -> dict[str, Any]:
        # Requests to these processes do not apply to processes that continue from the pickle.
        left = ("group", "waiting", "wish", "agreed", "_called")
        return {name: value for name, value in vars(self).items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        group = process_group()
        if group.size != state["share"].size:
            raise errors.ProcessError(
                f"the pickled algorithm divides batches among {state['share'].size} processes, but "
                f"the current group is {group!r}; build the algorithm again, and load its state "
                "from an archive"
            )
        vars(self).update(state)
        self.group = group
        self.waiting = _nothing_waits
        self.wish, self.agreed, self._called = None, None, False
        self._facts.tensor.zero_()
        self.share = replaced(self.share, rank=group.rank)

    def __repr__(self) -> str:
        return f"DataParallel({self.group!r})"


def _seeds(variable: Variable) -> list[Variable]:
    """Return the seed of a wrapped module that computes `variable` with random numbers."""
    call = variable.owner
    if call is None or not isinstance(call.function, ModuleCall) or not call.function.draws:
        return []
    seed: Any = call.args[-1]
    return [seed]


def _draws(loop: Loop) -> bool:
    """Return True if a loop draws random numbers."""
    return any(one.owner is not None and is_draw(one.owner) for one in loop.variables)


def _nothing_waits() -> int:
    """Return 0, because no calls are waiting."""
    return 0


DIVIDERS.append(DataParallel)  # for scripts that a launcher has started
