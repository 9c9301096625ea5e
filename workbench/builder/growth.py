"""Values of widened parameters, whose new units are copies of existing units."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import torch

from workbench.bricks import Brick, symbolic_parameters
from workbench.bricks.conv import Convolutional
from workbench.builder.convert import from_spec
from workbench.builder.matching import Held, Parameters
from workbench.builder.spec import Spec
from workbench.builder.widening import TRANSITIONS, bricks_of, feeders, followers, units_of
from workbench.errors import BuilderError

MISFIT = (
    "{path} cannot be widened together with the other changes: {parameter} has the shape {old} "
    "and would have the shape {new}. Apply the other changes first, and then widen the layers"
)
NARROW = (
    "{path} has {old:,} units and would have {new:,} units, so it would not become wider; omit it "
    "from the layers to be widened"
)


@dataclass(frozen=True)
class Copies:
    """Copies of units along one dimension of a parameter.

    Attributes
    ----------
    axis : int
    origins : tuple of int
        For each index of the new parameter, the index in the old parameter that it is copied from.
    shared : bool
        True if the weights of a unit are divided among its copies, False if each copy has the full
        weights.
    """

    axis: int
    origins: tuple[int, ...]
    shared: bool


@dataclass(frozen=True)
class Growth:
    """Rule for computing the new values of a widened parameter.

    Attributes
    ----------
    source : str
        The path of the parameter in the old model.
    copies : tuple of Copies
    noise : float
        The standard deviation of the noise on copies, relative to the standard deviation of the
        weights.
    seed : int
    """

    source: str
    copies: tuple[Copies, ...]
    noise: float
    seed: int

    def value(self, old: torch.Tensor) -> torch.Tensor:
        """Return the new value of the parameter.

        Shared weights are divided at random among the copies of a unit: the sum stays the same, but
        the copies learn differently from the first batch onwards.

        Examples
        --------
        >>> growth = Growth("/linear.W", (Copies(0, (0, 1, 1), shared=True),), 0.0, seed=1)
        >>> new = growth.value(torch.tensor([[1.0], [3.0]]))
        >>> new[0].item(), round((new[1] + new[2]).item(), 5)
        (1.0, 3.0)
        """
        generator = torch.Generator().manual_seed(self.seed)
        new = old
        for one in self.copies:
            origins = torch.tensor(one.origins, device=old.device)
            wider = new.index_select(one.axis, origins)
            if one.shared:
                # The draws are the same on every device, since the generator is on the CPU.
                share = torch.rand(wider.shape, generator=generator, dtype=wider.dtype) + 0.5
                share = share.to(old.device)
                total = torch.zeros_like(new).index_add_(one.axis, origins, share)
                wider = wider * (share / total.index_select(one.axis, origins))
            elif self.noise:
                drawn = torch.randn(wider.shape, generator=generator, dtype=wider.dtype)
                drawn = drawn.to(old.device)
                drawn.narrow(one.axis, 0, new.shape[one.axis]).zero_()
                wider = wider + self.noise * new.std(correction=0) * drawn
            new = wider
        return new

    def buffer(self, old: torch.Tensor) -> torch.Tensor:
        """Return the new value of a buffer that has the same shape as the parameter."""
        new = old
        for one in self.copies:
            if new.dim() > one.axis:
                origins = torch.tensor(one.origins, device=old.device)
                new = new.index_select(one.axis, origins)
        return new


def growths(
    spec: Spec,
    widened: Collection[str],
    old: Parameters,
    new: Parameters,
    noise: float = 0.0,
) -> dict[str, Growth]:
    """Return the rules for parameters whose shapes change as layers are widened, keyed by path.

    Parameters
    ----------
    spec : Spec
        The old model.
    widened : collection of str
        The paths of the layers that become wider.
    old, new : dict of str to Held
        The parameters of the old and the new model.
    noise : float

    Raises
    ------
    BuilderError
        If the additional units do not explain the new shapes of the parameters.
    """
    if not widened:
        return {}
    with symbolic_parameters():
        built = from_spec(spec)
    bricks = bricks_of(built)
    copies: dict[str, list[Copies]] = {}
    for path in widened:
        if path not in bricks:
            raise BuilderError(f"the current model has no brick {path!r} to widen")
        units = units_of(bricks[path], path)
        own = [one for one in new.values() if one.brick == path]
        wider = min((one.shape[_output_axis(bricks[path], one)] for one in own), default=units)
        if wider <= units:
            raise BuilderError(NARROW.format(path=path, old=units, new=wider))
        origins = (*range(units), *(i % units for i in range(wider - units)))
        for name, one in _of(new, path):
            copies.setdefault(name, []).extend(_own(bricks[path], one, origins, units, wider))
        for feeder, blocks in feeders(built, bricks, path).items():
            spread = _in_blocks(origins, units, blocks)
            for name, one in _of(new, feeder):
                own_axis = _output_axis(bricks[feeder], one)
                copies.setdefault(name, []).append(Copies(own_axis, spread, shared=False))
        after = followers(built, bricks, path)
        for follower, last in (after.units | after.weights).items():
            shared = follower in after.weights
            axis = 1 if isinstance(bricks[follower], Convolutional) else 0
            for name, one in _of(new, follower):
                if name not in old:
                    continue
                was = old[name].shape
                if one.name == "W" if shared else one.shape[:1] != was[:1]:
                    spread = _spread(origins, units, was[axis] // units, last)
                    copies.setdefault(name, []).append(Copies(axis, spread, shared))
    found = {}
    for name, several in copies.items():
        if name not in old:
            continue
        shape = list(old[name].shape)
        for copied in several:
            shape[copied.axis] = len(copied.origins)
        if tuple(shape) != new[name].shape:
            raise BuilderError(
                MISFIT.format(
                    path=", ".join(widened), parameter=name, old=old[name].shape,
                    new=new[name].shape,
                )
            )  # fmt: skip
        seed = zlib.crc32(f"{name} {new[name].shape}".encode())
        found[name] = Growth(name, tuple(several), noise, seed)
    return found


def _own(brick: Brick, one: Held, origins: tuple[int, ...], units: int, wider: int) -> list[Copies]:
    """Return the `Copies` that widen a parameter of the layer itself."""
    if not isinstance(brick, TRANSITIONS) or len(one.shape) == 1:
        return [Copies(_output_axis(brick, one), origins, shared=False)]
    blocks = one.shape[1] // wider
    return [Copies(1, _in_blocks(origins, units, blocks), shared=False), Copies(0, origins, True)]


def _in_blocks(origins: tuple[int, ...], units: int, blocks: int) -> tuple[int, ...]:
    """Return the origins of all units in consecutive blocks.

    >>> _in_blocks((0, 1, 0), 2, 2)
    (0, 1, 0, 2, 3, 2)
    """
    return tuple(block * units + unit for block in range(blocks) for unit in origins)


def _spread(origins: tuple[int, ...], units: int, block: int, last: bool) -> tuple[int, ...]:
    """Return the origins of the values in a vector that a `Flattener` creates from the units.

    >>> _spread((0, 1, 0), 2, 2, last=False)
    (0, 1, 2, 3, 0, 1)
    """
    if last:
        return _in_blocks(origins, units, block)
    return tuple(unit * block + i for unit in origins for i in range(block))


def _of(parameters: Parameters, brick: str) -> Iterable[tuple[str, Held]]:
    return [(name, one) for name, one in parameters.items() if one.brick == brick]


def _output_axis(brick: Brick, parameter: Held) -> int:
    """Return the dimension of a parameter that corresponds to its brick's units."""
    if isinstance(brick, Convolutional) or len(parameter.shape) == 1:
        return 0
    return 1


def without(parameters: Parameters, names: Iterable[str]) -> Parameters:
    """Return `parameters` without the parameters in `names`."""
    left_out = set(names)
    return {name: one for name, one in parameters.items() if name not in left_out}
