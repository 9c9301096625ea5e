"""Computation graphs: what variables are computed from, and what is known about it."""

from workbench.graph.annotations import Annotation, add_annotation
from workbench.graph.collect import collect_parameters
from workbench.graph.computation import ComputationGraph
from workbench.graph.noise import apply_dropout, apply_noise

__all__ = [
    "Annotation",
    "ComputationGraph",
    "add_annotation",
    "apply_dropout",
    "apply_noise",
    "collect_parameters",
]
