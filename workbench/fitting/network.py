"""The graph that `fit` trains, from the inputs to the cost and metrics, and the code for it."""

from __future__ import annotations

import ast
import contextlib
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from workbench import tensor
from workbench.bricks import Brick, FeedforwardSequence, Initializable, TorchModule
from workbench.bricks.cost import Cost
from workbench.bricks.inference import Kind
from workbench.builder import to_code, to_spec
from workbench.builder.imports import identifier
from workbench.data.files import some
from workbench.data.targets import MOST_CLASSES
from workbench.errors import ArgumentError, BuilderError, DataError, ShapeError
from workbench.fitting import ends, layers, losses
from workbench.fitting.ends import End
from workbench.fitting.last_batch import check_last_batch
from workbench.fitting.losses import Aim, Loss, Metric
from workbench.fitting.prepared import Prepared
from workbench.fitting.program import Statements, literal
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.arrays import as_array
from workbench.tensor.device import floatx
from workbench.tensor.inputs import expect_read_only

NOT_A_MODEL = (
    "model must be a brick, a list of bricks or a torch.nn.Module, not {given}; for example "
    "[Linear(output_dim=50), Rectifier(), Linear()]"
)
LONGEST_GIVEN = 80
NOT_A_BRICK = (
    "each item of the list must be a brick, such as Linear(output_dim=50), not {given}{hint}"
)
CHANNELS_LAST = (
    "the images have the shape {shape}, which looks like (height, width, channels), but the model "
    "reads (channels, height, width); pass images.transpose(0, 3, 1, 2)"
)
NO_CHANNELS = (
    "the images have the shape {shape}, but the model reads (channels, height, width); pass "
    "images[:, None], which adds a channel to grey images"
)
NO_CLASSES = (
    "the number of classes cannot be inferred, since the targets of {stream} are not in "
    "memory; set the number of outputs of the last layer"
)
NOT_INDICES = (
    "the targets must be the indices 0, 1, 2 ... of at least two classes, but their values are "
    "{values}"
)
FEWER_NAMES = (
    "the targets contain {value}, but the data names only {count} classes: {names}; correct the "
    "names, or the targets, which must be indices into the names"
)
PARTLY = (
    "{given!r} already has values, but {lacking!r} has none, so it is unclear whether the values "
    "should be kept; call the initialize() method of every brick, or pass new bricks"
)
COLUMNS_OF_CLASSES = (
    "the targets are integers of shape {shape}, but classes must be a vector of indices; pass "
    "targets.argmax(1) if they are one-hot, or floats if they are numbers"
)
VECTOR = (
    "the input {name!r} has one number for each example, but the model needs rows of shape "
    "(B, features); pass x.reshape(-1, 1), or pass a table and the name of its target if the data "
    "has several such columns (data.to_pandas() converts a Hugging Face split)"
)
OTHER_DTYPE = (
    "{name!r} has the dtype {given}, but the model computes with {wanted}; convert it with "
    "array.astype('{wanted}') or tensor.to(torch.{wanted}), or pass the arrays as a pair (X, y)"
)
OTHER_MODULE = (
    "the parameters of the module have the dtype {given}, but the data is read as {wanted}; pass "
    "module.to(torch.{wanted})"
)
NOT_CLASSES = "the targets have the dtype {dtype}, but class indices must be integers"
WHOLE_FLOATS = (
    "the targets{named} are the whole numbers {values} of dtype {dtype}, which can be classes or "
    "quantities; convert them to int64 if they are classes, or pass loss='squared error'"
)
AMBIGUOUS = (
    "the targets{named} are the whole numbers {values} and the model has one output, so they can "
    "be classes or quantities; pass loss='cross-entropy' or loss='squared error'"
)
INPUTS = (
    "the data has the inputs {given}, but the model reads {names}; give the arrays the names of "
    "the model's inputs"
)
AS_IT_IS = (
    "The brick cannot be written as code; create a brick with the same settings as the brick "
    "that was passed to fit"
)
KEPT = "The model was already initialised, so training starts from its values."
TRAINED_BEFORE = "The model was trained by {name} before, so training continues from its values."


