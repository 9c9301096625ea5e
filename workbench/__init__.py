"""A Jupyter-native workbench for training neural networks interactively."""

from workbench import tensor
from workbench.tensor import function, grad, scan, shared

__all__ = ["function", "grad", "scan", "shared", "tensor"]
