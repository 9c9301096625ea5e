"""`MultiHeadAttention`, attention with several heads.

Sequences have the shape (..., T, D), with time before features; any batch dimension comes first.
Recurrent bricks expect time first; ``x.transpose(0, 1)`` converts between the two layouts.
"""

from __future__ import annotations

from typing import Any, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.checks import check_last_dim, shown
from workbench.bricks.fixes import fix_of
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.linear import Linear
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.padding import without_padding
from workbench.bricks.positions import RotaryPositions
from workbench.errors import BrickError, ShapeError, about
from workbench.tensor import Variable


class MultiHeadAttention(Initializable):
    r"""Scaled dot-product attention with several heads.

    The queries :math:`Q` are a linear transformation of the query sequence, and the keys :math:`K`
    and values :math:`V` are linear transformations of the attended sequence. The features of
    queries, keys and values are divided equally among the heads. Each head computes
    :math:`\mathrm{softmax}(Q K^T / \sqrt{d}) V`, where :math:`d` is the number of features of each
    head. The outputs of the heads are concatenated and transformed linearly. The computation uses
    torch's fused implementation.

    Parameters
    ----------
    dim : int
        Number of features of the query and the output. Required by `allocate`.
    num_heads : int
        Number of heads, a divisor of `dim`. Required by `allocate`.
    attended_dim : int, optional
        Number of features of the attended sequence; `dim` by default.
    causal : bool, optional
        True to prevent each time step from attending to later time steps.
    positions : RotaryPositions, optional
        A brick that encodes the positions in the queries and keys of each head.
    **kwargs
        Options of `Initializable`.

    References
    ----------
    Vaswani and others, *Attention is all you need*, 2017.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant, IsotropicGaussian
    >>> attention = MultiHeadAttention(8, 2, weights_init=IsotropicGaussian(),
    ...                                biases_init=Constant(0), seed=1)
    >>> attention.initialize()
    >>> sequences = torch.randn(3, 5, 8)
    >>> attention.apply(sequences).shape
    torch.Size([3, 5, 8])
    >>> images = torch.randn(3, 100, 8)
    >>> attention.apply(sequences, images).shape
    torch.Size([3, 5, 8])
    """

    @lazy(allocation=["dim", "num_heads"])
    def __init__(
        self,
        dim: int,
        num_heads: int,
        attended_dim: int | None = None,
        *,
        causal: bool = False,
        positions: RotaryPositions | None = None,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        self.query_transformer = Linear(name="query_transformer")
        self.key_transformer = Linear(name="key_transformer")
        self.value_transformer = Linear(name="value_transformer")
        self.output_transformer = Linear(name="output_transformer")
        self.positions = positions
        children: list[Brick] = [*self._transformers(), *([positions] if positions else [])]
        super().__init__(**with_children(kwargs, *children))
        self.dim = dim
        self.num_heads = num_heads
        self.attended_dim = attended_dim
        self.causal = causal

    def _transformers(self) -> list[Linear]:
        return [
            self.query_transformer,
            self.key_transformer,
            self.value_transformer,
            self.output_transformer,
        ]

    def describe(self) -> str:
        causal = ", causal" if self.causal else ""
        plural = "s" * (self.num_heads != 1)
        return f"{self.dim or '?'}, {self.num_heads or '?'} head{plural}{causal}"

    def get_dim(self, name: str) -> Any:
        if name in ("query", "output"):
            return self.dim
        if name == "attended":
            return self.dim if self.attended_dim is None else self.attended_dim
        if name == "attended_mask":
            return 0
        return super().get_dim(name)

    def _push_allocation_config(self) -> None:
        if self.dim % self.num_heads:
            error = BrickError(
                f"{self.path()}: dim is {self.dim} and num_heads is {self.num_heads}, but "
                "num_heads must be a divisor of dim, because the heads divide the features equally"
            )
            heads = next(n for n in range(self.num_heads, 0, -1) if self.dim % n == 0)
            raise about(error, self.path(), fix_of(self, "num_heads", heads))
        for transformer in self._transformers():
            transformer.input_dim = transformer.output_dim = self.dim
            transformer.use_bias = self.use_bias
        for transformer in (self.key_transformer, self.value_transformer):
            transformer.input_dim = self.get_dim("attended")
        if self.positions is not None:
            self.positions.dim = self.dim // self.num_heads

    @application(inputs=["query", "attended", "attended_mask"], outputs=["output"])
    def apply(
        self,
        query: Variable,
        attended: Variable | None = None,
        attended_mask: Variable | None = None,
    ) -> Variable:
        """Attend to a sequence.

        Parameters
        ----------
        query : Variable
            The attending sequence, floats of shape (..., T, dim).
        attended : Variable, optional
            The sequence to attend to, of shape (..., S, attended_dim); by default the query.
        attended_mask : Variable, optional
            True or nonzero for the elements to attend to. The shape is (..., S), or (..., T, S) if
            the mask differs between time steps of the query. If the mask is zero for every element,
            the weighted mean of the values is a vector of zeros.

        Returns
        -------
        Variable
            Floats of the same shape as `query`.
        """
        attended = query if attended is None else attended
        if query.ndim < 2 or attended.ndim != query.ndim:
            raise ShapeError(
                f"{self.path()}.apply: query has shape {shown(query)} and attended has shape "
                f"{shown(attended)}; both must have the shape (..., T, D) with the same leading "
                "dimensions"
            )
        check_last_dim(self, "apply", "query", query, "dim")
        queries = self._heads(self.query_transformer.apply(query))
        mask = None if attended_mask is None else self._mask(query, attended, attended_mask)
        if attended_mask is not None:
            # Elements that no query attends to have zero weights, but zero times NaN would be NaN.
            per_query = attended_mask.ndim == query.ndim
            used = attended_mask.ne(0).any(-2) if per_query else attended_mask
            attended = without_padding(attended, used)
        keys = self._heads(self.key_transformer.apply(attended))
        values = self._heads(self.value_transformer.apply(attended))
        if self.positions is not None:
            queries, keys = self.positions.apply(queries), self.positions.apply(keys)
        heads: Any = torch.nn.functional.scaled_dot_product_attention(
            queries,  # type: ignore[arg-type]
            keys,  # type: ignore[arg-type]
            values,  # type: ignore[arg-type]
            attn_mask=mask,  # type: ignore[arg-type]
            is_causal=self.causal and mask is None,
        )
        output: Variable = self.output_transformer.apply(heads.transpose(-2, -3).flatten(-2))
        return output

    def _heads(self, features: Variable) -> Variable:
        """Reshape (..., T, D) to (..., H, T, D / H)."""
        heads: Variable = features.unflatten(-1, (self.num_heads, -1)).transpose(-2, -3)
        return heads

    def _mask(self, query: Variable, attended: Variable, mask: Variable) -> Variable:
        """Convert the mask to booleans of shape (..., 1, T, S), which broadcast over the heads."""
        if mask.ndim not in (query.ndim - 1, query.ndim):
            raise ShapeError(
                f"{self.path()}.apply: attended_mask has shape {shown(mask)}, but query has shape "
                f"{shown(query)}; a mask must have the shape (..., S) or (..., T, S), with the "
                "leading dimensions of the query"
            )
        truth: Variable = mask.ne(0)
        if mask.ndim < query.ndim:
            truth = truth.unsqueeze(-2)
        steps = (query.shape[-2], attended.shape[-2])
        truth = truth.unsqueeze(-3).expand((*query.shape[:-2], 1, *steps))
        if not self.causal:
            return truth
        earlier: Any = torch.ones(steps, dtype=torch.bool, device=query.device).tril()
        allowed: Variable = truth.logical_and(earlier)
        return allowed
