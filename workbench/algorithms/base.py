"""Interface of training algorithms, and algorithms that consist of one function with updates.

The life of an algorithm: it is constructed; extensions add updates and observers of variables; it
is initialised, which builds its function; then it processes batches.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy
import torch

from workbench import errors
from workbench.filter import get_brick
from workbench.graph.training import TrainingGraph, suggested_updates
from workbench.roles import ALGORITHM_STATE, has_roles
from workbench.tensor import Function, SharedVariable, Variable, function
from workbench.tensor.execution import Execution, Guard, Watch
from workbench.tensor.traversal import ancestors
from workbench.tensor.updates import Updates, listed_updates
from workbench.utils.attributes import FixedAttributes
from workbench.utils.hooks import refuse_former_hooks

Batch = Mapping[str, Any]
"""Input of an algorithm: arrays by the names of their sources."""

Observer = Callable[[Sequence[Any]], object]
"""Callback that gets, after every batch, the values of the variables that it observes."""

OnTrouble = Literal["raise", "warn", "ignore"]

NOT_A_BATCH = (
    "{user} needs batches that are dictionaries from sources to arrays, such as "
    "{{'features': array}}, got {given!r:.60}; stream.get_epoch_iterator(as_dict=True) gives them"
)

NOT_UPDATED = (
    "the graph that {user} trains has updates of {names} that are not applied: these keep "
    "their present values, which do not fit the trained model. Add the updates, as in "
    "algorithm.add_updates(graph.updates) or with moving averages of "
    "get_batch_normalization_updates(graph); or give GradientDescent the cost from before "
    "apply_training_mode, and it does both"
)

COMPILED_FOR = "compiled_for"
"""The key of the sizes for which programs were compiled, in the state of an algorithm."""

FORMER_HOOKS = {
    "_compute_gradients": "pass gradients={parameter: gradient} to the constructor",
    "_validate_source_names": "define process_batch(batch), or pass on_unused_sources",
}


class TrainingAlgorithm(FixedAttributes, ABC):
    """Base class of training algorithms, which are initialised once and then process batches.

    Attributes
    ----------
    parameters : sequence of SharedVariable
        The variables that it trains; empty if the algorithm does not name them.
    """

    parameters: Sequence[SharedVariable] = ()
    _called = "algorithm"
    _parts = ("step_rule",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_former_hooks(cls, FORMER_HOOKS, errors.AlgorithmError)

    @abstractmethod
    def initialize(self) -> None:
        """Prepare for batches; the main loop calls this before the first one."""

    @abstractmethod
    def process_batch(self, batch: Batch) -> None:
        """Learn from a batch.

        Parameters
        ----------
        batch : dict
            An array for the name of each source.
        """

    def watch_execution(
        self, report: Callable[[str], object], calls_left: Callable[[], float | None]
    ) -> None:
        """Call `report` whenever batches start to be processed in another way.

        Parameters
        ----------
        report : callable
            Gets a text, in the training thread.
        calls_left : callable
            Returns the number of batches to come, or ``None`` if it is unknown.
        """
        return None

    def settle(self) -> None:
        """Wait until a device has finished, and raise the errors that it found."""
        return None

    def state_variables(self) -> dict[str, SharedVariable]:
        """Return all shared variables that training reads or changes, by unique names."""
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
            If `state` does not fit.
        """
        if state:
            raise errors.StateError(
                f"{self!r} keeps no state, but was given {', '.join(map(repr, state))}; the state "
                "belongs to another algorithm"
            )


