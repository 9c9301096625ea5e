"""Export of torch modules to ONNX files, with a numerical check of the result.

The export uses torch's tracing exporter, because it needs no library other than ``onnx``, which
also checks the file. Tracing may turn a value that the module reads from the example inputs, such
as the batch size, into a constant. Therefore ``onnx.reference`` runs the ONNX program for two batch
sizes, and its results are compared with the module's results before a file is written.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy
import torch

from workbench.errors import ArchiveError, MissingLibraryError
from workbench.utils.atomic import replace_file

OPSET = 20
"""The newest version of the ONNX operators that torch's tracing exporter supports."""

BATCH = "batch"

_ONE_AT_A_TIME = threading.Lock()
"""Lock for torch's exporter, whose state is shared by all threads of the process."""

MISSING = (
    "to_onnx requires the library onnx, which is not installed; install it with pip install "
    "'workbench[onnx]'"
)
NOT_EXPORTED = (
    "{path}: {module} cannot be written as ONNX ({error}); nothing was written. "
    "torch.export.export(module, inputs) shows the operations of the module; replace each "
    "operation that ONNX does not have"
)
DIFFERS = (
    "{path}: for inputs of shape {shapes}, the output {output} of the ONNX program differs from "
    "the module's output by up to {difference:.3g}, but at most {tolerance:g} (relative and "
    "absolute) is allowed; nothing was written. {hint}"
)
NOT_RUN = (
    "{path}: the ONNX program fails for inputs of shape {shapes} ({error}); nothing was written. "
    "The program may contain a size of the example inputs as a constant; list every size that "
    "varies in dynamic_axes"
)


def write_onnx(
    module: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    path: str | os.PathLike[str],
    *,
    dynamic_axes: Mapping[str, Mapping[int, str]] | None = None,
    tolerance: float = 1e-4,
    notes: tuple[str, Mapping[str, str]] = ("", MappingProxyType({})),
) -> Path:
    """Export a module in evaluation mode to an ONNX file, after checking the exported program.

    Parameters
    ----------
    module : torch.nn.Module
        A module on the CPU.
    inputs : dict of str to torch.Tensor
        An example of each argument, in order; the keys become the names of the file's inputs.
    outputs : list of str
        The names of the file's outputs. If an input has the same name, ``_output`` is appended.
    path : path
    dynamic_axes : dict of str to dict of int to str, optional
        For each input, the axes whose size may vary, with their names. By default, this is the
        first axis of each input, named ``batch``.
    tolerance : float
        The largest relative and absolute difference that is allowed between the outputs of the
        file and the outputs of the module.
    notes : (str, dict of str to str)
        A text that describes the file, and its metadata.

    Returns
    -------
    Path
        The path of the file.

    Raises
    ------
    MissingLibraryError
        If onnx is not installed.
    ArchiveError
        If torch cannot export the module, if the results of the file and the module differ, or if
        `dynamic_axes` contains the name of an unknown input.
    """
    try:
        import onnx
    except ImportError:
        raise MissingLibraryError(MISSING) from None
    if dynamic_axes is None:
        dynamic_axes = {name: {0: BATCH} for name, value in inputs.items() if value.ndim}
    dynamic = {name: dict(axes) for name, axes in dynamic_axes.items()}
    where = os.fspath(path)
    unknown = [name for name in dynamic if name not in inputs]
    if unknown:
        raise ArchiveError(
            f"{where}: dynamic_axes contains {unknown[0]!r}, which is not an input; the inputs are "
            f"{', '.join(inputs)}"
        )
    # An ONNX graph cannot have an input and an output of the same name.
    outputs = [f"{name}_output" if name in inputs else name for name in outputs]
    mode = module.training
    module.eval()
    try:
        examples = {name: value.detach().cpu() for name, value in inputs.items()}
        data = _exported(module, examples, outputs, dynamic, where)
        model = onnx.load_from_string(data)
        model.doc_string = notes[0]
        onnx.helper.set_model_props(model, dict(notes[1]))
        onnx.checker.check_model(model, full_check=True)
        for values in (examples, _enlarged(examples, dynamic)):
            _compare(module, model, values, outputs, where, tolerance)
    finally:
        module.train(mode)
    data = model.SerializeToString()
    replace_file(path, lambda file: file.write(data), ArchiveError)
    return Path(path)


