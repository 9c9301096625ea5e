"""Preparation of bricks for training: schemes, seeds, and sizes that follow from the data.

The settings of the caller are kept. Missing settings are added to the bricks themselves, so that
the code that is generated from the bricks shows them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from workbench.bricks import (
    GELU,
    MLP,
    Brick,
    Initializable,
    LeakyRectifier,
    Random,
    Rectifier,
    Softplus,
    Swish,
    apply_fix,
)
from workbench.bricks import Sequence as BrickSequence
from workbench.bricks.inference import Kind, infer
from workbench.bricks.lazy import is_set
from workbench.bricks.random_numbers import RNGMixin
from workbench.errors import BrickError, NotConfiguredError, ShapeError
from workbench.initialization import Constant, Glorot, He, NdarrayInitialization

HALF_ZERO = (Rectifier, LeakyRectifier, GELU, Swish, Softplus)
"""Activations that are zero or almost zero for half of all inputs."""

MOST_SETTINGS = 200

ONLY_INPUTS = (
    "{path}: {kind}({number}) has {number} inputs and no number of outputs, since the first "
    "argument of {kind} is input_dim; write {kind}(output_dim={number})"
)
NOT_INPUTS = (
    "{path}: {kind}({number}) has {number} inputs, since the first argument of {kind} is "
    "input_dim, but is applied to {found} features; write {kind}(output_dim={number}) for {number} "
    "outputs, or {kind}(), whose number of outputs follows from the data"
)

FROM_SHAPE = {
    "input_dim": lambda shape: shape[1] if len(shape) == 2 else tuple(shape[1:]),
    "dim": lambda shape: shape[-1],
    "num_channels": lambda shape: shape[1],
    "image_size": lambda shape: tuple(shape[2:]),
}
"""Settings that follow from the shape of a brick's input."""


def steps_of(brick: Brick) -> list[Brick]:
    """Return the bricks that a sequence applies, in order; for any other brick, only `brick`."""
    if isinstance(brick, BrickSequence) and not isinstance(brick, Initializable):
        return [step for one in brick.application_methods for step in steps_of(one.brick)]
    return [brick]


def set_names(bricks: Sequence[Brick]) -> None:
    """Append numbers to names that several bricks share, as in ``linear_0`` and ``linear_1``."""
    found = list(dict.fromkeys(bricks))
    counts = Counter(brick.name for brick in found)
    taken = set(counts)
    for name, count in counts.items():
        if count == 1:
            continue
        numbers = itertools.count()
        for brick in [one for one in found if one.name == name]:
            brick.name = next(n for i in numbers if (n := f"{name}_{i}") not in taken)


def sized(steps: Sequence[Brick]) -> Any:
    """Return the last brick whose number of outputs can be set, or None if there is none."""
    for brick in reversed(steps):
        if isinstance(brick, MLP) or "output_dim" in brick.allocation_args:
            return brick
    return None


def known_outputs(steps: Sequence[Brick]) -> int | None:
    """Return the number of outputs of the brick that `sized` returns, or None if it is not set."""
    last = sized(steps)
    number = None if last is None else last.output_dim
    return number if isinstance(number, int) else None


def settle_sizes(steps: Sequence[Brick], inputs: Sequence[Kind], outputs: int | None) -> None:
    """Set the missing sizes of bricks: input sizes from the data, and the number of outputs.

    Parameters
    ----------
    steps : sequence of Brick
        The bricks of a model, in the order they are applied.
    inputs : sequence of Kind
        The shapes and dtypes of the first brick's inputs.
    outputs : int or None
        The number of outputs of the last brick that has a setting for this number.

    Raises
    ------
    BrickError
        If a size follows neither from the data nor from other settings.
    """
    last = sized(steps)
    only_inputs: list[Any] = [brick for brick in steps if _has_only_inputs(brick)]
    for brick in only_inputs:
        if brick is not last:
            kind, number = type(brick).__name__, brick.input_dim
            raise BrickError(ONLY_INPUTS.format(path=brick.path(), kind=kind, number=number))
    if outputs is not None and last is not None and not is_set(last.output_dim):
        last.output_dim = outputs
    kinds = list(inputs)
    for brick in steps:
        apply: Any = getattr(brick, "apply", None)
        if apply is None:
            raise BrickError(
                f"{brick.path()}: a model applies its bricks in order, but {type(brick).__name__} "
                "has no method apply; compose the model yourself, and train it with MainLoop"
            )
        names = list(apply.inputs)
        if len(kinds) > len(names):
            raise BrickError(
                f"{brick.path()}: apply has {len(names)} inputs ({', '.join(names)}), but is given "
                f"{len(kinds)}"
            )
        if brick in only_inputs:
            _check_inputs(brick, kinds[0])
        kinds = _outputs(brick, dict(zip(names, kinds, strict=False)))


