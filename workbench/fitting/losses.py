"""Losses and metrics of `fit`, given as names or bricks, or inferred from targets and outputs.

The loss must suit the network's final bricks, which `workbench.fitting.ends` identifies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch

from workbench.bricks import Brick, Logistic, Softmax
from workbench.bricks.cost import (
    AbsoluteError,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Cost,
    MisclassificationRate,
    SquaredError,
)
from workbench.errors import ArgumentError, OperationError, nearest
from workbench.fitting.ends import End
from workbench.graph.summary import shape_text
from workbench.tensor import Variable

CROSS_ENTROPY, SQUARED, ABSOLUTE = "cross-entropy", "squared error", "absolute error"
LOSSES = (CROSS_ENTROPY, SQUARED, ABSOLUTE)
METRICS = ("accuracy", "error rate", SQUARED, ABSOLUTE)

Loss: TypeAlias = "str | Cost | Callable[[Any, Any], Any]"
"""A name, a brick, or a torch function or module that is called as ``loss(output, targets)``."""

Metric: TypeAlias = "str | Cost | Callable[[Any, Any], Any]"
"""A name, a brick, or a function that is called as ``metric(output, targets)``."""

OTHER_NAMES: dict[str, str] = {
    **dict.fromkeys(
        (
            "crossentropyloss", "crossentropy", "cross_entropy", "nllloss", "nll_loss", "bceloss",
            "bcewithlogitsloss", "binary_crossentropy", "categorical_crossentropy",
            "sparse_categorical_crossentropy", "binary_cross_entropy", "crossentropylossflat",
            "binary_cross_entropy_with_logits", "sparsecategoricalcrossentropy",
            "categoricalcrossentropy", "binarycrossentropy",
        ),
        CROSS_ENTROPY,
    ),
    **dict.fromkeys(
        ("mse", "mseloss", "mse_loss", "mean_squared_error", "meansquarederror", "mselossflat"),
        SQUARED,
    ),
    **dict.fromkeys(
        ("mae", "l1loss", "l1_loss", "l1", "mean_absolute_error", "meanabsoluteerror"), ABSOLUTE
    ),
    **dict.fromkeys(("acc", "categorical_accuracy", "sparse_categorical_accuracy"), "accuracy"),
    **dict.fromkeys(("error_rate", "misclassificationrate"), "error rate"),
}  # fmt: skip
"""Names of losses and metrics in torch, Keras and fastai, with the names that `fit` uses."""

FOR_CLASSES = frozenset(
    {"CrossEntropyLoss", "cross_entropy", "NLLLoss", "nll_loss", "MultiMarginLoss",
     "multi_margin_loss"}
)  # fmt: skip
FOR_NUMBERS = frozenset(
    {"BCELoss", "BCEWithLogitsLoss", "GaussianNLLLoss", "HuberLoss", "L1Loss", "MSELoss",
     "PoissonNLLLoss", "SmoothL1Loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
     "huber_loss", "l1_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss"}
)  # fmt: skip
"""Torch losses, grouped by the targets that they need."""

UNKNOWN = "{argument} must be {known} or {brick}, not {given}{hint}"
OWN_LOSS = "a brick such as SquaredError(), or a function loss(output, targets) of tensors"
OWN_METRIC = (
    "a brick such as MisclassificationRate(top_k=5), or a function metric(output, targets) of "
    "tensors"
)
NOT_CALLED = "{argument} must be an object, not the class {name}; write {written}"
NOT_SCALAR = (
    "{name}(output, targets) must return one number for a batch, but returned {what} for arguments "
    "of shapes {output} and {targets}; average the result, for example with .mean()"
)
NOT_TORCH = (
    "the {name} {called} cannot be applied to the output and the targets, which are variables "
    "without values ({error}); write a function that uses only torch operations, such as "
    "((output - targets) ** 2).mean()"
)
TWICE = (
    "the model ends with a softmax, and this loss applies a softmax too; pass loss='cross-entropy' "
    "or remove the softmax from the model"
)
WIDTH = (
    "the model has {found} outputs, but the targets need {needed}: {why}; change the size of the "
    "last layer, or leave out this size, so that it follows from the data"
)
NOT_FOR_CLASSES = "loss={loss!r} needs numbers as targets, but they are classes ({classes})"
ONLY_CLASSES = (
    "loss='cross-entropy' needs classes as targets, but they are numbers; pass loss='squared error'"
)
NOT_FOR_NUMBERS = (
    "the model ends with a {end} function, but the targets are numbers; remove this function "
    "to predict numbers, pass loss='cross-entropy' if the targets are classes, or pass the loss as "
    "a brick"
)
OTHER_SHAPE = (
    "the model must return one row for each example, of shape (B, outputs), but returns {shape}; "
    "{advice}, or build the graph yourself and train it with MainLoop"
)


@dataclass(frozen=True)
class Aim:
    """Classes or numbers that a model must predict.

    Attributes
    ----------
    classes : int or None
        The number of classes; None if the targets are numbers, or if it is unknown.
    names : tuple of str
        The class names.
    numbers : int
        The number of target columns, if the targets are numbers.
    """

    classes: int | None
    names: tuple[str, ...] = ()
    numbers: int = 1


def checked_loss(given: object) -> Loss | None:
    """Check a loss, and return it, or None if it is to be inferred from the data.

    Raises
    ------
    ArgumentError
        If `given` is not a known name, a cost or a function.
    """
    return None if given is None else _checked(given, "loss", LOSSES, OWN_LOSS)


def checked_metric(given: object) -> Metric:
    """Check a metric, and return its name, brick or function; see `checked_loss`."""
    return _checked(given, "a metric", METRICS, OWN_METRIC)


def _checked(given: Any, argument: str, known: Sequence[str], brick: str) -> Loss:
    if isinstance(given, Cost) or (callable(given) and not isinstance(given, (type, Brick))):
        return cast(Loss, given)
    if isinstance(given, type) and issubclass(given, Cost):
        made: Cost = given()
        return made
    if isinstance(given, type):
        name = given.__name__
        written = f"loss={name}()" if argument == "loss" else f"metrics=[{name}()]"
        raise ArgumentError(NOT_CALLED.format(argument=argument, name=name, written=written))
    if isinstance(given, str) and given in known:
        return given
    name = given if isinstance(given, str) else getattr(given, "__name__", type(given).__name__)
    ours = OTHER_NAMES.get(name.casefold())
    hint = f"; did you mean {ours!r}?" if ours in known else nearest(name, known)
    raise ArgumentError(
        UNKNOWN.format(
            argument=argument, known=", ".join(map(repr, known)), brick=brick, given=repr(given),
            hint=hint,
        )
    )  # fmt: skip


def classes_for(loss: Loss | None) -> bool | None:
    """Return True if a loss needs classes, False if it needs numbers, None if this is unknown."""
    if isinstance(loss, (CategoricalCrossEntropy, MisclassificationRate)):
        return True
    if isinstance(loss, (SquaredError, AbsoluteError, BinaryCrossEntropy)):
        return False
    if isinstance(loss, str):
        return loss == CROSS_ENTROPY
    name = getattr(loss, "__name__", type(loss).__name__)
    return True if name in FOR_CLASSES else False if name in FOR_NUMBERS else None


def outputs_for(aim: Aim, end: End | None) -> int:
    """Return the number of outputs that a model needs."""
    if aim.classes is None:
        return aim.numbers
    return 1 if end == "logistic" and aim.classes == 2 else aim.classes


def cost_of(loss: Loss, targets: Variable, output: Variable, end: End, aim: Aim) -> Variable:
    """Return the cost, a scalar named ``cost``.

    Parameters
    ----------
    loss : str, Cost or callable
    targets : Variable
        Class indices of shape (B,), or numbers of shape (B, k).
    output : Variable
        The output of the model, of shape (B, outputs).
    end : str
        The kind of the model's ending.
    aim : Aim

    Raises
    ------
    ArgumentError
        If the loss, the targets and the output do not match.
    """
    cost: Variable
    if isinstance(loss, Cost):
        cost = loss.apply(targets, output)
    elif not isinstance(loss, str):
        cost = _own(loss, targets, output, end)
    elif loss == CROSS_ENTROPY:
        if aim.classes is None:
            raise ArgumentError(ONLY_CLASSES)
        _check_width(output, aim, end)
        cost = _cross_entropy(targets, output, end)
    else:
        if aim.classes is not None:
            raise ArgumentError(NOT_FOR_CLASSES.format(loss=loss, classes=", ".join(aim.names)))
        _check_width(output, aim, end)
        brick = SquaredError() if loss == SQUARED else AbsoluteError()
        cost = brick.apply(targets, output)
    cost.name = "cost"
    return cost


def _own(
    loss: Callable[[Any, Any], Any], targets: Variable, output: Variable, end: End
) -> Variable:
    known = loss is torch.nn.functional.cross_entropy or isinstance(loss, torch.nn.CrossEntropyLoss)
    if known and end == "softmax":
        raise ArgumentError(TWICE)
    return _scalar(loss, "loss", targets, output)


def _scalar(
    function: Callable[[Any, Any], Any], name: str, targets: Variable, output: Variable
) -> Variable:
    """Return the result of a user's function, after checking that it is a scalar."""
    try:
        found: Any = function(output, targets)
    except TypeError as error:
        if isinstance(error, OperationError):  # it names the operation of torch
            raise
        called = getattr(function, "__name__", type(function).__name__)
        reason = str(error).partition(";")[0]
        raise ArgumentError(NOT_TORCH.format(name=name, called=called, error=reason)) from error
    if not isinstance(found, Variable) or found.ndim:
        shaped = isinstance(found, Variable)
        what = f"the shape {sizes(found)}" if shaped else f"a value of type {type(found).__name__}"
        raise ArgumentError(
            NOT_SCALAR.format(name=name, what=what, output=sizes(output), targets=sizes(targets))
        )
    return found


