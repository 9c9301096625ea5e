"""Functions that check and convert arguments of other functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import torch

from workbench import errors
from workbench.tensor import shapes
from workbench.tensor.inputs import expect_read_only
from workbench.tensor.transfer import upload
from workbench.tensor.variable import Variable


class Expected:
    """Dtype, shape and device of one input, with methods that check and convert its values."""

    __slots__ = ("device", "dtype", "fixed", "ndim", "number", "symbols", "variable")

    def __init__(self, variable: Variable) -> None:
        self.variable = variable
        self.dtype, self.ndim, self.device = variable.dtype, variable.ndim, variable.device
        sizes = [shapes.symbol(s) for s in variable.fake.shape] if not variable.is_number else []
        self.fixed = [(axis, size) for axis, size in enumerate(sizes) if isinstance(size, int)]
        self.symbols = [(axis, s) for axis, s in enumerate(sizes) if getattr(s, "is_Symbol", False)]

    def accept(self, value: torch.Tensor) -> torch.Tensor:
        """Check the shape of `value`, and convert it to the dtype and device of the input."""
        if value.dtype is not self.dtype:
            value = self._widen(value)
        if value.dim() != self.ndim:
            self._refuse_shape(value, f"{self.ndim} dimension{'s' * (self.ndim != 1)}")
        for axis, size in self.fixed:
            if value.shape[axis] != size:
                self._refuse_shape(value, f"size {size} in dimension {axis}")
        if value.device != self.device:
            value = upload(value, self.device)
        return value

    def as_tensor(self, value: Any) -> torch.Tensor:
        """Convert `value` to a tensor, without a copy where possible."""
        if isinstance(value, numpy.ndarray):
            if not value.flags.writeable:
                expect_read_only()
            return self._shared_memory(value)
        if isinstance(value, torch.Tensor):
            # Outputs of functions have no autograd history, and compiled programs rely on that.
            value = value.detach() if value.requires_grad else value
            # Programs read memory directly, but torch negates or conjugates some views on access.
            own: torch.Tensor = value.resolve_conj().resolve_neg()
            return own
        if isinstance(value, Variable):
            raise errors.InputError(
                f"input {self.variable!r} must be a value, not the variable {value!r} (to put "
                "one graph into another, use givens or ComputationGraph.replace)"
            )
        try:
            tensor = torch.as_tensor(numpy.asarray(value))
        except (TypeError, ValueError) as error:
            raise errors.InputError(
                f"input {self.variable!r} must be an array of numbers, not the "
                f"{type(value).__name__} {value!r:.60} ({error})"
            ) from None
        # Python numbers have no dtype, so they get the dtype of the input.
        if not isinstance(value, numpy.generic) and torch.can_cast(tensor.dtype, self.dtype):
            return tensor.to(self.dtype)
        return tensor

    def _shared_memory(self, array: numpy.ndarray[Any, Any]) -> torch.Tensor:
        """Return a tensor that shares the memory of `array`, or a copy if torch cannot share it."""
        try:
            return torch.from_numpy(array)
        except ValueError:  # negative strides, or another byte order
            return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))
        except TypeError as error:
            raise errors.InputError(
                f"input {self.variable!r} must be an array of numbers, but has dtype "
                f"{array.dtype} ({error})"
            ) from None

    def _widen(self, value: torch.Tensor) -> torch.Tensor:
        rounds = self.dtype is torch.float32 and value.dtype in (torch.int32, torch.int64)
        if torch.promote_types(value.dtype, self.dtype) is self.dtype and not rounds:
            return value.to(self.dtype)
        short = str(self.dtype).removeprefix("torch.")
        raise errors.DtypeError(
            f"input {self.variable!r} must be {short}, not "
            f"{str(value.dtype).removeprefix('torch.')}; convert values with "
            f"array.astype({short!r}) or tensor.to(torch.{short}), or in the data stream with "
            f"Cast(stream, {short!r})"
        )

    def _refuse_shape(self, value: torch.Tensor, expected: str) -> None:
        raise errors.ShapeError(
            f"input {self.variable!r} got shape {tuple(value.shape)}, but the graph needs "
            f"{expected}: {shapes.describe(self.variable.fake)}"
        )


def ties_of(expected: Sequence[Expected]) -> list[tuple[int, int, int, int]]:
    """Return ``(input, axis, input, axis)`` for pairs of axes whose sizes must be equal."""
    places = [(size, i, axis) for i, e in enumerate(expected) for axis, size in e.symbols]
    first: dict[Any, tuple[int, int]] = {}
    ties = []
    for size, i, axis in places:
        same = next((s for s in (size, *shapes.equal_to(size)) if s in first), None)
        if same is None:
            first[size] = (i, axis)
        else:
            first.setdefault(size, first[same])
            ties.append((*first[same], i, axis))
    return ties


def equal_sizes(
    expected: Sequence[Expected], ties: Sequence[tuple[int, int, int, int]]
) -> list[list[tuple[int, int]]]:
    """Return, for each size that can vary, the ``(input, axis)`` pairs with this size."""
    fixed = {(i, axis) for i, e in enumerate(expected) for axis, _ in e.fixed}
    places = {
        (i, axis): [(i, axis)]
        for i, e in enumerate(expected)
        for axis in range(e.ndim)
        if (i, axis) not in fixed
    }
    for i, axis, j, other in ties:
        places[i, axis] += places.pop((j, other))
    return list(places.values())
