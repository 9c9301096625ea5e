"""The interface of training algorithms, and the base class of algorithms that apply updates.

After an algorithm is constructed, extensions can add updates and observers of variables.
Initialisation then builds the function that processes batches.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy
import torch

from workbench import errors
from workbench.config import config
from workbench.filter import get_brick
from workbench.graph.training import TrainingGraph, suggested_updates
from workbench.roles import ALGORITHM_STATE, has_roles
from workbench.tensor import Function, SharedVariable, Variable, as_variable, function
from workbench.tensor.execution import Course, Execution, Guard, Watch
from workbench.tensor.row_shards import Rows
from workbench.tensor.shared import ElsewhereVariable
from workbench.tensor.traversal import ancestors
from workbench.tensor.updates import Updates, listed_updates
from workbench.utils.attributes import FixedAttributes
from workbench.utils.hooks import refuse_former_hooks
from workbench.utils.notices import remark

Batch = Mapping[str, Any]
"""A batch, a mapping from source names to arrays."""

Observer = Callable[[Sequence[Any]], object]
"""A callback that receives the values of the observed variables after every batch."""

OnTrouble = Literal["raise", "warn", "ignore"]

NOT_A_BATCH = (
    "a batch of {user} must be a dictionary that maps sources to arrays, such as "
    "{{'features': array}}, not {given!r:.60}; stream.get_epoch_iterator(as_dict=True) yields "
    "dictionaries"
)

NOT_UPDATED = (
    "the graph that {user} trains has updates of {names} that are not applied, so the current "
    "values are kept and will not fit the trained model. Add the updates, as in "
    "algorithm.add_updates(graph.updates); add moving averages of "
    "get_batch_normalization_updates(graph); or pass the original cost to GradientDescent, which "
    "applies training mode and the updates"
)

TOGETHER = (
    "several processes train together and must not choose independently when to compile; "
    'execution="compiled", in function_kwargs or in config, compiles the steps in all of them'
)
"""The reason given for the eager tier if the mode is ``auto``."""

SINGLE = (
    "a batch has one example, so batch normalisation replaces its values with constants, and "
    "parameters are trained on these constants; population statistics do not change. Choose a "
    "batch size that leaves more than one example for the last batch"
)
COMPILED_FOR = "compiled_for"
"""Key in an algorithm's state for the input sizes of compiled programs."""

FORMER_HOOKS = {
    "_compute_gradients": "pass gradients={parameter: gradient} to the constructor",
    "_validate_source_names": "define process_batch(batch), or pass on_unused_sources",
}


class Distributed(Protocol):
    """Interface of an object that divides the work on each batch among several processes.

    `workbench.distributed.DataParallel` implements it.
    """

    share: Any
    check: Variable

    @property
    def is_active(self) -> bool:
        """True if there are several processes."""

    def whole(self, variable: Variable) -> Variable:
        """Return the variable for the whole batch, given the variable for this process's share."""

    def gradients(
        self, cost: Variable | None, gradients: dict[SharedVariable, Variable]
    ) -> dict[SharedVariable, Variable]:
        """Return the gradients for the whole batch."""

    def check_cost(self, batch: Batch) -> None:
        """Raise `AlgorithmError` if the cost of a batch cannot be computed from its shares."""

    def check_rule(self, rule: Any) -> None:
        """Raise `AlgorithmError` if a step rule cannot be used."""

    def steps(
        self,
        rule: Any,
        steps: dict[SharedVariable, Variable],
        updates: list[tuple[SharedVariable, Any]],
    ) -> dict[SharedVariable, Variable]:
        """Return the steps to apply, given the `steps` and `updates` that `rule` computed."""

    def prepare(self, roots: Iterable[Variable]) -> list[Variable]:
        """Return variables to compute in place of `roots`, with the same values."""

    def take_share(self, batches: Any) -> None:
        """Make an iterator over batches return only this process's share of each batch."""

    def begin(self, batch: Batch) -> None:
        """Receive a batch before it is processed."""

    def end(self, total: torch.Tensor) -> None:
        """Receive the value of `check` after a batch has been processed."""

    def agree(self, variables: Iterable[SharedVariable]) -> None:
        """Set variables to the values that they have in the first process."""


DIVIDERS: list[Callable[[], Distributed]] = []
"""Functions that return the default object for dividing batches; see `workbench.distributed`."""


