"""Symbolic computation with torch: inputs, shared variables, functions and gradients."""

from workbench.names import explain_missing
from workbench.tensor import alike as _alike  # noqa: F401  adds checks to torch's losses
from workbench.tensor import operators as _operators  # noqa: F401  installs operators
from workbench.tensor.function import Function, function
from workbench.tensor.gradient import grad
from workbench.tensor.inputs import (
    as_variable,
    constant,
    lmatrix,
    lscalar,
    ltensor3,
    ltensor4,
    lvector,
    matrix,
    scalar,
    tensor3,
    tensor4,
    variable,
    vector,
)
from workbench.tensor.printing import pprint
from workbench.tensor.random import RandomStream
from workbench.tensor.scan import scan
from workbench.tensor.shared import SharedVariable, shared
from workbench.tensor.variable import Variable, put_hook
from workbench.tensor.vocabulary import function_hint

__all__ = [
    "Function",
    "RandomStream",
    "SharedVariable",
    "Variable",
    "as_variable",
    "constant",
    "function",
    "grad",
    "lmatrix",
    "lscalar",
    "ltensor3",
    "ltensor4",
    "lvector",
    "matrix",
    "pprint",
    "put_hook",
    "scalar",
    "scan",
    "shared",
    "tensor3",
    "tensor4",
    "variable",
    "vector",
]

explain_missing(__name__, function_hint)
