"""Names from Theano and the expressions that replace them, for hints in error messages.

Graphs contain only torch's functions. Names from Theano or Blocks are not aliases of these
functions, but the error message for such a name contains a hint.
"""

from __future__ import annotations

from collections.abc import Iterable

from workbench.errors import OperationError, UnknownNameError, nearest

_SAME = (
    "abs add all any arange arccos:acos arccosh:acosh arcsin:asin arcsinh:asinh arctan:atan "
    "arctan2:atan2 arctanh:atanh argmax argmin argsort batched_dot:bmm bincount ceil clip:clamp "
    "concatenate:cat conj cos cosh cumprod cumsum deg2rad diag diagonal dot:matmul eq erf erfc "
    "erfinv exp exp2 expm1 eye floor ge gt imag isinf isnan le log log10 log1p log2 lt max "
    "maximum mean min minimum mod:remainder mul nonzero neg neq:ne ones ones_like outer pow prod "
    "psi:digamma "
    "rad2deg real repeat:repeat_interleave roll round sgn:sign sign sin sinh sort sqr:square sqrt "
    "stack std sub sum switch:where tan tanh tensordot tile trace transpose:t tril triu trunc var "
    "where zeros zeros_like gammaln:lgamma or_:logical_or and_:logical_and "
    "xor:logical_xor invert:logical_not isclose allclose sigmoid logaddexp broadcast_to clamp full "
    "empty linspace cat matmul relu permute reshape squeeze unsqueeze flatten:flatten unique"
)

FUNCTIONS = {
    **{
        name: f"torch.{word or name}"
        for name, _, word in (pair.partition(":") for pair in _SAME.split())
    },
    "gamma": "torch.exp(torch.lgamma(x))",
    "alloc": "torch.full(shape, value)",
    "addbroadcast": "x, since torch broadcasts sizes of 1 automatically",
    "patternbroadcast": "x, since torch broadcasts sizes of 1 automatically",
    "unbroadcast": "x, since torch broadcasts sizes of 1 automatically",
    "cast": "x.to(torch.float32)",
    "choose": "torch.stack(choices)[index]",
    "dimshuffle": "x.permute(...) for the order, x.unsqueeze(axis) for 'x'",
    "extra_ops": "torch functions",
    "fill": "torch.full_like(x, value)",
    "hard_sigmoid": "torch.nn.functional.hardsigmoid",
    "horizontal_stack": "torch.hstack",
    "vertical_stack": "torch.vstack",
    "identity_like": "torch.eye(x.shape[0])",
    "inc_subtensor": "x.index_put((index,), value, accumulate=True)",
    "set_subtensor": "x.index_put((index,), value)",
    "intdiv": "x // y",
    "true_div": "x / y",
    "inv": "torch.reciprocal",
    "join": "torch.cat(tensors, axis)",
    "lop": "tensor.grad(cost, wrt, known_grads=...)",
    "rop": "tensor.grad twice",
    "jacobian": "tensor.grad of each element",
    "hessian": "tensor.grad twice",
    "grad": "tensor.grad",
    "max_and_argmax": "torch.max(x, axis), which returns both",
    "mgrid": "torch.meshgrid(..., indexing='ij')",
    "ogrid": "torch.arange(n).unsqueeze(1) and torch.arange(m).unsqueeze(0)",
    "nnet": "torch.nn.functional (softmax, sigmoid, softplus, relu, conv2d, cross_entropy, ...)",
    "signal": "torch.nn.functional.max_pool2d",
    "slinalg": "torch.linalg",
    "nlinalg": "torch.linalg",
    "fft": "torch.fft",
    "opt": "config.execution = 'compiled', which compiles functions",
    "ptp": "torch.amax(x) - torch.amin(x)",
    "raw_random": "tensor.RandomStream(seed)",
    "shared_randomstreams": "tensor.RandomStream(seed)",
    "RandomStreams": "tensor.RandomStream(seed)",
    "shape": "x.shape",
    "shape_padleft": "x.unsqueeze(0)",
    "shape_padright": "x.unsqueeze(-1)",
    "shape_padaxis": "x.unsqueeze(axis)",
    "softmax": "torch.softmax(x, -1)",
    "softplus": "torch.nn.functional.softplus",
    "specify_shape": "tensor.variable(name, shape=...)",
    "swapaxes": "x.transpose(axis1, axis2)",
    "take": "x.index_select(axis, indices)",
    "TensorType": "tensor.variable(name, shape, dtype)",
    "TensorVariable": "tensor.Variable",
    "as_tensor_variable": "tensor.as_variable",
    "tensor": "tensor.variable(name, shape, dtype)",
    "zeros_like": "torch.zeros_like",
    "row": "tensor.variable(name, shape=(1, None))",
    "col": "tensor.variable(name, shape=(None, 1))",
    "lt": "x < y", "gt": "x > y", "le": "x <= y", "ge": "x >= y",
}  # fmt: skip

