"""Batch normalisation: bricks that use statistics of the batch in training mode."""

from workbench.bricks.bn.brick import BatchNormalization, SpatialBatchNormalization
from workbench.bricks.bn.mlp import BatchNormalizedMLP
from workbench.names import explain_missing

__all__ = ["BatchNormalization", "BatchNormalizedMLP", "SpatialBatchNormalization"]

explain_missing(__name__)
