"""Functions that add units to a layer and find the bricks that read these units.

The additional units are copies of existing units (Chen et al. 2016, "Net2Net"). The bricks that
read a unit divide its weights among its copies, so that the model computes the same function. This
is possible if there are only elementwise activations, pooling, flattening and batch normalisation
between the layer and the `Linear` or `Convolutional` bricks that follow it.

A recurrent brick is widened together with the layer that computes its inputs, which has one block
of units for each gate. The weights from its state to itself are divided in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from workbench.bricks import MLP, Brick, Dropout, Linear, TransformerBlock, symbolic_parameters
from workbench.bricks.activations import Activation
from workbench.bricks.bn import BatchNormalization
from workbench.bricks.conv import Convolutional, ConvolutionalTranspose, Flattener
from workbench.bricks.conv.pooling import Pooling
from workbench.bricks.lookup import LookupTable
from workbench.bricks.parallel import Fork
from workbench.bricks.recurrent import LSTM, GatedRecurrent, SimpleRecurrent
from workbench.builder.changes import patched
from workbench.builder.construct import name_of
from workbench.builder.convert import Built, from_spec
from workbench.builder.fields import Json
from workbench.builder.paths import tree, unique
from workbench.builder.spec import Spec
from workbench.builder.validation import parameters_in
from workbench.errors import BuilderError
from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.hints import Hinted, hinted
from workbench.roles import INPUT, OUTPUT, has_roles
from workbench.tensor import Variable
from workbench.tensor.traversal import ancestors
from workbench.tensor.variable import identity
from workbench.utils.numbers import is_count, is_whole

NOT_A_LAYER = (
    "{path} is {what}, which cannot be widened; choose a Linear, a Convolutional, a LookupTable or "
    "a recurrent brick, such as a layer of an MLP"
)
NO_BRICK = "there is no brick {path!r} in the model; its bricks: {known}"
TOO_FEW = (
    "{path} has {now:,} units, so it can be widened only to more than {now:,} units, not to "
    "{given!r}; units cannot be removed without changing the model's function"
)
INSIDE = (
    "{path} is a part of another brick, which determines its dimension; only a recurrent brick "
    "that is not a part of another brick can be widened"
)
NOT_FED = (
    "{path} cannot be widened: its input {input!r} needs a Linear brick or a LookupTable of its "
    "own; put a Linear brick before {path}"
)
USED = "the predictions stay the same, but {what} changes because it uses {parameters}"

OTHER_AXIS = (
    "the units of {path} are along axis {axis} of the inputs of {where} ({kind}), which treats "
    "this axis differently"
)
NOT_EACH = "the activation of {path} ({kind}) does not treat each unit separately"

TRANSITIONS = (SimpleRecurrent, LSTM, GatedRecurrent)
BLOCKS: Mapping[type[Brick], Mapping[str, int]] = {
    SimpleRecurrent: {"inputs": 1},
    LSTM: {"inputs": 4},
    GatedRecurrent: {"inputs": 1, "gate_inputs": 2},
}
"""For each recurrent brick, the number of blocks of units in each input."""

PASSING: tuple[type[Brick], ...] = (Activation, Dropout, Pooling, Flattener)
"""Bricks that keep units separate and have no parameters."""


class Place(NamedTuple):
    """Location of the units of a layer in a variable.

    Attributes
    ----------
    axis : int
    last : bool
        True if the units were the last axis before a `Flattener` merged the axes, so that they
        follow one another; False if all values of a unit follow one another.
    """

    axis: int
    last: bool = False


@dataclass
class Followers:
    """Bricks that read the units of a layer.

    Attributes
    ----------
    weights : dict of str to bool
        For each brick whose weights multiply the units, the value of `Place.last`, keyed by path.
    units : dict of str to bool
        The same for intermediate bricks that have parameters for each unit.
    reason : str
        The reason why copies of units would change the model's function; empty if they would not.
    """

    weights: dict[str, bool] = field(default_factory=dict)
    units: dict[str, bool] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Widened(Hinted):
    """A specification with a wider layer.

    Attributes
    ----------
    spec : Spec
    brick : str
        The path of the layer.
    units : tuple of int
        The numbers of units before and after the change.
    reason : str
        The reason why the model computes a different function; empty if it does not.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench.builder import to_spec, widen
    >>> mlp = MLP([Tanh(), None], [784, 100, 10])
    >>> found = widen(to_spec(mlp.apply(tensor.matrix("x"))), "mlp/linear_0", 128)
    >>> isinstance(found, Widened), found.units
    (True, (100, 128))
    """

    spec: Spec
    brick: str
    units: tuple[int, int]
    reason: str


@hinted
def widen(spec: Spec, brick: str, units: int) -> Widened:
    """Return a specification with more units in a layer.

    Parameters
    ----------
    spec : Spec
    brick : str
        The path of a `Linear`, `Convolutional`, `LookupTable`, `SimpleRecurrent`, `LSTM` or
        `GatedRecurrent` brick, such as ``mlp/linear_0``.
    units : int
        The new number of outputs, filters or states.

    Returns
    -------
    Widened
        The new specification. If the new model computes a different function, `reason` says why.

    Raises
    ------
    BuilderError
        If no brick has this path, or if the brick cannot have this number of units.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench.builder import to_spec, widen
    >>> mlp = MLP([Tanh(), None], [784, 100, 10])
    >>> found = widen(to_spec(mlp.apply(tensor.matrix("x"))), "mlp/linear_0", 150)
    >>> found.spec.bricks[0].settings["dims"], found.units, found.reason
    ([784, 150, 10], (100, 150), '')
    """
    built, found = model_with(spec, brick)
    now = units_of(found[brick], brick)
    if not is_count(units, now + 1):
        raise BuilderError(TOO_FEW.format(path=brick, now=now, given=units))
    after = followers(built, found, brick)
    before = feeders(built, found, brick)
    new = _with_outputs(spec, found, brick, units)
    for path, blocks in before.items():
        new = _with_outputs(new, found, path, blocks * units)
    for path in after.weights:
        new = _with_inputs(new, found, path, now, units)
    for path in after.units:
        new = _with_dims_of_units(new, path, now, units)
    return Widened(new, brick, (now, units), after.reason)


def model_with(spec: Spec, path: str) -> tuple[Built, dict[str, Brick]]:
    """Return the model of a specification, and its bricks keyed by path.

    No memory is allocated for parameters.

    Raises
    ------
    BuilderError
        If there is no brick at `path`.
    """
    with symbolic_parameters():
        built = from_spec(spec)
    found = bricks_of(built)
    if path not in found:
        raise BuilderError(NO_BRICK.format(path=path, known=", ".join(found) or "none"))
    return built, found


def bricks_of(built: Built) -> dict[str, Brick]:
    """Return all bricks of a model, keyed by path."""
    return {
        f"{name}/{below}".rstrip("/"): brick
        for name, top in built.bricks.items()
        for brick, below in tree(top).items()
    }


def units_of(brick: Brick, path: str) -> int:
    """Return the number of units of a layer.

    Raises
    ------
    BuilderError
        If the brick is not a layer that can be widened.
    """
    if isinstance(brick, Convolutional) and not isinstance(brick, ConvolutionalTranspose):
        return int(brick.num_filters)
    if isinstance(brick, Linear):
        return int(brick.output_dim)
    if isinstance(brick, (LookupTable, *TRANSITIONS)):
        return int(brick.dim)
    kind = type(brick).__name__
    what = f"a{'n' if kind[0] in 'AEIOU' else ''} {kind}"
    raise BuilderError(NOT_A_LAYER.format(path=path, what=what))


def followers(built: Built, bricks: Mapping[str, Brick], path: str) -> Followers:
    """Return the bricks that read the units of a layer."""
    paths = {one: where for where, one in bricks.items()}
    outputs = set(built.model.outputs)
    order = ancestors(outputs)
    users = _users(order)
    of_call: dict[ApplicationCall, list[Variable]] = {}
    for variable in order:
        call = get_application_call(variable)
        if call is not None and has_roles(variable, [OUTPUT]):
            of_call.setdefault(call, []).append(variable)
    found, layer = Followers(), bricks[path]
    waiting = [
        (v, Place(v.ndim - 3 if isinstance(layer, Convolutional) else v.ndim - 1))
        for call, vs in of_call.items()
        if call.application.brick is layer and call.application.name != "initial_states"
        for v in vs
    ]
    if not waiting:
        found.reason = f"{path} is not applied"
    seen = {variable for variable, _ in waiting}
    if isinstance(layer, TRANSITIONS):
        inner = [one for one in layer.children if not isinstance(one, Activation)]
        if inner:
            found.reason = NOT_EACH.format(path=path, kind=type(inner[0]).__name__)
    while waiting:
        here, place = waiting.pop()
        if here in outputs:
            found.reason = found.reason or f"the units of {path} are an output of the model"
        for user in users.get(here, ()):
            nexts, after = _after(user, place, of_call, paths, path, found)
            waiting += [(one, after) for one in nexts if one not in seen]
            seen.update(nexts)
    changed = {path, *found.weights, *found.units, *feeders(built, bricks, path)}
    assert built.spec is not None
    found.reason = found.reason or _use_of_parameters(built.spec, changed)
    return found


def _use_of_parameters(spec: Spec, bricks: Iterable[str]) -> str:
    """Return a reason if the specification uses parameters of bricks, as weight decay does."""
    owners = set(bricks)
    for call in spec.calls:
        used = [one for given in call.inputs.values() for one in parameters_in(given)]
        changed = [one for one in used if one.rpartition(".")[0] in owners]
        if changed:
            what = call.outputs[0] if spec.cost is None else "the cost"
            return USED.format(what=what, parameters=", ".join(changed))
    return ""


def _users(variables: Iterable[Variable]) -> dict[Variable, list[Variable]]:
    """Return the variables that are computed from each variable."""
    users: dict[Variable, list[Variable]] = {}
    for variable in variables:
        for given in dict.fromkeys(variable.owner.inputs if variable.owner else ()):
            users.setdefault(given, []).append(variable)
    return users


def _after(
    user: Variable,
    place: Place,
    of_call: Mapping[ApplicationCall, list[Variable]],
    paths: Mapping[Brick, str],
    path: str,
    found: Followers,
) -> tuple[list[Variable], Place]:
    """Return the variables and the place that contain the units after `user`; update `found`."""
    call = get_application_call(user)
    copied = user.owner is not None and user.owner.function is identity
    brick = call.application.brick if call is not None else None
    if copied and call is not None and has_roles(user, [INPUT]) and isinstance(brick, Brick):
        where, kind = paths.get(brick, brick.path()), type(brick).__name__
        if isinstance(brick, ConvolutionalTranspose):
            found.reason = found.reason or f"{where} is a ConvolutionalTranspose"
            return [], place
        if isinstance(brick, (Linear, Convolutional, BatchNormalization, *PASSING)):
            after = _behind(brick, user.ndim, place)
            readers: dict[str, bool] = {}
            if isinstance(brick, (Linear, Convolutional)):
                readers = found.weights
            elif isinstance(brick, BatchNormalization):
                readers = found.units
            if after is None or readers.setdefault(where, place.last) != place.last:
                found.reason = found.reason or OTHER_AXIS.format(
                    path=path, axis=place.axis, where=where, kind=kind
                )
                return [], place
            return [] if readers is found.weights else list(of_call.get(call, ())), after
        if not brick.children:
            found.reason = found.reason or (
                f"the units of {path} are inputs of {where} ({kind}), which would count copies "
                "twice"
            )
            return [], place
    kept = place if copied else _kept(user, place)
    if kept is not None:
        return [user], kept
    if user.owner is not None and user.owner.name == "size":
        return [], place
    name = user.owner.name if user.owner is not None else user
    found.reason = found.reason or (
        f"the units of {path} are used in the operation {name}, which can count copies twice"
    )
    return [], place


def _behind(brick: Brick, ndim: int, place: Place) -> Place | None:
    """Return the place of the units in a brick's outputs, or None if the brick mixes them."""
    if isinstance(brick, Flattener) and ndim > 2:
        last = place.axis == ndim - 1
        return Place(1, last) if last or place.axis == 1 else None
    if isinstance(brick, Linear):
        fits = place.axis == ndim - 1
    elif isinstance(brick, (Convolutional, Pooling)):
        fits = place.axis == ndim - 3
    elif isinstance(brick, BatchNormalization):
        fits = place.axis == 1 and 1 not in brick.normalization_axes
    else:
        fits = True
    return place if fits else None


