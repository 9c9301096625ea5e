"""Specifications of models that are being trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from workbench.algorithms import GradientDescent, TorchOptimizer, TrainingAlgorithm
from workbench.builder.convert import Built, described
from workbench.builder.spec import Spec
from workbench.errors import BuilderError
from workbench.extensions.monitoring import MonitoringExtension
from workbench.graph.hierarchy import get_brick, path_of
from workbench.interfaces import Loop, Session
from workbench.monitoring.quantity import MonitoredQuantity
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.traversal import ancestors

OTHER_ALGORITHM = (
    "the algorithm of this run is {given}; only a model that GradientDescent or TorchOptimizer "
    "trains on a cost can be described and rebuilt"
)
PARTLY = (
    "{brick} has trained parameters, but also untrained parameters ({names}); a specification "
    "cannot describe this, because it can only freeze whole bricks"
)


@dataclass(frozen=True, eq=False)
class Description:
    """The specification of a model that is being trained.

    Attributes
    ----------
    spec : Spec
    wires : dict of Variable to str
        The name of the wire for each variable of the model.
    frozen : tuple of str
        The paths of the bricks that are not trained.
    built : Built or None
        The model, if it was built from the specification.
    """

    spec: Spec
    wires: Mapping[Variable, str]
    frozen: tuple[str, ...] = ()
    built: Built | None = None


_known: WeakKeyDictionary[TrainingAlgorithm, Description] = WeakKeyDictionary()


def describe_as(
    algorithm: TrainingAlgorithm, spec: Spec, built: Built, frozen: Collection[str]
) -> None:
    """Store the specification that the model of an algorithm was built from."""
    wires = {variable: wire for wire, variable in built.variables.items()}
    _known[algorithm] = Description(spec, wires, tuple(sorted(frozen)), built)


def built_of(session: Session) -> Built | None:
    """Return the model that a session trains, or None if it was not built from a specification."""
    algorithm = getattr(getattr(session, "main_loop", None), "algorithm", None)
    found = _known.get(algorithm) if isinstance(algorithm, TrainingAlgorithm) else None
    return None if found is None else found.built


def description_of(loop: Loop) -> Description:
    """Return the specification of the model that a main loop trains.

    The specification contains the cost, the outputs of the model, and the variables that extensions
    record.

    Raises
    ------
    BuilderError
        If the model cannot be described.
    """
    algorithm = loop.algorithm
    if not isinstance(algorithm, (GradientDescent, TorchOptimizer)) or algorithm.cost is None:
        raise BuilderError(OTHER_ALGORITHM.format(given=repr(algorithm)))
    found = _known.get(algorithm)
    if found is None:
        cost = algorithm.cost
        outputs = list(loop.model.outputs) if loop.model is not None else []
        shown = [one for one in [*outputs, *recorded_by(loop)] if one is not cost]
        spec, graph = described([], [cost, *shown], cost, list(dict.fromkeys(shown)))
        found = Description(spec, dict(graph.wires), _frozen(loop, algorithm))
        _known[algorithm] = found
    return found


def recorded_by(loop: Loop) -> list[Variable]:
    """Return the variables of the model that extensions record.

    Variables that depend only on shared variables, and variables that only the algorithm computes,
    such as norms of gradients, are omitted.
    """
    found: list[Variable] = []
    of_algorithm = set(computed_by(loop.algorithm).values())
    for extension in loop.extensions:
        if not isinstance(extension, MonitoringExtension):
            continue
        for one in extension.recorded:
            needed = one.requires if isinstance(one, MonitoredQuantity) else [one]
            found += [
                variable
                for variable in needed
                if variable not in of_algorithm and not _of_shared(variable)
            ]
    return list(dict.fromkeys(found))


def _of_shared(variable: Variable) -> bool:
    """Return True if a variable, such as a parameter's norm, depends only on shared variables."""
    return all(
        one.owner is not None or isinstance(one, SharedVariable) for one in ancestors([variable])
    )


def computed_by(algorithm: object) -> dict[tuple[str, str], Variable]:
    """Return the variables that an algorithm computes, keyed by kind and parameter.

    Examples
    --------
    >>> from workbench import shared
    >>> from workbench.algorithms import GradientDescent
    >>> w = shared(1.0, "w")
    >>> list(computed_by(GradientDescent(cost=w ** 2, parameters=[w])))
    [('total_gradient_norm', ''), ('gradient', 'w'), ('total_step_norm', ''), ('step', 'w')]
    """
    if not isinstance(algorithm, (GradientDescent, TorchOptimizer)):
        return {}
    found = {
        ("total_gradient_norm", ""): algorithm.total_gradient_norm,
        **{("gradient", path_of(p)): one for p, one in algorithm.gradients.items()},
    }
    if isinstance(algorithm, GradientDescent):
        found["total_step_norm", ""] = algorithm.total_step_norm
        found |= {("step", path_of(p)): one for p, one in algorithm.steps.items()}
    return found


def _frozen(loop: Loop, algorithm: GradientDescent | TorchOptimizer) -> tuple[str, ...]:
    """Return the paths of the bricks that have parameters, but no trained parameters."""
    trained = set(algorithm.parameters)
    bricks: dict[str, list[SharedVariable]] = {}
    parameters = algorithm.parameters if loop.model is None else loop.model.parameters
    for parameter in parameters:
        brick = get_brick(parameter)
        if brick is not None:
            bricks.setdefault(brick.path(), []).append(parameter)
    found = []
    for path, own in bricks.items():
        idle = [str(one.name) for one in own if one not in trained]
        if idle and len(idle) < len(own):
            raise BuilderError(PARTLY.format(brick=path, names=", ".join(idle)))
        if idle:
            found.append(path)
    return tuple(sorted(found))
