"""`DatasetEvaluator`, which evaluates variables and quantities on a data stream."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from workbench import errors
from workbench.algorithms.base import Batch, Distributed, inputs_by_name, missing_source
from workbench.hints import Hinted
from workbench.monitoring.accumulate import Accumulator, Monitored
from workbench.monitoring.single import buffer_of
from workbench.tensor import Function, SharedVariable, Variable, as_variable, function, shared
from workbench.tensor.execution import Course
from workbench.tensor.traversal import ancestors, replace
from workbench.tensor.updates import Updates

NO_STREAM = (
    "monitoring of {names}: the argument of evaluate must be a data stream, not {given:.80}; "
    "workbench.data.as_stream(...) creates a data stream from a DataLoader or a list of batches"
)


@runtime_checkable
class Epochs(Protocol):
    """Interface that evaluation requires of a data stream."""

    def get_epoch_iterator(self, as_dict: bool = False) -> Iterator[Any]:
        """Start an epoch and return an iterator over its batches."""


class DatasetEvaluator(Hinted):
    """Evaluator of variables and quantities over a dataset.

    Each variable is aggregated by its ``tag.aggregation_scheme``. Without a tag, a scheme is
    inferred from the expression. For means (such as accuracies, the costs of bricks and torch
    losses), ratios of sums, maxima, minima, and functions of these, this scheme computes the
    value of the expression on the whole dataset, however the dataset is divided into batches. Other
    variables that depend on data, for instance a sum over the batch, are averaged over batches,
    with a warning if there are several batches. Variables that do not depend on data are computed
    once.

    Parameters
    ----------
    variables : list of Variable or MonitoredQuantity
        The variables and quantities to evaluate, with unique names.
    updates : dict or pairs, optional
        Updates of shared variables that are applied for every batch, such as updates of a random
        stream. They must not update parameters of the model.
    givens : dict, optional
        Variables to replace, each with its replacement, such as parameters and copies of them.

    Raises
    ------
    MonitoringError
        If names are missing or not unique.

    Warns
    -----
    MonitoringWarning
        If a variable is averaged over several batches because no other scheme can be inferred.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> x = tensor.vector("x")
    >>> average = x.mean().copy(name="average")
    >>> stream = as_stream([{"x": [1.0, 2.0]}, {"x": [6.0]}])
    >>> DatasetEvaluator([average]).evaluate(stream)
    {'average': 3.0}
    """

    def __init__(
        self,
        variables: Sequence[Monitored],
        updates: Updates | None = None,
        givens: Mapping[Variable, Variable] | None = None,
    ) -> None:
        self._buffer = buffer_of(variables)
        extra = updates.items() if isinstance(updates, Mapping) else updates or ()
        self.updates = [*self._buffer.accumulation_updates, *extra]
        new_values = [new for _, new in self.updates if isinstance(new, Variable)]
        roots = [*self._buffer.requires, *new_values]
        inputs = inputs_by_name(roots, "monitoring")
        replaced = dict(givens or {})
        counters = _own_counters(roots, {target for target, _ in self.updates} | set(replaced))
        self._givens = {**counters, **replaced}
        self._inputs = inputs
        self._examples: list[tuple[int, ...]] = []
        self._report: Callable[[str], object] | None = None
        self._course: Course | None = None
        self._function = self._build()
        self._divided: tuple[Distributed | None, Function | None] = (None, None)

    @property
    def names(self) -> list[str]:
        """The names of variables and quantities, in the order they were given."""
        return self._buffer.names

    @property
    def inputs(self) -> dict[str, Variable]:
        """The inputs that the variables and quantities depend on, by name."""
        return dict(self._inputs)

    @property
    def monitored(self) -> list[Monitored]:
        """The variables, followed by the quantities."""
        return [*self._buffer.variables, *self._buffer.quantities.quantities]

    @property
    def changes(self) -> list[SharedVariable]:
        """The shared variables that evaluation changes, such as its random-stream counters."""
        return [] if self._function is None else list(self._function.updates)

    def watch_execution(self, report: Callable[[str], object] | None) -> None:
        """Call `report` with a description of each change in the way batches are processed.

        Changes occur only at the first batch of an evaluation.
        """
        self._report = report
        if self._function is not None:
            self._function.execution.report = report

    def follow_tiers(self, course: Course | None) -> None:
        """Repeat evaluations in the tiers that `course` records.

        Parameters
        ----------
        course : Course or None
            The recorded tiers. They are used until the course ends, unless a tier was requested.
        """
        if course is not None:
            self._course = course.joined(self._course)
            if self._function is not None:
                self._function.execution.follow(self._course)

    def replacement(self, monitored: Sequence[Monitored]) -> DatasetEvaluator:
        """Return an evaluator for other variables; it repeats evaluations in the same tiers."""
        new = DatasetEvaluator(monitored)
        new.follow_tiers(self._course)
        return new

    def programs(self) -> list[tuple[int, ...]]:
        """Return the input sizes that the evaluation function has programs for."""
        return self._examples if self._function is None else self._function.execution.programs()

    def _build(self) -> Function | None:
        if not self._buffer.requires and not self.updates:
            return None
        new = function(
            list(self._inputs.values()),
            self._buffer.requires,
            updates=self.updates,
            givens=self._givens,
            name=f"monitoring of {', '.join(self._buffer.names)}",
        )
        new.execution.examples = self._examples
        return new

    def _function_for(self, distributed: Distributed) -> Function | None:
        """Return the function that processes a share of a batch, or None if shares are not allowed.

        Whole batches are needed for variables whose values cannot be combined, such as the values
        of single examples.
        """
        if self._divided[0] is not distributed:
            self._divided = distributed, None
            try:
                roots = [distributed.whole(one) for one in self._buffer.requires]
                news = [distributed.whole(as_variable(new)) for _, new in self.updates]
            except errors.MonitoringError:
                return None
            prepared = distributed.prepare([*roots, distributed.check, *news])
            targets = [target for target, _ in self.updates]
            run = function(
                list(self._inputs.values()),
                prepared[: len(roots) + 1],
                updates=list(zip(targets, prepared[len(roots) + 1 :], strict=True)),
                givens=self._givens,
                name=f"monitoring of {', '.join(self._buffer.names)}",
                execution="eager",
            )
            self._divided = distributed, run
        return self._divided[1]

    def __getstate__(self) -> dict[str, Any]:
        forgotten = {"_function": None, "_report": None, "_course": None, "_divided": (None, None)}
        return {**self.__dict__, **forgotten, "_examples": self.programs()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._function = self._build()

    def initialize_aggregators(self) -> None:
        """Discard the results of all batches."""
        self._buffer.initialize_aggregators()

    def process_batch(self, batch: Batch) -> None:
        """Add a batch.

        Parameters
        ----------
        batch : dict
            A dictionary from source names to arrays; unused sources are ignored.

        Raises
        ------
        SourceError
            If a source is missing.
        """
        if self._function is None:
            return
        try:
            values = [batch[source] for source in self._inputs]
        except (LookupError, TypeError):
            raise missing_source(batch, list(self._inputs), self._users(batch)) from None
        self._buffer.aggregate(self._function(*values))

    def _process_share(self, batch: Batch, distributed: Distributed, run: Function) -> None:
        """Add the share of a batch that this process has read."""
        try:
            values = [batch[source] for source in self._inputs]
        except LookupError:
            raise missing_source(batch, list(self._inputs), self._users(batch)) from None
        distributed.begin(batch)
        *results, total = run(*values)
        distributed.end(total)
        self._buffer.aggregate(results)

    def _users(self, batch: Batch) -> str:
        """Return a phrase with the names of the variables that require a missing source."""
        known = batch if isinstance(batch, Mapping) else ()
        missing = {source for source in self._inputs if source not in known}
        users: list[Accumulator] = [
            *self._buffer.folds.values(),
            *self._buffer.quantities.quantities,
        ]
        names = [
            str(one.name)
            for one in users
            if missing & {v.name for v in ancestors(one.requires) if v.owner is None}
        ]
        return f"monitoring of {', '.join(map(repr, names or self._buffer.names))}"

    def get_aggregated_values(self) -> dict[str, Any]:
        """Return the values over all batches since `initialize_aggregators` was called.

        Returns
        -------
        dict
            A dictionary from names to values, which are Python numbers for scalars and arrays for
            all other variables.

        Raises
        ------
        MonitoringError
            If a variable depends on data and there was no batch.
        """
        return self._buffer.get_aggregated_values()

    def evaluate(
        self,
        data_stream: Any,
        between_batches: Callable[[], object] | None = None,
        distributed: Distributed | None = None,
    ) -> dict[str, Any]:
        """Compute the values over one epoch of a stream.

        Parameters
        ----------
        data_stream : AbstractDataStream
        between_batches : callable, optional
            A function that is called after every batch; an exception stops the evaluation.
        distributed : DataParallel, optional
            The processes that divide the examples of each batch. All processes must
            call this method at the same time, and all receive the values for all examples. If a
            variable needs whole batches, every process evaluates all examples.

        Returns
        -------
        dict
            The result of `get_aggregated_values`.

        Raises
        ------
        MonitoringError
            If `data_stream` is not a data stream.
        DataError
            If the batches must be divided among processes, and the epoch iterator of the stream is
            not an `EpochIterator`.
        """
        if not isinstance(data_stream, Epochs):
            text = NO_STREAM.format(names=", ".join(self._buffer.names), given=repr(data_stream))
            raise errors.MonitoringError(text)
        self.initialize_aggregators()
        if self._function is not None:
            self._function.execution.begin_group()
            batches = data_stream.get_epoch_iterator(as_dict=True)
            active = distributed if distributed is not None and distributed.is_active else None
            run = None if active is None else self._function_for(active)
            if active is not None and run is not None:
                active.take_share(batches)
            for batch in batches:
                if active is None or run is None:
                    self.process_batch(batch)
                else:
                    self._process_share(batch, active, run)
                if between_batches is not None:
                    between_batches()
        return self.get_aggregated_values()


def _own_counters(
    variables: Iterable[Variable], updated: Container[Variable]
) -> dict[Variable, Variable]:
    """Return copies of the shared variables that have default updates, keyed by variable.

    Evaluation updates the copies, for example counters of random streams, so that it does not
    affect training.
    """
    own: dict[Variable, Variable] = {}
    for variable in ancestors(variables):
        if not isinstance(variable, SharedVariable) or variable in updated:
            continue
        if variable.default_update is not None:
            mine = shared(variable.tensor.clone(), variable.name, dtype=variable.dtype)
            mine.tag = variable.tag.copy()
            news = replace([variable.default_update], {variable: mine})
            mine.default_update = news[variable.default_update]
            own[variable] = mine
    return own