def _kept(user: Variable, place: Place) -> Place | None:
    """Return the place of the units after an operation that treats all units alike, or None.

    Examples are selecting a time step and averaging over the pixels of an image.
    """
    owner: Any = user.owner
    if owner is None or len(owner.inputs) != 1:
        return None
    ndim = owner.inputs[0].ndim
    removed: list[Any] = []
    if owner.name == "getitem":
        key = owner.args[1]
        keys = key if isinstance(key, tuple) else (key,)
        if not all(is_whole(one) or isinstance(one, slice) for one in keys):
            return None
        if keys[place.axis : place.axis + 1] not in ((), (slice(None),)):
            return None
        removed = [axis for axis, one in enumerate(keys) if is_whole(one)]
    elif owner.name in ("mean", "sum"):
        dim = owner.kwargs.get("dim", owner.args[1] if len(owner.args) > 1 else None)
        dims = dim if isinstance(dim, (list, tuple)) else [dim]
        if not dims or not all(is_whole(one) and one % ndim != place.axis for one in dims):
            return None
        removed = [] if user.ndim == ndim else [one % ndim for one in dims]
    else:
        return None
    return place._replace(axis=place.axis - sum(one < place.axis for one in removed))


def feeders(built: Built, bricks: Mapping[str, Brick], path: str) -> dict[str, int]:
    """Return the layers that compute the inputs of a recurrent brick, with their numbers of blocks.

    For other bricks, the result is empty.

    Raises
    ------
    BuilderError
        If the recurrent brick cannot be widened together with these layers.
    """
    layer = bricks[path]
    if not isinstance(layer, TRANSITIONS):
        return {}
    if "/" in path:
        raise BuilderError(INSIDE.format(path=path))
    outputs = set(built.model.outputs)
    order = ancestors(outputs)
    users = _users(one for one in order if one.owner is None or one.owner.name != "size")
    blocks = next(BLOCKS[kind] for kind in TRANSITIONS if isinstance(layer, kind))
    found: dict[str, int] = {}
    for variable in order:
        call = get_application_call(variable)
        name = vars(variable.tag).get("name", variable.name)
        own = call is not None and call.application.brick is layer and name in blocks
        if not own or not has_roles(variable, [INPUT]):
            continue
        feeder = _feeder(variable, users, outputs, bricks)
        if feeder is None or feeder in found:
            raise BuilderError(NOT_FED.format(path=path, input=name))
        found[feeder] = blocks[str(name)]
    return found


