"""Constructor arguments, read from finished bricks, schemes and modules.

Most objects keep each argument in an attribute of the same name. Classes of the library that do not
follow this rule are listed here; a user's class must follow it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench import initialization
from workbench.bricks import (
    MLP,
    BatchNormalizedMLP,
    Residual,
    RNGMixin,
    Sequence,
    TorchModule,
    TransformerBlock,
)
from workbench.bricks.attention import AttentionRecurrent, SequenceContentAttention
from workbench.bricks.conv import (
    AveragePooling,
    ConvolutionalSequence,
    ConvolutionalTranspose,
)
from workbench.bricks.lazy import LazyNone
from workbench.bricks.module import ModulePart
from workbench.bricks.parallel import Merge
from workbench.bricks.random_numbers import Random
from workbench.bricks.recurrent import LSTM, GatedRecurrent, RecurrentStack, SimpleRecurrent
from workbench.bricks.sequence_generators import Readout, SequenceGenerator
from workbench.errors import BuilderError


class _Unset:
    """Value of an argument that is not set."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass(frozen=True)
class Renamed:
    """A brick that had a different name when it was passed to the constructor.

    Attributes
    ----------
    brick : Brick
    name : str or None
        The earlier name; None for the default name of its class.
    """

    brick: Any
    name: str | None = None


def _normalization(brick: Any) -> Any:
    return Renamed(brick.attention_normalization)


def _transitions(stack: Any) -> list[Any]:
    return [
        Renamed(layer, stack.split_suffix(layer.name)[0]) if level else layer
        for level, layer in enumerate(stack.transitions)
    ]


def _activations(mlp: Any) -> list[Any]:
    """Return the activations inside the sequences of a batch-normalised MLP."""
    parts = [sequence.application_methods[1:] for sequence in mlp.activations]
    return [part[0] if part else None for part in parts]


def _is_plain_merge(merge: Any) -> bool:
    return type(merge) is Merge and merge.name == "merge" and merge.child_prefix == "transform"


READERS: dict[type[Any], dict[str, Callable[[Any], Any]]] = {
    RNGMixin: {"seed": lambda brick: brick._seed},
    Random: {"random_seed": lambda brick: brick._random_seed},
    BatchNormalizedMLP: {"activations": _activations},
    MLP: {"activations": lambda mlp: mlp.activations},
    Sequence: {"application_methods": lambda sequence: sequence.application_methods},
    ConvolutionalSequence: {"layers": lambda sequence: sequence.application_methods},
    ConvolutionalTranspose: {"original_image_size": lambda brick: brick._original_image_size},
    AveragePooling: {"include_padding": lambda pooling: pooling.mode == "average_inc_pad"},
    Residual: {
        "inner": lambda brick: brick.branches[0],
        "shortcut": lambda brick: brick.branches[1] if len(brick.branches) > 1 else None,
    },
    TransformerBlock: {
        "activation": lambda block: block.mlp.activations[0],
        "normalization": _normalization,
        "drop_prob": lambda block: block.attention_dropout.drop_prob,
        "causal": lambda block: block.attention.causal,
        "positions": lambda block: block.attention.positions,
    },
    SimpleRecurrent: {"activation": lambda brick: brick._activation},
    LSTM: {
        "activation": lambda brick: brick._activation,
        "gate_activation": lambda brick: brick._gate,
    },
    GatedRecurrent: {
        "activation": lambda brick: brick._activation,
        "gate_activation": lambda brick: brick._gate,
    },
    RecurrentStack: {"transitions": _transitions},
    SequenceContentAttention: {
        "state_transformer": lambda brick: brick.state_transformers.prototype,
    },
    Readout: {
        "feedback_brick": lambda brick: None if brick._own_feedback else brick.feedback_brick,
        "merge": lambda brick: None if _is_plain_merge(brick.merge) else brick.merge,
        "merge_prototype": lambda brick: (
            brick.merge.prototype if _is_plain_merge(brick.merge) else None
        ),
    },
    SequenceGenerator: {
        "transition": lambda brick: brick.transition.transition,
        "attention": lambda brick: (
            brick.transition.attention if isinstance(brick.transition, AttentionRecurrent) else None
        ),
        "add_contexts": lambda brick: getattr(brick.transition, "add_contexts", True),
    },
    ModulePart: {"module": lambda part: UNSET, "seen": lambda part: UNSET},
    TorchModule: {
        "module": lambda brick: brick.module,
        "inputs": lambda brick: brick.input_names,
        "outputs": lambda brick: brick.output_names,
    },
    initialization.Uniform: {"std": lambda scheme: UNSET},
}
"""For each class, functions that return its constructor arguments."""


def read(owner: Any, name: str, parameter: inspect.Parameter) -> Any:
    """Return the value of a constructor argument, or `UNSET` if the argument is not set.

    Raises
    ------
    BuilderError
        If the class does not keep the argument.
    """
    for cls in type(owner).__mro__:
        if name in (readers := READERS.get(cls, {})):
            value = readers[name](owner)
            break
    else:
        try:
            value = getattr(owner, name)
        except AttributeError:
            raise BuilderError(
                f"{owner!r:.100} does not keep the argument {name!r} of its constructor; assign "
                f"self.{name} = {name} in {type(owner).__name__}.__init__"
            ) from None
    return UNSET if isinstance(value, LazyNone) else value


def default_name(cls: type[Any]) -> str:
    """Return the default name for bricks of a class."""
    return cls.__name__.lower()
