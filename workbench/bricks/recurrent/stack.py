"""`RecurrentStack`, a deep recurrent network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

from workbench.bricks.application import BoundApplication, application
from workbench.bricks.base import Brick
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.initializable import Initializable
from workbench.bricks.linear import Linear
from workbench.bricks.options import InitializableOptions, with_children
from workbench.bricks.parallel import Fork
from workbench.bricks.recurrent.base import BaseRecurrent, by_name, check_recurrent
from workbench.bricks.recurrent.bidirectional import Bidirectional
from workbench.bricks.recurrent.iteration import recurrent
from workbench.errors import ApplicationError, BrickError, SignatureError, nearest
from workbench.tensor import Variable

SEPARATOR = "#"
MASK = "mask"


class RecurrentStack(BaseRecurrent, Initializable):
    """A deep recurrent network; the states of each layer are the input of the next layer.

    Between two layers, a `Fork` computes the sequences of the upper layer from the states of the
    lower layer. The stack has the arguments and outputs of all layers. The names of the bottom
    layer (level 0) are unchanged, and the names of the layer at level ``n`` end in ``#n``. Contexts
    and the sequence ``mask`` keep their names, and are passed to every layer that has them.

    Parameters
    ----------
    transitions : list of BaseRecurrent or Bidirectional
        The layers, starting at the bottom. ``#1``, ``#2`` and so on are appended to the names in
        the upper layers. A stack with a `Bidirectional` layer accepts whole sequences only.
    fork_prototype : Feedforward, optional
        The prototype of the forks; by default `Linear`, without bias if `skip_connections` is True.
    states_name : str, optional
        The output that is passed to the next layer.
    skip_connections : bool, optional
        True if the upper layers also have input sequences, ``inputs#1`` and so on. The outputs of
        the forks are added to these sequences. In this case, the forks have no biases by default,
        since the bricks that compute the sequences may have biases.
    **kwargs
        Options of `Initializable`.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import Identity
    >>> from workbench.bricks.recurrent import SimpleRecurrent
    >>> from workbench.initialization import Constant
    >>> layers = [SimpleRecurrent(dim=1, activation=Identity()) for _ in range(2)]
    >>> stack = RecurrentStack(layers, weights_init=Constant(1), biases_init=Constant(0))
    >>> stack.initialize()
    >>> stack.apply.sequences, stack.apply.outputs
    (['inputs', 'mask'], ['states', 'states#1'])
    >>> lower, upper = stack.apply(torch.ones(3, 1, 1))
    >>> lower.flatten(), upper.flatten()
    (tensor([1., 2., 3.]), tensor([1., 3., 6.]))
    """

    def __init__(
        self,
        transitions: Iterable[BaseRecurrent | Bidirectional],
        fork_prototype: Feedforward | None = None,
        states_name: str = "states",
        skip_connections: bool = False,
        **kwargs: Unpack[InitializableOptions],
    ) -> None:
        layers: list[Any] = [] if isinstance(transitions, Brick) else list(transitions)
        if not layers:
            raise BrickError(
                f"RecurrentStack: transitions is {transitions!r}, but must be a list of at least "
                "one recurrent brick, starting with the bottom layer"
            )
        self.transitions = layers
        self.states_name = states_name
        self.skip_connections = skip_connections
        for transition in self.transitions:
            check_recurrent("RecurrentStack", transition, Bidirectional)
            outputs = transition.apply.outputs
            if states_name not in outputs:
                raise BrickError(
                    f"RecurrentStack: {transition!r} has no output {states_name!r} for the next "
                    f"layer, only {', '.join(outputs)}; pass the name of an output as "
                    f"states_name{nearest(states_name, outputs)}"
                )
        for level, transition in enumerate(self.transitions):
            transition.name = self.suffix(transition.name, level)
        if fork_prototype is None:
            fork_prototype = Linear(use_bias=not skip_connections)
        self.fork_prototype = fork_prototype
        self.forks = [
            Fork(self.normal_inputs(level), name=f"fork_{level}", prototype=fork_prototype)
            for level in range(1, len(self.transitions))
        ]
        super().__init__(**with_children(kwargs, *self.transitions, *self.forks))

    # Names.

    @staticmethod
    def suffix(name: str, level: int) -> str:
        """Return the name in the stack for a name in the layer at `level`.

        >>> RecurrentStack.suffix("states", 0), RecurrentStack.suffix("states", 2)
        ('states', 'states#2')
        """
        return name if name == MASK or level == 0 else f"{name}{SEPARATOR}{level}"

    @staticmethod
    def suffixes(names: Iterable[str], level: int) -> list[str]:
        """Convert several names as `suffix` does, and omit ``mask``, which all layers share.

        >>> RecurrentStack.suffixes(["inputs", "mask"], 1)
        ['inputs#1']
        """
        return [RecurrentStack.suffix(name, level) for name in names if name != MASK]

    @staticmethod
    def split_suffix(name: str) -> tuple[str, int]:
        """Split a name in the stack into the name in its layer and the level.

        >>> RecurrentStack.split_suffix("states#2"), RecurrentStack.split_suffix("states")
        (('states', 2), ('states', 0))
        """
        front, separator, level = name.rpartition(SEPARATOR)
        return (front, int(level)) if separator and level.isdecimal() else (name, 0)

    def normal_inputs(self, level: int) -> list[str]:
        """Return the sequence names of the layer at `level`, without ``mask``."""
        return [name for name in self.transitions[level].apply.sequences if name != MASK]

    def get_dim(self, name: str) -> Any:
        for transition in self.transitions:
            applied = transition.apply
            if name in applied.contexts or (name == MASK and MASK in applied.sequences):
                return transition.get_dim(name)
        own, level = self.split_suffix(name)
        if level < len(self.transitions):
            applied = self.transitions[level].apply
            if own in (*applied.sequences, *applied.states, *applied.outputs):
                return self.transitions[level].get_dim(own)
        return super().get_dim(name)

    def _push_allocation_config(self) -> None:
        for level, fork in enumerate(self.forks):
            fork.input_dim = self.transitions[level].get_dim(self.states_name)
            fork.output_dims = self.transitions[level + 1].get_dims(fork.output_names)

    # Application.

    @application
    def apply(self, *args: Any, **kwargs: object) -> list[Variable]:
        """Apply the layers one after another, each to whole sequences.

        Parameters
        ----------
        *args
            Sequences, then contexts, in the order of ``apply.sequences`` and ``apply.contexts``.
        low_memory : bool
            True to apply all layers in each step of a single loop, which stores only some of its
            states for gradients; see `workbench.scan`. If there is a `Bidirectional` layer, every
            layer still has its own loop.
        **kwargs
            Sequences, contexts and states by name, and the options of `recurrent` applications:
            ``iterate``, ``reverse``, ``return_initial_states``, ``n_steps``, ``batch_size``.

        Returns
        -------
        list of Variable
            The outputs of all layers, bottom first, as in ``apply.outputs``.
        """
        two_ways = any(isinstance(layer, Bidirectional) for layer in self.transitions)
        if not two_ways and kwargs.pop("low_memory", False):
            outputs: list[Variable] = self.low_memory_apply(
                *args, as_list=True, low_memory=True, **kwargs
            )
            return outputs
        return self.do_apply(*args, **kwargs)

    @apply.property("sequences")
    def apply_sequences(self) -> list[str]:
        """Return the names of all input sequences, including ``mask`` if a layer has it."""
        levels = range(len(self.transitions) if self.skip_connections else 1)
        names = [self.suffix(n, level) for level in levels for n in self.normal_inputs(level)]
        shared = any(MASK in transition.apply.sequences for transition in self.transitions)
        return [*names, MASK] if shared else names

    @apply.property("states")
    def apply_states(self) -> list[str]:
        """Return the state names of all layers."""
        return self._of_all_layers("states")

    @apply.property("outputs")
    def apply_outputs(self) -> list[str]:
        """Return the output names of all layers."""
        return self._of_all_layers("outputs")

    @apply.property("contexts")
    def apply_contexts(self) -> list[str]:
        """Return the context names of all layers, without duplicates."""
        return list(dict.fromkeys(n for layer in self.transitions for n in layer.apply.contexts))

    @apply.property("inputs")
    def apply_inputs(self) -> list[str]:
        """Return the names of the sequences, contexts and states."""
        return [*self.apply_sequences(), *self.apply_contexts(), *self.apply_states()]

    def _of_all_layers(self, attribute: str) -> list[str]:
        return [
            name
            for level, transition in enumerate(self.transitions)
            for name in self.suffixes(getattr(transition.apply, attribute), level)
        ]

    @recurrent
    def low_memory_apply(self, *args: Any, **kwargs: object) -> list[Variable]:
        """Apply all layers in each step of a single loop; see `apply`."""
        return self.do_apply(*args, iterate=False, **kwargs)

    @low_memory_apply.delegate
    def low_memory_apply_delegate(self) -> BoundApplication:
        """Return `apply`, which defines the attributes of `low_memory_apply`."""
        return self.apply

    def do_apply(self, *args: Any, **kwargs: object) -> list[Variable]:
        """Compute the outputs of `apply` without its annotations.

        With ``iterate=True`` every layer is applied to whole sequences, and with ``iterate=False``
        to one step.
        """
        order = [*self.apply_sequences(), *self.apply_contexts()]
        if len(args) > len(order):
            raise SignatureError(
                f"{self.path()}.apply accepts {len(order)} positional "
                f"argument{'s' * (len(order) != 1)} ({', '.join(order)}), not {len(args)}"
            )
        given = {**dict(zip(order, args, strict=False)), **kwargs}
        own = {*order, *self.apply_states()}
        rest = {name: value for name, value in given.items() if name not in own}
        results: list[Variable] = []
        below: Variable | None = None
        for level, transition in enumerate(self.transitions):
            arguments = self._of_one_layer(level, given)
            if below is not None:
                fork = self.forks[level - 1]
                inputs = fork.apply(below, as_dict=True)
                arguments |= {
                    name: arguments[name] + value if name in arguments else value
                    for name, value in inputs.items()
                }
            outputs = transition.apply(as_dict=True, **arguments, **rest)
            results += outputs.values()
            below = outputs[self.states_name]
            if rest.get("iterate", True) and rest.get("return_initial_states"):
                below = below[:-1] if rest.get("reverse") else below[1:]
        return results

    def _of_one_layer(self, level: int, given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the layer at `level`, keyed by their names in the layer."""
        applied = self.transitions[level].apply
        names = {name: name for name in applied.contexts}
        if MASK in applied.sequences:
            names[MASK] = MASK
        with_sequences = level == 0 or self.skip_connections
        for name in (*(self.normal_inputs(level) if with_sequences else ()), *applied.states):
            names[name] = self.suffix(name, level)
        return {own: given[n] for own, n in names.items() if given.get(n) is not None}

    @application
    def initial_states(self, batch_size: Any, *args: Any, **kwargs: object) -> list[Variable]:
        """Return the initial states of all layers, in the order of ``apply.states``."""
        states: list[Variable] = []
        for transition in self.transitions:
            if isinstance(transition, Bidirectional):
                raise ApplicationError(
                    f"{self.path()}: the stack cannot compute single steps, for example to "
                    f"generate sequences, because the layer {transition!r} iterates in both "
                    "directions; use a layer that iterates in one direction"
                )
            names = transition.apply.states
            made = by_name(transition.initial_states, names, batch_size)
            states += [made[name] for name in names]
        return states

    @initial_states.property("outputs")
    def initial_states_outputs(self) -> list[str]:
        """Return the names of the states of `apply`."""
        return self.apply_states()