class UpdatesAlgorithm(TrainingAlgorithm):
    """Algorithm that applies a set of updates to shared variables for every batch.

    All updates are computed from the old values. Inputs are matched with sources by name.

    Parameters
    ----------
    updates : dict or pairs, optional
        Shared variables and their new values.
    function_kwargs : dict, optional
        Passed on to `workbench.function`.
    on_unused_sources : {'raise', 'warn', 'ignore'}
        What to do about a source of the batch that no input has as its name.

    Attributes
    ----------
    function : Function or None
        Processes a batch; ``None`` until it is needed, and after an addition.
    training_graph : TrainingGraph
        Maps the variables that are updated and observed to those that are computed: the same ones,
        or their versions in training mode.

    Warns
    -----
    UserWarning
        Once, when the function is made, if its graph has updates, such as those of batch
        normalisations in training mode, that are not among `updates`.

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
        self._told_of_updates = False
        self._examples: list[tuple[int, ...]] = []
        self._report: Callable[[str], object] | None = None
        self._calls_left: Callable[[], float | None] | None = None

    @property
    def execution(self) -> Execution:
        """The way in which batches are processed; see `workbench.explain`."""
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

    @property
    def updates(self) -> list[tuple[SharedVariable, Any]]:
        """The shared variables and their new values; assigning replaces all of them.

        They include the updates of the graph that is trained, for instance of population
        statistics, unless another update of the same variable was given.
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
        """Add updates that are applied with every batch, from the next one on.

        Like all updates they are computed from the values before the batch, and in training mode
        if the cost is.

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
        """Compute `variables` with every batch, from the next one on, and pass on their values.

        They become outputs of the function that does the updates, so that nothing is computed
        twice. Their values are those before the updates, in training mode if the cost is.

        Parameters
        ----------
        variables : iterable of Variable
        observer : callable
            Gets the list of their values after every batch: new tensors, still on the device.
        """
        self._observers.append((list(variables), observer))
        self.function = None

    def remove_observer(self, observer: Observer) -> None:
        """Undo `add_observer`.

        Raises
        ------
        AlgorithmError
            If `observer` was not added.
        """
        left = [(variables, other) for variables, other in self._observers if other != observer]
        if len(left) == len(self._observers):
            raise errors.AlgorithmError(f"{observer!r} does not observe {self._kind}")
        self._observers = left
        self.function = None

    def initialize(self) -> None:
        """Build the function that processes a batch, unless it exists already.

        Raises
        ------
        SourceError
            If an input cannot be matched with sources, because it has no name, or that of another
            input.
        """
        if self.function is None:
            self.function = self._build()

    @property
    def inputs(self) -> list[Variable]:
        """The inputs of everything that is computed for a batch; each takes the source of its name.

        Raises
        ------
        SourceError
            As `initialize`.
        """
        return list(inputs_by_name(self._roots(), self._kind).values())

    def _roots(self) -> list[Variable]:
        """Return everything to compute for a batch: outputs, observed variables, new values."""
        wanted = [v for variables, _ in self._observers for v in self.training_graph(variables)]
        news = [new for _, new in _variables(self._trained_updates())]
        return [*dict.fromkeys([*self._outputs(), *wanted]), *news]

    def _build(self) -> Function:
        updates = self._trained_updates()
        wanted = [self.training_graph(variables) for variables, _ in self._observers]
        outputs = dict.fromkeys(self._outputs())
        for variables in wanted:
            outputs.update(dict.fromkeys(variables))
        places = {variable: i for i, variable in enumerate(outputs)}
        roots = [*outputs, *(new for _, new in _variables(updates))]
        inputs = inputs_by_name(roots, self._kind)
        self._check_updates(roots, updates)
        new = function(
            list(inputs.values()),
            list(outputs),
            updates=updates,
            guard=self._guard(),
            watch=self._watch(),
            **{"name": self._kind, **self.function_kwargs},
        )
        self._attach(new)
        self._calls = [
            (see, [places[v] for v in variables])
            for variables, (_, see) in zip(wanted, self._observers, strict=True)
        ]
        self._sources = list(inputs)
        self._warned = False
        return new

    def _trained_updates(self) -> list[tuple[SharedVariable, Any]]:
        """Return the updates that are applied."""
        return self._all_trained()

    def _all_trained(self) -> list[tuple[SharedVariable, Any]]:
        """Return the updates, computed from the graph that is trained."""
        updates = self.updates
        news = iter(self.training_graph(new for _, new in _variables(updates)))
        return [(t, next(news) if isinstance(new, Variable) else new) for t, new in updates]

    def _statistics(self) -> list[tuple[SharedVariable, Any]]:
        """Return the updates of variables that bricks own, such as population statistics."""
        return [pair for pair in self._all_trained() if get_brick(pair[0]) is not None]

    def _check_updates(
        self, roots: Iterable[Variable], updates: Iterable[tuple[SharedVariable, Any]]
    ) -> None:
        """Warn, once, about updates of the graph that are not applied."""
        done = {target for target, _ in updates}
        idle = [target for target in suggested_updates(roots) if target not in done]
        if idle and not self._told_of_updates:
            self._told_of_updates = True
            names = ", ".join(named(idle))
            warnings.warn(NOT_UPDATED.format(user=self._kind, names=names), stacklevel=4)

    def _outputs(self) -> list[Variable]:
        """Return the outputs of the function that come before those of observers."""
        return []

    def _guard(self) -> Guard | None:
        """Return the object that checks the outputs before updates are applied."""
        return None

    def _watch(self) -> Watch | None:
        """Return the object that requires new values to be finite."""
        return None

    def process_batch(self, batch: Batch) -> None:
        """Apply the updates for a batch, and call observers.

        Parameters
        ----------
        batch : dict
            An array for the name of each source.

        Raises
        ------
        SourceError
            If `batch` is not a dictionary, a source is missing, or one is not used and
            `on_unused_sources` is ``'raise'``.
        ShapeError, DtypeError
            If an array does not fit its input.
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
        results = self._step(run, values)
        for observer, places in self._calls:
            observer([results[i] for i in places])

    def _step(self, run: Function, values: Sequence[Any]) -> list[Any]:
        """Run the function on a batch; algorithms that do more than updates override this."""
        results: list[Any] = run(*values)
        return results

    def _check_unused(self, batch: Batch) -> None:
        if not isinstance(batch, Mapping):
            raise missing_source(batch, self._sources, self._kind)
        if self._warned or self.on_unused_sources == "ignore":
            return
        unused = [source for source in batch if source not in self._sources]
        message = (
            f"{self._kind} does not use {_listed('source', unused)} of the batch: its inputs are "
            f"{', '.join(map(repr, self._sources)) or 'none'}{_nearest(unused, self._sources)}; "
            "rename the input, leave the source out with FilterSources, or pass "
            "on_unused_sources='ignore'"
        )
        if self.on_unused_sources == "raise":
            raise errors.SourceError(message)
        self._warned = True
        warnings.warn(message, stacklevel=3)

    def state_variables(self) -> dict[str, SharedVariable]:
        """Return all shared variables of the training step, by unique names.

        These are parameters, buffers of step rules, hyper-parameters and counters of random
        streams. The name of a brick's parameter, and of its buffers, contains the brick's path, as
        in ``mlp/linear_0.W``.
        """
        updates = self._trained_updates()
        observed = [v for wanted, _ in self._observers for v in self.training_graph(wanted)]
        reached = ancestors([*self._outputs(), *observed, *(new for _, new in _variables(updates))])
        found = [v for v in reached if isinstance(v, SharedVariable)]
        return named(dict.fromkeys([*(target for target, _ in updates), *found]))

    def state_dict(self, exclude: Iterable[SharedVariable] = ()) -> dict[str, Any]:
        """Return the values of `state_variables`, for `load_state_dict`.

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
        """Return the sizes for which programs were made: the same programs round in one way."""
        return self._examples if self.function is None else self.function.execution.state()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        StateError
            If `state` has a name that this algorithm does not have, lacks a buffer of a step rule,
            has another shape, or contains a setting that is not allowed. Then nothing changes.
        """
        variables = self.state_variables()
        state = dict(state)
        examples = [tuple(sizes) for sizes in state.pop(COMPILED_FOR, ())]
        needed = [name for name, v in variables.items() if has_roles(v, [ALGORITHM_STATE])]
        missing = [name for name in needed if name not in state]
        if missing:
            raise errors.StateError(
                f"the state lacks {', '.join(map(repr, missing))}, which {self._kind} has; the "
                "state belongs to another algorithm"
            )
        for name, value in state.items():
            if name not in variables:
                raise errors.StateError(
                    f"{self._kind} has no state {name!r}{errors.nearest(name, variables)}; the "
                    "state belongs to another algorithm"
                )
            shape, expected = numpy.shape(value), tuple(variables[name].shape)
            if shape != expected:
                raise errors.StateError(
                    f"the state {name!r} has shape {shape}, but {self._kind} needs {expected}"
                )
            try:
                variables[name].check_value(torch.as_tensor(value), value)
            except errors.WorkbenchError as error:
                raise errors.StateError(f"the state {name!r} is not valid: {error}") from error
        for name, value in state.items():
            variables[name].set_value(value)
        self._examples = examples
        if self.function is not None:
            self._attach(self.function)

    def __getstate__(self) -> dict[str, Any]:
        forgotten = {"function": None, "_report": None, "_calls_left": None}
        return {**self.__dict__, **forgotten, "_examples": self._compiled_for()}

    @property
    def _kind(self) -> str:
        """The name of the class, which messages use because `repr` is longer."""
        return type(self).__name__

    def __repr__(self) -> str:
        return self._kind


