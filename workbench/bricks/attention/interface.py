"""Interfaces of attention mechanisms, and of transitions with attention.

Shapes: L elements of the attended sequence, B examples, A features of an element.
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
    """Base class of attention mechanisms, which compute glimpses from states and the attended.

    There are two stages. `preprocess` does the work that needs no states, once for many steps;
    `take_glimpses` does the rest. A subclass defines `take_glimpses`, with ``inputs`` and
    ``outputs``: the attended comes first, the preprocessed attended second, the mask third.
    Glimpses that are also inputs are carried over from the step before. A subclass also defines
    `initial_glimpses`, and `get_dim` for the glimpses.

    Parameters
    ----------
    state_names : list of str
        The states of the network that the attention uses. Needed by `allocate`.
    state_dims : list of int
        Their sizes. Needed by `allocate`.
    attended_dim : int
        A, the number of features of the attended. Needed by `allocate`.
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
        """Do the work that does not depend on the states; by default nothing."""
        return attended

    @application
    def take_glimpses(
        self,
        attended: Variable,
        preprocessed_attended: Variable | None = None,
        attended_mask: Variable | None = None,
        **kwargs: Variable,
    ) -> list[Variable]:
        """Compute glimpses of the attended.

        Parameters
        ----------
        attended : Variable
        preprocessed_attended : Variable, optional
            The output of `preprocess`, which is called if this is missing.
        attended_mask : Variable, optional
            Zero where the attended is padding.
        **kwargs
            The states, and the glimpses carried over from the step before.

        Returns
        -------
        list of Variable
            The glimpses.
        """
        raise NotImplementedError(f"{type(self).__name__} must define take_glimpses")

    @application
    def initial_glimpses(self, batch_size: Any, attended: Variable) -> list[Variable]:
        """Return the glimpses before the first step, which the first step can carry over.

        Parameters
        ----------
        batch_size : int or Variable
        attended : Variable
        """
        raise NotImplementedError(f"{type(self).__name__} must define initial_glimpses")


class GenericSequenceAttention(AbstractAttention):
    """Base class of mechanisms that give a weight to each element of a sequence."""

    @application(inputs=["energies", "attended_mask"], outputs=["weights"])
    def compute_weights(
        self, energies: Variable, attended_mask: Variable | None = None
    ) -> Variable:
        """Compute weights from energies, by a softmax over the sequence.

        Parameters
        ----------
        energies : Variable
            Of shape (L, B).
        attended_mask : Variable, optional
            Of the same shape; where it is zero, the weight is zero.

        Returns
        -------
        Variable
            Of shape (L, B). The sum for each example is one, or zero if all of it is masked.
        """
        if attended_mask is None:
            return energies.softmax(0)  # type: ignore[no-any-return]
        present = attended_mask.ne(0)
        # The smallest finite number and not -inf: a column that is all masked would become NaN.
        least = torch.finfo(energies.dtype).min
        weights: Variable = energies.where(present, least).softmax(0) * present
        return weights

    @application(inputs=["weights", "attended"], outputs=["weighted_averages"])
    def compute_weighted_averages(self, weights: Variable, attended: Variable) -> Variable:
        """Average over the sequence.

        Parameters
        ----------
        weights : Variable
            Of shape (L, B).
        attended : Variable
            Of shape (L, B, A).

        Returns
        -------
        Variable
            Of shape (B, A).
        """
        averages: Variable = (weights.unsqueeze(-1) * attended).sum(0)
        return averages


class AbstractAttentionRecurrent(BaseRecurrent):
    """Base class of transitions with attention, whose steps have two halves.

    ``apply`` does everything. `take_glimpses` and `compute_states` are the two halves of a step,
    which a sequence generator calls one by one. `preprocess` is called before all steps.
    """

    @application(outputs=[])
    def preprocess(self, **kwargs: Variable) -> list[Variable]:
        """Compute once from the contexts what every step needs; by default nothing.

        Parameters
        ----------
        **kwargs
            The contexts, by name.

        Returns
        -------
        list of Variable
            Under the names in ``preprocess.outputs``, further arguments for `take_glimpses` and
            `compute_states`, which compute what they need if these are missing.
        """
        return []

    @application
    def apply(self, **kwargs: Variable) -> list[Variable]:
        """Compute the next states, with glimpses in every step."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    @application
    def take_glimpses(self, **kwargs: Variable) -> list[Variable]:
        """Compute glimpses from the current states."""
        raise NotImplementedError(f"{type(self).__name__} must define take_glimpses")

    @application
    def compute_states(self, **kwargs: Variable) -> list[Variable]:
        """Compute the next states from current states and glimpses."""
        raise NotImplementedError(f"{type(self).__name__} must define compute_states")
