"""Cheap checks that values are finite before they are written.

Every step checks that all elements are finite. They almost always are, so the check must be cheap:
it uses few calls and one pass over memory. It may raise a false alarm; the values are then checked
exactly. The eager tier computes the sum or the norm of each large tensor, and checks all
small tensors with multi-tensor operations. A compiled program sums the absolute values of the
amounts that it subtracts from old values, or of the factors of these amounts (`rewrites`), so that
no tensor is stored only for the check.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Collection, Sequence

import torch

from workbench.tensor import torch_internals as internals

LARGE = 2**14
"""Minimum number of elements that makes a sum faster than the multi-tensor operation."""
MARGIN = 1e8
"""Minimum ratio of the largest finite number to a subtracted value."""
ROOM = 2.0**54
"""Ratio that replaces `MARGIN` in the eager tier, large enough for double precision.

It is a power of two, so scaling is exact.
"""


class Screen:
    """Cheap check that some results of a program on the CPU are finite.

    Each result is a new value, or an amount to add to or subtract from an old value. Such an amount
    must be so small that the sum or difference is finite for every finite old value. To check this,
    small tensors are multiplied by `ROOM` in place, and then divided by it. If the check fails, the
    tensors may have changed, so the results must be computed again.

    Parameters
    ----------
    places : sequence of int
        Indices of the results to check.
    likes : sequence of torch.Tensor
        Tensors with the sizes and dtypes of these results.
    changing : collection of int
        The elements of `places` whose results are amounts to add or subtract, not new values.
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
        """Return True if all elements are certain to be finite; False may be a false alarm."""
        if not self._known:
            return False
        for place in self._large:
            if place in self._bounds:
                if not torch.linalg.vector_norm(results[place]).item() < self._bounds[place]:
                    return False
                continue
            total = results[place].sum().item()
            if total - total:  # NaN, which is true, if the sum is not finite
                return False
        found = self._found
        if self._changing:
            given = [results[place] for place in self._changing]
            try:
                _look(given, found, self._up)
                _look(given, found, self._down)
            except RuntimeError:  # expanded tensors are not writable
                self._large, self._changing = [*self._large, *self._changing], []
                return False
        if self._small:
            try:
                # The operation also scales by a factor, which is one here.
                _look([results[place] for place in self._small], found, self._one)
            except RuntimeError:  # expanded tensors are not writable
                self._large, self._small = [*self._large, *self._small], []
                return self.passes(results)
        if (self._changing or self._small) and found.item():
            found.zero_()
            return False
        return True


_look = internals.look_for_non_finite


def finite(new: torch.Tensor) -> torch.Tensor:
    """Return a scalar boolean tensor that is true if all elements of `new` are finite."""
    return new.isfinite().all()


_FINITE = "workbench::finite"
torch.library.define(_FINITE, "(Tensor new) -> Tensor")
torch.library.impl(_FINITE, "CompositeExplicitAutograd", finite)
torch.library.register_fake(_FINITE, lambda new: new.new_empty((), dtype=torch.bool))


def all_of(checks: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the conjunction of scalar boolean tensors."""
    return functools.reduce(operator.and_, checks)