def _feeder(
    variable: Variable,
    users: Mapping[Variable, list[Variable]],
    outputs: set[Variable],
    bricks: Mapping[str, Brick],
) -> str | None:
    """Return the layer whose outputs are read only by `variable`, or None if there is none."""
    paths = {one: where for where, one in bricks.items()}
    while variable.owner is not None and variable.owner.function is identity:
        variable = variable.owner.inputs[0]
        if variable in outputs or len(users.get(variable, ())) != 1:
            return None
        call = get_application_call(variable)
        brick: Any = None if call is None else call.application.brick
        if isinstance(brick, (Linear, LookupTable)) and has_roles(variable, [OUTPUT]):
            return paths.get(brick)
    return None


# Settings.


def _number_in(mlp: MLP, layer: Brick) -> int:
    return next(i for i, one in enumerate(mlp.linear_transformations) if one is layer)


def _with_outputs(spec: Spec, bricks: Mapping[str, Brick], path: str, units: int) -> Spec:
    brick, above = bricks[path], path.rpartition("/")[0]
    parent = bricks.get(above)
    if isinstance(parent, MLP):
        block = above.rpartition("/")[0]
        if isinstance(bricks.get(block), TransformerBlock) and place_in(spec, above) is None:
            return _with_setting(spec, block, "hidden_dim", units)
        return _with_dim(spec, above, parent, _number_in(parent, brick) + 1, units)
    if isinstance(parent, Fork):
        return _with_fork(spec, above, parent, brick, units)
    if isinstance(brick, Convolutional):
        return _with_setting(spec, path, "num_filters", units)
    name = "dim" if isinstance(brick, (LookupTable, *TRANSITIONS)) else "output_dim"
    return _with_setting(spec, path, name, units)


