"""`BatchNormalizedMLP`, a multi-layer perceptron with batch normalisations."""

from __future__ import annotations

from collections.abc import Sequence as SequenceType
from typing import Unpack

from workbench.bricks.application import BoundApplication
from workbench.bricks.base import Brick
from workbench.bricks.bn.brick import BatchNormalization
from workbench.bricks.lazy import lazy
from workbench.bricks.options import MLPOptions
from workbench.bricks.sequences import MLP, Sequence, check_list


class BatchNormalizedMLP(MLP):
    """A multi-layer perceptron with a `BatchNormalization` before each activation.

    Each activation is replaced by a `Sequence` of a batch normalisation and the activation, named
    ``batch_norm_activation_0`` and so on. The linear transformations have no biases unless
    `use_bias` is True, since the normalisations would cancel the biases.

    Parameters
    ----------
    activations : list of Brick, BoundApplication or None
        See `MLP`.
    dims : list of int
        See `MLP`. Required by `allocate`.
    conserve_memory, mean_only, learn_scale, learn_shift : bool, optional
        Options of `BatchNormalization`, which apply to all batch normalisations.
    **kwargs
        Options of `MLP`.

    Examples
    --------
    >>> from workbench.bricks import Rectifier
    >>> mlp = BatchNormalizedMLP([Rectifier(), None], [20, 10, 5])
    >>> mlp.allocate()
    >>> print(mlp)
    BatchNormalizedMLP batchnormalizedmlp: 20 -> 5 · 280 parameters
    ├─ Linear linear_0: 20 -> 10 · 200 parameters: W (20, 10)
    ├─ Sequence batch_norm_activation_0 · 20 parameters
    │  ├─ BatchNormalization batchnormalization: 10 · 20 parameters: batch_norm_scale (10,), batch_norm_shift (10,)
    │  └─ Rectifier rectifier
    ├─ Linear linear_1: 10 -> 5 · 50 parameters: W (10, 5)
    └─ Sequence batch_norm_activation_1 · 10 parameters
       └─ BatchNormalization batchnormalization: 5 · 10 parameters: batch_norm_scale (5,), batch_norm_shift (5,)
    """  # noqa: E501

    @lazy(allocation=["dims"])
    def __init__(
        self,
        activations: SequenceType[Brick | BoundApplication | None],
        dims: SequenceType[int],
        *,
        conserve_memory: bool = True,
        mean_only: bool = False,
        learn_scale: bool = True,
        learn_shift: bool = True,
        use_bias: bool | None = False,
        **kwargs: Unpack[MLPOptions],
    ) -> None:
        check_list(self, "activations", activations)
        self.normalizations = [BatchNormalization() for _ in activations]
        pairs = zip(self.normalizations, activations, strict=True)
        normalized = [
            Sequence(
                [normalization] if activation is None else [normalization, activation],
                name=f"batch_norm_activation_{i}",
            )
            for i, (normalization, activation) in enumerate(pairs)
        ]
        super().__init__(normalized, dims, use_bias=use_bias, **kwargs)
        self.conserve_memory = conserve_memory
        self.mean_only = mean_only
        self.learn_scale = learn_scale
        self.learn_shift = learn_shift

    @property
    def conserve_memory(self) -> bool:
        """True if `conserve_memory` is True for all batch normalisations."""
        return all(brick.conserve_memory for brick in self.normalizations)

    @conserve_memory.setter
    def conserve_memory(self, value: bool) -> None:
        for brick in self.normalizations:
            brick.conserve_memory = value

    def _push_allocation_config(self) -> None:
        super()._push_allocation_config()
        for brick, dim in zip(self.normalizations, self.dims[1:], strict=True):
            brick.input_dim = dim
            brick.mean_only = self.mean_only
            brick.learn_scale = self.learn_scale
            brick.learn_shift = self.learn_shift
