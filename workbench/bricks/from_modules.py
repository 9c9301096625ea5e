"""Conversion of torch modules to bricks.

A module becomes an equivalent brick if its class is one of torch's layer classes (not a subclass)
and such a brick exists. Any other module becomes a `TorchModule`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from workbench.bricks.activations import (
    GELU,
    Identity,
    LeakyRectifier,
    Logistic,
    Rectifier,
    SiLU,
    Softplus,
    Tanh,
)
from workbench.bricks.base import Brick
from workbench.bricks.bn import BatchNormalization, SpatialBatchNormalization
from workbench.bricks.conv import AveragePooling, Convolutional, Flattener, MaxPooling
from workbench.bricks.dropout import Dropout
from workbench.bricks.linear import Linear
from workbench.bricks.lookup import LookupTable
from workbench.bricks.module import TorchModule
from workbench.bricks.normalization import LayerNormalization, RMSNormalization
from workbench.bricks.sequences import Sequence
from workbench.bricks.softmax import Softmax
from workbench.errors import BrickError
from workbench.graph.training import MOMENTUM
from workbench.hints import hinted
from workbench.tensor import SharedVariable
from workbench.tensor.device import floatx
from workbench.utils.notices import mention
from workbench.utils.plain import find_bricks

logger = logging.getLogger(__name__)

KEPT = (
    "from_torch: {names}: there is no equivalent brick, so the result contains the module itself, "
    "as a TorchModule"
)
Values = dict[str, torch.Tensor]
"""Values of a brick's variables, by name."""

Made = tuple[Brick, Values]

FOR_VECTORS = (nn.BatchNorm1d, nn.Softmax)
WITH_POSITIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.BatchNorm2d),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.Embedding, nn.Unflatten),
)
"""Layers whose outputs are sequences or images until they are flattened."""

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@hinted
def from_torch(module: nn.Module, name: str | None = None) -> Brick:
    """Convert a torch module to bricks that compute the same outputs.

    A ``torch.nn.Sequential`` becomes a `Sequence`, and a torch layer becomes the brick with the
    same outputs and gradients, if there is one. Parameters of these layers are copied.
    Other modules, and layers with settings that no brick has, such as dilated convolutions, become
    a `TorchModule`, which shares memory with the module; a message names these modules. Bricks
    require a batch axis, and `Softmax` requires vectors.

    Parameters
    ----------
    module : torch.nn.Module
    name : str, optional
        The name of the brick; by default its class name in lower case.

    Returns
    -------
    Brick
        A brick whose parameters have values, so that `initialize` need not be called. It ignores
        ``module.training``; bricks are applied in evaluation mode unless a graph is trained.

    Raises
    ------
    BrickError
        If `module` is not a torch module.

    Examples
    --------
    >>> import torch
    >>> layers = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
    >>> brick = from_torch(layers)
    >>> brick.children
    [<Linear linear_0: 4 -> 3>, <Tanh tanh_1>]
    >>> x = torch.ones(2, 4)
    >>> torch.allclose(brick.apply(x), layers(x))
    True
    """
    if not isinstance(module, nn.Module):
        raise BrickError(
            f"from_torch requires a torch.nn.Module, such as torch.nn.Linear(4, 3), not {module!r}"
        )
    conversion = _Conversion(module)
    brick = conversion.brick(module, "")
    if name is not None:
        brick.name = name
    conversion.fill(brick)
    if conversion.kept:
        mention(logger, KEPT.format(names=", ".join(conversion.kept)))
    return brick