def _with_fork(spec: Spec, path: str, fork: Fork, child: Brick, units: int) -> Spec:
    """Set the dimension of one output of a `Fork`."""
    number = next(i for i, one in enumerate(fork.children) if one is child)
    place = place_in(spec, path)
    dims = None if place is None else _get(spec.to_dict(), f"{place}/output_dims")
    if isinstance(dims, list):
        new: Json = [units if i == number else one for i, one in enumerate(dims)]
    elif isinstance(dims, Mapping) and isinstance(dims.get("mapping"), Mapping):
        new = {"mapping": {**dims["mapping"], fork.output_names[number]: units}}
    else:
        raise BuilderError(f"{path} has no output_dims that can be changed")
    return _with_setting(spec, path, "output_dims", new)


def _with_inputs(spec: Spec, bricks: Mapping[str, Brick], path: str, now: int, units: int) -> Spec:
    brick, parent = bricks[path], bricks.get(path.rpartition("/")[0])
    if isinstance(brick, Convolutional):
        place = place_in(spec, path)
        if place is not None and _get(spec.to_dict(), f"{place}/num_channels") is not None:
            return _with_setting(spec, path, "num_channels", units)
        return spec
    assert isinstance(brick, Linear)
    wider = brick.input_dim // now * units
    if isinstance(parent, MLP):
        number = _number_in(parent, brick)
        where = path.rpartition("/")[0]
        place = place_in(spec, where)
        dims = None if place is None else _get(spec.to_dict(), f"{place}/dims")
        if isinstance(dims, list) and dims[number] is not None:
            return _with_dim(spec, where, parent, number, wider)
        return spec
    place = place_in(spec, path)
    if place is not None and _get(spec.to_dict(), f"{place}/input_dim") is not None:
        return _with_setting(spec, path, "input_dim", wider)
    return spec