class TrainingAlgorithm(FixedAttributes, ABC):
    """Base class of training algorithms, which are initialised once and then process batches.

    Attributes
    ----------
    parameters : sequence of SharedVariable
        The trained variables. The sequence is empty if the algorithm does not list them.
    distributed : Distributed or None
        The object that divides the work on each batch among several processes; None if the
        work is not divided.

    Examples
    --------
    >>> from workbench.main_loop import MainLoop
    >>> from workbench.extensions import FinishAfter
    >>> class Counting(TrainingAlgorithm):
    ...     def __init__(self):
    ...         self.seen = 0
    ...     def initialize(self):
    ...         pass
    ...     def process_batch(self, batch):
    ...         self.seen += len(batch["x"])
    >>> counting = Counting()
    >>> MainLoop(counting, [{"x": [1, 2]}], extensions=[FinishAfter(after_n_epochs=3)]).run()
    >>> counting.seen
    6
    """

    parameters: Sequence[SharedVariable] = ()
    distributed: Distributed | None = None
    _called = "algorithm"
    _parts = ("step_rule",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_former_hooks(cls, FORMER_HOOKS, errors.AlgorithmError)

    @abstractmethod
    def initialize(self) -> None:
        """Prepare for training; the main loop calls this method before the first batch."""

    @abstractmethod
    def process_batch(self, batch: Batch) -> None:
        """Train on a batch.

        Parameters
        ----------
        batch : dict
            A dictionary from source names to arrays.
        """

    def watch_execution(
        self, report: Callable[[str], object], calls_left: Callable[[], float | None]
    ) -> None:
        """Report every change in the way batches are processed.

        Parameters
        ----------
        report : callable
            Called in the training thread, with a description of the change.
        calls_left : callable
            Returns the number of remaining batches, or ``None`` if it is unknown.
        """
        return None

    def settle(self) -> None:
        """Wait until the device has finished all batches, and raise errors that occurred on it."""
        return None

    def state_variables(self) -> dict[str, SharedVariable]:
        """Return all shared variables that training reads or changes, keyed by unique names."""
        return {}

    def state_dict(self, exclude: Iterable[SharedVariable] = ()) -> dict[str, Any]:
        """Return the state to save, so that training can continue exactly where it stopped.

        Parameters
        ----------
        exclude : iterable of SharedVariable, optional
            The `state_variables` that are saved elsewhere.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        StateError
            If `state` is not a state of this algorithm.
        """
        if state:
            raise errors.StateError(
                f"{self!r} has no state, but the given state contains "
                f"{', '.join(map(repr, state))}; load the state into the algorithm that saved it"
            )


class UpdatesAlgorithm(TrainingAlgorithm):
    """Algorithm that applies updates to shared variables for every batch.

    All updates are computed from the values that variables had before the batch. Inputs are matched
    with sources by name.

    Parameters
    ----------
    updates : dict or pairs, optional
        Shared variables and their new values.
    function_kwargs : dict, optional
        Keyword arguments of `workbench.function`.
    on_unused_sources : {'raise', 'warn', 'ignore'}
        The action if a source of the batch does not match any input.

    Attributes
    ----------
    function : Function or None
        The function that processes a batch. It is ``None`` until it is built, and again after
        updates or observers change.
    training_graph : TrainingGraph
        Maps new values and observed variables to the variables that are computed: the same
        variables, or their versions in training mode.

    Warns
    -----
    UserWarning
        Once, when the function is built, if its graph has updates that are not in `updates`,
        such as updates of batch normalisation in training mode.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> x, total = tensor.vector("x"), shared(0.0, "total")
    >>> algorithm = UpdatesAlgorithm(updates=[(total, total + x.sum())])
    >>> algorithm.initialize()
    >>> algorithm.process_batch({"x": [1.0, 2.0]})
    >>> total.get_value()
    array(3., dtype=float32)
    """

    def __init__(
        self,
        updates: Updates | None = None,
        function_kwargs: Mapping[str, Any] | None = None,
        on_unused_sources: OnTrouble = "raise",
    ) -> None:
        self.function: Function | None = None
        self.function_kwargs = dict(function_kwargs or {})
        self.on_unused_sources = choice("on_unused_sources", on_unused_sources)
        self.training_graph = TrainingGraph((), "as given")
        self._updates = listed_updates(updates or ())
        self._observers: list[tuple[list[Variable], Observer]] = []
        self._calls: list[tuple[Observer, list[int]]] = []
        self._sources: list[str] = []
        self._warned = False
        self._warned_of_updates = False
        self._warned_of_single = False
        self._examples: list[tuple[int, ...]] = []
        self._variables_of: tuple[Function, list[SharedVariable]] | None = None
        self._report: Callable[[str], object] | None = None
        self._calls_left: Callable[[], float | None] | None = None
        self._course: Course | None = None

    @property
    def execution(self) -> Execution:
        """The `Execution` of the function, which describes how batches are processed.

        See `workbench.explain`.
        """
        self.initialize()
        assert self.function is not None
        return self.function.execution

    def watch_execution(
        self, report: Callable[[str], object], calls_left: Callable[[], float | None]
    ) -> None:
        self._report, self._calls_left = report, calls_left
        if self.function is not None:
            self._attach(self.function)

    def _attach(self, run: Function) -> None:
        run.execution.report, run.execution.calls_left = self._report, self._calls_left
        run.execution.examples = self._examples
        if self._course is not None:
            run.execution.follow(self._course)

    def follow_tiers(self, course: Course) -> None:
        """Process repeated batches in the tiers that were used the first time.

        Parameters
        ----------
        course : Course
            The recorded tiers. They are used until the course ends, unless a tier was requested.
        """
        self._course = course.joined(self._course)
        if self.function is not None:
            self.function.execution.follow(self._course)

    def programs(self) -> list[tuple[int, ...]]:
        """Return the input sizes that the function has programs for."""
        return self._examples if self.function is None else self.function.execution.programs()

    @property
    def updates(self) -> list[tuple[SharedVariable, Any]]:
        """Pairs of shared variables and new values; assigning to `updates` replaces all pairs.

        The pairs include the updates of the trained graph, such as updates of population
        statistics, except for variables that have an explicit update.
        """
        given = {target for target, _ in self._updates}
        kept = [pair for pair in self.training_graph.updates if pair[0] not in given]
        return [*self._updates, *kept]

    @updates.setter
    def updates(self, value: Updates) -> None:
        self._updates = listed_updates(value)
        self.training_graph.updates = []
        self.function = None

    def add_updates(self, updates: Updates) -> None:
        """Add updates that are applied for every batch, starting with the next batch.

        Like all other updates, these are computed from the values that variables had before the
        batch. They are computed in training mode if the cost is.

        Parameters
        ----------
        updates : dict or pairs

        Raises
        ------
        InputError
            If `updates` is neither a dictionary nor pairs.
        """
        self._updates += listed_updates(updates)
        self.function = None

    def add_observer(self, variables: Iterable[Variable], observer: Observer) -> None:
        """Compute variables for every batch, starting with the next batch, and call an observer.

        The variables become outputs of the function that applies the updates, so that nothing is
        computed twice. They are computed before the updates are applied, and in training mode if
        the cost is computed in training mode.

        Parameters
        ----------
        variables : iterable of Variable
        observer : callable
            Called after every batch with the list of values, which are new tensors on the device.
        """
        self._observers.append((list(variables), observer))
        self.function = None

    def observed_by(self, observer: Observer) -> bool:
        """Return True if `observer` was added by `add_observer` and has not been removed."""
        return any(other == observer for _, other in self._observers)

    def remove_observer(self, observer: Observer) -> None:
        """Remove an observer that was added by `add_observer`.

        Raises
        ------
        AlgorithmError
            If `observer` was not added.
        """
        left = [(variables, other) for variables, other in self._observers if other != observer]
        if len(left) == len(self._observers):
            raise errors.AlgorithmError(
                f"{observer!r} is not an observer of {self._kind}; it was never added, or has "
                "already been removed"
            )
        self._observers = left
        self.function = None

    def initialize(self) -> None:
        """Build the function that processes a batch, unless it already exists.

        Raises
        ------
        SourceError
            If an input cannot be matched with a source, because it has no name or the same name as
            another input.
        """
        if self.function is None:
            self.function = self._build()

    @property
    def inputs(self) -> list[Variable]:
        """The inputs of the function; each input receives the source of the same name.

        Raises
        ------
        SourceError
            If an input has no name or the same name as another input.
        """
        return list(inputs_by_name(self._roots(), self._kind).values())

    def _roots(self) -> list[Variable]:
        """Return all variables computed for a batch: outputs, observed variables and new values."""
        wanted = [v for variables, _ in self._observers for v in self._observed(variables)]
        news = [new for _, new in _variables(self._trained_updates())]
        return [*dict.fromkeys([*self._outputs(), *wanted]), *news]

    def _build(self) -> Function:
        updates = self._trained_updates()
        wanted = [self._observed(variables) for variables, _ in self._observers]
        outputs = dict.fromkeys(self._outputs())
        for variables in wanted:
            outputs.update(dict.fromkeys(variables))
        places = {variable: i for i, variable in enumerate(outputs)}
        roots = [*outputs, *(new for _, new in _variables(updates))]
        inputs = inputs_by_name(roots, self._kind)
        self._check_updates(roots, updates)
        results = list(outputs)
        active, options = self._active, {"name": self._kind, **self.function_kwargs}
        chosen = options.get("execution") or config.execution
        if active is not None:
            if chosen == "auto":
                options["execution"] = "eager"
            updates = [pair for pair in updates if not isinstance(pair[0], ElsewhereVariable)]
            news = [as_variable(new) for _, new in updates]
            prepared = active.prepare([*results, active.check, *news])
            results, news = prepared[: len(results) + 1], prepared[len(results) + 1 :]
            updates = [(target, new) for (target, _), new in zip(updates, news, strict=True)]
        new = function(
            list(inputs.values()),
            results,
            updates=updates,
            guard=self._guard(),
            watch=self._watch(),
            **options,
        )
        if active is not None and chosen == "auto":
            new.execution.reason = TOGETHER
        self._attach(new)
        self._calls = [
            (see, [places[v] for v in variables])
            for variables, (_, see) in zip(wanted, self._observers, strict=True)
        ]
        self._sources = list(inputs)
        self._warned = False
        return new

    @property
    def _active(self) -> Distributed | None:
        """The `distributed` attribute, or None if there is only one process."""
        distributed = self.distributed
        return distributed if distributed is not None and distributed.is_active else None

    def _observed(self, variables: Iterable[Variable]) -> list[Variable]:
        """Return variables that compute the values of `variables` for the whole batch."""
        found = self.training_graph(variables)
        return found if self._active is None else list(map(self._active.whole, found))

    def _trained_updates(self) -> list[tuple[SharedVariable, Any]]:
        """Return the updates that the function applies."""
        return self._all_trained()

    def _all_trained(self) -> list[tuple[SharedVariable, Any]]:
        """Return all updates, with new values from the trained graph."""
        updates = self.updates
        rows = {target: new for target, new in updates if isinstance(target, Rows)}
        if not rows:
            return self._of_batch(updates)
        # Rows are kept by this process only, so there are no values for the whole batch.
        trained = zip(rows, self.training_graph(rows.values()), strict=True)
        return [*trained, *self._of_batch([pair for pair in updates if pair[0] not in rows])]

    def _of_batch(
        self, updates: list[tuple[SharedVariable, Any]]
    ) -> list[tuple[SharedVariable, Any]]:
        """Return the updates, with new values that are computed for the whole batch."""
        news = iter(self._observed(new for _, new in _variables(updates)))
        return [(t, next(news) if isinstance(new, Variable) else new) for t, new in updates]

    def _statistics(self) -> list[tuple[SharedVariable, Any]]:
        """Return the updates of variables that belong to bricks, such as population statistics."""
        return [pair for pair in self._all_trained() if get_brick(pair[0]) is not None]

    def _check_updates(
        self, roots: Iterable[Variable], updates: Iterable[tuple[SharedVariable, Any]]
    ) -> None:
        """Warn once about updates of the graph that are not applied."""
        done = {target for target, _ in updates}
        idle = [target for target in suggested_updates(roots) if target not in done]
        if idle and not self._warned_of_updates:
            self._warned_of_updates = True
            names = ", ".join(named(idle))
            warnings.warn(NOT_UPDATED.format(user=self._kind, names=names), stacklevel=4)

    def _outputs(self) -> list[Variable]:
        """Return the outputs of the function that precede the observed variables."""
        return []

    def _guard(self) -> Guard | None:
        """Return the `Guard` that checks outputs before updates are applied, if there is one."""
        return None

    def _watch(self) -> Watch | None:
        """Return the `Watch` that requires new values to be finite, if there is one."""
        return None

    def process_batch(self, batch: Batch) -> None:
        """Apply the updates for a batch, and call the observers.

        Parameters
        ----------
        batch : dict
            A dictionary from source names to arrays.

        Raises
        ------
        SourceError
            If `batch` is not a dictionary, if a source is missing, or if a source is not used and
            `on_unused_sources` is ``'raise'``.
        ShapeError, DtypeError
            If the shape or dtype of an array does not fit its input.
        """
        run = self.function
        if run is None:
            self.initialize()
            run = self.function
            assert run is not None
        try:
            values = [batch[source] for source in self._sources]
            surplus = len(batch) != len(values)
        except (LookupError, TypeError):
            raise missing_source(batch, self._sources, self._kind) from None
        if surplus:
            self._check_unused(batch)
        active = self._active
        if active is None and self.training_graph.normalizes_examples:
            self._check_single(values)
        if active is not None:
            active.check_cost(batch)
            active.begin(batch)
        results = self._step(run, values)
        if active is not None:
            active.end(results[-1])
        for observer, places in self._calls:
            observer([results[i] for i in places])

    def _step(self, run: Function, values: Sequence[Any]) -> list[Any]:
        """Run the function on a batch; subclasses can override this method to compute more."""
        results: list[Any] = run(*values)
        return results

    def _check_single(self, values: Iterable[Any]) -> None:
        """Warn once if batch normalisation is applied to a batch that has only one example."""
        if self._warned_of_single:
            return
        sizes = {shape[0] for value in values if (shape := getattr(value, "shape", ()))}
        if sizes == {1}:
            self._warned_of_single = True
            remark(SINGLE, UserWarning, stacklevel=None)

    def _check_unused(self, batch: Batch) -> None:
        if not isinstance(batch, Mapping):
            raise missing_source(batch, self._sources, self._kind)
        if self._warned or self.on_unused_sources == "ignore":
            return
        unused = [source for source in batch if source not in self._sources]
        message = (
            f"{self._kind} does not use {_listed('source', unused)} of the batch (inputs: "
            f"{', '.join(map(repr, self._sources)) or 'none'}); rename an input, remove unused "
            "sources with FilterSources, or pass on_unused_sources='ignore'"
            f"{_nearest(unused, self._sources)}"
        )
        if self.on_unused_sources == "raise":
            raise errors.SourceError(message)
        self._warned = True
        warnings.warn(message, stacklevel=3)

    def state_variables(self) -> dict[str, SharedVariable]:
        """Return all shared variables of the training step, keyed by unique names.

        These are parameters, buffers of step rules, hyperparameters and counters of random streams.
        The names of a brick's parameters and their buffers contain the path of the brick, as in
        ``mlp/linear_0.W``.
        """
        run, cached = self.function, self._variables_of
        if cached is not None and cached[0] is run:
            return named(cached[1])  # bricks and variables may have been renamed
        found = self._found_variables()
        if run is not None:  # the updates cannot change; views ask several times per second
            self._variables_of = run, found
        return named(found)

    def _found_variables(self) -> list[SharedVariable]:
        updates = self._trained_updates()
        observed = [v for wanted, _ in self._observers for v in self._observed(wanted)]
        roots = [*self._outputs(), *observed, *(new for _, new in _variables(updates))]
        reached = ancestors(self._in_one_process(roots))
        found = [v for v in reached if isinstance(v, SharedVariable) and v.divided is None]
        return list(dict.fromkeys([*(target for target, _ in updates), *found]))

    def _in_one_process(self, roots: list[Variable]) -> list[Variable]:
        """Return the variables that a single process would compute instead of `roots`."""
        return roots

    def state_dict(self, exclude: Iterable[SharedVariable] = ()) -> dict[str, Any]:
        """Return the values of `state_variables`, and the input sizes of compiled programs.

        Parameters
        ----------
        exclude : iterable of SharedVariable, optional
            Variables that are saved elsewhere, such as the parameters of a model.
        """
        left_out = set(exclude)
        state: dict[str, Any] = {
            name: variable.get_value()
            for name, variable in self.state_variables().items()
            if variable not in left_out
        }
        if examples := self._compiled_for():
            state[COMPILED_FOR] = [list(sizes) for sizes in examples]
        return state

    def _compiled_for(self) -> list[tuple[int, ...]]:
        """Return the input sizes that programs were compiled for.

        After a restart, programs are compiled for the same sizes, so that results are rounded in
        the same way.
        """
        return self._examples if self.function is None else self.function.execution.state()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        StateError
            If `state` contains an unknown name or an invalid value, or if a buffer or a
            hyperparameter is missing. In this case, nothing changes.
        """
        variables = self.state_variables()
        state = dict(state)
        examples = [tuple(sizes) for sizes in state.pop(COMPILED_FOR, ())]
        needed = [name for name, v in variables.items() if has_roles(v, [ALGORITHM_STATE])]
        missing = [name for name in needed if name not in state]
        if missing:
            raise errors.StateError(
                f"the state does not contain {', '.join(map(repr, missing))}, which "
                f"{self._kind} requires; load the state into the algorithm that saved it"
            )
        for name, value in state.items():
            if name not in variables:
                raise errors.StateError(
                    f"{self._kind} has no state {name!r}; load the state into the algorithm that "
                    f"saved it{errors.nearest(name, variables)}"
                )
            shape, expected = numpy.shape(value), variables[name].value_shape
            if shape != expected:
                raise errors.StateError(
                    f"the state {name!r} has shape {shape}, but must have shape {expected} for "
                    f"this {self._kind}; load the state into the algorithm that saved it"
                )
            try:
                variables[name].check_value(torch.as_tensor(value), value)
            except errors.WorkbenchError as error:
                raise errors.StateError(f"the state {name!r} is invalid: {error}") from error
        for name, value in state.items():
            variables[name].set_value(value)
        self._examples = examples
        if self.function is not None:
            self._attach(self.function)

    def __getstate__(self) -> dict[str, Any]:
        names = ("function", "_variables_of", "_report", "_calls_left", "_course")
        forgotten = dict.fromkeys(names)
        return {**self.__dict__, **forgotten, "_examples": self._compiled_for()}

    @property
    def _kind(self) -> str:
        """The name of the class, used in messages because the `repr` can be long."""
        return type(self).__name__

    def __repr__(self) -> str:
        return self._kind


def choice(option: str, value: OnTrouble) -> OnTrouble:
    """Return `value` if it is 'raise', 'warn' or 'ignore', else raise `AlgorithmError`."""
    choices = ("raise", "warn", "ignore")
    if value not in choices:
        raise errors.AlgorithmError(
            f"{option} must be 'raise', 'warn' or 'ignore', not {value!r}"
            f"{errors.nearest(str(value), choices)}"
        )
    return value


def inputs_by_name(outputs: Iterable[Variable], user: str) -> dict[str, Variable]:
    """Return the inputs that `outputs` depend on, keyed by name.

    Raises
    ------
    SourceError
        If an input has no name, or two inputs have the same name. The message starts with `user`.
    """
    found: dict[str, Variable] = {}
    for variable in ancestors(outputs):
        if variable.owner is not None or isinstance(variable, SharedVariable):
            continue
        if variable.name is None:
            raise errors.SourceError(
                f"{user} depends on an input without a name, which cannot be matched with a "
                "source; name it after its source, as in tensor.matrix('features')"
            )
        if variable.name in found:
            raise errors.SourceError(
                f"{user} depends on two inputs named {variable.name!r}, but input names must be "
                "unique; use the same variable in both places, or rename one of the inputs"
            )
        found[variable.name] = variable
    return found


def missing_source(batch: Any, needed: Sequence[str], user: str) -> errors.SourceError:
    """Return the error for a batch that is not a dictionary, or has no entry for a source."""
    if not isinstance(batch, Mapping):
        return errors.SourceError(NOT_A_BATCH.format(user=user, given=batch))
    missing = [source for source in needed if source not in batch]
    return errors.SourceError(
        f"{user} requires {_listed('source', missing)}, but the batch contains "
        f"{', '.join(map(repr, batch)) or 'none'}{_nearest(missing, batch)}"
    )


def _listed(noun: str, names: Sequence[str]) -> str:
    return f"the {noun}{'s' * (len(names) > 1)} {', '.join(map(repr, names))}"


def _nearest(names: Iterable[str], candidates: Iterable[str]) -> str:
    known = list(candidates)
    return next((hint for name in names if (hint := errors.nearest(name, known))), "")


def _variables(
    updates: Iterable[tuple[SharedVariable, Any]],
) -> list[tuple[SharedVariable, Variable]]:
    return [(target, new) for target, new in updates if isinstance(new, Variable)]


def named(variables: Iterable[SharedVariable]) -> dict[str, SharedVariable]:
    """Return shared variables keyed by names that are unique and the same in every run."""
    names: dict[str, SharedVariable] = {}
    for variable in variables:
        owner = vars(variable.tag).get("for_parameter", variable)
        brick = get_brick(owner)
        path = f"{brick.path()}." if brick is not None else ""
        name = unique = f"{path}{variable!r}"
        count = 0
        while unique in names:
            count += 1
            unique = f"{name}_{count}"
        names[unique] = variable
    return names
