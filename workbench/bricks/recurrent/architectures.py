"""The three common recurrent transitions: simple, LSTM and gated.

The transitions do not transform their inputs. First apply a `workbench.bricks.Linear` or
`workbench.bricks.parallel.Fork`, which transforms the inputs of all time steps together. Initial
states are parameters with the initial value zero.

In the shapes below, T is the number of time steps, B the number of examples, and D the `dim` of the
brick. Shapes are given for one step; sequences have T as an additional first dimension.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy
import torch

from workbench.bricks.activations import Logistic, Rectifier, Tanh
from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import lazy
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.recurrent.base import (
    BaseRecurrent,
    check_step,
    for_batch,
    initial_state,
    masked,
)
from workbench.bricks.recurrent.iteration import recurrent
from workbench.bricks.recurrent.torch_layers import fits, over_time
from workbench.bricks.to_torch import TorchCall, refusal, value_of
from workbench.roles import WEIGHT
from workbench.tensor import Variable

PEEPHOLES = (
    "torch.nn.LSTM has no connections from cells to gates, and the values of W_cell_to_in, "
    "W_cell_to_forget or W_cell_to_out are not zero"
)
CELLS = (
    "torch.nn.LSTM does not return the cells of all time steps; omit them, as in "
    "to_torch(outputs=['states'])"
)


class _Transition(BaseRecurrent, Initializable):
    """Base class of the three transitions, with the dimensions of their states and masks."""

    dim: Any

    def get_dim(self, name: str) -> Any:
        if name == "mask":
            return 0
        return self.dim if name in self._state_names() else super().get_dim(name)

    def _several(self, number: int) -> int:
        """Return `number` times `dim`; raise an error if `dim` is not set."""
        self._require(["dim"], "allocation")
        size: int = number * self.dim
        return size

    def describe(self) -> str:
        return f"{self.dim or '?'} units"


class SimpleRecurrent(_Transition):
    """The simple recurrent transition, ``states = activation(inputs + states @ W)``.

    Parameters
    ----------
    dim : int
        The size D of the state. Required by `allocate`.
    activation : Brick
        The activation that yields the new state. It must be passed to the constructor.
    **kwargs
        Options of `Initializable`. There are no biases, unless a subclass adds biases.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import Identity
    >>> from workbench.initialization import Identity as IdentityMatrix
    >>> rnn = SimpleRecurrent(dim=2, activation=Identity(), weights_init=IdentityMatrix())
    >>> rnn.initialize()
    >>> rnn.apply(torch.ones(3, 1, 2))[:, 0]
    tensor([[1., 1.],
            [2., 2.],
            [3., 3.]])
    """

    @lazy(allocation=["dim"])
    def __init__(self, dim: int, activation: Brick, **kwargs: Unpack[InitializableOptions]) -> None:
        super().__init__(**with_children(kwargs, activation))
        self.dim = dim
        self._activation: Any = activation

    @property
    def W(self) -> Variable:
        """The weights, of shape (D, D)."""
        weights: Variable = self.parameters[0]
        return weights

    def get_dim(self, name: str) -> Any:
        return self.dim if name == "inputs" else super().get_dim(name)

    def _allocate(self) -> None:
        self._add_parameter((self.dim, self.dim), "W", WEIGHT)
        self.parameters.append(initial_state(self.dim))

    def _initialize(self) -> None:
        self._scheme("weights_init").initialize(self.parameters[0], self.rng)

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        kinds: dict[type[Brick], str] = {Tanh: "tanh", Rectifier: "relu"}
        kind = kinds.get(type(self._activation))
        if kind is None or not fits(call):
            return None
        options = {"nonlinearity": kind}
        return over_time(torch.nn.RNN, "rnn", self.W, self.parameters[1:], call, options)

    @recurrent(sequences=["inputs", "mask"], states=["states"], contexts=[], outputs=["states"])
    def apply(self, inputs: Variable, states: Variable, mask: Variable | None = None) -> Variable:
        """Compute the next states.

        Parameters
        ----------
        inputs : Variable
            Floats of shape (B, D).
        states : Variable
            The current states, of shape (B, D).
        mask : Variable, optional
            A mask of shape (B,), zero for padding. The states do not change where it is zero.

        Returns
        -------
        Variable
            The next states, of shape (B, D).
        """
        check_step(self, mask, inputs=inputs, states=states)
        new = self._activation.apply(inputs + states @ self.W)
        return masked(new, states, mask)

    @application(outputs=apply.states)
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the learned initial state, repeated for every example."""
        return [for_batch(self.parameters[1], batch_size)]