def _has_only_inputs(brick: Any) -> bool:
    """Return True if a brick has a number of inputs, but no number of outputs."""
    if not {"input_dim", "output_dim"} <= set(brick.allocation_args):
        return False
    return isinstance(brick.input_dim, int) and not is_set(brick.output_dim)


def _check_inputs(brick: Any, kind: Kind) -> None:
    """Raise an error if a brick's number of inputs was meant as its number of outputs."""
    number, found = brick.input_dim, kind.shape[-1]
    if number != found:
        text = NOT_INPUTS.format(
            path=brick.path(), kind=type(brick).__name__, number=number, found=found
        )
        raise BrickError(text)


def _outputs(brick: Any, given: dict[str, Kind]) -> list[Kind]:
    for _ in range(MOST_SETTINGS):
        try:
            return list(infer(brick.apply, given).values())
        except (NotConfiguredError, ShapeError) as error:
            if not _settled(brick, next(iter(given.values())), error):
                raise
    raise BrickError(f"{brick.path()}: its sizes cannot be inferred from the data; set them")


def _settled(brick: Any, kind: Kind, error: Any) -> bool:
    """Set the size that an error reports as missing; return False if it cannot be inferred."""
    fix = error.fix
    if fix is not None:
        top = brick.get_unique_path()[0]
        target = next((one for one in tree(top) if one.path() == fix.brick), None)
        if isinstance(error, NotConfiguredError) or not is_set(
            getattr(target, fix.attribute, None)
        ):
            apply_fix(brick, fix)
            return True
        return False
    for name in getattr(error, "missing", None) or ():
        find = FROM_SHAPE.get(name)
        unknown = find is None or is_set(getattr(brick, name, None)) or len(kind.shape) < 2
        if unknown or name not in brick.allocation_args:
            return False
        setattr(brick, name, find(kind.shape))  # type: ignore[misc]
        return True
    return False


def tree(brick: Brick) -> Iterator[Brick]:
    """Yield a brick and all bricks below it."""
    yield brick
    for child in brick.children:
        if isinstance(child, Brick):
            yield from tree(child)


def set_schemes(steps: Sequence[Brick]) -> None:
    """Set the missing schemes of bricks: zero for biases, and `He` for weights before rectifiers.

    Other weights get the default scheme of the brick, usually `Glorot`. A brick that contains a
    brick with a scheme is not changed, since the outer scheme would replace the inner scheme.
    """
    for number, brick in enumerate(steps):
        if not isinstance(brick, Initializable):
            continue
        if _has_schemes(brick):
            continue
        following = steps[number + 1 : number + 4]
        if isinstance(brick, MLP):
            following = [*brick.children]
        weights = _scheme(brick, following)
        if not is_set(brick.weights_init):
            brick.weights_init = weights
        if "biases_init" in brick.default_schemes and not is_set(brick.biases_init):
            brick.biases_init = Constant(0)


def _scheme(brick: Initializable, following: Sequence[Any]) -> NdarrayInitialization:
    usual = brick.default_schemes["weights_init"]
    if not isinstance(usual, Glorot):
        return usual
    for one in following:
        if isinstance(one, HALF_ZERO):
            return He()
        if isinstance(one, Initializable) and not isinstance(brick, MLP):
            break
    return Glorot()


def _has_schemes(brick: Brick) -> bool:
    below = [one for one in tree(brick) if one is not brick and isinstance(one, Initializable)]
    return any(is_set(one.weights_init) or is_set(one.biases_init) for one in below)


def set_seeds(steps: Sequence[Brick], seed: int) -> None:
    """Give a seed to each brick that draws random numbers and has no seed."""
    for number, brick in enumerate(steps):
        for one in _drawing(brick):
            own: Any = one
            if isinstance(one, RNGMixin) and own._seed is None:
                own.seed = seed + number
            if isinstance(one, Random) and own._random_seed is None:
                own.random_seed = seed + number


def _drawing(brick: Brick) -> list[Brick]:
    """Return the topmost bricks that draw random numbers."""
    if isinstance(brick, (RNGMixin, Random)):
        return [brick]
    return [one for child in brick.children if isinstance(child, Brick) for one in _drawing(child)]
