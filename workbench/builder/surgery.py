"""Replacement of a run's model between two batches; values that still fit are kept.

The new model is built from a specification. Parameters, buffers of the step rule, statistics of
bricks and positions of random streams keep their values if the new model has variables of the same
shapes in the same places. The step rule, its hyperparameters and their schedules remain the same
objects. Nothing changes until all new objects have been built.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.algorithms import (
    CompositeRule,
    GradientDescent,
    StepRule,
    TorchOptimizer,
    UpdatesAlgorithm,
)
from workbench.algorithms.limits import Restrict
from workbench.bricks import Brick
from workbench.bricks.seeds import known_seed, seeds_of
from workbench.builder.carrying import keep_others
from workbench.builder.convert import Built, from_spec
from workbench.builder.described import (
    Description,
    computed_by,
    describe_as,
    description_of,
)
from workbench.builder.growth import Growth, growths, without
from workbench.builder.matching import Matching, earlier_path, held, match
from workbench.builder.spec import Spec
from workbench.builder.training import PartlyFrozen, name_records, scalars, trained
from workbench.errors import AlgorithmError, BuilderError
from workbench.graph.hierarchy import get_brick, path_of
from workbench.main_loop import MainLoop
from workbench.main_loop.parts import Parts, parts_of, put_in
from workbench.main_loop.state import Variables, parameters_of, variables_of
from workbench.model import Model
from workbench.serialization.variable_values import value_of
from workbench.tensor import SharedVariable, Variable
from workbench.utils.plain import find_bricks

NO_COST = (
    "the new model has no cost to minimise, so training cannot continue; add a cost, or choose an "
    "output as the cost"
)
NO_SOURCE = (
    "the new model has the input {name!r}, but the data stream of this run has no such source "
    "(its sources are {sources}); rename the input, or remove it"
)
FURTHER = (
    "the algorithm has additional updates of {names}, which belong to the current model and would "
    "be lost; remove these updates before you rebuild the model"
)
HOLDS = (
    "the extension {extension!r} holds {variable!r}, which belongs to the current model; remove "
    "the extension with session.call(), or define its bindings() and rebind() methods"
)


@dataclass(frozen=True)
class Outcome:
    """Result of a replacement: the correspondence between the new and the old model.

    Attributes
    ----------
    matching : Matching
    grown : tuple of str
        Paths of parameters that were extended by copies of units.
    ended : tuple of str
        Names of log channels that end, since the new model does not compute their values.
    sizes : dict of str to int
        The number of elements in each parameter of the new model.
    """

    matching: Matching
    grown: tuple[str, ...]
    ended: tuple[str, ...]
    sizes: Mapping[str, int]


def operate(
    loop: MainLoop,
    spec: Spec,
    *,
    frozen: Collection[str] = (),
    moved: Mapping[str, str] | None = None,
    widened: Collection[str] = (),
    noise: float = 0.0,
) -> Outcome:
    """Replace the model of a main loop.

    Call this function in the training thread, between two batches.

    Parameters
    ----------
    loop : MainLoop
    spec : Spec
        The new model.
    frozen : collection of str
        The paths of bricks that are not trained.
    moved : dict of str to str, optional
        The earlier path of each brick that was renamed or moved.
    widened : collection of str
        The paths of bricks whose additional units are copies of existing units.
    noise : float
        The standard deviation of the noise on copies, relative to the standard deviation of the
        weights.

    Returns
    -------
    Outcome

    Raises
    ------
    BuilderError
        If the current model cannot be described, or the new model cannot be built or trained. In
        this case nothing changes.
    """
    before, old = parts_of(loop), variables_of(loop)
    description = description_of(loop)
    _check_replaceable(loop)
    described = Model(list(description.wires))
    tops = [brick for brick in described.get_top_bricks() if isinstance(brick, Brick)]
    earlier = {one: name for name, one in (moved or {}).items() if "/" not in name + one}
    seeds = {
        earlier.get(top.name, top.name): seed
        for top in tops
        if (seed := known_seed(top)) is not None
    }
    with seeds_of(seeds):
        built = from_spec(spec)
        if built.cost is None:
            raise BuilderError(NO_COST)
        name_records(built)
        outputs = Model(built.model.outputs)
        present = held(parameters_of(loop))
        wanted = held(outputs.parameters)
        grown = growths(description.spec, widened, present, wanted, noise)
        matching = match(without(present, grown), without(wanted, grown), moved)
        keep = _kept_values(old[0], matching, grown, moved or {})
        new = {path_of(one): one for one in outputs.parameters}
        _initialize(built, new, keep)
        parts, ended = _new_parts(loop, description, built, frozen, matching, moved or {})
    try:
        put_in(loop, parts)
        keep_others(loop, before.algorithm, old, matching, grown)
    except BaseException:
        put_in(loop, before)
        raise
    describe_as(parts.algorithm, spec, built, frozen)
    sizes = {path: int(one.tensor.numel()) for path, one in new.items()}
    return Outcome(matching, tuple(grown), ended, sizes)


def _check_replaceable(loop: MainLoop) -> None:
    """Raise `BuilderError` if additional updates, or variables of extensions, would be lost."""
    algorithm = loop.algorithm
    assert isinstance(algorithm, (GradientDescent, TorchOptimizer))
    own: set[Any] = {
        target
        for extension in loop.extensions
        for buffer in [extension.bindings().get("_buffer")]
        for target, _ in getattr(buffer, "accumulation_updates", ())
    }
    further = [target for target in algorithm.further_updates() if target not in own]
    if further:
        raise BuilderError(FURTHER.format(names=", ".join(map(str, further))))
    parameters = set(parameters_of(loop))
    for extension in loop.extensions:
        if extension.bindings():
            continue
        for value in vars(extension).values():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(one, Variable) and (
                    one in parameters or not isinstance(one, SharedVariable)
                ):
                    raise BuilderError(HOLDS.format(extension=extension, variable=one))


def _kept_values(
    old: Variables, matching: Matching, grown: Mapping[str, Growth], moved: Mapping[str, str]
) -> dict[str, Any]:
    """Return the values that parameters of the new model take from the old model."""
    by_path = {path_of(variable): variable for variable in old.values()}
    values = {path: value_of(by_path[was]) for path, was in matching.pairs.items()}
    for path, growth in grown.items():
        values[path] = growth.value(value_of(by_path[growth.source]))
    return values


def _initialize(built: Built, new: Mapping[str, SharedVariable], keep: Mapping[str, Any]) -> None:
    """Draw the values of new parameters, and assign the values that are kept."""
    fresh = {id(one) for path, one in new.items() if path not in keep}
    bricks = find_bricks(list(built.bricks.values()), lambda _: True)
    done: set[Brick] = set()
    for brick in bricks:
        own = [one for one in brick.parameters if one is not None] if brick.allocated else []
        if brick in done or not any(id(one) in fresh for one in own):
            continue
        try:
            brick.initialize()
        except Exception as error:
            raise BuilderError(f"{brick.path()} cannot be initialised: {error}") from error
        done.update(find_bricks([brick], lambda _: True))
    for path, value in keep.items():
        new[path].set_value(value)
    for brick in bricks:
        if brick.allocated:
            brick.initialized = True


def _new_parts(
    loop: MainLoop,
    description: Description,
    built: Built,
    frozen: Collection[str],
    matching: Matching,
    moved: Mapping[str, str],
) -> tuple[Parts, tuple[str, ...]]:
    """Return the new `Parts` of the main loop, and the names of channels that are discontinued."""
    algorithm, cost = loop.algorithm, built.cost
    assert isinstance(algorithm, (GradientDescent, TorchOptimizer)) and cost is not None
    parameters = trained(built, cost, frozen)
    replaced = _Replaced(loop, description, built, matching, moved)
    try:
        new = _algorithm_for(algorithm, cost, parameters, replaced)
    except AlgorithmError as error:
        raise BuilderError(str(error)) from error
    replaced.algorithm = new
    added = [
        one
        for one in [*scalars(built)]
        if one.name is not None and one.name not in description.spec.monitored
    ]
    bindings = []
    for extension in loop.extensions:
        if extension.bindings():
            found = extension.rebind(replaced.find, added)
            added = [] if "_buffer" in found else added
            bindings.append((extension, found))
    outputs = built.model.outputs
    model = PartlyFrozen(outputs) if frozen else Model(outputs)
    _check_sources(loop, new, model)
    return Parts(model, new, tuple(bindings)), tuple(dict.fromkeys(replaced.ended))


def _algorithm_for(
    algorithm: GradientDescent | TorchOptimizer,
    cost: Variable,
    parameters: Sequence[SharedVariable],
    replaced: _Replaced,
) -> GradientDescent | TorchOptimizer:
    """Return an algorithm for the new model, with the settings of `algorithm`."""
    if isinstance(algorithm, TorchOptimizer):
        return algorithm.for_cost(cost, parameters)
    return algorithm.for_cost(cost, parameters, _rule_for(algorithm.step_rule, replaced))


def _check_sources(loop: MainLoop, new: UpdatesAlgorithm, model: Model) -> None:
    if loop.data_stream is None:
        return
    sources = loop.data_stream.sources
    needed = {one.name for one in [*new.inputs, *model.inputs]}
    for name in sorted(map(str, needed)):
        if name not in sources:
            listed = ", ".join(map(repr, sources))
            raise BuilderError(NO_SOURCE.format(name=name, sources=listed))
    if set(sources) - {one.name for one in new.inputs}:
        new.on_unused_sources = "ignore"


class _Replaced:
    """Finder of the variables that replace variables of the old model.

    Attributes
    ----------
    algorithm : UpdatesAlgorithm or None
    ended : list of str
        Names of variables that have no replacement.
    """

    def __init__(
        self,
        loop: MainLoop,
        description: Description,
        built: Built,
        matching: Matching,
        moved: Mapping[str, str],
    ) -> None:
        self.algorithm: UpdatesAlgorithm | None = None
        self.ended: list[str] = []
        self._old = loop.algorithm
        self._built = built
        self._description = description
        bricks = find_bricks(list(built.bricks.values()), lambda _: True)
        by_path = {brick.path(): brick for brick in bricks}
        self._bricks = {was: by_path[path] for path, was in matching.bricks.items()}
        for path, brick in by_path.items():
            self._bricks.setdefault(earlier_path(path, moved), brick)
        self._parameters = set(parameters_of(loop))

    def find(self, variable: Variable) -> Variable | None:
        """Return the variable that replaces `variable` and takes its name, or None."""
        found = self._found(variable)
        if found is None:
            self.ended.append(str(variable.name))
        elif found is not variable and found.name != variable.name:
            found.name = variable.name  # so that its curve continues
        return found

    def _found(self, variable: Variable) -> Variable | None:
        if isinstance(variable, SharedVariable):
            return self.parameter(variable) if variable in self._parameters else variable
        if variable is getattr(self._old, "cost", None):
            return self._built.cost
        of_old = {one: key for key, one in computed_by(self._old).items()}
        if variable in of_old:
            return computed_by(self.algorithm).get(of_old[variable])
        wire = self._description.wires.get(variable)
        if wire is not None:
            return self._built.variables.get(wire)
        brick: Any = get_brick(variable)
        twin = None if brick is None else self._bricks.get(brick.path())
        if twin is None:
            return None
        name = vars(variable.tag).get("name", variable.name)
        named = [v for v in twin.auxiliary_variables if vars(v.tag).get("name", v.name) == name]
        return named[0] if named else None

    def parameter(self, variable: SharedVariable) -> SharedVariable | None:
        """Return the new model's parameter that replaces an old parameter, or None."""
        brick: Any = get_brick(variable)
        twin = None if brick is None else self._bricks.get(brick.path())
        own = [] if twin is None else [p for p in twin.parameters if p is not None]
        return next((p for p in own if p.name == variable.name), None)


def _rule_for(rule: StepRule, replaced: _Replaced) -> StepRule:
    """Return `rule`, or a copy of it with the new parameters if it lists parameters."""
    if isinstance(rule, Restrict):
        inner, variables = _rule_for(rule.step_rule, replaced), rule.variables
        if isinstance(variables, list):
            found = [replaced.parameter(variable) for variable in variables]
            variables = [one for one in found if one is not None]
        return _with(rule, step_rule=inner, variables=variables)
    if type(rule) is CompositeRule:
        components = [_rule_for(one, replaced) for one in rule.components]
        same = all(a is b for a, b in zip(components, rule.components, strict=True))
        return rule if same else _with(rule, components=components)
    return rule


def _with(rule: StepRule, **attributes: object) -> StepRule:
    twin = copy.copy(rule)
    vars(twin).update(attributes)
    return twin
