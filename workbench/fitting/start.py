"""`fit`, the shortest way from a model and data to a running session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.algorithms import Adam, GradientDescent, StepRule, TorchOptimizer
from workbench.algorithms.base import UpdatesAlgorithm
from workbench.algorithms.torch_optimizer import MakeOptimizer
from workbench.bricks import Brick
from workbench.bricks.cost import Cost
from workbench.bricks.lookup import LookupTable
from workbench.data.files import some
from workbench.data.pixels import kind_of
from workbench.data.seeds import resolve_seed
from workbench.errors import ArgumentError
from workbench.extensions import (
    DataStreamMonitoring,
    FinishAfter,
    TrainingDataMonitoring,
    TrainingExtension,
)
from workbench.fitting import ends, layers, losses
from workbench.fitting.data import prepare
from workbench.fitting.network import KEPT, TRAINED_BEFORE, Network, as_brick, build
from workbench.fitting.prepared import Prepared, Wishes
from workbench.fitting.program import Statements, call, literal, names_in, rule_code, written
from workbench.fitting.scaled import note_scaled_images
from workbench.graph import ComputationGraph
from workbench.hints import hinted, other_names
from workbench.log.differences import STARTED_FROM
from workbench.main_loop import MainLoop
from workbench.main_loop.trained import trained_by
from workbench.model import Model
from workbench.session import Session
from workbench.tensor import SharedVariable, Variable
from workbench.utils.live_layer import from_live_layer
from workbench.utils.notices import in_notebook, tell
from workbench.utils.numbers import is_count

_EPOCHS = (
    "max_epochs",
    "num_epochs",
    "n_epochs",
    "n_epoch",
    "nb_epoch",
    "num_train_epochs",
    "max_iter",
)
_VALIDATION = (
    "validation_split", "validation_data", "valid_pct", "val_data", "val_dataloader", "val_loader",
    "val_dataloaders", "valid_loader", "eval_dataset", "test_size", "train_split", "val_split",
    "val_ds", "valid_ds", "valid_dl", "eval_set", "x_val", "y_val", "split", "train_size",
    "val_size", "holdout",
)  # fmt: skip
_DATA = (
    "x", "y", "train_loader", "train_dataloader", "train_dataloaders", "train_dataset", "train_dl",
    "dls", "dl", "dataloader", "dataloaders", "datamodule", "loader", "dataset", "train_data", "df",
    "train_ds", "x_train", "y_train",
)  # fmt: skip
_RULE = (
    "optimizer", "optimizers", "optim", "opt_func", "optimizer_class", "lr", "learning_rate",
    "lr_max", "base_lr", "configure_optimizers", "opt", "optimiser", "lrs",
)  # fmt: skip
OTHER_NAMES: dict[str, str] = {
    **dict.fromkeys(_EPOCHS, "did you mean 'epochs'?"),
    **dict.fromkeys(("bs", "per_device_train_batch_size"), "did you mean 'batch_size'?"),
    **dict.fromkeys(_VALIDATION, "pass validation=0.2 (a fraction) or separate data"),
    **dict.fromkeys(_DATA, "pass the data second, as in fit(model, (X, y))"),
    **dict.fromkeys(_RULE, "pass a step rule, as in step_rule=Adam(learning_rate=0.002)"),
    **dict.fromkeys(
        ("weight_decay", "wd", "momentum", "nesterov", "betas", "amsgrad"),
        "pass a step rule, as in step_rule=Momentum(0.1, 0.9), or an optimizer of torch, as in "
        "step_rule=lambda parameters: torch.optim.AdamW(parameters, lr=0.001, weight_decay=0.01)",
    ),
    **dict.fromkeys(("criterion", "loss_fn", "loss_func", "objective"), "did you mean 'loss'?"),
    **dict.fromkeys(("callbacks", "callback", "cbs"), "did you mean 'extensions'?"),
    **dict.fromkeys(
        ("y_names", "y_name", "label", "labels", "label_column", "label_col", "dep_var", "y_col"),
        "did you mean 'target'?",
    ),
    **dict.fromkeys(
        ("input_shape", "input_dim", "cont_names", "cat_names"),
        "the inputs of a model follow from the data",
    ),
    **dict.fromkeys(
        (
            "activation",
            "activations",
            "hidden",
            "hidden_layer_sizes",
            "hidden_size",
            "units",
            "layers",
            "dropout",
        ),
        "the layers are part of the model, as in fit([Linear(output_dim=50), Rectifier(), "
        "Dropout(0.5), Linear()], data)",
    ),
    **dict.fromkeys(
        ("scale", "scaler", "standardise", "standardize", "normalize", "normalise", "procs"),
        "numbers in a table are standardised, and images of dtype uint8 scaled to 0..1, by "
        "themselves; scale arrays before, as in X = (X - X.mean(0)) / X.std(0)",
    ),
    "*": "pass arrays as a pair, as in fit(model, (X, y)), and other arguments by name",
    "shuffle": "training data is shuffled in each epoch; pass a DataStream for another order",
    **dict.fromkeys(
        ("size", "image_size", "img_size", "target_size", "item_tfms"),
        "read the images with training, validation = DataStream.from_folder(folder, size=(64, 64), "
        "validation=0.2), and pass both, as in fit(model, training, validation=validation)",
    ),
    "max_steps": "train for a number of batches with session.train(batches=100)",
    **dict.fromkeys(
        ("patience", "early_stopping", "early_stopping_rounds", "n_iter_no_change", "monitor"),
        "pass extensions=[EarlyStopping('validation_cost', epochs=3)]",
    ),
    **dict.fromkeys(
        ("class_weight", "class_weights"),
        "pass loss=torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0])), with the weights in "
        "the order of the classes",
    ),
    "mode": "the lowest value is the best; for a record such as an accuracy, pass "
    "extensions=[EarlyStopping('validation_accuracy', choose_best=max, epochs=3)]",
    "args": "pass the settings one by one, as in epochs=3, batch_size=16",
    "fast_dev_run": "for a trial run, pass extensions=[FinishAfter(after_n_batches=5)]",
    "log_every_n_steps": "the cost of every batch is in session.log",
    "logger": "session.log has all records; to keep them in a file, set config.log_backend = "
    "'sqlite' and config.sqlite_database before",
    **dict.fromkeys(
        ("validation_freq", "check_val_every_n_epoch", "val_check_interval", "eval_steps"),
        "the validation data is evaluated after each epoch; the program session.recipe() shows "
        "how, and can be edited",
    ),
    **dict.fromkeys(
        ("validation_steps", "limit_val_batches"),
        "all validation data is evaluated; pass less of it, as in validation=(X[:100], y[:100])",
    ),
    **dict.fromkeys(
        ("validation_batch_size", "per_device_eval_batch_size"),
        "validation data has the same batch_size as training data",
    ),
}
"""Names of arguments in Keras, Lightning, fastai and torch, with advice for callers of `fit`."""

LARGE = 10.0
"""Mean or standard deviation of targets above which `fit` recommends standardising them."""
FAR = (
    "{what} the mean {mean:.4g} and the standard deviation {deviation:.4g}, but the outputs of a "
    "new model are near 0, so training takes many epochs; standardise the targets, as in "
    "(y - y.mean({axis})) / y.std({axis}), and scale the predictions back"
)
CONSTANT = (
    "{what} the same value in all examples, which carries no information; leave {it} out of the "
    "targets"
)
ALL_EQUAL = (
    "{what} the same value {value:.4g} in all examples, so there is nothing to learn; pass targets "
    "with different values"
)
TRAINED = (
    "the model was trained by {name} before, so training continues from these values; for a run "
    "from new values, pass a new model{reset}"
)
INSTANCE = (
    "step_rule must be a step rule, or a function that creates an optimizer of torch, not a "
    "finished optimizer; write step_rule=lambda parameters: torch.optim.{kind}(parameters{lr})"
)
ALGORITHM = (
    "step_rule must be a step rule, such as Adam(learning_rate=0.002), not the algorithm {kind}, "
    "which fit creates itself; pass the step rule of the algorithm, or for an optimizer of torch "
    "step_rule=lambda parameters: torch.optim.AdamW(parameters, lr=0.01)"
)
MAKER = "the function that creates the optimizer, which was passed to fit as step_rule"
LISTS = "{name} must be a list, not {given!r}; write [{given!r}]"


@hinted
@other_names(OTHER_NAMES)
def fit(
    model: Any,
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    loss: losses.Loss | None = None,
    epochs: int = 5,
    validation: Any = 0.2,
    batch_size: int = 32,
    step_rule: StepRule | MakeOptimizer | None = None,
    metrics: Sequence[losses.Metric] | None = None,
    extensions: Iterable[TrainingExtension] = (),
    seed: int | None = None,
    name: str | None = None,
) -> Session:
    """Train a model on data in a background thread, and return its session.

    In a notebook, the session shows its control bar and plots. ``session.recipe()`` returns the
    explicit program that does the same, which shows every choice and can be edited.

    Parameters
    ----------
    model : Brick, list of Brick or torch.nn.Module
        The model. A list of bricks is applied in order. Sizes that follow from the data can be left
        out, as in ``[Linear(output_dim=50), Rectifier(), Linear()]``. Bricks without values are
        initialised: weights before rectifiers by `He`, all other weights by the default scheme of
        the brick (usually `Glorot`), and biases with zero. A model that an earlier run has trained
        continues from its values, and a notice says so.
    data
        One of the following:

        - a ``pandas.DataFrame`` with `target`, or the path of a CSV or Parquet file;
        - a pair of arrays or tensors ``(X, y)``, a dictionary of arrays or an npz file;
        - a dataset or stream of `workbench.data`, or an HDF5 file that `H5PYDataset` can read;
        - a torch ``DataLoader`` or dataset, or a split of a Hugging Face dataset;
        - a folder that has one sub-folder of images for each class.

        `DataStream.from_frame`, `from_arrays` and `from_folder` describe how tables, arrays and
        folders are encoded. Images of dtype uint8 are scaled from 0..255 to 0..1, so a module must
        not scale them again. A stream or a ``DataLoader`` is used as it is.
    target : str or list of str, optional
        The name of the column or array that the model predicts. It is required for a table. For
        data with named arrays, it can be left out if exactly one of them is called targets, target,
        y, label, labels or class.
    loss : str, Cost or callable, optional
        ``"cross-entropy"``, ``"squared error"``, ``"absolute error"``, a brick, or a torch function
        or module that is called as ``loss(output, targets)`` and returns one number for a
        batch. The targets are then class indices of shape (B,), or numbers of shape (B, columns).
        By default the cross-entropy for classes, and the squared error for numbers. Integers other
        than 0, 1, 2 ... may be classes or numbers, so they require ``loss="cross-entropy"`` or
        ``"squared error"``.
    epochs : int
        The number of epochs.
    validation : float, data of the same kind, or None
        The fraction of the examples to hold out at random, separate data for validation, or None
        for no validation. If the targets are classes, the examples are divided class by class; for
        a dataset, this also requires that the targets are in memory and that each class is large
        enough. A stream and a ``DataLoader`` cannot be divided.
    batch_size : int
        The number of examples in a batch, unless the data consists of batches.
    step_rule : StepRule or callable, optional
        By default ``Adam()``. To train with an optimizer of torch, pass its class, or a function
        that creates it, as in ``lambda parameters: torch.optim.AdamW(parameters, lr=0.01)``.
    metrics : list of str, Cost or callable, optional
        ``"accuracy"``, ``"error rate"``, ``"squared error"``, ``"absolute error"``, bricks, or
        functions that are called like a loss, as ``metric(output, targets)``; by default the
        accuracy for classes.
    extensions : list of TrainingExtension, optional
        Additional extensions of the main loop.
    seed : int, optional
        The seed for the initial values, the order of the examples and the choice of the held-out
        examples; ``config.default_seed`` by default.
    name : str, optional
        The name of the session.

    Returns
    -------
    Session
        The session. If the targets are classes, ``session.log.status["classes"]`` contains their
        names in the order of the scores that ``session.predict`` returns.

    Raises
    ------
    ArgumentError
        If the model, the loss and the targets do not match, or if an argument is wrong.
    DataError
        If the data cannot be used as it is.

    Examples
    --------
    >>> import workbench as wb
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"length": [1.0, 1.2, 4.0, 4.1] * 5, "kind": ["a", "a", "b", "b"] * 5})
    >>> session = wb.fit([wb.Linear()], frame, target="kind", epochs=2)
    >>> session.wait()
    True
    >>> session.log.epochs["validation_accuracy"].to_list()
    [1.0, 1.0]
    >>> print(session.recipe().splitlines()[-1])
    session = loop.start()
    """
    checked = losses.checked_loss(loss)
    asked = None if metrics is None else [
        losses.checked_metric(one) for one in _as_list(metrics, "metrics")
    ]  # fmt: skip
    if asked:
        # some callable objects are not hashable
        asked = list({one if isinstance(one, str) else id(one): one for one in asked}.values())
        layers.set_names([one for one in (checked, *asked) if isinstance(one, Cost)])
    given = [] if extensions is None else _as_list(extensions, "extensions")
    if not is_count(epochs):
        raise ArgumentError(f"epochs must be a whole number >= 1, not {epochs!r}")
    _check_rule(step_rule)
    seed = resolve_seed(None, seed, "fit")
    brick = as_brick(model, seed)
    steps = layers.steps_of(brick)
    as_classes = _as_classes(checked, model, steps)
    if as_classes is None and checked is not None and _are_floats(data, target):
        as_classes = False  # a user's own loss receives the targets as they are
    wishes = Wishes(target, validation, batch_size, as_classes, _looks_up(model), seed)
    prepared = prepare(data, wishes)
    note_scaled_images(model, data, prepared)
    network = build(model, brick, prepared, checked, asked, seed)
    if not (isinstance(checked, Cost) or network.had_values):
        _note_large_targets(prepared)
    rule = Adam() if step_rule is None else step_rule
    training = _training_code(network, prepared, rule, epochs, bool(given))
    plot = _plot(network, prepared, training)
    graph = ComputationGraph(network.cost)
    started_from = _note_start(model, network, graph)
    loop = MainLoop(
        _algorithm(network.cost, graph.parameters, rule),
        prepared.training,
        model=Model([network.cost, network.output]),
        extensions=[
            *_monitors(network, prepared),
            FinishAfter(after_n_epochs=epochs),
            *plot,
            *given,
        ],
    )
    loop.status[STARTED_FROM] = started_from
    loop.status["recipe"] = written([prepared.code, network.code, training])
    if prepared.classes is not None:
        loop.status["classes"] = list(prepared.classes)
    return cast(Session, loop.start(name=name))  # a Session, since a thread trains


def _note_start(model: Any, network: Network, graph: ComputationGraph) -> str:
    """Describe the values that training starts from; print a notice if a run has trained them."""
    if not network.had_values:
        return "initialised"
    name = trained_by(graph.parameters)
    if name is None:
        return "values of the model"
    one = isinstance(model, Brick)
    reset = ", or call model.initialize() before" if one else ""
    tell(TRAINED.format(name=name, reset=reset))
    comments = [one for one in network.code.comments if one != KEPT]
    network.code.comments[:] = [*comments, TRAINED_BEFORE.format(name=name)]
    return f"trained, continued from {name}"


def _check_rule(rule: Any) -> None:
    """Raise an error if `rule` is neither a step rule nor creates an optimizer of torch."""
    if isinstance(rule, torch.optim.Optimizer):
        kind, rate = type(rule).__name__, rule.defaults.get("lr")
        raise ArgumentError(INSTANCE.format(kind=kind, lr="" if rate is None else f", lr={rate}"))
    if isinstance(rule, UpdatesAlgorithm):
        raise ArgumentError(ALGORITHM.format(kind=type(rule).__name__))
    rules = isinstance(rule, type) and not issubclass(rule, torch.optim.Optimizer)
    if rule is not None and not isinstance(rule, StepRule) and (rules or not callable(rule)):
        raise ArgumentError(
            f"step_rule must be a step rule such as Adam(learning_rate=0.002), not {rule!r:.80}"
        )


def _algorithm(
    cost: Variable, parameters: list[SharedVariable], rule: StepRule | MakeOptimizer
) -> UpdatesAlgorithm:
    if isinstance(rule, StepRule):
        return GradientDescent(cost=cost, parameters=parameters, step_rule=rule)
    return TorchOptimizer(cost, parameters, rule)


def _note_large_targets(prepared: Prepared) -> None:
    """Print a notice if the targets are numbers far from the outputs of a new model."""
    values = prepared.all_targets() if prepared.classes is None else None
    if values is None or values.dtype.kind != "f" or not values.size:
        return
    columns = values.reshape(len(values), -1).astype(np.float64)
    constant = columns.min(0) == columns.max(0)
    if len(columns) > 1 and constant.any():
        _note_constant_targets(prepared, columns[0], np.flatnonzero(constant).tolist())
    means, deviations = columns.mean(0), columns.std(0)
    far = np.where(constant, 0.0, np.maximum(np.abs(means), deviations))
    worst = int(far.argmax())
    if far[worst] > LARGE:
        what, axis = _columns_have(prepared, [worst], len(far)), "0" if len(far) > 1 else ""
        mean, deviation = means[worst], deviations[worst]
        tell(FAR.format(what=what, mean=mean, deviation=deviation, axis=axis))


def _note_constant_targets(prepared: Prepared, first: NDArray[Any], constant: list[int]) -> None:
    """Print a notice about columns of the targets whose values are all equal."""
    what = _columns_have(prepared, constant, len(first))
    if len(first) == 1:
        tell(ALL_EQUAL.format(what=what, value=first[0]))
        return
    tell(CONSTANT.format(what=what, it="it" if len(constant) == 1 else "them"))


def _columns_have(prepared: Prepared, columns: list[int], count: int) -> str:
    """Return the beginning of a sentence about some of the `count` target columns."""
    names = prepared.target_names
    one = len(columns) == 1
    if len(names) == count:
        chosen = some([names[column] for column in columns])
        return f"the target {chosen} has" if one else f"the targets {chosen} have"
    if count == 1:
        return "the targets have"
    return f"column{'' if one else 's'} {some(columns)} of the targets {'has' if one else 'have'}"


def _as_list(given: Any, name: str) -> list[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ArgumentError(LISTS.format(name=name, given=given))
    return list(given)


def _as_classes(loss: losses.Loss | None, model: Any, steps: Sequence[Any]) -> bool | None:
    """Return True if targets are classes, False if they are numbers, None if this is unclear."""
    if loss is not None:
        return losses.classes_for(loss)
    module = isinstance(model, torch.nn.Module)
    end = ends.end_of_module(model) if module else ends.end_of(steps[-1])
    return True if end == "softmax" else None


def _are_floats(data: Any, target: Any) -> bool:
    """Return True if the targets in a pair or table are floats, even if they are whole."""
    if isinstance(data, tuple) and len(data) == 2:
        values = data[1]
    elif isinstance(target, str) and hasattr(data, "columns") and target in data.columns:
        values = data[target]
    else:
        return False
    if not hasattr(getattr(values, "dtype", None), "kind") and not torch.is_tensor(values):
        return "float" in str(getattr(values, "dtype", "")).casefold()  # dtypes of other libraries
    return kind_of(values) == "f"


def _looks_up(model: Any) -> bool:
    """Return True if a model reads indices, which must stay integers."""
    if isinstance(model, torch.nn.Module):
        first = next((m for m in model.modules() if not list(m.children())), None)
        return isinstance(first, (torch.nn.Embedding, torch.nn.EmbeddingBag))
    bricks = model if isinstance(model, (list, tuple)) else [model]
    return isinstance(layers.steps_of(bricks[0])[0], LookupTable)


def _monitors(network: Network, prepared: Prepared) -> list[TrainingExtension]:
    watched = [network.cost, *network.metrics]
    found: list[TrainingExtension] = [TrainingDataMonitoring(watched, after_batch=True)]
    if prepared.validation is not None:
        found.append(
            DataStreamMonitoring(
                watched, prepared.validation, prefix="validation", after_epoch=True
            )
        )
    return found


def _training_code(
    network: Network,
    prepared: Prepared,
    rule: StepRule | MakeOptimizer,
    epochs: int,
    more: bool,
) -> Statements:
    code = Statements()
    ours = isinstance(rule, StepRule)
    text = rule_code(rule) if isinstance(rule, StepRule) else None
    if text is not None:
        code.use("workbench.algorithms", *names_in(text))
    elif isinstance(rule, type) and getattr(torch.optim, rule.__name__, None) is rule:
        code.use("torch")
        text = f"torch.optim.{rule.__name__}"
    else:
        what = "rule that was passed to fit, as it was before the call"
        code.needs["step_rule"] = f"the step {what}" if ours else MAKER
        text = "step_rule"
    algorithm, argument = (
        ("GradientDescent", "step_rule") if ours else ("TorchOptimizer", "optimizer")
    )
    code.use("workbench.algorithms", algorithm)
    code.use("workbench.graph", "ComputationGraph")
    code.use("workbench.model", "Model")
    code.use("workbench.main_loop", "MainLoop")
    code.use("workbench.extensions", "FinishAfter", "TrainingDataMonitoring")
    watched = f"[{', '.join(network.watched())}]"
    code.lines += [
        f"algorithm = {algorithm}(",
        "    cost=cost,",
        "    parameters=ComputationGraph(cost).parameters,",
        f"    {argument}={text},",
        ")",
        "extensions = [",
        f"    TrainingDataMonitoring({watched}, after_batch=True),",
    ]
    if prepared.validation is not None:
        code.use("workbench.extensions", "DataStreamMonitoring")
        arguments = [watched, "validation", 'prefix="validation"', "after_epoch=True"]
        lines = call("DataStreamMonitoring", arguments)
        code.lines += [f"    {line}" for line in lines[:-1]] + [f"    {lines[-1]},"]
    code.lines.append(f"    FinishAfter(after_n_epochs={epochs}),")
    if more:
        code.needs["more_extensions"] = "new copies of the extensions that were passed to fit"
    model = f"model=Model([cost, {network.output_name}])"
    code.lines += [
        *(["    *more_extensions,"] if more else []),
        "]",
        *call("MainLoop", ["algorithm", "training", model, "extensions=extensions"], "loop"),
        "session = loop.start()",
    ]  # fmt: skip
    return code


def _plot(network: Network, prepared: Prepared, code: Statements) -> list[TrainingExtension]:
    """Return the extension that plots the cost and the metrics, in a notebook."""
    if not in_notebook():
        return []
    plot = from_live_layer("plot", "Plot", what="fit in a notebook")
    from_live_layer("view", "view", what="fit in a notebook")  # registers the view of sessions
    names = [str(one.name) for one in (network.cost, *network.metrics)]
    channels = [
        [name, f"validation_{name}"] if prepared.validation is not None else [name]
        for name in names
    ]
    code.use("extensions_live", "Plot")
    place = next(i for i, line in enumerate(code.lines) if line.startswith("    FinishAfter"))
    code.lines.insert(place + 1, f"    Plot(channels={literal(channels)}),")
    found: TrainingExtension = plot(channels=channels)
    return [found]