def is_own(metric: Metric) -> bool:
    """Return True if a metric is a user's function."""
    return not isinstance(metric, (str, Cost))


def sizes(variable: Variable) -> str:
    """Return the shape of a variable as text, with B for the number of examples."""
    text = shape_text(variable)
    return f"(B{text[2:]}" if text.startswith("(?") else text


def check_output(output: Variable) -> None:
    """Raise an `ArgumentError` unless a model returns one row for each example."""
    if output.ndim != 2:
        advice = (
            "return output.unsqueeze(1)"
            if output.ndim == 1
            else "flatten it, for example with Flattener() before the last layer"
        )
        raise ArgumentError(OTHER_SHAPE.format(shape=sizes(output), advice=advice))


def _width(output: Variable) -> int | None:
    size = output.shape[1]
    return size if isinstance(size, int) else None


def _check_width(output: Variable, aim: Aim, end: End) -> None:
    check_output(output)
    found = _width(output)
    if found is None:
        return
    if aim.classes is None:
        needed, why = aim.numbers, "one for each column"
    elif aim.classes == 2 and found == 1 and end != "softmax":
        return
    else:
        needed, why = aim.classes, f"one for each class ({', '.join(aim.names[:10])})"
    if found != needed:
        raise ArgumentError(WIDTH.format(found=found, needed=needed, why=why))


