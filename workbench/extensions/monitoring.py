"""Extensions that record the values of variables on training batches or on other data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Unpack

from workbench.algorithms import UpdatesAlgorithm
from workbench.data import as_stream
from workbench.data.streams import reading_for
from workbench.errors import EvaluationAbandoned, ExtensionError
from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Triggers
from workbench.interfaces import Loop
from workbench.log import TrainingLogBase
from workbench.monitoring.accumulate import Monitored
from workbench.monitoring.evaluate import DatasetEvaluator
from workbench.monitoring.single import SingleBatchBuffer, buffer_of
from workbench.names import explain_missing
from workbench.serialization.state import check_keys
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.updates import Updates

__all__ = ["DataStreamMonitoring", "MonitoringExtension", "TrainingDataMonitoring"]

WRONG_ALGORITHM = (
    "{extension!r} requires an UpdatesAlgorithm, such as GradientDescent, because it adds "
    "variables to the training step, but the algorithm of the main loop is {algorithm!r}; use "
    "DataStreamMonitoring instead"
)
OF_ITS_OWN = (
    "{extension!r} applies its own updates, which belong to the current model; remove the "
    "extension with session.call() before the model is rebuilt"
)
Find = Callable[[Any], Any]
MONITORING_EXECUTION = "monitoring_execution"
ABANDONED = "after batch {position}{of_all}, because training had to end"


class MonitoringExtension(SimpleExtension):
    """Base class of monitoring extensions, which defines the names of their records.

    Parameters
    ----------
    prefix, suffix : str, optional
        Text to put before and after the name of a variable, separated by an underscore.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        When to act; see `SimpleExtension`.

    Examples
    --------
    >>> from workbench import tensor
    >>> MonitoringExtension(prefix="test").record_name(tensor.scalar("cost"))
    'test_cost'
    """

    SEPARATOR = "_"

    former_hooks = {  # noqa: RUF012
        "_record_name": "define record_name(variable), which returns the name of a record",
    }

    def __init__(
        self,
        prefix: str | None = None,
        suffix: str | None = None,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        for option, value in (("prefix", prefix), ("suffix", suffix)):
            if value is not None and not isinstance(value, str):
                raise ExtensionError(f"{option} must be a string, not {value!r}")
        self.prefix = prefix
        self.suffix = suffix
        super().__init__(name, **triggers)

    def record_name(self, variable: Any) -> str:
        """Return the record name of a variable or quantity, given as an object or by name."""
        name: str = variable if isinstance(variable, str) else variable.name
        if self.prefix:
            name = f"{self.prefix}{self.SEPARATOR}{name}"
        return f"{name}{self.SEPARATOR}{self.suffix}" if self.suffix else name

    @property
    def recorded(self) -> list[Monitored]:
        """The variables and quantities that the extension records."""
        return []

    def add_records(self, log: TrainingLogBase, record_tuples: Iterable[tuple[Any, Any]]) -> None:
        """Record values in the current row of `log`.

        Parameters
        ----------
        log : TrainingLogBase
        record_tuples : iterable of pairs
            Pairs of a variable (or its name) and its value.
        """
        log.current_row.update({self.record_name(one): value for one, value in record_tuples})


class DataStreamMonitoring(MonitoringExtension):
    """Extension that computes variables over a data stream and records their values.

    By default it acts before the first epoch and after every epoch.

    A pause takes effect between two batches of the stream. If training is stopped, or if Ctrl+C is
    pressed twice, the evaluation is abandoned. In this case the values are not recorded; instead,
    the record ``evaluation_abandoned`` (with `prefix` and `suffix`) states the number of evaluated
    batches. The next evaluation uses the next epoch of the stream.

    If ``execution="auto"`` changes the tier, it does so before an evaluation, and the record
    ``monitoring_execution`` (with `prefix` and `suffix`) describes the change. After a rewind, a
    fork or a replay, evaluations are repeated in the recorded tiers.

    Parameters
    ----------
    variables : list of Variable or MonitoredQuantity
        The variables to compute; `DatasetEvaluator` describes how batches are aggregated.
    data_stream : AbstractDataStream, DataLoader or iterable of batches
        The data. Each evaluation uses one epoch. Even if the main loop trains on the same stream,
        the evaluation does not change the training batches.
    updates : dict or pairs, optional
        Updates of shared variables to apply after each batch. They must not update parameters.
    prefix, suffix, name : str, optional
        As in `MonitoringExtension`.
    **triggers
        When to act; see `SimpleExtension`.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> from workbench.algorithms import GradientDescent, Scale
    >>> from workbench.extensions import FinishAfter
    >>> from workbench.main_loop import MainLoop
    >>> x, w = tensor.vector("x"), shared(0.0, "w")
    >>> cost = ((x - w) ** 2).mean().copy(name="cost")
    >>> main_loop = MainLoop(
    ...     GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.25)),
    ...     [{"x": [1.0, 3.0]}],
    ...     extensions=[
    ...         DataStreamMonitoring([cost], [{"x": [2.0, 2.0]}], prefix="test"),
    ...         FinishAfter(after_n_epochs=2),
    ...     ])
    >>> main_loop.run()
    >>> [main_loop.log[i]["test_cost"] for i in range(3)]
    [4.0, 1.0, 0.25]
    """

    _extra = False

    def __init__(
        self,
        variables: Sequence[Monitored],
        data_stream: Any,
        updates: Updates | None = None,
        *,
        prefix: str | None = None,
        suffix: str | None = None,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        triggers.setdefault("before_first_epoch", True)
        triggers.setdefault("after_epoch", True)
        super().__init__(prefix, suffix, name=name, **triggers)
        self.data_stream = as_stream(data_stream)
        self.evaluator = DatasetEvaluator(variables, updates)
        self._extra = bool(updates)

    @property
    def recorded(self) -> list[Monitored]:
        return self.evaluator.monitored

    def bindings(self) -> dict[str, Any]:
        return {"evaluator": self.evaluator}

    def rebind(self, find: Find, added: Iterable[Any]) -> dict[str, Any]:
        if self._extra:
            raise ExtensionError(OF_ITS_OWN.format(extension=self))
        return {"evaluator": self.evaluator.replacement(replaced(self.recorded, find))}

    def records(self) -> dict[str, bool]:
        names = [*self.evaluator.names, "evaluation_abandoned", MONITORING_EXECUTION]
        return {self.record_name(name): True for name in names}

    @property
    def execution_record(self) -> str:
        """The name of the record that describes a change of the evaluation's tier."""
        return self.record_name(MONITORING_EXECUTION)

    def _record_execution(self, text: str) -> None:
        self.main_loop.log.current_row[self.execution_record] = text

    def state_variables(self) -> list[SharedVariable]:
        return self.evaluator.changes

    def state_dict(self) -> dict[str, Any]:
        """Return the position of the stream, since the order of batches may change every epoch."""
        return {"data_stream": self.data_stream.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_keys(f"the state of {self!r}", state, ("data_stream",))
        with reading_for("evaluation"):
            self.data_stream.load_state_dict(state["data_stream"])

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Evaluate the variables; record the values, or note that the evaluation was abandoned."""
        main_loop = self.main_loop
        try:
            main_loop.yield_to_commands()
            self.evaluator.watch_execution(self._record_execution)
            values = self.evaluator.evaluate(
                self.data_stream,
                main_loop.yield_to_commands,
                getattr(main_loop.algorithm, "distributed", None),
            )
        except BaseException as error:
            epoch, position = self._leave()
            if isinstance(error, EvaluationAbandoned):
                of_all = "" if (n := self.data_stream.num_batches) is None else f" of {n}"
                text = ABANDONED.format(position=position, of_all=of_all)
                main_loop.log.current_row[self.record_name("evaluation_abandoned")] = text
                return
            error.add_note(f"raised while {self!r} evaluated epoch {epoch} of {self.data_stream!r}")
            raise
        self.add_records(main_loop.log, values.items())

    def _leave(self) -> tuple[int, int]:
        """Return the epoch and position of the stream, and move the stream to the next epoch."""
        state = self.data_stream.state_dict()
        with reading_for("evaluation"):
            self.data_stream.load_state_dict({"epoch": state["epoch"] + 1, "position": 0})
        return state["epoch"], state["position"]


class TrainingDataMonitoring(MonitoringExtension):
    """Extension that records the values of variables on training batches.

    The training step computes the variables before its updates, so nothing is computed twice. With
    ``after_batch=True`` every value is recorded; with ``after_epoch=True`` or ``every_n_batches=n``
    the values since the last record are aggregated. On an accelerator, the records of a batch
    appear a few batches later, so that training does not wait for the device; at the end of an
    epoch all records are present. Variables that do not depend on data, such as the norm of a
    parameter, are also computed for every batch, and the last value is recorded.

    Parameters
    ----------
    variables : list of Variable or MonitoredQuantity
        The variables to monitor, for instance the cost or ``algorithm.total_gradient_norm``.
    prefix, suffix, name : str, optional
        As in `MonitoringExtension`.
    **triggers
        When to record; see `SimpleExtension`.

    Raises
    ------
    MonitoringError
        If a variable has no name, or if two variables have the same name.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> from workbench.algorithms import GradientDescent, Scale
    >>> from workbench.extensions import FinishAfter
    >>> from workbench.main_loop import MainLoop
    >>> x, w = tensor.vector("x"), shared(0.0, "w")
    >>> cost = ((x - w) ** 2).mean().copy(name="cost")
    >>> algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.25))
    >>> main_loop = MainLoop(algorithm, [{"x": [2.0]}], extensions=[
    ...     TrainingDataMonitoring([cost, w, algorithm.total_gradient_norm], after_batch=True),
    ...     FinishAfter(after_n_batches=2)])
    >>> main_loop.run()
    >>> main_loop.log[1]
    {'cost': 4.0, 'w': 0.0, 'total_gradient_norm': 4.0}
    >>> main_loop.log[2]["w"]
    1.0
    """

    def __init__(
        self,
        variables: Sequence[Monitored],
        *,
        prefix: str | None = None,
        suffix: str | None = None,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        super().__init__(prefix, suffix, name=name, **triggers)
        self._buffer = buffer_of(variables, use_take_last=True)
        self._algorithm: UpdatesAlgorithm | None = None
        self._batches = 0

    @property
    def recorded(self) -> list[Monitored]:
        return [*self._buffer.variables, *self._buffer.quantities.quantities]

    def bindings(self) -> dict[str, Any]:
        own = ("_buffer", "_algorithm", "_batches")
        return {name: vars(self)[name] for name in own}

    def rebind(self, find: Find, added: Iterable[Any]) -> dict[str, Any]:
        present = replaced(self.recorded, find)
        names = {one.name for one in present}
        new = [one for one in added if one.name not in names]
        buffer = buffer_of([*present, *new], use_take_last=True)
        batches = self._batches
        if batches and buffer.names == self._buffer.names:
            buffer.load_state_dict(self._buffer.state_dict())  # the batches since the last record
        else:
            batches = 0
        return {"_buffer": buffer, "_algorithm": None, "_batches": batches}

    def records(self) -> dict[str, bool]:
        return {self.record_name(name): True for name in self._buffer.names}

    @property
    def main_loop(self) -> Loop:
        """The main loop that this extension belongs to."""
        return super().main_loop

    @main_loop.setter
    def main_loop(self, value: Loop) -> None:
        self._main_loop = value
        known = self._algorithm
        # A fork in several processes has a new algorithm with the same updates, but no observers.
        if known is None or value.algorithm is not known or not known.observed_by(self._aggregate):
            self._join(value.algorithm)

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Record the values, aggregated over the batches since the last record."""
        if self._batches == 0 or "just_aggregate" in args:
            return
        later = self._on_device()
        if later is None:
            self.add_records(self.main_loop.log, self._buffer.get_aggregated_values().items())
        else:
            self.main_loop.record_later({self.record_name(n): v for n, v in later.items()})
        self._buffer.initialize_aggregators()
        vars(self)["_batches"] = 0

    def _on_device(self) -> dict[str, Any] | None:
        """Return values that the device is still computing, or None if they must be read now."""
        if type(self).add_records is not MonitoringExtension.add_records:
            return None
        return self._buffer.on_device() if isinstance(self._buffer, SingleBatchBuffer) else None

    def _join(self, algorithm: Any) -> None:
        """Add the monitored variables to the training step."""
        if not isinstance(algorithm, UpdatesAlgorithm):
            raise ExtensionError(
                WRONG_ALGORITHM.format(extension=self, algorithm=type(algorithm).__name__)
            )
        distributed = algorithm.distributed
        if distributed is not None and distributed.is_active:
            state = self._buffer.state_dict()
            self._buffer = buffer_of(self.recorded, use_take_last=True, divided=True)
            if self._batches:
                self._buffer.load_state_dict(state)
        if self._batches == 0:  # otherwise a state was loaded
            self._buffer.initialize_aggregators()
        present = {target for target, _ in algorithm.updates}
        updates = self._buffer.accumulation_updates
        algorithm.add_updates([pair for pair in updates if pair[0] not in present])
        algorithm.add_observer(self._buffer.requires, self._aggregate)
        self._algorithm = algorithm

    def state_dict(self) -> dict[str, Any]:
        """Return the values aggregated over the batches since the last record."""
        return {"batches": self._batches, "aggregation": self._buffer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        check_keys(f"the state of {self!r}", state, ("batches", "aggregation"))
        self._buffer.load_state_dict(state["aggregation"])
        self._batches = state["batches"]

    def _aggregate(self, values: Sequence[Any]) -> None:
        self._buffer.aggregate(values)
        vars(self)["_batches"] += 1  # faster than an assignment


def replaced(recorded: Iterable[Monitored], find: Find) -> list[Monitored]:
    """Return the counterparts of variables and quantities in another model, if they have any.

    Parameters
    ----------
    recorded : iterable of Variable or MonitoredQuantity
    find : callable
        See `TrainingExtension.rebind`.
    """
    found: list[Monitored] = []
    for one in recorded:
        if isinstance(one, Variable):
            new = find(one)
            if new is not None:
                found.append(new)
            continue
        requires = [find(variable) for variable in one.requires]
        if None not in requires:
            twin = copy.copy(one)
            twin.requires = requires
            found.append(twin)
    return found


explain_missing(__name__)