_DTYPES = {
    "b": "int8", "w": "int16", "i": "int32", "f": "float32", "d": "float64", "c": "complex64",
    "z": "complex128",
}  # fmt: skip
_RANKS = {"scalar": 0, "vector": 1, "matrix": 2, "tensor3": 3, "tensor4": 4, "tensor5": 5}
_AXES = {"row": "(1, None)", "col": "(None, 1)"} | {
    name: "(" + "None, " * rank + ")" if rank == 1 else "(" + ", ".join(["None"] * rank) + ")"
    for name, rank in _RANKS.items()
}
FUNCTIONS |= {
    letter + name: f"tensor.variable(name, {shape.replace(', )', ',)')}, torch.{dtype})"
    for letter, dtype in _DTYPES.items()
    for name, shape in _AXES.items()
} | {"ltensor5": "tensor.variable(name, (None, None, None, None, None), torch.int64)",
     "tensor5": "tensor.variable(name, (None, None, None, None, None))"}  # fmt: skip
_SINGULARS = {
    plural: plural.removesuffix("s")
    for plural in ("scalars", "vectors", "tensor3s", "tensor4s", "lvectors", "fvectors", "dvectors",
                   "ivectors", "lscalars", "dscalars", "fscalars", "rows", "cols")
} | {"matrices": "matrix"}  # fmt: skip
FUNCTIONS |= {
    plural: f"{FUNCTIONS.get(one, f'tensor.{one}(name)')} for each variable"
    for plural, one in _SINGULARS.items()
}

METHODS = {
    "astype": "x.to(torch.float32)",
    "dimshuffle": FUNCTIONS["dimshuffle"],
    "argmax_and_max": "x.max(axis)",
    "broadcastable": "x.shape",
    "clone": "x.copy()",
    "get_scalar_constant_value": "x.eval()",
    "norm": "torch.linalg.vector_norm(x)",
    "ptp": FUNCTIONS["ptp"],
    "repeat": "x.repeat_interleave(n, axis)",
    "sort": "x.sort(axis).values",
    "take": "x.index_select(axis, indices)",
    "type": "x.dtype and x.ndim",
    "container": "x.tensor",
    "zeros_like": "torch.zeros_like(x)",
    "ones_like": "torch.ones_like(x)",
    "dtypes": "x.dtype",
    "compress": "x[condition]",
    "choose": FUNCTIONS["choose"],
    "nonzero_values": "x[x != 0]",
    "fill": "torch.full_like(x, value)",
    "std": "x.std(axis, correction=0)",
}
KEYWORDS = {
    ("flatten", "ndim"): "takes the first axis to flatten: write x.flatten(ndim - 1)",
    ("flatten", "outdim"): "takes the first axis to flatten: write x.flatten(outdim - 1)",
    ("get_value", "borrow"): "returns a copy; use w.tensor for the tensor itself",
    ("get_value", "return_internal_type"): "returns an array; use w.tensor for the tensor",
    ("set_value", "borrow"): "copies the value; assign in place with w.tensor.copy_(value)",
    ("reshape", "ndim"): "accepts only the shape",
    ("sort", "kind"): "accepts dim and descending",
    ("std", "ddof"): "accepts correction= in place of ddof=",
    ("var", "ddof"): "accepts correction= in place of ddof=",
    ("sum", "acc_dtype"): "accepts dtype=",
    ("mean", "acc_dtype"): "accepts dtype=",
    ("repeat", "axis"): "tiles as torch.tile does; write x.repeat_interleave(n, axis)",
    ("take", "axis"): "indexes the flattened tensor; write x.index_select(axis, indices)",
    ("cast", "dtype"): "is written x.to(dtype)",
    ("max", "keepdims"): "is written torch.amax(x, axis, keepdim=True)",
    ("min", "keepdims"): "is written torch.amin(x, axis, keepdim=True)",
    ("stack", "tensors"): "accepts a list",
}


ASSIGNED = {
    "value": "variable.set_value(...)",
    "data": "variable.set_value(...)",
    "requires_grad": "GradientDescent(parameters=[...]) with the parameters to train",
    "grad": "workbench.grad(cost, variable), which returns a new variable",
}
"""Attributes that torch and Theano users assign, with the expressions to use instead."""


def assigned_hint(variable: object, name: str) -> str:
    """Return a hint for an assignment to an attribute that does not exist."""
    if name in ASSIGNED:
        return f"; write {ASSIGNED[name]}"
    return nearest(name, (one for one in dir(variable) if not one.startswith("_")))


def function_hint(name: str) -> str:
    """Return a hint for a name that `workbench.tensor` does not have, or an empty string."""
    return f"; instead, write {FUNCTIONS[name]}" if name in FUNCTIONS else ""


def unknown_attribute(variable: object, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for an attribute that variables do not have."""
    if name in METHODS:
        hint = f"; variables have torch's methods: write {METHODS[name]}"
    elif name.startswith("_"):
        hint = ""
    else:
        hint = nearest(name, known)
    return UnknownNameError(f"variables have no attribute {name!r}{hint}")


def keyword_hint(function: str, keywords: Iterable[str]) -> str:
    """Return a hint for the first keyword in `keywords` that has a hint, or an empty string."""
    for keyword in keywords:
        if (function, keyword) in KEYWORDS:
            return f"; {function} {KEYWORDS[function, keyword]}"
    return ""


def refuse_keywords(function: str, keywords: Iterable[str]) -> None:
    """Raise `OperationError` if `keywords` is not empty."""
    for keyword in keywords:
        hint = keyword_hint(function, [keyword])
        raise OperationError(f"{function} has no argument {keyword!r}{hint}")