def choice(option: str, value: OnTrouble) -> OnTrouble:
    """Return `value` if it is 'raise', 'warn' or 'ignore', and raise otherwise."""
    choices = ("raise", "warn", "ignore")
    if value not in choices:
        raise errors.AlgorithmError(
            f"{option} must be 'raise', 'warn' or 'ignore', not {value!r}"
            f"{errors.nearest(str(value), choices)}"
        )
    return value


def inputs_by_name(outputs: Iterable[Variable], user: str) -> dict[str, Variable]:
    """Return the inputs that `outputs` depend on, by the names of the sources that feed them.

    Raises
    ------
    SourceError
        If an input has no name, or two have the same; the text starts with `user`.
    """
    found: dict[str, Variable] = {}
    for variable in ancestors(outputs):
        if variable.owner is not None or isinstance(variable, SharedVariable):
            continue
        if variable.name is None:
            raise errors.SourceError(
                f"{user} depends on an input without a name, so no source can feed it; name "
                "it after its source, as in tensor.matrix('features')"
            )
        if variable.name in found:
            raise errors.SourceError(
                f"{user} depends on two inputs named {variable.name!r}, but a source feeds one; "
                "use the same variable in both places, or rename one"
            )
        found[variable.name] = variable
    return found


def missing_source(batch: Any, needed: Sequence[str], user: str) -> errors.SourceError:
    """Return the error for a batch that is not a dictionary or lacks some sources `needed`."""
    if not isinstance(batch, Mapping):
        return errors.SourceError(NOT_A_BATCH.format(user=user, given=batch))
    missing = [source for source in needed if source not in batch]
    return errors.SourceError(
        f"{user} needs {_listed('source', missing)}, which the batch does not have: its sources "
        f"are {', '.join(map(repr, batch)) or 'none'}{_nearest(missing, batch)}"
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
    """Return shared variables by names that are unique and the same in every run."""
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
