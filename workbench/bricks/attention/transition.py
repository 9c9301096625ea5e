"""`AttentionRecurrent`, a recurrent transition that attends to a sequence in every step."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Unpack

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.attention.interface import AbstractAttention, AbstractAttentionRecurrent
from workbench.bricks.initializable import Initializable
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.padding import padding_removed, without_padding
from workbench.bricks.parallel import Distribute
from workbench.bricks.recurrent.base import BaseRecurrent, by_name, check_recurrent
from workbench.bricks.recurrent.iteration import recurrent
from workbench.errors import BrickError, SignatureError
from workbench.tensor import Variable
from workbench.utils.plain import dict_subset


class AttentionRecurrent(AbstractAttentionRecurrent, Initializable):
    """A recurrent transition combined with an attention mechanism.

    In every step, the attention mechanism computes glimpses of the attended sequence from the
    current states. `distribute` adds the first glimpse to the inputs of the transition, and the
    transition computes the next states. Glimpses are states of this brick, so they are returned
    and passed to the next step.

    Parameters
    ----------
    transition : BaseRecurrent
        The recurrent transition.
    attention : AbstractAttention
        The attention mechanism; its `state_names` must be names of the transition's states.
    distribute : Brick, optional
        A brick with the interface of `Distribute`; by default a `Distribute` for all sequences
        whose names do not contain "mask".
    add_contexts : bool, optional
        True to add the attended sequence and its mask as new contexts; False if the transition
        already has contexts for them.
    attended_name : str, optional
        The name of the attended sequence. By default ``"attended"``, or the name of the first
        context of the transition if `add_contexts` is False.
    attended_mask_name : str, optional
        The name of the mask. By default ``"attended_mask"``, or the name of the second context of
        the transition if `add_contexts` is False.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks.attention import SequenceContentAttention
    >>> from workbench.bricks.recurrent import GatedRecurrent
    >>> from workbench.initialization import Constant
    >>> transition = GatedRecurrent(dim=2)
    >>> attention = SequenceContentAttention(
    ...     match_dim=4, state_names=transition.apply.states, attended_dim=3)
    >>> both = AttentionRecurrent(transition, attention, weights_init=Constant(0.1),
    ...                           biases_init=Constant(0))
    >>> both.initialize()
    >>> both.apply.contexts, both.apply.outputs
    (['attended', 'attended_mask'], ['states', 'weighted_averages', 'weights'])
    >>> states, averages, weights = both.apply(
    ...     inputs=torch.zeros(5, 1, 2), gate_inputs=torch.zeros(5, 1, 4),
    ...     attended=torch.ones(6, 1, 3))
    >>> states.shape, averages.shape, weights.shape
    (torch.Size([5, 1, 2]), torch.Size([5, 1, 3]), torch.Size([5, 1, 6]))
    """

    def __init__(
        self,
        transition: BaseRecurrent,
        attention: AbstractAttention,
        distribute: Any = None,
        add_contexts: bool = True,
        attended_name: str | None = None,
        attended_mask_name: str | None = None,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        check_recurrent("AttentionRecurrent", transition)
        if not isinstance(attention, AbstractAttention):
            raise BrickError(
                f"AttentionRecurrent: {attention!r} is not an attention mechanism; pass an "
                "instance of AbstractAttention, such as SequenceContentAttention"
            )
        self.transition: Any = transition
        self.attention: Any = attention
        self.add_contexts = add_contexts
        contexts = self._of_transition("contexts")
        if not add_contexts and None in (attended_name, attended_mask_name) and len(contexts) < 2:
            raise BrickError(
                f"AttentionRecurrent: with add_contexts=False, {transition!r} must have contexts "
                "for the attended sequence and its mask, but its contexts are "
                f"({', '.join(contexts)}); omit add_contexts, or pass attended_name and "
                "attended_mask_name"
            )
        defaults = ["attended", "attended_mask"] if add_contexts else contexts
        self.attended_name: str = attended_name or defaults[0]
        self.attended_mask_name: str = attended_mask_name or defaults[1]
        self.preprocessed_attended_name = f"preprocessed_{self.attended_name}"
        if distribute is None:
            distribute = Distribute(self._normal_inputs(), self._glimpse_names()[0])
        self.distribute = distribute
        own = [self.transition, self.attention, self.distribute]
        super().__init__(**with_children(kwargs, *own))
        self.previous_glimpses_needed = [
            name for name in self._glimpse_names() if name in self.attention.take_glimpses.inputs
        ]

    def _of_transition(self, attribute: str) -> list[str]:
        return list(getattr(self.transition.apply, attribute))

    def _normal_inputs(self) -> list[str]:
        return [name for name in self._of_transition("sequences") if "mask" not in name]

    def _glimpse_names(self) -> list[str]:
        return list(self.attention.take_glimpses.outputs)

    def _push_allocation_config(self) -> None:
        self.attention._require(["state_names"], "allocation")
        self.attention.state_dims = self.transition.get_dims(self.attention.state_names)
        if not self.add_contexts:
            self.attention.attended_dim = self.transition.get_dim(self.attended_name)
        self.distribute.source_dim = self.attention.get_dim(self.distribute.source_name)
        self.distribute.target_dims = self.transition.get_dims(self.distribute.target_names)

    def get_dim(self, name: str) -> Any:
        if name in self._glimpse_names():
            return self.attention.get_dim(name)
        if name == self.preprocessed_attended_name:
            return self.attention.get_dim(*self.attention.preprocess.outputs)
        if self.add_contexts and name == self.attended_name:
            return self.attention.attended_dim
        if self.add_contexts and name == self.attended_mask_name:
            return 0
        applied = self.transition.apply
        known = {*applied.sequences, *applied.states, *applied.contexts}
        return self.transition.get_dim(name) if name in known else super().get_dim(name)

    def _check_attended(self, method: str, given: dict[str, Any]) -> None:
        if given.get(self.attended_name) is None:
            raise SignatureError(
                f"{self.path()}.{method} requires {self.attended_name}, the sequence to attend to"
            )

    @application
    def preprocess(self, **kwargs: Variable) -> list[Variable]:
        """Preprocess the attended sequence with the attention mechanism, once for all steps.

        Parameters
        ----------
        **kwargs
            The contexts by name, including the attended sequence; other contexts are ignored.
        """
        self._check_attended("preprocess", kwargs)
        attended, mask = kwargs[self.attended_name], kwargs.get(self.attended_mask_name)
        if mask is not None:
            attended = without_padding(attended, mask)
        preprocessed: list[Variable] = self.attention.preprocess(attended, as_list=True)
        return preprocessed

    @preprocess.property("outputs")
    def preprocess_outputs(self) -> list[str]:
        """Return the name of the preprocessed sequence."""
        return [self.preprocessed_attended_name]

    # The two stages of one step.

    @application
    def take_glimpses(self, **kwargs: Variable) -> list[Variable]:
        """Compute glimpses with the attention mechanism.

        Parameters
        ----------
        **kwargs
            The attended sequence, the states and glimpses of the previous step and, optionally, the
            mask and the preprocessed sequence, all by name. Other arguments are ignored.

        Returns
        -------
        list of Variable
            The glimpses.
        """
        self._check_attended("take_glimpses", kwargs)
        wanted = [*self.transition.apply.states, *self.previous_glimpses_needed]
        taken = [name for name in self.attention.take_glimpses.inputs if name in wanted]
        glimpses: list[Variable] = self.attention.take_glimpses(
            kwargs[self.attended_name],
            kwargs.get(self.preprocessed_attended_name),
            kwargs.get(self.attended_mask_name),
            as_list=True,
            **dict_subset(kwargs, taken),
        )
        return glimpses

    @take_glimpses.property("outputs")
    def take_glimpses_outputs(self) -> list[str]:
        """Return the names of the glimpses."""
        return self._glimpse_names()

    @application
    def compute_states(self, **kwargs: Variable) -> list[Variable]:
        """Compute the next states with the transition, given the glimpses of this step.

        Parameters
        ----------
        **kwargs
            The arguments of one step of the transition, and the glimpses, by name.

        Returns
        -------
        list of Variable
            The next states.
        """
        distributed = self.distribute.apply(
            as_dict=True, **dict_subset(kwargs, self.distribute.apply.inputs)
        )
        own = {*self._glimpse_names(), self.preprocessed_attended_name}
        if self.add_contexts:
            own |= {self.attended_name, self.attended_mask_name}
        rest = {name: value for name, value in kwargs.items() if name not in own}
        computed = self.transition.apply(iterate=False, as_dict=True, **{**rest, **distributed})
        return [computed[name] for name in self.compute_states_outputs()]

    @compute_states.property("outputs")
    def compute_states_outputs(self) -> list[str]:
        """Return the names of the transition's states."""
        return self._of_transition("states")

    # All steps.

    @recurrent
    def do_apply(self, **kwargs: object) -> list[Variable]:
        """Iterate over sequences, given the preprocessed attended sequence.

        Parameters
        ----------
        **kwargs
            Sequences, states, glimpses and contexts by name, including the preprocessed sequence.

        Returns
        -------
        list of Variable
            The states, then the glimpses.
        """
        glimpses = self.take_glimpses(as_dict=True, **kwargs)
        states = self.compute_states(as_list=True, **{**kwargs, **glimpses})
        return [*states, *glimpses.values()]

    @do_apply.property("sequences")
    def do_apply_sequences(self) -> list[str]:
        """Return the names of the transition's sequences."""
        return self._of_transition("sequences")

    @do_apply.property("contexts")
    def do_apply_contexts(self) -> list[str]:
        """Return the names of the contexts of `apply` and the name of the preprocessed sequence."""
        return [*self.apply_contexts(), self.preprocessed_attended_name]

    @do_apply.property("states")
    def do_apply_states(self) -> list[str]:
        """Return the names of the transition's states, then the names of the glimpses."""
        return [*self.transition.apply.states, *self._glimpse_names()]

    @do_apply.property("outputs")
    def do_apply_outputs(self) -> list[str]:
        """Return the names of the states."""
        return self.do_apply_states()

    @application
    def apply(self, *args: Any, **kwargs: object) -> list[Variable]:
        """Iterate over sequences, with glimpses of the attended sequence in every step.

        Parameters
        ----------
        *args
            Sequences, then contexts, in the order of ``apply.sequences`` and ``apply.contexts``.
        **kwargs
            Sequences and contexts by name, states, and the options of `recurrent` applications. The
            attended sequence has the shape (L, B, A), and its optional mask the shape (L, B).

        Returns
        -------
        list of Variable
            The states, then the glimpses.
        """
        order = [*self.do_apply_sequences(), *self.apply_contexts()]
        if len(args) > len(order):
            raise SignatureError(
                f"{self.path()}.apply accepts {len(order)} positional arguments "
                f"({', '.join(order)}), not {len(args)}"
            )
        given = {**dict(zip(order, args, strict=False)), **kwargs}
        self._check_attended("apply", given)
        mask: Any = given.get(self.attended_mask_name)
        if mask is not None:
            given[self.attended_name] = without_padding(given[self.attended_name], mask)
        preprocessed = self.attention.preprocess(given[self.attended_name])
        given[self.preprocessed_attended_name] = preprocessed
        with padding_removed(self.attention) if mask is not None else nullcontext():
            outputs: list[Variable] = self.do_apply(as_list=True, **given)
        return outputs

    @apply.delegate
    def apply_delegate(self) -> BoundApplication:
        """Return `do_apply`, which has the same sequences, states and outputs as `apply`."""
        return self.do_apply

    @apply.property("contexts")
    def apply_contexts(self) -> list[str]:
        """Return the names of the transition's contexts, the attended sequence and its mask."""
        contexts = self._of_transition("contexts")
        own = [self.attended_name, self.attended_mask_name] if self.add_contexts else []
        return [*contexts, *own]

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """Return the names of sequences, contexts and states."""
        return [*self.do_apply_sequences(), *self.apply_contexts(), *self.do_apply_states()]

    @application
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the initial states of the transition, and the initial glimpses.

        Parameters
        ----------
        batch_size : int or Variable
        *args, **kwargs
            The arguments of `apply`; the attended sequence must be passed by keyword.
        """
        self._check_attended("initial_states", kwargs)
        names = self._of_transition("states")
        states = by_name(self.transition.initial_states, names, batch_size, **kwargs)
        glimpses = by_name(
            self.attention.initial_glimpses,
            self._glimpse_names(),
            batch_size,
            kwargs[self.attended_name],
        )
        made = {**states, **glimpses}
        return [made[name] for name in self.do_apply_states()]

    @initial_states.property("outputs")
    def initial_states_outputs(self) -> list[str]:
        """Return the names of the states of `do_apply`."""
        return self.do_apply_states()
