"""Computation graphs, annotations of their variables, and functions that rewrite graphs."""

from workbench.graph.annotations import Annotation, add_annotation
from workbench.graph.bn import (
    apply_batch_normalization,
    batch_normalization,
    get_batch_normalization_updates,
)
from workbench.graph.collect import collect_parameters
from workbench.graph.computation import ComputationGraph
from workbench.graph.counts import Flops, count_flops, count_parameters
from workbench.graph.modes import ModeDependent, apply_training_mode, training_mode
from workbench.graph.noise import apply_dropout, apply_noise
from workbench.names import explain_missing

__all__ = [
    "Annotation",
    "ComputationGraph",
    "Flops",
    "ModeDependent",
    "add_annotation",
    "apply_batch_normalization",
    "apply_dropout",
    "apply_noise",
    "apply_training_mode",
    "batch_normalization",
    "collect_parameters",
    "count_flops",
    "count_parameters",
    "get_batch_normalization_updates",
    "training_mode",
]

explain_missing(__name__)