@dataclass
class Network:
    """A model that was applied to the data.

    Attributes
    ----------
    cost : Variable
    metrics : list of Variable
    output : Variable
        The output of the model.
    code : Statements
    output_name : str
        The variable name of the output in the generated code.
    had_values : bool
        True if the model had values before, as torch modules always have.
    """

    cost: Variable
    metrics: list[Variable]
    output: Variable
    code: Statements
    output_name: str
    had_values: bool

    def watched(self) -> list[str]:
        """Return the variable names of the cost and the metrics in the generated code."""
        names = [str(one.name) for one in (self.cost, *self.metrics)]
        named = [line.partition(".name = ") for line in self.code.lines]
        variables = {ast.literal_eval(text): target for target, made, text in named if made}
        return [variables.get(name, name) for name in names]


def as_brick(model: Any, seed: int) -> Any:
    """Return a model as one brick: a list becomes a sequence, and a torch module is wrapped.

    Raises
    ------
    ArgumentError
        If `model` is of any other type.
    """
    if isinstance(model, torch.nn.Module):
        return TorchModule(model, name="network", random_seed=seed)
    if isinstance(model, Brick):
        return model
    if not isinstance(model, (list, tuple)) or not model:
        raise ArgumentError(NOT_A_MODEL.format(given=_as_given(model)))
    for one in model:
        if not isinstance(one, Brick):
            module = isinstance(one, torch.nn.Module)
            hint = "; pass torch.nn.Sequential(...) as the model" if module else ""
            raise ArgumentError(NOT_A_BRICK.format(given=repr(one), hint=hint))
    layers.set_names(model)
    return FeedforwardSequence(list(model), name="model")


def _as_given(model: Any) -> str:
    """Describe what was passed in place of a model, and what to pass instead if this is clear."""
    if isinstance(model, type):
        return f"the class {model.__name__}; write {model.__name__}(...)"
    text = repr(model)
    if len(text) <= LONGEST_GIVEN and "\n" not in text:
        return text
    return f"an object of type {type(model).__name__}; the data is the second argument"