class _Conversion:
    def __init__(self, root: nn.Module) -> None:
        self.kept: list[str] = []
        self._made: dict[nn.Module, Brick] = {}
        self._values: dict[Brick, Values] = {}
        owners: Counter[int] = Counter()
        for part in root.modules():
            owners.update({id(t) for t in part.parameters(recurse=False)})
        # Several bricks cannot share one parameter.
        self._tied = any(count > 1 for count in owners.values())
        # True after a layer whose outputs are sequences or images, until a torch layer flattens
        # them. Other modules may or may not flatten them, so the value stays True.
        self._has_positions = False

    def brick(self, module: nn.Module, path: str) -> Brick:
        """Return the brick for a module; each occurrence of a module gets the same brick."""
        if module not in self._made:
            self._made[module] = self._new(module, path)
        return self._made[module]

    def _new(self, module: nn.Module, path: str) -> Brick:
        plain = not any(getattr(module, hooks) for hooks in HOOKS) and not self._tied
        found: Brick | None = None
        if plain and type(module) is nn.Sequential and len(module):
            found = self._sequence(module, path)
        elif self._has_positions and isinstance(module, FOR_VECTORS):
            pass  # the brick accepts no sequences or images
        elif plain and type(module) in LAYERS and _is_usual(module):
            made = LAYERS[type(module)](module)
            if made is not None:
                found, self._values[made[0]] = made
        if isinstance(module, WITH_POSITIONS):
            self._has_positions = True
        elif isinstance(module, nn.Flatten) and _is_whole(module):
            self._has_positions = False
        if found is None:
            self.kept.append(f"{path or 'the module'} ({type(module).__name__})")
            return TorchModule(module)
        return found

    def fill(self, root: Brick) -> None:
        """Allocate all bricks, and set the values of their variables."""
        root.allocate()
        for brick, values in self._values.items():
            for name, value in values.items():
                variable = _variable(brick, name)
                array = value.detach().cpu().numpy()
                variable.set_value(array.reshape(tuple(variable.shape)))
        for brick in find_bricks([root], lambda one: True):
            brick.initialized = True

    def _sequence(self, module: nn.Sequential, path: str) -> Brick:
        bricks = []
        for key, child in module.named_children():
            brick = self.brick(child, f"{path}.{key}" if path else key)
            brick.name = f"{brick.name}_{key}" if key.isdecimal() else key
            bricks.append(brick)
        order = [self._made[child] for child in module]
        return Sequence(order, name="sequence")


def _is_whole(layer: nn.Flatten) -> bool:
    """Return True if a layer flattens examples of any shape to vectors."""
    return (layer.start_dim, layer.end_dim) == (1, -1)


def _is_usual(module: nn.Module) -> bool:
    """Return True if all parameters are trainable and have the dtype that bricks use."""
    parameters = module.parameters(recurse=False)
    return all(p.requires_grad and p.dtype is floatx() for p in parameters)


def _variable(brick: Any, name: str) -> SharedVariable:
    """Return a parameter of a brick, or another shared variable that is one of its attributes."""
    own = {parameter.name: parameter for parameter in brick.parameters}
    variable: SharedVariable = own[name] if name in own else getattr(brick, name)
    return variable


def _with(brick: Brick, **values: torch.Tensor | None) -> Made:
    return brick, {name: value for name, value in values.items() if value is not None}


def _linear(layer: nn.Linear) -> Made:
    has_bias = layer.bias is not None
    brick = Linear(layer.in_features, layer.out_features, use_bias=has_bias)
    return _with(brick, W=layer.weight.T, b=layer.bias)


def _convolutional(layer: nn.Conv2d) -> Made | None:
    if (layer.groups, layer.dilation, layer.padding_mode) != (1, (1, 1), "zeros"):
        return None
    if isinstance(layer.padding, str):
        return None
    brick = Convolutional(
        tuple(layer.kernel_size),
        layer.out_channels,
        layer.in_channels,
        step=tuple(layer.stride),
        border_mode=tuple(layer.padding),
        use_bias=layer.bias is not None,
    )
    return _with(brick, W=layer.weight.flip(2, 3), b=layer.bias)


