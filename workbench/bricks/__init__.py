"""Bricks: operations with parameters. They build graphs and configure their children."""

from workbench.bricks.activations import (
    GELU,
    Activation,
    Identity,
    LeakyRectifier,
    Logistic,
    Rectifier,
    SiLU,
    Softplus,
    Swish,
    Tanh,
)
from workbench.bricks.application import Application, BoundApplication, application
from workbench.bricks.base import Brick
from workbench.bricks.bias import Bias
from workbench.bricks.bn import (
    BatchNormalization,
    BatchNormalizedMLP,
    SpatialBatchNormalization,
)
from workbench.bricks.dropout import Dropout
from workbench.bricks.feedforward import Feedforward
from workbench.bricks.fixes import apply_fix
from workbench.bricks.from_modules import from_torch
from workbench.bricks.image_layer import ImageLayer
from workbench.bricks.initializable import Initializable, LinearLike
from workbench.bricks.lazy import LazyNone, NoneAllocation, NoneInitialization, lazy
from workbench.bricks.linear import Linear
from workbench.bricks.maxout import LinearMaxout, Maxout
from workbench.bricks.module import TorchModule
from workbench.bricks.multi_head import MultiHeadAttention
from workbench.bricks.normalization import LayerNormalization, RMSNormalization
from workbench.bricks.positions import LearnedPositions, RotaryPositions, SinusoidalPositions
from workbench.bricks.random_numbers import Random, RNGMixin
from workbench.bricks.residual import Residual
from workbench.bricks.sequences import MLP, FeedforwardSequence, Sequence
from workbench.bricks.softmax import NDimensionalSoftmax, Softmax
from workbench.bricks.transformer import TransformerBlock
from workbench.bricks.wrappers import BrickWrapper, WithExtraDims
from workbench.graph.annotations import ApplicationCall
from workbench.graph.hierarchy import Children, Parameters
from workbench.names import explain_missing
from workbench.tensor.symbolic import symbolic_parameters

__all__ = [
    "GELU",
    "MLP",
    "Activation",
    "Application",
    "ApplicationCall",
    "BatchNormalization",
    "BatchNormalizedMLP",
    "Bias",
    "BoundApplication",
    "Brick",
    "BrickWrapper",
    "Children",
    "Dropout",
    "Feedforward",
    "FeedforwardSequence",
    "Identity",
    "ImageLayer",
    "Initializable",
    "LayerNormalization",
    "LazyNone",
    "LeakyRectifier",
    "LearnedPositions",
    "Linear",
    "LinearLike",
    "LinearMaxout",
    "Logistic",
    "Maxout",
    "MultiHeadAttention",
    "NDimensionalSoftmax",
    "NoneAllocation",
    "NoneInitialization",
    "Parameters",
    "RMSNormalization",
    "RNGMixin",
    "Random",
    "Rectifier",
    "Residual",
    "RotaryPositions",
    "Sequence",
    "SiLU",
    "SinusoidalPositions",
    "Softmax",
    "Softplus",
    "SpatialBatchNormalization",
    "Swish",
    "Tanh",
    "TorchModule",
    "TransformerBlock",
    "WithExtraDims",
    "application",
    "apply_fix",
    "from_torch",
    "lazy",
    "symbolic_parameters",
]

explain_missing(__name__)
