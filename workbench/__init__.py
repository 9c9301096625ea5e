"""A Jupyter-native workbench for training neural networks interactively."""

import workbench.openmp  # noqa: F401, first, since its settings must precede torch
from workbench import tensor
from workbench.names import explain_missing
from workbench.tensor import function, grad, scan, shared
from workbench.tensor.execution.explain import explain

__all__ = ["explain", "function", "grad", "scan", "shared", "tensor"]

explain_missing(__name__)
