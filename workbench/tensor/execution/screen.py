"""Looks for values that are not finite, before they are written: as cheap as can be.

Whether all elements are finite is asked with every step and hardly ever answered with no. So a look
takes one pass, in few calls, and may raise a false alarm; what is alarming is then looked at once
more, exactly, and at leisure. The eager tier sums up large tensors and has one multi-tensor
operation look at all small ones. A compiled program sums up what is subtracted from old values, or
what that is a product of (`rewrites`), so that nothing is written down for the sake of the look.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Sequence

import torch

from workbench.tensor import torch_internals as internals

LARGE = 2**14
"""Elements from which a sum of its own is faster than the multi-tensor operation."""
MARGIN = 1e8
"""How far from an overflow what is subtracted has to stay, to make sure that a difference does."""
ROOM = 2.0**54
"""The same for the eager tier, in double precision, too; a power of two, which rounds nothing."""


class Screen:
    """Looks at some results of a program, on the CPU.

    What old values are to be changed by has to be small enough for the sum of it and any finite
    number to be finite; it is multiplied and divided for that, and has to be computed again if it
    does not pass.

    Parameters
    ----------
    places : sequence of int
        Which results.
    likes : sequence of torch.Tensor
        Tensors of their sizes and dtypes.
    changing : collection of int
        Those of `places` where not a new value stands, but what an old one is changed by.
    """

    def __init__(
        self, places: Sequence[int], likes: Sequence[torch.Tensor], changing: Collection[int] = ()
    ) -> None:
        self._known = all(like.dtype in (torch.float32, torch.float64) for like in likes)
        pairs = list(zip(places, likes, strict=True))
        self._large = [place for place, like in pairs if like.numel() >= LARGE]
        small = [place for place, like in pairs if like.numel() < LARGE]
        self._small = [place for place in small if place not in changing]
        self._changing = [place for place in small if place in changing]
        self._bounds = {
            place: torch.finfo(like.dtype).max / ROOM
            for place, like in pairs
            if self._known and place in changing
        }
        self._found = torch.zeros(1)
        self._one = torch.ones(1)
        self._up, self._down = torch.tensor([ROOM]), torch.tensor([1 / ROOM])

    def passes(self, results: Sequence[torch.Tensor]) -> bool:
        """True if all elements are finite; if not, it may be a false alarm."""
        if not self._known:
            return False
        for place in self._large:
            if place in self._bounds:
                if not torch.linalg.vector_norm(results[place]).item() < self._bounds[place]:
                    return False
                continue
            total = results[place].sum().item()
            if total - total:  # which is no number, and counts as true, if the sum is not finite
                return False
        found = self._found
        if self._changing:
            given = [results[place] for place in self._changing]
            try:
                _look(given, found, self._up)
                _look(given, found, self._down)
            except RuntimeError:  # elements that share memory, which it would not write to
                self._large, self._changing = [*self._large, *self._changing], []
                return False
        if self._small:
            try:
                # It multiplies by one, which changes nothing; only the look is wanted.
                _look([results[place] for place in self._small], found, self._one)
            except RuntimeError:  # elements that share memory, which it would not write to
                self._large, self._small = [*self._large, *self._small], []
                return self.passes(results)
        if (self._changing or self._small) and found.item():
            found.zero_()
            return False
        return True


_look = internals.look_for_non_finite


def finite(new: torch.Tensor) -> torch.Tensor:
    """True, as a boolean without dimensions, if all elements are finite."""
    return new.isfinite().all()


_FINITE = "workbench::finite"
torch.library.define(_FINITE, "(Tensor new) -> Tensor")
torch.library.impl(_FINITE, "CompositeExplicitAutograd", finite)
torch.library.register_fake(_FINITE, lambda new: new.new_empty((), dtype=torch.bool))


def all_of(checks: Sequence[torch.Tensor]) -> torch.Tensor:
    """True if all of several booleans without dimensions are."""
    return functools.reduce(operator.and_, checks)
