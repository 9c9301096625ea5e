"""`SequenceContentAttention`, which weights the elements of a sequence by their content.

In the shapes below, L is the number of elements of the attended sequence, B the number of examples,
A the number of features of an element, and M the size of a match vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import torch

from workbench.bricks.activations import Tanh
from workbench.bricks.application import application
from workbench.bricks.attention.interface import GenericSequenceAttention
from workbench.bricks.checks import shown
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import Initializable
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.linear import Linear
from workbench.bricks.options import SchemeOptions, SequenceAttentionOptions, with_children
from workbench.bricks.padding import has_padding, without_padding
from workbench.bricks.parallel import Parallel
from workbench.bricks.sequences import Sequence
from workbench.errors import ShapeError
from workbench.tensor import Variable


class ShallowEnergyComputer(Sequence, Initializable, Feedforward):
    """Brick that computes energies from match vectors with a tanh and a weighted sum.

    Parameters
    ----------
    use_bias : bool, optional
        True to add a bias. A bias does not change a softmax over the energies.
    input_dim : int
        The size of a match vector. Required by `allocate`.
    output_dim : int, optional
        The number of energies for each match vector.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> energies = ShallowEnergyComputer(input_dim=2, weights_init=Constant(1))
    >>> energies.initialize()
    >>> energies.apply(torch.ones(1, 2))
    tensor([[1.5232]])
    """

    @lazy(allocation=["input_dim"])
    def __init__(
        self,
        use_bias: bool = False,
        *,
        input_dim: int,
        output_dim: int = 1,
        **kwargs: Unpack[SchemeOptions],
    ) -> None:
        self._linear = Linear(use_bias=use_bias)
        options: Any = {"use_bias": use_bias, **kwargs}  # Sequence passes them to Initializable
        super().__init__([Tanh(), self._linear], **options)
        self.input_dim = input_dim
        self.output_dim = output_dim

    @property
    def input_dim(self) -> Any:
        """The size of a match vector."""
        return self._linear.input_dim

    @input_dim.setter
    def input_dim(self, value: Any) -> None:
        self._linear.input_dim = value

    @property
    def output_dim(self) -> Any:
        """The number of energies, one by default."""
        return self._linear.output_dim

    @output_dim.setter
    def output_dim(self, value: Any) -> None:
        self._linear.output_dim = value

    def get_dim(self, name: str) -> Any:
        return Feedforward.get_dim(self, name)


class SequenceContentAttention(GenericSequenceAttention, Initializable):
    """Attention mechanism that weights elements of a sequence by how well they match the states.

    States and elements are transformed to vectors of size M. The match vector of an element is the
    sum of its vector and the vectors of the states. An energy is computed from each match vector,
    and a softmax over the sequence converts the energies to weights. The glimpses are the
    ``weighted_averages`` of the elements and the ``weights``.

    Parameters
    ----------
    match_dim : int
        The size M of a match vector. Required by `allocate`.
    state_transformer : Feedforward, optional
        The brick to copy for each state; by default `Linear` without bias.
    attended_transformer : Feedforward, optional
        The brick that transforms the elements; by default `Linear` with bias.
    energy_computer : Feedforward, optional
        The brick that computes energies from match vectors; by default `ShallowEnergyComputer`.
    **kwargs
        Options of `AbstractAttention` and `Initializable`.

    References
    ----------
    Bahdanau, Cho and Bengio, *Neural machine translation by jointly learning to align and
    translate*, 2014.

    Examples
    --------
    >>> import torch
    >>> from workbench.initialization import Constant
    >>> attention = SequenceContentAttention(
    ...     match_dim=3, state_names=["states"], state_dims=[2], attended_dim=1,
    ...     weights_init=Constant(1), biases_init=Constant(0))
    >>> attention.initialize()
    >>> attended = torch.tensor([0.0, 1.0, 2.0]).reshape(3, 1, 1)
    >>> average, weights = attention.take_glimpses(attended, states=torch.zeros(1, 2))
    >>> average, weights
    (tensor([[1.5902]]), tensor([[0.0347, 0.3405, 0.6249]]))
    """

    @lazy(allocation=["match_dim"])
    def __init__(
        self,
        match_dim: int,
        state_transformer: Feedforward | None = None,
        attended_transformer: Feedforward | None = None,
        energy_computer: Feedforward | None = None,
        **kwargs: Unpack[SequenceAttentionOptions],
    ) -> None:
        self.state_transformers = Parallel(prototype=state_transformer, name="state_trans")
        self.attended_transformer: Any = attended_transformer or Linear(name="preprocess")
        self.energy_computer: Any = energy_computer or ShallowEnergyComputer(name="energy_comp")
        own = [self.state_transformers, self.attended_transformer, self.energy_computer]
        super().__init__(**with_children(kwargs, *own))
        self.match_dim = match_dim
        self.state_transformers.input_names = self.state_names

    def _push_allocation_config(self) -> None:
        self.state_transformers.input_names = self.state_names
        self.state_transformers.input_dims = self.state_dims
        self.state_transformers.output_dims = [self.match_dim] * len(self.state_names)
        self.attended_transformer.input_dim = self.attended_dim
        self.attended_transformer.output_dim = self.match_dim
        self.energy_computer.input_dim = self.match_dim
        self.energy_computer.output_dim = 1

    def get_dim(self, name: str) -> Any:
        own = {
            "preprocessed_attended": self.match_dim,
            "weighted_averages": self.attended_dim,
            "weights": 0,
        }
        return own[name] if name in own else super().get_dim(name)

    @application(inputs=["attended"], outputs=["preprocessed_attended"])
    def preprocess(self, attended: Variable) -> Variable:
        """Transform the elements, of shape (L, B, A), to vectors of shape (L, B, M)."""
        transformed: Variable = self.attended_transformer.apply(attended)
        return transformed

    @application(outputs=["energies"])
    def compute_energies(
        self,
        attended: Variable,
        preprocessed_attended: Variable | None,
        states: Mapping[str, Variable],
    ) -> Variable:
        """Compute an energy for each element.

        Parameters
        ----------
        attended : Variable
            The attended sequence, of shape (L, B, A).
        preprocessed_attended : Variable or None
            The output of `preprocess`, of shape (L, B, M). If it is None, it is computed.
        states : dict of str to Variable
            States by name. The shape of each is (B, D), where D is the dimension of the state.

        Returns
        -------
        Variable
            The energies, of shape (L, B).
        """
        if preprocessed_attended is None:
            preprocessed_attended = self.preprocess(attended)
        match = preprocessed_attended
        for transformed in self.state_transformers.apply(as_list=True, **states):
            match = match + transformed
        energies: Variable = self.energy_computer.apply(match).squeeze(-1)
        return energies

    @application(outputs=["weighted_averages", "weights"])
    def take_glimpses(
        self,
        attended: Variable,
        preprocessed_attended: Variable | None = None,
        attended_mask: Variable | None = None,
        **states: Variable,
    ) -> tuple[Variable, Variable]:
        """Compute the weights and the weighted averages.

        Parameters
        ----------
        attended : Variable
            The attended sequence, of shape (L, B, A).
        preprocessed_attended : Variable, optional
            The output of `preprocess`, of shape (L, B, M). If it is not passed, it is computed.
        attended_mask : Variable, optional
            A mask of shape (L, B), zero where the attended sequence is padding.
        **states
            States by name. The shape of each is (B, D), where D is the dimension of the state.

        Returns
        -------
        weighted_averages : Variable
            The weighted averages, of shape (B, A).
        weights : Variable
            The weights, of shape (B, L).
        """
        if attended.ndim != 3 or (attended_mask is not None and attended_mask.ndim != 2):
            mask = (
                f" and attended_mask has shape {shown(attended_mask)}"
                if attended_mask is not None
                else ""
            )
            raise ShapeError(
                f"{self.path()}.take_glimpses: attended has shape {shown(attended)}{mask}, but "
                f"attended must have shape (L, B, {self.attended_dim}) and attended_mask (L, B), "
                "with the sequence axis before the batch axis"
            )
        if attended_mask is not None and has_padding(self):  # zero times NaN would be NaN
            attended = without_padding(attended, attended_mask)
        energies = self.compute_energies(attended, preprocessed_attended, states)
        weights = self.compute_weights(energies, attended_mask)
        return self.compute_weighted_averages(weights, attended), weights.transpose(0, 1)

    @take_glimpses.property("inputs")
    def take_glimpses_inputs(self) -> list[str]:
        """Return the names of the arguments, including the names of the states."""
        states = self.state_names if is_set(self.state_names) else ()
        return ["attended", "preprocessed_attended", "attended_mask", *states]

    @application(outputs=["weighted_averages", "weights"])
    def initial_glimpses(self, batch_size: Any, attended: Variable) -> list[Variable]:
        """Return zeros for the averages, of shape (B, A), and the weights, of shape (B, L)."""
        where: Any = {"dtype": attended.dtype, "device": attended.device}
        shapes = [(batch_size, self.attended_dim), (batch_size, attended.shape[0])]
        zeros: list[Any] = [torch.zeros(shape, **where) for shape in shapes]
        return zeros
