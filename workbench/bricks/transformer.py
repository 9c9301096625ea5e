"""`TransformerBlock`, the repeated block of a transformer.

Sequences have the shape (..., T, D), as in `workbench.bricks.multi_head`.
"""

from __future__ import annotations

import copy
from typing import Any, Unpack

from workbench.bricks.activations import GELU
from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.dropout import Dropout
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.multi_head import MultiHeadAttention
from workbench.bricks.normalization import LayerNormalization
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.positions import RotaryPositions
from workbench.bricks.sequences import MLP
from workbench.tensor import SharedVariable, Variable


class TransformerBlock(Initializable, Feedforward):
    """Self-attention and a perceptron for sequences, each with a residual connection.

    Parameters
    ----------
    dim : int
        Number of input and output features. Required by `allocate`.
    num_heads : int
        Number of attention heads. Required by `allocate`.
    hidden_dim : int, optional
        Number of hidden features of the perceptron; four times `dim` by default.
    activation : Brick, optional
        The activation of the perceptron; `GELU` by default.
    normalization : Feedforward, optional
        The normalisation that is copied for the attention and for the perceptron;
        `LayerNormalization` by default.
    norm_first : bool, optional
        True to normalise the inputs of the attention and the perceptron. False to normalise the
        outputs of the residual connections, as in the original paper.
    drop_prob : float or SharedVariable, optional
        Probability of dropping elements of the outputs of the attention and the perceptron in
        training mode; see `Dropout`.
    causal, positions : optional
        See `MultiHeadAttention`.
    **kwargs
        Options of `Initializable`.

    References
    ----------
    Vaswani and others, *Attention is all you need*, 2017. With `norm_first`: Xiong and others,
    *On layer normalization in the transformer architecture*, 2020.

    Examples
    --------
    >>> block = TransformerBlock(16, num_heads=4, causal=True)
    >>> block.allocate()
    >>> print(block)
    TransformerBlock transformerblock: 16 -> 16 · 3,280 parameters
    ├─ LayerNormalization attention_normalization: 16 · 32 parameters: scale (16,), shift (16,)
    ├─ MultiHeadAttention attention: 16, 4 heads, causal · 1,088 parameters
    │  ├─ Linear query_transformer: 16 -> 16 · 272 parameters: W (16, 16), b (16,)
    │  ├─ Linear key_transformer: 16 -> 16 · 272 parameters: W (16, 16), b (16,)
    │  ├─ Linear value_transformer: 16 -> 16 · 272 parameters: W (16, 16), b (16,)
    │  └─ Linear output_transformer: 16 -> 16 · 272 parameters: W (16, 16), b (16,)
    ├─ Dropout attention_dropout: 0.0
    ├─ LayerNormalization mlp_normalization: 16 · 32 parameters: scale (16,), shift (16,)
    ├─ MLP mlp: 16 -> 16 · 2,128 parameters
    │  ├─ Linear linear_0: 16 -> 64 · 1,088 parameters: W (16, 64), b (64,)
    │  ├─ GELU gelu
    │  └─ Linear linear_1: 64 -> 16 · 1,040 parameters: W (64, 16), b (16,)
    └─ Dropout mlp_dropout: 0.0
    """

    @lazy(allocation=["dim", "num_heads"])
    def __init__(
        self,
        dim: int,
        num_heads: int,
        hidden_dim: int | None = None,
        *,
        activation: Brick | None = None,
        normalization: Feedforward | None = None,
        norm_first: bool = True,
        drop_prob: float | SharedVariable = 0.0,
        causal: bool = False,
        positions: RotaryPositions | None = None,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        prototype = LayerNormalization() if normalization is None else normalization
        self.attention_normalization, self.mlp_normalization = (
            copy.deepcopy(prototype) for _ in range(2)
        )
        self.attention_normalization.name = "attention_normalization"
        self.mlp_normalization.name = "mlp_normalization"
        self.attention = MultiHeadAttention(causal=causal, positions=positions, name="attention")
        self.mlp = MLP([GELU() if activation is None else activation, None], name="mlp")
        self.attention_dropout = Dropout(drop_prob, name="attention_dropout")
        self.mlp_dropout = Dropout(drop_prob, name="mlp_dropout")
        children = [
            self.attention_normalization,
            self.attention,
            self.attention_dropout,
            self.mlp_normalization,
            self.mlp,
            self.mlp_dropout,
        ]
        super().__init__(**with_children(kwargs, *children))
        self.dim = dim
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.norm_first = norm_first

    @property
    def input_dim(self) -> int:
        """The same as `dim`."""
        return self.dim

    @input_dim.setter
    def input_dim(self, value: int) -> None:
        self.dim = value

    @property
    def output_dim(self) -> int:
        """The same as `dim`."""
        return self.dim

    @output_dim.setter
    def output_dim(self, value: int) -> None:
        self.dim = value

    def get_dim(self, name: str) -> Any:
        return 0 if name == "mask" else super().get_dim(name)

    def _push_allocation_config(self) -> None:
        self.attention.dim = self.dim
        self.attention.num_heads = self.num_heads
        self.attention.use_bias = self.use_bias
        hidden = 4 * self.dim if self.hidden_dim is None else self.hidden_dim
        self.mlp.dims = [self.dim, hidden, self.dim]
        self.mlp.use_bias = self.use_bias
        for normalization in (self.attention_normalization, self.mlp_normalization):
            normalization.input_dim = normalization.output_dim = self.dim

    @application(inputs=["input_", "mask"], outputs=["output"])
    def apply(self, input_: Variable, mask: Variable | None = None) -> Variable:
        """Transform a sequence.

        Parameters
        ----------
        input_ : Variable
            Floats of shape (..., T, dim).
        mask : Variable, optional
            A mask that is zero for padded time steps; see ``attended_mask`` of
            `MultiHeadAttention`.

        Returns
        -------
        Variable
            Floats of the same shape as `input_`.
        """
        first: Any = self.attention_normalization
        second: Any = self.mlp_normalization
        if self.norm_first:
            h = input_ + self._attend(first.apply(input_), mask)
            return h + self._perceive(second.apply(h))
        h = first.apply(input_ + self._attend(input_, mask))
        output: Variable = second.apply(h + self._perceive(h))
        return output

    def _attend(self, h: Variable, mask: Variable | None) -> Variable:
        attended = self.attention.apply(h, attended_mask=mask)
        added: Variable = self.attention_dropout.apply(attended)
        return added

    def _perceive(self, h: Variable) -> Variable:
        added: Variable = self.mlp_dropout.apply(self.mlp.apply(h))
        return added
