"""Data parallelism: each process of a group trains on its share of every batch.

All processes build the same graph. For its share, each process computes the gradients, the cost and
all monitored values; one message for each batch combines these values. All later computations, such
as clipping and step rules, use the values for the whole batch. Therefore the parameters are the
same in all processes, and the same as when a single process trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace as replaced
from typing import Any, Literal

import torch

from workbench import errors
from workbench.algorithms.base import DIVIDERS, Batch
from workbench.algorithms.rules import StepRule, Steps, StepUpdates, keeper_of
from workbench.bricks.module_call import ModuleCall
from workbench.data.shares import Share, SharedBatch
from workbench.data.streams import EpochIterator
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
        return self.whole.gradients(cost, gradients)

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
        notes = [*self._of_shares(roots), *[LOCAL_DRAWS] * left]
        self.notes = list(dict.fromkeys([*self.notes, *notes]))
        found = replace(roots, moved)
        return in_one_message([found[root] for root in roots])

    def _of_shares(self, roots: list[Variable]) -> list[str]:
        """Return notes about batch normalisations that use the statistics of shares."""
        found = estimates(roots)
        if self.statistics == "share":
            return [LOCAL_STATISTICS.format(where="")] * bool(found)
        loops = [one for one in found if statistic_of(one) is None]
        return [LOCAL_STATISTICS.format(where=" in a loop")] * bool(loops)

    def _moved(self, order: list[Variable]) -> tuple[dict[Variable, Variable], bool]:
        """Return replacements for draws that can be divided, and True if other draws remain."""
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
        left = False
        for one in order:
            call = one.owner
            if call is None:
                continue
            if isinstance(call.function, Loop):
                left = left or any(v.owner and is_draw(v.owner) for v in call.function.variables)
            if not is_draw(call):
                continue
            if one in seeds:
                moved[one], left = at_step(one, self._facts[0]), True
                continue
            axes = [axis for axis, size in enumerate(one.fake.shape) if size_of(size) in sizes]
            if len(axes) == 1:
                moved[one] = in_share(one, axes[0], self._facts[0], self._facts[1])
            elif any(map(size_of, one.fake.shape)):  # known shapes: same draws in all processes
                left = True
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


def _nothing_waits() -> int:
    """Return 0, because no calls are waiting."""
    return 0


DIVIDERS.append(DataParallel)  # for scripts that a launcher has started