def build(
    model: Any,
    brick: Any,
    prepared: Prepared,
    loss: Loss | None,
    metrics: Sequence[Metric] | None,
    seed: int,
) -> Network:
    """Apply a model to the data, initialise it, and compute its cost and metrics.

    Parameters
    ----------
    model
        The model as the caller passed it.
    brick : Brick
        The result of `as_brick`.
    prepared : Prepared
    loss, metrics
        None to infer them from the targets and the model's ending.
    seed : int
    """
    steps = layers.steps_of(brick)
    expect_read_only()  # the first batch can be a view of the data
    batch = prepared.first_batch()
    kinds = {name: _kind(batch[name]) for name in prepared.inputs}
    _check_channels(steps, list(kinds.values()))
    _check_inputs(model, kinds, batch, prepared.target)
    module = isinstance(brick, TorchModule)
    inputs = {
        name: tensor.variable(name, _plain_shape(kind.shape), kind.dtype)
        for name, kind in kinds.items()
    }
    given = {name: batch[name] for name in inputs}
    if module:
        check_last_batch(brick.module, prepared, batch)
        with _own_dtype_explained(brick.module):
            with _channels_explained(brick, inputs):
                output = _applied(brick, inputs)
            losses.check_output(output)
            outputs = output.shape[1] if isinstance(output.shape[1], int) else None
            seen = ends.outputs_of_batch(output, given)
        end: End | None = ends.end_of_outputs(brick.module, seen, given, loss)
    else:
        outputs, end = layers.known_outputs(steps), ends.end_of(steps[-1])
    aim = _aim(prepared, batch[prepared.target], loss, outputs, end)
    ready = module or _has_values(steps)
    if not ready:
        layers.set_schemes(steps)
        layers.set_seeds(steps, seed)
        layers.settle_sizes(steps, list(kinds.values()), losses.outputs_for(aim, end))
        brick.allocate()  # so far, the parameters have no memory
    if not module:
        output = _applied(brick, inputs)
        losses.check_output(output)
    if not ready:
        brick.initialize()
    if end is None:
        end = ends.end_of_numbers(ends.outputs_of_batch(output, given))
    if aim.classes is not None and loss is None and end == "scores":
        _check_one_output(output, prepared, aim)
    if aim.classes is None and loss is None and end != "scores":
        raise ArgumentError(losses.NOT_FOR_NUMBERS.format(end=end))
    usual = losses.SQUARED if aim.classes is None else losses.CROSS_ENTROPY
    chosen = usual if loss is None else loss
    if metrics is None:
        metrics = ["accuracy"] if aim.classes is not None else []

    def judged(output: Variable, target: Variable) -> list[Variable]:
        truth = _truth(target, aim)
        cost = losses.cost_of(chosen, truth, output, end, aim)
        found = [losses.metric_of(metric, truth, output, end, aim) for metric in metrics]
        _set_different_names([cost, *found])
        return [cost, *found]

    target = _target_variable(prepared.target, batch[prepared.target])
    cost, *measured = judged(output, target)
    hole = tensor.variable("output", _plain_shape(output.shape), output.dtype)
    by_hole = functools.cache(functools.partial(judged, hole, target))
    own = not isinstance(chosen, str) and not _is_written(by_hole()[0])
    own_metrics = [place for place, metric in enumerate(metrics) if losses.is_own(metric)]

    def written(output: Variable, judged: Sequence[Variable]) -> list[Variable]:
        """Return the results that the builder can write as code."""
        found = [one for place, one in enumerate(judged[1:]) if place not in own_metrics]
        return [_stand_in(output) if own else judged[0], *found]

    code = _described(brick, written(output, [cost, *measured])) if not ready else None
    if code is None:
        code = _by_object(model, brick, kinds, ready, written(hole, by_hole()))
    if aim.classes is not None and aim.names:
        code.comments.append(f"Classes: {', '.join(aim.names[:20])}.")
    made = f" = {identifier(brick.name, ())}.apply("
    found = [line.partition(made)[0] for line in code.lines if made in line]
    name = found[0] if found else "output"
    if own:
        _put_loss(code, chosen, name, target, aim)
    for place in own_metrics:
        _put_metric(code, place, str(measured[place].name), name, target, aim)
    return Network(cost, measured, output, code, name, ready)


def _kind(array: Any) -> Kind:
    """Return the shape and dtype of an input, with None as the number of examples."""
    values = array if isinstance(array, torch.Tensor) else np.asarray(array)
    dtype = torch.as_tensor(values[:1]).dtype
    dtype = floatx() if dtype.is_floating_point else torch.int64
    return Kind((None, *(int(size) for size in values.shape[1:])), dtype)


def _check_inputs(
    model: Any, kinds: Mapping[str, Kind], batch: Mapping[str, Any], target: str
) -> None:
    """Reject inputs that are vectors, and floats whose dtype differs from the model's dtype."""
    plain = not isinstance(model, torch.nn.Module) or type(model) in (
        torch.nn.Linear,
        torch.nn.Sequential,
    )
    for name, kind in kinds.items():
        if plain and len(kind.shape) == 1 and kind.dtype.is_floating_point:
            raise ArgumentError(VECTOR.format(name=name))
    for name in (*kinds, target):
        given = torch.as_tensor(batch[name]).dtype
        if given.is_floating_point and given is not floatx():
            wanted, shown = (str(one).removeprefix("torch.") for one in (floatx(), given))
            raise ArgumentError(OTHER_DTYPE.format(name=name, given=shown, wanted=wanted))


def _check_channels(steps: Sequence[Brick], kinds: Sequence[Kind]) -> None:
    """Reject images with the channels in the last dimension.

    Bricks, and some modules, would treat the height of such images as the channels. Only a
    `torch.nn.Sequential` surely passes the images to its first layer as they are.
    """
    first: Any = steps[0]
    shape = kinds[0].shape if kinds else ()
    if isinstance(first, TorchModule):
        layer = first.module
        while isinstance(layer, torch.nn.Sequential) and len(layer):
            layer = layer[0]
        if text := _with_channels(layer, shape)[0]:
            raise ArgumentError(text)
        return
    if not hasattr(first, "num_channels"):
        return
    if len(shape) == 4 and shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4):
        raise ArgumentError(CHANNELS_LAST.format(shape=shape[1:]))


