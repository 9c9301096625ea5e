"""Typed dictionaries for keyword arguments that brick constructors pass to their base classes.

A constructor declares, for example, ``**kwargs: Unpack[InitializableOptions]``. A type checker can
then check the keys, and `workbench.hints.show_options` adds them to the signature that help and
completion show in a notebook. The dictionaries inherit from each other in the same way as the brick
classes. The options appear in a signature in the order of the base classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    from workbench.bricks.base import Brick
    from workbench.bricks.feedforward import Feedforward
    from workbench.initialization import NdarrayInitialization


class BrickOptions(TypedDict, total=False):
    """Options of `Brick`."""

    name: str | None
    children: Iterable[Brick] | None


class _Seed(TypedDict, total=False):
    seed: int | None


class _RandomSeed(TypedDict, total=False):
    random_seed: int | None


class _Schemes(TypedDict, total=False):
    weights_init: NdarrayInitialization | None
    biases_init: NdarrayInitialization | None


class _UseBias(TypedDict, total=False):
    use_bias: bool | None


class RNGOptions(_Seed, BrickOptions, total=False):
    """Options of `RNGMixin`."""


class RandomOptions(_RandomSeed, BrickOptions, total=False):
    """Options of `Random`."""


class SchemeOptions(_Schemes, RNGOptions, total=False):
    """Options of `Initializable`, for classes that declare `use_bias` themselves."""


class InitializableOptions(_Schemes, _UseBias, RNGOptions, total=False):
    """Options of `Initializable`."""


class _Prototype(TypedDict, total=False):
    prototype: Feedforward | None


class MLPOptions(_Prototype, SchemeOptions, total=False):
    """Options of `MLP`."""


class _Scale(TypedDict, total=False):
    scale_init: NdarrayInitialization | None
    learn_scale: bool


class NormalizationOptions(_Scale, RNGOptions, total=False):
    """Options of the base class of `LayerNormalization`."""


class _BatchNormalization(TypedDict, total=False):
    broadcastable: Sequence[bool] | None
    conserve_memory: bool
    epsilon: float
    scale_init: NdarrayInitialization | None
    shift_init: NdarrayInitialization | None
    mean_only: bool
    learn_scale: bool
    learn_shift: bool


class BatchNormalizationOptions(_BatchNormalization, RNGOptions, total=False):
    """Options of `BatchNormalization`."""


class _Attention(TypedDict, total=False):
    state_names: Sequence[str]
    state_dims: Sequence[int]
    attended_dim: int


class SequenceAttentionOptions(_Attention, InitializableOptions, total=False):
    """Options of `AbstractAttention` and `Initializable`."""


class EmitterOptions(_RandomSeed, InitializableOptions, total=False):
    """Options of `Random` and `Initializable`."""


class _Sources(TypedDict, total=False):
    source_names: Sequence[str]
    readout_dim: int
    source_dims: Sequence[Any]


class ReadoutOptions(_Sources, InitializableOptions, total=False):
    """Options of `AbstractReadout`."""


OptionsT = TypeVar("OptionsT", bound=BrickOptions)


def with_children(options: OptionsT, *own: Brick) -> OptionsT:
    """Prepend the children that a brick creates to the children in its options.

    Parameters
    ----------
    options : dict
        The keyword arguments of the constructor, changed in place.
    *own : Brick
        The children that the brick creates.
    """
    known: BrickOptions = options
    known["children"] = [*own, *(known.get("children") or ())]
    return options