def _exported(
    module: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    dynamic: Mapping[str, Mapping[int, str]],
    where: str,
) -> bytes:
    file = io.BytesIO()
    axes = {axis for named in dynamic.values() for axis in named.items()}
    batch = {axis: name for axis, name in axes if name == BATCH}
    dynamic = {**dynamic, **{name: batch for name in outputs if len(batch) == 1}}
    with _ONE_AT_A_TIME, _without_warnings():  # about the exporter and constants
        torch.onnx.register_custom_op_symbolic("aten::rms_norm", _rms_norm, OPSET)  # type: ignore[attr-defined]
        try:
            torch.onnx.export(
                module,
                tuple(inputs.values()),
                file,  # type: ignore[arg-type]
                dynamo=False,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes=dynamic,
                opset_version=OPSET,
            )
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            kind = type(module).__name__
            raise ArchiveError(
                NOT_EXPORTED.format(path=where, module=kind, error=f"{text:.300}")
            ) from error
    return file.getvalue()


class _OneThread:
    """Message pattern for a warning filter that applies to one thread only."""

    def __init__(self) -> None:
        self.thread: int | None = threading.get_ident()

    def match(self, message: str) -> bool:
        """Return True for every message issued in the thread that created the pattern."""
        return threading.get_ident() == self.thread


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Ignore warnings in this thread only.

    ``warnings.catch_warnings`` would replace the filters of all threads.
    """
    filters: Any = warnings.filters
    here = _OneThread()
    own = ("ignore", here, Warning, None, 0)
    filters.insert(0, own)
    try:
        yield
    finally:
        here.thread = None  # since another thread may have copied the filters
        with contextlib.suppress(ValueError):  # another thread has reset the filters
            filters.remove(own)


def _rms_norm(g: Any, x: Any, shape: Any, weight: Any, epsilon: Any) -> Any:
    """Add root mean square normalisation, missing from torch's exporter, to an ONNX graph."""
    from torch.onnx import symbolic_helper

    axes = [-1 - i for i in range(len(symbolic_helper._maybe_get_const(shape, "is")))]
    given = symbolic_helper._maybe_get_const(epsilon, "f")

    def constant(value: torch.Tensor) -> Any:
        return g.op("Constant", value_t=value)

    kind = getattr(torch, {"Double": "float64"}.get(x.type().scalarType(), "float32"))
    square = g.op("ReduceMean", g.op("Mul", x, x), constant(torch.tensor(axes)), keepdims_i=1)
    least = constant(torch.tensor(torch.finfo(kind).eps if given is None else given, dtype=kind))
    normal = g.op("Div", x, g.op("Sqrt", g.op("Add", square, least)))
    return normal if symbolic_helper._is_none(weight) else g.op("Mul", normal, weight)


def _enlarged(
    inputs: Mapping[str, torch.Tensor], dynamic: Mapping[str, Mapping[int, str]]
) -> dict[str, torch.Tensor]:
    """Return inputs with the first two elements of each dynamic axis appended to it."""
    larger = {}
    for name, value in inputs.items():
        for axis in dynamic.get(name, ()):
            size = value.shape[axis]
            value = value.index_select(axis, torch.arange(size + 2) % max(size, 1))
        larger[name] = value
    return larger


def _compare(
    module: torch.nn.Module,
    model: Any,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    where: str,
    tolerance: float,
) -> None:
    from onnx.reference import ReferenceEvaluator

    shapes = ", ".join(f"{name} {tuple(value.shape)}" for name, value in inputs.items())
    with torch.no_grad():
        wanted = module(*inputs.values())
    wanted = wanted if isinstance(wanted, (tuple, list)) else (wanted,)
    present = {one.name for one in model.graph.input}
    given = {name: value.numpy() for name, value in inputs.items() if name in present}
    try:
        found = ReferenceEvaluator(model).run(list(outputs), given)
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise ArchiveError(
            NOT_RUN.format(path=where, shapes=shapes, error=f"{text:.300}")
        ) from error
    for name, one, other in zip(outputs, found, wanted, strict=True):
        expected = other.detach().cpu().numpy()
        if one.shape == expected.shape and numpy.allclose(
            one, expected, rtol=tolerance, atol=tolerance, equal_nan=True
        ):
            continue
        same = one.shape == expected.shape
        difference = float(numpy.abs(one - expected).max()) if same else float("inf")
        hint = "" if same else f"The shape is {one.shape}, but must be {expected.shape}"
        raise ArchiveError(
            DIFFERS.format(
                path=where,
                shapes=shapes,
                output=name,
                difference=difference,
                tolerance=tolerance,
                hint=hint,
            ).rstrip()
        )
