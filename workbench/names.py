"""Hints for missing names in a module: the nearest name, or the equivalent in this project.

Every module with public names ends with a call to `explain_missing`. Python calls the
``__getattr__`` of a module only for missing names, so access to existing names is not slowed down.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from opcode import opmap
from pathlib import Path
from types import FrameType

from workbench.errors import MissingImportError, UnknownNameError, nearest

PUBLIC = (
    "workbench.algorithms", "workbench.bricks", "workbench.bricks.attention",
    "workbench.bricks.conv", "workbench.bricks.cost", "workbench.bricks.lookup",
    "workbench.bricks.parallel", "workbench.bricks.recurrent",
    "workbench.bricks.sequence_generators", "workbench.data", "workbench.data.convert",
    "workbench.expressions", "workbench.extensions", "workbench.extensions.predicates",
    "workbench.extensions.schedules", "workbench.filter", "workbench.graph",
    "workbench.initialization", "workbench.log", "workbench.main_loop", "workbench.model",
    "workbench.monitoring", "workbench.roles", "workbench.search", "workbench.select",
    "workbench.serialization", "workbench.session", "workbench.config", "workbench.utils",
    "workbench.fitting", "workbench",
)  # fmt: skip
"""Modules to search for a name that another module does not have, in order of preference."""

_TORCH = (
    "algorithms.TorchOptimizer, as in TorchOptimizer(cost, parameters, torch.optim.{0}{1}); for "
    "fit, pass step_rule=lambda parameters: torch.optim.{0}(parameters, lr=0.01{2})"
)
OURS: dict[str, str] = {
    "sgd": "algorithms.GradientDescent, with the step rule Scale(0.1) or Momentum(0.1, 0.9)",
    "gradientdescentoptimizer": "algorithms.GradientDescent",
    "optimizer": "algorithms.GradientDescent",
    "nesterov": _TORCH.format(
        "SGD", ", {'momentum': 0.9, 'nesterov': True}", ", momentum=0.9, nesterov=True"
    ),
    **{name.casefold(): _TORCH.format(name, "", "")
       for name in ("AdamW", "Adamax", "NAdam", "RAdam", "LBFGS", "Rprop", "Adafactor", "ASGD")},
    "nadamoptimizer": _TORCH.format("NAdam", "", ""),
    "gradientclipping": "algorithms.StepClipping",
    "clip_grad_norm_": "algorithms.StepClipping",
    "clip_grad_norm": "algorithms.StepClipping",
    "dense": "bricks.Linear",
    "fullyconnected": "bricks.Linear",
    "affine": "bricks.Linear",
    "denselayer": "bricks.Linear",
    "conv1d": "bricks.conv.Convolutional",
    "conv2d": "bricks.conv.Convolutional",
    "convolution2d": "bricks.conv.Convolutional",
    "conv": "bricks.conv.Convolutional",
    "convtranspose2d": "bricks.conv.ConvolutionalTranspose",
    "conv2dtranspose": "bricks.conv.ConvolutionalTranspose",
    "maxpool2d": "bricks.conv.MaxPooling",
    "maxpooling2d": "bricks.conv.MaxPooling",
    "maxpool": "bricks.conv.MaxPooling",
    "avgpool2d": "bricks.conv.AveragePooling",
    "averagepooling2d": "bricks.conv.AveragePooling",
    "flatten": "bricks.conv.Flattener",
    "relu": "bricks.Rectifier",
    "leakyrelu": "bricks.LeakyRectifier",
    "sigmoid": "bricks.Logistic",
    "swish": "bricks.Swish",
    "embedding": "bricks.lookup.LookupTable",
    "batchnorm": "bricks.BatchNormalization",
    "batchnorm1d": "bricks.BatchNormalization",
    "batchnorm2d": "bricks.SpatialBatchNormalization",
    "layernorm": "bricks.LayerNormalization",
    "rmsnorm": "bricks.RMSNormalization",
    "sequential": "bricks.FeedforwardSequence",
    "module": "bricks.Brick",
    "layer": "bricks.Brick",
    "multilayerperceptron": "bricks.MLP",
    "perceptron": "bricks.MLP",
    "dropout1d": "bricks.Dropout",
    "dropout2d": "bricks.Dropout",
    "spatialdropout2d": "bricks.Dropout",
    "transformerencoderlayer": "bricks.TransformerBlock",
    "multiheaddotproductattention": "bricks.MultiHeadAttention",
    "gru": "bricks.recurrent.GatedRecurrent",
    "grucell": "bricks.recurrent.GatedRecurrent",
    "rnn": "bricks.recurrent.SimpleRecurrent",
    "simplernn": "bricks.recurrent.SimpleRecurrent",
    "lstmcell": "bricks.recurrent.LSTM",
    "sparsecategoricalcrossentropy": "bricks.cost.CategoricalCrossEntropy",
    "bceloss": "bricks.cost.BinaryCrossEntropy",
    "mse": "bricks.cost.SquaredError",
    "mseloss": "bricks.cost.SquaredError",
    "meansquarederror": "bricks.cost.SquaredError",
    "mae": "bricks.cost.AbsoluteError",
    "l1loss": "bricks.cost.AbsoluteError",
    "meanabsoluteerror": "bricks.cost.AbsoluteError",
    "accuracy": "bricks.cost.MisclassificationRate, which is one minus the accuracy",
    "modelcheckpoint": "extensions.Checkpoint",
    "reducelronplateau": "extensions.ReduceOnPlateau",
    "learningratescheduler": "extensions.SharedVariableModifier",
    "lambdalr": "extensions.SharedVariableModifier",
    "steplr": "extensions.schedules.step",
    "exponentiallr": "extensions.schedules.exponential",
    "cosineannealinglr": "extensions.schedules.cosine",
    "linearlr": "extensions.schedules.linear",
    "onecyclelr": "extensions.schedules.one_cycle",
    "sequentiallr": "extensions.schedules.chain",
    "callback": "extensions.TrainingExtension, and MainLoop(extensions=[...])",
    "callbacks": "extensions.TrainingExtension, and MainLoop(extensions=[...])",
    "trainercallback": "extensions.TrainingExtension",
    "tqdmprogressbar": "extensions.ProgressBar",
    "progbarlogger": "extensions.ProgressBar",
    "csvlogger": "log.to_csv",
    "tensorboardlogger": "log.SQLiteLog",
    "trainer": "main_loop.MainLoop",
    "learner": "main_loop.MainLoop",
    "loop": "main_loop.MainLoop",
    "dataloader": "data.DataStream",
    "tensordataset": "data.IndexableDataset",
    "randomsampler": "data.ShuffledScheme",
    "sequentialsampler": "data.SequentialScheme",
    "batchsampler": "data.SequentialScheme",
    "kfold": "data.cross_validation",
    "normalize": "data.ScaleAndShift",
    "rescaling": "data.ScaleAndShift",
    "randomcrop": "data.RandomFixedSizeCrop",
    "randomhorizontalflip": "data.RandomFlip",
    "randomrotation": "data.Random2DRotation",
    "imagefolder": "data.convert.images_to_hdf5",
    **dict.fromkeys(("xavier", "xavieruniform", "glorotuniform", "xavier_uniform_"),
                    "initialization.Glorot"),
    **dict.fromkeys(("kaiming", "heuniform", "kaiming_uniform_"), "initialization.He"),
    "normal": "initialization.IsotropicGaussian",
    "gaussian": "initialization.IsotropicGaussian",
    "randomnormal": "initialization.IsotropicGaussian",
    "randomuniform": "initialization.Uniform",
    "zeros": "initialization.Constant, as in Constant(0)",
    "ones": "initialization.Constant, as in Constant(1)",
    "save": "serialization.dump",
    "state_dict": "serialization.to_state_dict",
    "load_state_dict": "serialization.from_state_dict",
}  # fmt: skip
"""Names in torch, Keras, Lightning, fastai and other libraries, with their equivalents here."""

SCORES = (
    "for scores, pass loss='cross-entropy' to fit, or write Softmax().categorical_cross_entropy("
    "targets, scores).mean(); CategoricalCrossEntropy is for probabilities"
)
ADVICE: dict[str, str] = {
    **dict.fromkeys(("crossentropyloss", "crossentropy", "cross_entropy"), SCORES),
    "bcewithlogitsloss": "pass loss=torch.nn.BCEWithLogitsLoss() to fit; BinaryCrossEntropy is for "
    "probabilities",
    "nn": "it is part of torch: from torch import nn; fit(module, data) trains its modules",
    "optim": "it is part of torch: fit takes step_rule=torch.optim.AdamW",
    **dict.fromkeys(("train", "trainmodel", "train_model"), "fit(model, data) trains a model"),
    **dict.fromkeys(
        ("evaluate", "predict"),
        "they are methods of the session that fit returns, as in session.predict(X)",
    ),
    "plot": "session.log.plot() draws a log; a session on the last line of a cell shows its plots",
    "metrics": "fit takes metrics=['accuracy']; costs and error rates are in workbench.bricks.cost",
    "losses": "fit takes loss='squared error'; costs are in workbench.bricks.cost",
}  # fmt: skip
"""Advice about names in other libraries without a single equivalent here."""


def explain_missing(
    module: str,
    hint: Callable[[str], str] | None = None,
    *,
    load: Callable[[str], object] | None = None,
) -> None:
    """Add suggestions to the errors for names that `module` does not have.

    Parameters
    ----------
    module : str
        The name of a module with a list ``__all__``.
    hint : callable, optional
        A function that returns the end of the error message for a missing name, or an empty string
        to use the general suggestions.
    load : callable, optional
        A function that returns the object that a missing name refers to, or None. A module can
        load its names in this way when they are first used.

    Examples
    --------
    >>> import workbench.algorithms
    >>> workbench.algorithms.Adagard
    Traceback (most recent call last):
    ...
    workbench.errors.UnknownNameError: workbench.algorithms has no 'Adagard'; did you mean
    'AdaGrad'?
    >>> from workbench.bricks import Dense
    Traceback (most recent call last):
    ...
    workbench.errors.MissingImportError: workbench.bricks has no 'Dense'; the equivalent is
    workbench.bricks.Linear
    """

    def missing(name: str) -> object:
        if load is not None and (found := load(name)) is not None:
            return found
        text = f"{module} has no {name!r}"
        full = f"{module}.{name}"
        if name.startswith("_") or full in sys.modules:  # a submodule that is being imported
            raise UnknownNameError(text)
        frame = sys._getframe(1)
        if frame.f_code.co_name == "_handle_fromlist":  # Python looks for a submodule next
            raise UnknownNameError(text)
        importing = _imports(frame)
        if hasattr(sys.modules[module], "__path__") and find_spec(full) is not None:
            raise UnknownNameError(
                f"{text} yet, because the module {full} has not been imported; add import {full}"
            )
        known = vars(sys.modules[module])["__all__"]
        text += (hint(name) if hint else "") or suggestion(name, known)
        # In an import statement, Python would replace an AttributeError with a different error.
        raise MissingImportError(text, name=name) if importing else UnknownNameError(text)

    vars(sys.modules[module])["__getattr__"] = missing


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a hint for `name`: its module, its equivalent, or the nearest of the `known` names.

    Examples
    --------
    >>> suggestion("ReLU", ["Linear"])
    '; the equivalent is workbench.bricks.Rectifier'
    >>> suggestion("Liner", ["Linear"])
    "; did you mean 'Linear'?"
    """
    for place in PUBLIC:
        if name in listed(place):
            return f"; it is in {place}: from {place} import {name}"
    if name in _live():
        return f"; it is in extensions_live: from extensions_live import {name}"
    if (ours := OURS.get(name.casefold())) is not None:
        return f"; the equivalent is workbench.{ours}"
    advice = ADVICE.get(name.casefold())
    return nearest(name, known) if advice is None else f"; {advice}"


@functools.cache
def _live() -> frozenset[str]:
    """Return the public names of `extensions_live`, without importing it; none if it is absent."""
    found = find_spec("extensions_live")
    return _listed_in(Path(found.origin)) if found is not None and found.origin else frozenset()


@functools.cache
def listed(module: str) -> frozenset[str]:
    """Return the names in the list ``__all__`` of a module, without importing the module.

    The result is empty if the source of the module is not available.

    Examples
    --------
    >>> sorted(listed("workbench.fitting"))
    ['fit']
    """
    path = Path(__file__).parent.joinpath(*module.split(".")[1:])
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            return _listed_in(file)
    return frozenset()


def _listed_in(file: Path) -> frozenset[str]:
    _, _, after = file.read_text(encoding="utf-8").partition("\n__all__ = [")
    return frozenset(ast.literal_eval(f"[{after.partition(']')[0]}]"))


def _imports(frame: FrameType) -> bool:
    """Return True if `frame` is executing a statement of the form ``from module import name``."""
    return frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]