def _with_channels(layer: Any, shape: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """Return a message about images that are not channels-first, and the shape that they need.

    The message is empty if `layer` is not a convolution, or if the images are channels-first.
    """
    if isinstance(layer, torch.nn.Conv2d):
        channels = layer.in_channels
        if len(shape) == 4 and shape[1] != channels == shape[3]:
            text = CHANNELS_LAST.format(shape=tuple(shape[1:]))
            return text, (shape[0], channels, *shape[1:3])
        if len(shape) == 3:
            return NO_CHANNELS.format(shape=tuple(shape[1:])), (shape[0], 1, *shape[1:])
    return "", shape


@contextlib.contextmanager
def _channels_explained(brick: TorchModule, inputs: Mapping[str, Variable]) -> Iterator[None]:
    """Explain the error of a module that would accept the images if they were channels-first."""
    try:
        yield
    except ShapeError:
        [image, *_] = inputs.values()
        leaves = (one for one in brick.module.modules() if not list(one.children()))
        text, shape = _with_channels(next(leaves, None), image.shape)
        if not text or len(inputs) > 1:
            raise
        explained = None
        with contextlib.suppress(Exception):  # the images may not be the only fault
            brick.apply(tensor.variable("images", _plain_shape(shape), image.dtype))
            explained = ArgumentError(text)
        if explained is None:
            raise
        raise explained from None


def _aim(
    prepared: Prepared,
    targets: Any,
    loss: Loss | None,
    outputs: int | None,
    end: End | None,
) -> Aim:
    values = as_array(targets)
    names = prepared.classes
    numbers = Aim(None, numbers=values.shape[1] if values.ndim > 1 else 1)
    if prepared.encoded:
        return numbers if names is None else Aim(len(names), names)
    wanted = losses.classes_for(loss)
    if loss is None and end == "softmax":
        wanted = True
    if wanted is False:
        return numbers
    if values.dtype.kind in "iub":
        if values.ndim > 1 and values.shape[1] > 1:
            raise ArgumentError(COLUMNS_OF_CLASSES.format(shape=values.shape))
        return Aim(_class_count(prepared, outputs), names or ())
    probabilities = isinstance(loss, Cost) and values.ndim > 1
    if wanted and not probabilities:
        raise ArgumentError(NOT_CLASSES.format(dtype=values.dtype))
    found = prepared.all_targets()
    seen = np.unique(values if found is None else found)
    if loss is None and 1 < len(seen) <= MOST_CLASSES and np.array_equal(seen, range(len(seen))):
        shown = ", ".join(str(int(one)) for one in seen[:10])
        raise ArgumentError(
            WHOLE_FLOATS.format(named=_named(prepared), dtype=values.dtype, values=shown)
        )
    return numbers


def _class_count(prepared: Prepared, outputs: int | None) -> int:
    """Return the number of classes in targets that were not encoded."""
    found = prepared.all_targets()
    seen: list[int] = [] if found is None else np.unique(found).tolist()
    if len(seen) == 1 or (seen and seen[0] < 0):
        raise DataError(NOT_INDICES.format(values=", ".join(map(str, seen[:10]))))
    names = prepared.classes
    if names is not None:
        if seen and seen[-1] >= len(names):
            raise DataError(FEWER_NAMES.format(value=seen[-1], count=len(names), names=some(names)))
        return len(names)
    if seen:
        return max(int(seen[-1]) + 1, outputs or 0)
    if outputs is not None:
        return max(outputs, 2)
    raise ArgumentError(NO_CLASSES.format(stream=prepared.training))


def _check_one_output(output: Variable, prepared: Prepared, aim: Aim) -> None:
    """Reject a model with one output if the targets can be either classes or quantities."""
    if output.shape[1] != 1 or not all(name.isdigit() for name in aim.names):
        return
    found = prepared.all_targets()
    seen = aim.names if aim.names or found is None else np.unique(found).tolist()
    shown = ", ".join(map(str, seen[:10])) or "..."
    raise ArgumentError(AMBIGUOUS.format(named=_named(prepared), values=shown))


def _named(prepared: Prepared) -> str:
    """Return the target names with a leading space, or an empty string if there are none."""
    names = prepared.target_names
    return f" {some(names)}" if names else ""


def _applied(brick: Any, inputs: dict[str, Variable]) -> Variable:
    names = list(brick.apply.inputs)
    given = list(inputs.values())
    if len(given) == 1:
        output = brick.apply(given[0])
    elif set(inputs) <= set(names):
        output = brick.apply(**inputs)
    else:
        raise ArgumentError(
            INPUTS.format(given=", ".join(inputs), names=", ".join(names) or "nothing")
        )
    if not isinstance(output, Variable):
        raise ArgumentError(
            f"the model must return one output, but returns {len(output)}; build the graph "
            "yourself and train it with MainLoop"
        )
    return output


@contextlib.contextmanager
def _own_dtype_explained(module: torch.nn.Module) -> Iterator[None]:
    """Explain errors of a module whose parameters have a different dtype from the data."""
    try:
        yield
    except RuntimeError:
        dtypes = {one.dtype for one in module.parameters() if one.is_floating_point()}
        if not dtypes or floatx() in dtypes:
            raise
        given, wanted = (str(one).removeprefix("torch.") for one in (dtypes.pop(), floatx()))
        text = OTHER_MODULE.format(given=given, wanted=wanted)
        if hasattr(np, given):
            text += f", or set config.floatx = '{given}' before the data is made"
        raise ArgumentError(text) from None


def _has_values(steps: Sequence[Brick]) -> bool:
    """Return True if all parameters of a model have values, and False if no parameter has a value.

    Raises
    ------
    ArgumentError
        If only some of the bricks have been initialised.
    """
    given, lacking = [], []
    for brick in steps:
        found = [p for one in layers.tree(brick) if one.allocated for p in one.parameters]
        if any(isinstance(p, SharedVariable) and not p.symbolic and not p.unset for p in found):
            given.append(brick)
        elif found or brick.allocation_args or isinstance(brick, Initializable):
            lacking.append(brick)
    if given and lacking:
        raise ArgumentError(PARTLY.format(given=given[0], lacking=lacking[0]))
    return bool(given)


def _target_variable(name: str, targets: Any) -> Variable:
    values = as_array(targets)
    dtype = floatx() if values.dtype.kind == "f" else torch.int64
    shape = (None, *values.shape[1:])
    return tensor.variable(name, shape, dtype)


def _truth(target: Variable, aim: Aim) -> Variable:
    """Return the targets as indices of shape (B,), or as numbers of shape (B, k)."""
    truth = target
    for method, *arguments in _changes(target, aim):
        truth = getattr(truth, method)(*arguments)
    return truth


def _changes(target: Variable, aim: Aim) -> list[tuple[Any, ...]]:
    """Return the methods, with their arguments, that `_truth` applies to the targets."""
    if aim.classes is not None:
        return [] if target.ndim == 1 else [("flatten",)]
    floats = [] if target.dtype.is_floating_point else [("float",)]
    return [*floats, *([] if target.ndim > 1 else [("unsqueeze", 1)])]


def _is_written(cost: Variable) -> bool:
    """Return True if the builder can write the code of a cost."""
    try:
        to_code(to_spec(cost))
    except BuilderError:
        return False
    return True


def _stand_in(output: Variable) -> Variable:
    """Return a placeholder cost: one line of code that `_put_loss` replaces."""
    cost: Variable = output.mean()
    cost.name = "cost"
    return cost


def _put_loss(code: Statements, loss: Any, output: str, target: Variable, aim: Aim) -> None:
    """Replace the cost of `_stand_in` with a call of the object that was passed as the loss."""
    truth = _truth_code(target, aim)
    called = f"loss.apply({truth}, {output})" if isinstance(loss, Cost) else (
        f"loss({output}, {truth})"
    )  # fmt: skip
    place = code.lines.index(f"cost = {output}.mean()")
    code.lines[place : place + 1] = [*_missing_line(code, target), f"cost = {called}"]
    code.needs["loss"] = "the loss that was passed to fit"


def _put_metric(
    code: Statements, place: int, name: str, output: str, target: Variable, aim: Aim
) -> None:
    """Add a call of a function that was passed as a metric."""
    code.lines += [
        *_missing_line(code, target),
        f"metric_{place} = metrics[{place}]({output}, {_truth_code(target, aim)})",
        f"metric_{place}.name = {literal(name)}",
    ]
    code.needs["metrics"] = "the metrics that were passed to fit, each once"


def _truth_code(target: Variable, aim: Aim) -> str:
    """Return the expression for the targets that `_truth` returns."""
    calls = [f".{method}({', '.join(map(str, a))})" for method, *a in _changes(target, aim)]
    return identifier(str(target.name), ()) + "".join(calls)


def _missing_line(code: Statements, target: Variable) -> list[str]:
    """Return the statement that creates the targets, unless the code already contains it."""
    name = identifier(str(target.name), ())
    if any(line.startswith(f"{name} = tensor.") for line in code.lines):
        return []
    return [_input_line(str(target.name), Kind(_plain_shape(target.shape), target.dtype), code)]


def _set_different_names(results: Sequence[Variable]) -> None:
    """Append numbers to the names of metrics if earlier results have the same names."""
    taken: set[str] = set()
    for one in results:
        name, numbers = str(one.name), itertools.count(1)
        while str(one.name) in taken:
            one.name = f"{name}_{next(numbers)}"
        taken.add(str(one.name))


def _described(brick: Any, results: Sequence[Variable]) -> Statements | None:
    """Return the code of the graph, or None if the builder cannot write it."""
    try:
        text = to_code(to_spec(*results))
    except BuilderError:
        return None
    code = Statements()
    code.add(text)
    code.lines.append(f"{identifier(brick.name, ())}.initialize()")
    return code


def _by_object(
    model: Any, brick: Any, kinds: dict[str, Kind], ready: bool, judged: Sequence[Variable]
) -> Statements:
    """Return code that applies the object that the caller passed."""
    code = Statements()
    code.add(to_code(to_spec(*judged)))
    code.use("workbench", "tensor")
    made = [_input_line(name, kind, code) for name, kind in kinds.items()]
    names = [identifier(name, ()) for name in kinds]
    pairs = [f"{key}={name}" for key, name in zip(kinds, names, strict=True)]
    given = names[0] if len(names) == 1 else ", ".join(pairs)
    variable = "model"
    if isinstance(model, torch.nn.Module):
        code.needs["model"] = "the module that was passed to fit, as it was before the call"
        code.use("workbench.bricks", "TorchModule")
        seed = brick.random_seed
        made.append(f'network = TorchModule(model, name="network", random_seed={seed})')
        variable = "network"
    else:
        code.needs["model"] = "the model that was passed to fit, as it was before the call"
        code.comments.append(KEPT if ready else f"{AS_IT_IS}.")
        if isinstance(model, (list, tuple)):
            code.use("workbench.bricks", "FeedforwardSequence")
            made.append('network = FeedforwardSequence(model, name="model")')
            variable = "network"
    made.append(f"output = {variable}.apply({given})")
    if not ready:
        made.append(f"{variable}.initialize()")
    hole = next(i for i, line in enumerate(code.lines) if line.startswith("output = tensor."))
    code.lines[hole : hole + 1] = []
    code.lines[:0] = [*made, *([""] if code.lines and code.lines[0] else [])]
    return code


def _input_line(name: str, kind: Kind, code: Statements) -> str:
    dtype = ""
    if not kind.dtype.is_floating_point:
        code.use("torch")
        dtype = f", {kind.dtype}"
    return f"{identifier(name, ())} = tensor.variable({literal(name)}, {kind.shape!r}{dtype})"


def _plain_shape(shape: Iterable[Any]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)