def _normalization(kind: Callable[..., Any], dim: Any, layer: Any) -> Made | None:
    if layer.running_mean is None or layer.running_mean.dtype is not floatx():
        return None
    if layer.momentum != MOMENTUM:
        return None
    brick = kind(dim, epsilon=layer.eps, learn_scale=layer.affine, learn_shift=layer.affine)
    return _with(
        brick,
        batch_norm_scale=layer.weight,
        batch_norm_shift=layer.bias,
        population_mean=layer.running_mean,
        population_stdev=(layer.running_var + layer.eps).sqrt(),
    )


def _embedding(layer: nn.Embedding) -> Made | None:
    if layer.padding_idx is not None or layer.max_norm is not None or layer.scale_grad_by_freq:
        return None
    return _with(LookupTable(layer.num_embeddings, layer.embedding_dim), W=layer.weight)


def _layer_norm(layer: nn.LayerNorm) -> Made | None:
    if len(layer.normalized_shape) != 1:
        return None
    brick = LayerNormalization(
        layer.normalized_shape[0],
        layer.eps,
        learn_scale=layer.weight is not None,
        learn_shift=layer.bias is not None,
    )
    return _with(brick, scale=layer.weight, shift=layer.bias)


def _rms_norm(layer: nn.RMSNorm) -> Made | None:
    if len(layer.normalized_shape) != 1 or layer.eps is None:
        return None
    learned = layer.weight is not None
    brick = RMSNormalization(layer.normalized_shape[0], layer.eps, learn_scale=learned)
    return _with(brick, scale=layer.weight)


def _max_pooling(layer: nn.MaxPool2d) -> Made | None:
    if _pair(layer.dilation) != (1, 1) or layer.return_indices:
        return None
    brick = MaxPooling(
        _pair(layer.kernel_size),
        _pair(layer.stride),
        ignore_border=not layer.ceil_mode,
        padding=_pair(layer.padding),
    )
    return _with(brick)


def _average_pooling(layer: nn.AvgPool2d) -> Made | None:
    padded = layer.count_include_pad and _pair(layer.padding) != (0, 0)
    if layer.divisor_override is not None or (padded and layer.ceil_mode):
        return None
    brick = AveragePooling(
        _pair(layer.kernel_size),
        _pair(layer.stride),
        ignore_border=not layer.ceil_mode,
        padding=_pair(layer.padding),
        include_padding=padded,
    )
    return _with(brick)


def _pair(value: Any) -> tuple[int, int]:
    first, second = value if isinstance(value, (tuple, list)) else (value, value)
    return first, second


LAYERS: dict[type[nn.Module], Callable[[Any], Made | None]] = {
    nn.Identity: lambda layer: _with(Identity()),
    nn.Tanh: lambda layer: _with(Tanh()),
    nn.Sigmoid: lambda layer: _with(Logistic()),
    nn.ReLU: lambda layer: _with(Rectifier()),
    nn.LeakyReLU: lambda layer: _with(LeakyRectifier(layer.negative_slope)),
    nn.GELU: lambda layer: _with(GELU(layer.approximate == "tanh")),
    nn.SiLU: lambda layer: _with(SiLU()),
    nn.Softplus: lambda layer: (
        _with(Softplus()) if (layer.beta, layer.threshold) == (1, 20) else None
    ),
    nn.Softmax: lambda layer: _with(Softmax()) if layer.dim in (-1, 1) else None,
    nn.Dropout: lambda layer: _with(Dropout(layer.p)) if layer.p < 1 else None,
    nn.Flatten: lambda layer: _with(Flattener()) if _is_whole(layer) else None,
    nn.Linear: _linear,
    nn.Conv2d: _convolutional,
    nn.BatchNorm1d: lambda layer: _normalization(BatchNormalization, layer.num_features, layer),
    nn.BatchNorm2d: lambda layer: _normalization(
        SpatialBatchNormalization, (layer.num_features, None, None), layer
    ),
    nn.Embedding: _embedding,
    nn.LayerNorm: _layer_norm,
    nn.RMSNorm: _rms_norm,
    nn.MaxPool2d: _max_pooling,
    nn.AvgPool2d: _average_pooling,
}
"""For each class, a function that returns the equivalent brick, or None if no brick fits."""