def _cross_entropy(targets: Variable, output: Variable, end: End) -> Variable:
    if _width(output) == 1:
        probability = output if end == "logistic" else Logistic().apply(output)
        return BinaryCrossEntropy().apply(targets.unsqueeze(1).float(), probability)  # type: ignore[no-any-return]
    if end == "softmax":
        return CategoricalCrossEntropy().apply(targets, output)  # type: ignore[no-any-return]
    if end == "logistic":
        raise ArgumentError(
            "the model ends with a logistic function for several classes, so it computes a "
            "separate probability for each class; end it with Softmax() or with no activation"
        )
    cost: Variable = Softmax().categorical_cross_entropy(targets, output).mean()
    return cost


def metric_of(metric: Metric, targets: Variable, output: Variable, end: End, aim: Aim) -> Variable:
    """Return the value of a metric as a scalar with the name of the metric.

    Raises
    ------
    ArgumentError
        If the metric does not fit the targets.
    """
    value: Variable
    brick_name = f"{metric.replace(' ', '_')}_of_batch" if isinstance(metric, str) else ""
    if isinstance(metric, Cost):
        value = metric.apply(targets, output)
        value.name = metric.name
        return value
    if not isinstance(metric, str):
        value = _scalar(metric, "metric", targets, output)
        name = getattr(metric, "__name__", type(metric).__name__)
        value.name = name if name.isidentifier() else "metric"
        return value
    if metric in ("accuracy", "error rate"):
        if aim.classes is None:
            raise ArgumentError(f"the metric {metric!r} needs classes as targets, not numbers")
        scores = output
        if _width(output) == 1:
            both = [1 - output, output] if end == "logistic" else [-output, output]
            scores = torch.cat(both, 1)  # type: ignore[assignment, arg-type]
        value = MisclassificationRate(name=brick_name).apply(targets, scores)
        if metric == "accuracy":
            value = 1 - value
    else:
        if aim.classes is not None:
            raise ArgumentError(f"the metric {metric!r} needs numbers as targets, not classes")
        kind = SquaredError if metric == SQUARED else AbsoluteError
        value = kind(name=brick_name).apply(targets, output)
    value.name = metric.replace(" ", "_")
    return value
