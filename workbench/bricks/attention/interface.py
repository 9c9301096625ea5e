"""Interfaces of attention mechanisms, and of transitions with attention.

In the shapes below, L is the number of elements of the attended sequence, B the number of examples,
and A the number of features of an element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.lazy import is_set, lazy
from workbench.bricks.options import BrickOptions
from workbench.bricks.recurrent.base import BaseRecurrent
from workbench.tensor import Variable


class AbstractAttention(Brick):
    """Base class of attention mechanisms, which compute glimpses of a sequence from states.

    The computation has two stages. `preprocess` transforms the attended sequence independently of
    the states, once for all steps, and `take_glimpses` computes the glimpses of one step. A
    subclass defines `take_glimpses` as an application with ``inputs`` and ``outputs``. The first
    three inputs are the attended sequence, the preprocessed sequence and the mask. A glimpse that
    is also an input is passed from each step to the next. A subclass also defines
    `initial_glimpses`, and `get_dim` for the glimpses.

    Parameters
    ----------
    state_names : list of str
        Names of the states that the mechanism uses. Required by `allocate`.
    state_dims : list of int
        Sizes of these states. Required by `allocate`.
    attended_dim : int
        The number A of features of an element. Required by `allocate`.

    Examples
    --------
    >>> from workbench.bricks import application
    >>> class Average(AbstractAttention):
    ...     @application(outputs=["glimpses"])
    ...     def take_glimpses(self, attended, preprocessed, mask, **states):
    ...         return attended.mean(0)
    >>> attention = Average(["states"], [3], attended_dim=2)
    >>> attention.take_glimpses(torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]), None, None)
    tensor([[2., 3.]])
    """

    @lazy(allocation=["state_names", "state_dims", "attended_dim"])
    def __init__(
        self,
        state_names: Sequence[str],
        state_dims: Sequence[int],
        attended_dim: int,
        **kwargs: Unpack[BrickOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.state_names = state_names
        self.state_dims = state_dims
        self.attended_dim = attended_dim

    def get_dim(self, name: str) -> Any:
        if is_set(self.state_names) and is_set(self.state_dims) and name in self.state_names:
            return dict(zip(self.state_names, self.state_dims, strict=True))[name]
        known = {"attended": self.attended_dim, "attended_mask": 0}
        return known[name] if name in known else super().get_dim(name)

    @application(inputs=["attended"], outputs=["preprocessed_attended"])
    def preprocess(self, attended: Variable) -> Variable:
        """Transform the sequence independently of the states; by default, return it unchanged."""
        return attended

    @application
    def take_glimpses(
        self,
        attended: Variable,
        preprocessed_attended: Variable | None = None,
        attended_mask: Variable | None = None,
        **kwargs: Variable,
    ) -> list[Variable]:
        """Compute glimpses of the attended sequence.

        Parameters
        ----------
        attended : Variable
        preprocessed_attended : Variable, optional
            The output of `preprocess`. If it is not passed, it is computed.
        attended_mask : Variable, optional
            A mask that is zero where the attended sequence is padding.
        **kwargs
            The states, and the previous values of the glimpses that are inputs.

        Returns
        -------
        list of Variable
            The glimpses.
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method take_glimpses")

    @application
    def initial_glimpses(self, batch_size: Any, attended: Variable) -> list[Variable]:
        """Return the glimpses that are inputs of the first step.

        Parameters
        ----------
        batch_size : int or Variable
        attended : Variable
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method initial_glimpses")


class GenericSequenceAttention(AbstractAttention):
    """Base class of mechanisms that compute a weight for each element of a sequence.

    Examples
    --------
    >>> attention = GenericSequenceAttention(["states"], [3], attended_dim=2)
    >>> weights = attention.compute_weights(torch.tensor([[0.0], [0.0]]))  # equal energies
    >>> weights.flatten()
    tensor([0.5000, 0.5000])
    >>> attention.compute_weighted_averages(weights, torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]]))
    tensor([[2., 3.]])
    """

    @application(inputs=["energies", "attended_mask"], outputs=["weights"])
    def compute_weights(
        self, energies: Variable, attended_mask: Variable | None = None
    ) -> Variable:
        """Compute weights from energies with a softmax over the sequence.

        Parameters
        ----------
        energies : Variable
            The energy of each element, of shape (L, B).
        attended_mask : Variable, optional
            A mask with the shape of `energies`. The weight is zero where the mask is zero.

        Returns
        -------
        Variable
            Weights of shape (L, B). The weights of each example sum to one, or to zero if the mask
            is zero for all elements.
        """
        if attended_mask is None:
            return energies.softmax(0)  # type: ignore[no-any-return]
        present = attended_mask.ne(0)
        # With -inf in place of the smallest finite number, a fully masked column would become NaN.
        least = torch.finfo(energies.dtype).min
        weights: Variable = energies.where(present, least).softmax(0) * present
        return weights

    @application(inputs=["weights", "attended"], outputs=["weighted_averages"])
    def compute_weighted_averages(self, weights: Variable, attended: Variable) -> Variable:
        """Compute the weighted average of the elements of the sequence.

        Parameters
        ----------
        weights : Variable
            The weight of each element, of shape (L, B).
        attended : Variable
            The attended sequence, of shape (L, B, A).

        Returns
        -------
        Variable
            The averages, of shape (B, A).
        """
        averages: Variable = (weights.unsqueeze(-1) * attended).sum(0)
        return averages


class AbstractAttentionRecurrent(BaseRecurrent):
    """Base class of recurrent transitions with attention.

    A step consists of two stages, `take_glimpses` and `compute_states`, which a sequence generator
    calls separately. `preprocess` is called once before the first step. ``apply`` combines all
    three methods.

    Examples
    --------
    >>> from workbench.bricks.attention import AttentionRecurrent
    >>> issubclass(AttentionRecurrent, AbstractAttentionRecurrent)
    True
    """

    @application(outputs=[])
    def preprocess(self, **kwargs: Variable) -> list[Variable]:
        """Compute the values that depend only on the contexts, once for all steps.

        By default, there are no such values.

        Parameters
        ----------
        **kwargs
            The contexts, by name.

        Returns
        -------
        list of Variable
            Optional arguments of `take_glimpses` and `compute_states`, with the names in
            ``preprocess.outputs``. If a value is not passed, these methods compute it.
        """
        return []

    @application
    def apply(self, **kwargs: Variable) -> list[Variable]:
        """Compute states and glimpses for all steps of a sequence."""
        raise NotImplementedError(f"{type(self).__name__} must define the method apply")

    @application
    def take_glimpses(self, **kwargs: Variable) -> list[Variable]:
        """Compute glimpses from the current states."""
        raise NotImplementedError(f"{type(self).__name__} must define the method take_glimpses")

    @application
    def compute_states(self, **kwargs: Variable) -> list[Variable]:
        """Compute the next states from the current states and glimpses."""
        raise NotImplementedError(f"{type(self).__name__} must define the method compute_states")
