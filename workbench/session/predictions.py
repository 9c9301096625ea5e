"""Variables that a session computes for `predict` and `evaluate`, always in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.bricks import Softmax
from workbench.bricks.cost import Cost
from workbench.errors import SessionError, nearest
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.graph import ComputationGraph
from workbench.graph.annotations import get_application_call
from workbench.graph.modes import has_training_mode
from workbench.interfaces import Loop
from workbench.monitoring.accumulate import Monitored
from workbench.monitoring.losses import LOSSES, bound
from workbench.roles import COST, INPUT, has_roles
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.traversal import ancestors, replace

NO_MODEL = (
    "this run has no model and no cost, so it is unknown what to compute; pass a variable, or "
    "create the main loop with model=Model(cost)"
)
NO_PREDICTIONS = (
    "the model does not show which variable is its prediction ({found}); pass it, as in "
    "session.predict(X, output=scores), or its name"
)
UNKNOWN = "the graph of this run has no variable {name!r}{hint}; pass the variable itself"
TRAINED = (
    "{variable!r} is computed in training mode, because its bricks are applied inside "
    "'with brick:'; apply the bricks outside this block, and pass the resulting variable"
)


def outputs_of(loop: Loop) -> list[Variable]:
    """Return the outputs of the model or, if there is no model, the cost of the algorithm.

    Raises
    ------
    SessionError
        If the run has neither.
    """
    if loop.model is not None:
        return list(loop.model.outputs)
    cost = getattr(loop.algorithm, "cost", None)
    if isinstance(cost, Variable):
        return [cost]
    raise SessionError(NO_MODEL)


def find_output(loop: Loop, output: Variable | str | None) -> Variable:
    """Return the variable to compute: the given variable, or the predictions of the model.

    Raises
    ------
    SessionError
        If there is no such variable, or if the predictions are unknown.
    """
    if isinstance(output, Variable):
        return output
    outputs = in_evaluation_mode(outputs_of(loop))
    if output is not None:
        return _named(ComputationGraph(outputs).variables, output)
    if any(has_roles(v, [COST]) or v.ndim == 0 for v in outputs):
        found = list(dict.fromkeys(_compared(ancestors(outputs))))
    else:
        found = outputs
    if len(found) != 1:
        names = ", ".join(repr(v) for v in found) or "no cost compares a variable with targets"
        raise SessionError(NO_PREDICTIONS.format(found=names))
    return found[0]


def find_monitored(loop: Loop, given: Any) -> list[Monitored]:
    """Return the given variables or, by default, the monitored variables.

    These are the variables that the run evaluates on data other than the training data.
    If there are none, they are the variables that are monitored during training and belong to the
    graph of the model. If there are no such variables either, the cost is returned.

    Raises
    ------
    SessionError
        If a name is unknown.
    """
    evaluated = _recorded(loop, DataStreamMonitoring)
    if given is None:
        if evaluated:
            return list(evaluated.values())
        variables = set(ComputationGraph(outputs_of(loop)).variables)
        trained = _recorded(loop, TrainingDataMonitoring).values()
        found = [one for one in trained if not isinstance(one, SharedVariable)]
        found = [one for one in found if variables.issuperset(parts_of(one))]
        return found or [find_cost(loop)]
    several = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    known = {**_recorded(loop, TrainingDataMonitoring), **evaluated}
    return [_monitored(loop, known, one) for one in several]


def find_cost(loop: Loop) -> Variable:
    """Return the cost of the algorithm, or the only output of the model.

    Raises
    ------
    SessionError
        If there is neither.
    """
    cost = getattr(loop.algorithm, "cost", None)
    if isinstance(cost, Variable):
        return cost
    if loop.model is None or len(loop.model.outputs) != 1:
        raise SessionError(NO_MODEL)
    return loop.model.outputs[0]


def for_evaluation(variables: Iterable[Variable]) -> dict[Variable, Variable]:
    """Return the originals of variables that were rewritten for training or to add noise.

    Raises
    ------
    SessionError
        If a brick was explicitly applied in training mode, so there is no original.
    """
    roots = list(variables)
    found: dict[Variable, Variable] = {}
    for variable in ancestors(roots):
        original = vars(variable.tag).get("replacement_of")
        if original is None:
            continue
        # A slice of one vector of all parameters replaces a parameter without depending on it.
        if not isinstance(original, SharedVariable) or original in ancestors([variable]):
            found[variable] = original
    remaining = ancestors([_original(v, found) for v in roots])
    if has_training_mode(v for v in remaining if v not in found):
        raise SessionError(TRAINED.format(variable=roots[0]))
    return found


def in_evaluation_mode(variables: Iterable[Variable]) -> list[Variable]:
    """Return the evaluation-mode versions of variables; see `for_evaluation`."""
    roots = list(variables)
    originals = for_evaluation(roots)
    if not originals:
        return roots
    found = replace(roots, originals)
    return [found[variable] for variable in roots]


def _original(variable: Variable, found: dict[Variable, Variable]) -> Variable:
    while variable in found:
        variable = found[variable]
    return variable


def _named(variables: Iterable[Variable], name: str) -> Variable:
    known = {v.name: v for v in variables if v.name is not None}
    if name not in known:
        raise SessionError(UNKNOWN.format(name=name, hint=nearest(name, known)))
    return known[name]


def _monitored(loop: Loop, known: dict[str, Monitored], one: Any) -> Monitored:
    if not isinstance(one, str):
        found: Monitored = one
        return found
    return known[one] if one in known else _named(ComputationGraph(outputs_of(loop)).variables, one)


def _recorded(loop: Loop, kind: type[Any]) -> dict[str, Monitored]:
    found: dict[str, Monitored] = {}
    for extension in loop.extensions:
        if isinstance(extension, kind):
            for one in extension.recorded:
                found.setdefault(str(one.name), one)
    return found


def parts_of(one: Monitored) -> list[Variable]:
    """Return a list with a variable, or with the variables that a quantity is computed from."""
    return [one] if isinstance(one, Variable) else list(one.requires)


def _compared(variables: Iterable[Variable]) -> Iterable[Variable]:
    """Yield the variables that costs compare with targets."""
    for variable in variables:
        call = get_application_call(variable)
        if call is not None and has_roles(variable, [INPUT]):
            bound_to, name = call.application, variable.tag.name
            is_cost = isinstance(bound_to.brick, Cost)
            if (is_cost and (bound_to.name, name) == ("apply", "y_hat")) or (
                isinstance(bound_to.brick, Softmax)
                and (bound_to.name, name) == ("categorical_cross_entropy", "x")
            ):
                yield _uncopied(variable)
        elif variable.owner is not None and variable.owner.function in LOSSES:
            given = bound(variable.owner.function, variable.owner.args, variable.owner.kwargs)
            predicted = given.get("input")
            if isinstance(predicted, Variable):
                yield _uncopied(predicted)


def _uncopied(variable: Variable) -> Variable:
    """Return the original variable if `variable` is a tagged copy, otherwise `variable`."""
    owner = variable.owner
    is_copy = owner is not None and len(owner.inputs) == 1 and owner.inputs[0].fake is variable.fake
    return owner.inputs[0] if owner is not None and is_copy else variable
