"""Computation graphs: what variables are computed from, and what is known about it."""

from workbench.graph.annotations import Annotation, add_annotation
from workbench.graph.computation import ComputationGraph

__all__ = ["Annotation", "ComputationGraph", "add_annotation"]