def _with_dims_of_units(spec: Spec, path: str, now: int, units: int) -> Spec:
    """Set the dimension of an intermediate brick if this dimension was given, not inferred."""
    place = place_in(spec, path)
    for name in ("input_dim", "num_channels"):
        value = None if place is None else _get(spec.to_dict(), f"{place}/{name}")
        if isinstance(value, int):
            spec = _with_setting(spec, path, name, value // now * units)
        elif isinstance(value, Mapping) and isinstance(value.get("tuple"), list):
            spec = _with_setting(spec, path, name, {"tuple": [units, *value["tuple"][1:]]})
    return spec


def _with_dim(spec: Spec, path: str, mlp: MLP, number: int, value: int) -> Spec:
    place = place_in(spec, path)
    dims = None if place is None else _get(spec.to_dict(), f"{place}/dims")
    if not isinstance(dims, list):
        raise BuilderError(f"{path} has no dims that can be changed")
    return _with_setting(
        spec, path, "dims", [value if i == number else one for i, one in enumerate(dims)]
    )


def _with_setting(spec: Spec, path: str, name: str, value: Json) -> Spec:
    place = place_in(spec, path)
    if place is None:
        raise BuilderError(
            f"the settings of {path} come from the brick that contains it; change the settings of "
            "that brick"
        )
    return Spec.from_dict(patched(spec.to_dict(), f"{place}/{name}", value))


def place_in(spec: Spec, path: str) -> str | None:
    """Return the location of a brick's settings in a specification, or None if it is missing.

    Examples
    --------
    >>> from workbench.builder import BrickSpec
    >>> spec = Spec((BrickSpec("Linear", "linear", {"output_dim": 2}),))
    >>> place_in(spec, "linear")
    'bricks/0/settings'
    """
    top, _, below = path.partition("/")
    for i, brick in enumerate(spec.bricks):
        if name_of(brick) == top:
            place = f"bricks/{i}/settings"
            settings: Json = dict(brick.settings)
            for part in below.split("/") if below else []:
                inner = _bricks_in(settings, place)
                if part not in inner:
                    return None
                place, settings = inner[part]
            return place
    return None


def _bricks_in(settings: Json, place: str) -> dict[str, tuple[str, Json]]:
    """Return the location and the settings of each brick in `settings`, keyed by brick name."""
    found: dict[str, tuple[str, Json]] = {}
    waiting: list[tuple[Json, str]] = [(settings, place)]
    while waiting:
        value, where = waiting.pop(0)
        if isinstance(value, list):
            waiting += [(one, f"{where}/{i}") for i, one in enumerate(value)]
        elif isinstance(value, Mapping):
            inner = value.get("brick")
            if isinstance(inner, Mapping) and "type" in inner:
                name = inner.get("name") or str(inner["type"]).rpartition(".")[2].lower()
                label = unique(name, found)
                found[label] = f"{where}/brick/settings", inner.get("settings", {})
            else:
                waiting += [(one, f"{where}/{key}") for key, one in value.items()]
    return found


def _get(value: Json, path: str) -> Json:
    for part in path.split("/"):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping):
            value = value.get(part)
        else:
            return None
    return value
