"""`FakeAttentionRecurrent`, which adds an attention interface to a transition without attention."""

from __future__ import annotations

from typing import Any, Unpack

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.attention import AbstractAttentionRecurrent
from workbench.bricks.initializable import Initializable
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.recurrent import BaseRecurrent
from workbench.bricks.recurrent.base import by_name, check_recurrent
from workbench.tensor import Variable


class FakeAttentionRecurrent(AbstractAttentionRecurrent, Initializable):
    """Wrapper that adds an attention interface to a transition without attention.

    A sequence generator computes a step of a transition in two stages: first glimpses, then states.
    `SequenceGenerator` wraps a transition without attention in this brick.

    Parameters
    ----------
    transition : BaseRecurrent
        The transition, which receives all states and contexts unchanged.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks.recurrent import LSTM
    >>> from workbench.initialization import Constant
    >>> transition = FakeAttentionRecurrent(LSTM(dim=1), weights_init=Constant(0.1))
    >>> transition.initialize()
    >>> states, cells = transition.apply(torch.ones(2, 1, 4))
    >>> states.flatten()
    tensor([0.3751, 0.5763])
    >>> transition.take_glimpses.outputs, transition.compute_states.outputs
    ([], ['states', 'cells'])
    """

    def __init__(self, transition: BaseRecurrent, **kwargs: Unpack[InitializableOptions]) -> None:
        check_recurrent("FakeAttentionRecurrent", transition)
        self.transition: Any = transition
        super().__init__(**with_children(kwargs, self.transition))

    def get_dim(self, name: str) -> Any:
        return self.transition.get_dim(name)

    @application
    def apply(self, *args: Any, **kwargs: object) -> list[Variable]:
        """Apply the transition."""
        outputs: list[Variable] = self.transition.apply(*args, as_list=True, **kwargs)
        return outputs

    @apply.delegate
    def apply_delegate(self) -> BoundApplication:
        """Return the transition's application, which defines the attributes of `apply`."""
        bound: BoundApplication = self.transition.apply
        return bound

    @application(outputs=[])
    def take_glimpses(self, **kwargs: Variable) -> list[Variable]:
        """Return an empty list, since there are no glimpses."""
        return []

    @application
    def compute_states(self, **kwargs: Variable) -> list[Variable]:
        """Compute one step of the transition.

        Parameters
        ----------
        **kwargs
            The arguments of one step of the transition, by name.

        Returns
        -------
        list of Variable
            The next states.
        """
        names = self.compute_states_outputs()
        computed = by_name(self.transition.apply, names, iterate=False, **kwargs)
        return [computed[name] for name in names]

    @compute_states.delegate
    def compute_states_delegate(self) -> BoundApplication:
        """Return the transition's application, which defines the sequences and contexts."""
        return self.apply_delegate()

    @compute_states.property("outputs")
    def compute_states_outputs(self) -> list[str]:
        """Return the names of the transition's states, without the names of its other outputs."""
        return self._state_names()

    @application
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the initial states of the transition."""
        states: list[Variable] = self.transition.initial_states(
            batch_size, *args, as_list=True, **kwargs
        )
        return states

    @initial_states.property("outputs")
    def initial_states_outputs(self) -> list[str]:
        """Return the names of the transition's initial states."""
        return list(getattr(self.transition.initial_states, "outputs", self._state_names()))