class LSTM(_Transition):
    """Long short-term memory with peephole connections.

    With ``a, b, c, d = split(states @ W_state + inputs)`` and the gate activation σ::

        in_gate = σ(a + cells * W_cell_to_in)
        forget_gate = σ(b + cells * W_cell_to_forget)
        new_cells = forget_gate * cells + in_gate * activation(c)
        out_gate = σ(d + new_cells * W_cell_to_out)
        new_states = out_gate * activation(new_cells)

    Parameters
    ----------
    dim : int
        The number D of cells. Required by `allocate`.
    activation : Brick, optional
        The activation of the cells; `Tanh` by default.
    gate_activation : Brick, optional
        The activation of the gates; `Logistic` by default.
    **kwargs
        Options of `Initializable`. `weights_init` also initialises the peephole weights, which are
        vectors. A scheme that generates only matrices (`Orthogonal` or `Identity`) generates a
        square matrix for each gate, for the cells and for each peephole. A peephole uses only the
        diagonal of its matrix. There are no biases, since the brick that computes the inputs can
        add them, for example biases of one for the forget gates.

    Notes
    -----
    The order of the inputs is input gates, forget gates, cells and output gates, as in
    ``torch.nn.LSTM``, which has no peephole connections.

    References
    ----------
    Hochreiter and Schmidhuber, *Long short-term memory*, 1997; Gers, Schraudolph and Schmidhuber,
    *Learning precise timing with LSTM recurrent networks*, 2003; Graves, *Generating sequences with
    recurrent neural networks*, 2013, equations 7 to 11.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> lstm = LSTM(dim=1, weights_init=Constant(0.1))
    >>> lstm.initialize()
    >>> states, cells = lstm.apply(torch.ones(2, 1, 4))
    >>> states.flatten(), cells.flatten()
    (tensor([0.3751, 0.5763]), tensor([0.5568, 0.9989]))
    """

    @lazy(allocation=["dim"])
    def __init__(
        self,
        dim: int,
        activation: Brick | None = None,
        gate_activation: Brick | None = None,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        self._activation: Any = Tanh() if activation is None else activation
        self._gate: Any = Logistic() if gate_activation is None else gate_activation
        own = [self._activation, self._gate]
        super().__init__(**with_children(kwargs, *own))
        self.dim = dim

    def get_dim(self, name: str) -> Any:
        return self._several(4) if name == "inputs" else super().get_dim(name)

    def _allocate(self) -> None:
        self._add_parameter((self.dim, 4 * self.dim), "W_state", WEIGHT)
        for gate in ("in", "forget", "out"):
            self._add_parameter((self.dim,), f"W_cell_to_{gate}", WEIGHT)
        self.parameters.append(initial_state(self.dim))
        self.parameters.append(initial_state(self.dim, "initial_cells"))

    def _initialize(self) -> None:
        scheme = self._scheme("weights_init")
        weights, *peepholes = self.parameters[:4]
        if not scheme.matrices_only:
            for parameter in (weights, *peepholes):
                scheme.initialize(parameter, self.rng)
            return
        square = (self.dim, self.dim)
        weights.set_value(numpy.hstack([scheme.generate(self.rng, square) for _ in range(4)]))
        for peephole in peepholes:  # the diagonal of a matrix from cells to gates
            peephole.set_value(scheme.generate(self.rng, square).diagonal())

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        if (type(self._activation), type(self._gate)) != (Tanh, Logistic) or not fits(call):
            return None
        weights, *peepholes = self.parameters[:4]
        if any(bool(value_of(peephole).any()) for peephole in peepholes):
            raise refusal(self, PEEPHOLES)
        if call.outputs != ("states",):
            raise refusal(self, CELLS)
        return over_time(torch.nn.LSTM, "lstm", weights, self.parameters[4:], call, {})

    @recurrent(
        sequences=["inputs", "mask"],
        states=["states", "cells"],
        contexts=[],
        outputs=["states", "cells"],
    )
    def apply(
        self,
        inputs: Variable,
        states: Variable,
        cells: Variable,
        mask: Variable | None = None,
    ) -> tuple[Variable, Variable]:
        """Compute the next states and cells.

        Parameters
        ----------
        inputs : Variable
            Floats of shape (B, 4 D), the inputs of the input gates, forget gates, cells and output
            gates.
        states, cells : Variable
            The current states and cells, of shape (B, D).
        mask : Variable, optional
            A mask of shape (B,), zero for padding. States and cells do not change where it is zero.

        Returns
        -------
        states, cells : Variable
            The next states and cells, of shape (B, D).
        """
        check_step(self, mask, inputs=inputs, states=states, cells=cells)
        weights, to_in, to_forget, to_out = self.parameters[:4]
        parts: Any = (states @ weights + inputs).split(self.dim, 1)
        in_gate = self._gate.apply(parts[0] + cells * to_in)
        forget_gate = self._gate.apply(parts[1] + cells * to_forget)
        new_cells = forget_gate * cells + in_gate * self._activation.apply(parts[2])
        out_gate = self._gate.apply(parts[3] + new_cells * to_out)
        new_states = out_gate * self._activation.apply(new_cells)
        return masked(new_states, states, mask), masked(new_cells, cells, mask)

    @application(outputs=apply.states)
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the learned initial states and cells, repeated for every example."""
        return [for_batch(state, batch_size) for state in self.parameters[4:]]


class GatedRecurrent(_Transition):
    """The gated recurrent unit.

    With ``update, reset = split(gate_activation(states @ state_to_gates + gate_inputs))``::

        candidates = activation((states * reset) @ state_to_state + inputs)
        new_states = update * candidates + (1 - update) * states

    Parameters
    ----------
    dim : int
        The size D of the state. Required by `allocate`.
    activation : Brick, optional
        The activation of the candidates; `Tanh` by default.
    gate_activation : Brick, optional
        The activation of the gates; `Logistic` by default.
    **kwargs
        Options of `Initializable`. There are no biases, unless a subclass adds biases.

    Notes
    -----
    In ``torch.nn.GRU`` the update gate is the weight of the old state, and the reset gate is
    applied after the matrix product.

    References
    ----------
    Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical machine
    translation*, 2014.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> gru = GatedRecurrent(dim=1, weights_init=Constant(0.5))
    >>> gru.initialize()
    >>> gru.apply(inputs=torch.ones(2, 1, 1), gate_inputs=torch.zeros(2, 1, 2)).flatten()
    tensor([0.3808, 0.6114])
    """

    @lazy(allocation=["dim"])
    def __init__(
        self,
        dim: int,
        activation: Brick | None = None,
        gate_activation: Brick | None = None,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        self._activation: Any = Tanh() if activation is None else activation
        self._gate: Any = Logistic() if gate_activation is None else gate_activation
        own = [self._activation, self._gate]
        super().__init__(**with_children(kwargs, *own))
        self.dim = dim

    @property
    def state_to_state(self) -> Variable:
        """The weights from states to candidates, of shape (D, D)."""
        weights: Variable = self.parameters[0]
        return weights

    @property
    def state_to_gates(self) -> Variable:
        """The weights from states to update and reset gates, of shape (D, 2 D)."""
        weights: Variable = self.parameters[1]
        return weights

    def get_dim(self, name: str) -> Any:
        sizes = {"inputs": 1, "gate_inputs": 2}
        return self._several(sizes[name]) if name in sizes else super().get_dim(name)

    def _allocate(self) -> None:
        self._add_parameter((self.dim, self.dim), "state_to_state", WEIGHT)
        self._add_parameter((self.dim, 2 * self.dim), "state_to_gates", WEIGHT)
        self.parameters.append(initial_state(self.dim))

    def _initialize(self) -> None:
        scheme = self._scheme("weights_init")
        scheme.initialize(self.parameters[0], self.rng)
        # Each gate has its own matrix, so that schemes for square matrices can be used.
        square = (self.dim, self.dim)
        gates = [scheme.generate(self.rng, square) for _ in range(2)]
        self.parameters[1].set_value(numpy.hstack(gates))

    @recurrent(
        sequences=["mask", "inputs", "gate_inputs"],
        states=["states"],
        contexts=[],
        outputs=["states"],
    )
    def apply(
        self,
        inputs: Variable,
        gate_inputs: Variable,
        states: Variable,
        mask: Variable | None = None,
    ) -> Variable:
        """Compute the next states.

        Parameters
        ----------
        inputs : Variable
            Floats of shape (B, D).
        gate_inputs : Variable
            Floats of shape (B, 2 D), the inputs of the update gates and reset gates.
        states : Variable
            The current states, of shape (B, D).
        mask : Variable, optional
            A mask of shape (B,), zero for padding. The states do not change where it is zero.

        Returns
        -------
        Variable
            The next states, of shape (B, D).
        """
        check_step(self, mask, inputs=inputs, gate_inputs=gate_inputs, states=states)
        gates = self._gate.apply(states @ self.state_to_gates + gate_inputs)
        parts: Any = gates.split(self.dim, 1)
        update, reset = parts
        candidates = self._activation.apply((states * reset) @ self.state_to_state + inputs)
        return masked(update * candidates + (1 - update) * states, states, mask)

    @application(outputs=apply.states)
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the learned initial state, repeated for every example."""
        return [for_batch(self.parameters[2], batch_size)]
