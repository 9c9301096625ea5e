"""Hints for unknown keyword arguments, which suggest the argument that was probably meant.

For an argument of another library, a hint names the equivalent argument or, if there is no
equivalent, gives advice. For any other argument, it names the argument with the most similar name.

`Hinted` is a base class of public classes, and `hinted` decorates public functions. They check
keyword arguments before the constructor or the function is called, and suggest a correct argument
in the error message.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ForwardRef, Self, TypeVar, get_args, get_origin, is_typeddict
from weakref import WeakKeyDictionary

from workbench.errors import SignatureError, nearest

_COUNTED = {
    "epochs": "epochs",
    **dict.fromkeys(
        ("batches", "iterations", "steps", "n_iterations", "n_steps", "num_batches"), "batches"
    ),
    "num_epochs": "epochs",
}
OURS: dict[str, tuple[str, ...]] = {
    "lr": ("learning_rate", "rate"),
    "eta": ("learning_rate",),
    "max_lr": ("maximum",),
    "base_lr": ("rate",),
    "eps": ("epsilon",),
    "betas": ("beta1 beta2",),
    "beta_1": ("beta1",),
    "beta_2": ("beta2",),
    "rho": ("decay_rate",),
    "alpha": ("decay_rate", "leak"),
    "gamma": ("factor", "decay_rate"),
    "momentum": ("beta1",),
    "max_norm": ("threshold",),
    "clip": ("threshold",),
    "clip_value": ("threshold",),
    "clipnorm": ("threshold",),
    "dim": ("axis",),
    "params": ("parameters",),
    "wrt": ("parameters",),
    "loss": ("cost",),
    "loss_fn": ("cost",),
    "criterion": ("cost",),
    "objective": ("cost",),
    "optimizer": ("step_rule", "algorithm", "parameter"),
    "optim": ("step_rule", "optimizer"),
    "optimizer_class": ("optimizer",),
    "optimizer_kwargs": ("options",),
    "kwargs": ("options",),
    "learning_rule": ("step_rule",),
    "rule": ("step_rule",),
    "rules": ("components",),
    "scheduler": ("schedulers",),
    "lr_scheduler": ("schedulers",),
    "callbacks": ("extensions",),
    "callback": ("extensions",),
    "logger": ("log",),
    "trainer": ("algorithm",),
    "network": ("model",),
    "net": ("model",),
    "data": ("data_stream", "dataset", "indexables"),
    "train_data": ("data_stream",),
    "dataloader": ("data_stream",),
    "dataloaders": ("data_stream",),
    "train_dataloader": ("data_stream",),
    "train_dataloaders": ("data_stream",),
    "loader": ("data_stream",),
    "stream": ("data_stream",),
    "dataset": ("data_stream",),
    "sampler": ("iteration_scheme",),
    "batch_sampler": ("iteration_scheme",),
    "scheme": ("iteration_scheme",),
    "num_examples": ("examples",),
    "n_examples": ("examples",),
    "epochs": ("after_n_epochs",),
    "max_epochs": ("after_n_epochs",),
    "num_epochs": ("after_n_epochs",),
    "n_epochs": ("after_n_epochs",),
    "num_train_epochs": ("after_n_epochs",),
    "iterations": ("after_n_batches",),
    "batches": ("after_n_batches",),
    "steps": ("after_n_batches", "iterations"),
    "max_steps": ("after_n_batches",),
    "every_n_train_steps": ("every_n_batches",),
    "every_n_steps": ("every_n_batches",),
    "log_every_n_steps": ("every_n_batches",),
    "freq": ("every_n_batches",),
    "period": ("every_n_epochs",),
    **{f"after_{word}": (f"after_n_{ours}",) for word, ours in _COUNTED.items()},
    **{f"every_{word}": (f"every_n_{ours}",) for word, ours in _COUNTED.items()},
    "each_epoch": ("after_epoch",),
    "each_batch": ("after_batch",),
    "val": ("constant", "value"),
    "value": ("constant",),
    "kernel": ("filter_size", "pooling_size"),
    "kernel_shape": ("filter_size",),
    "window": ("pooling_size",),
    "monitor": ("record_name",),
    "metric": ("record_name",),
    "quantity": ("record_name",),
    "metrics": ("variables",),
    "patience": ("epochs",),
    "mode": ("choose_best",),
    "min_lr": ("minimum",),
    "eta_min": ("minimum",),
    "t_max": ("iterations",),
    "total_steps": ("iterations",),
    "step_size": ("every", "step"),
    "milestones": ("every",),
    "warmup_steps": ("iterations",),
    "filename": ("path", "database"),
    "filepath": ("path", "database"),
    "file": ("path", "database"),
    "dirpath": ("path",),
    "root": ("path",),
    "p": ("drop_prob",),
    "rate": ("drop_prob", "learning_rate"),
    "dropout": ("drop_prob",),
    "hidden_size": ("dim", "dims"),
    "hidden_dim": ("dim", "dims"),
    "units": ("dim", "output_dim", "dims"),
    "hidden": ("dims",),
    "hidden_sizes": ("dims",),
    "hidden_layer_sizes": ("dims",),
    "layers": ("dims", "layers", "bricks", "application_methods", "transitions"),
    "layer_sizes": ("dims",),
    "sizes": ("dims",),
    "in_features": ("input_dim",),
    "input_size": ("input_dim", "dim"),
    "out_features": ("output_dim",),
    "output_size": ("output_dim",),
    "normalized_shape": ("dim", "input_dim"),
    "num_features": ("input_dim", "dim"),
    "embed_dim": ("dim",),
    "d_model": ("dim",),
    "embedding_dim": ("dim",),
    "num_embeddings": ("length",),
    "vocab_size": ("length", "num_outputs", "readout_dim"),
    "nhead": ("num_heads",),
    "n_heads": ("num_heads",),
    "heads": ("num_heads",),
    "bias": ("use_bias",),
    "kernel_size": ("filter_size", "pooling_size"),
    "pool_size": ("pooling_size",),
    "in_channels": ("num_channels",),
    "out_channels": ("num_filters",),
    "filters": ("num_filters",),
    "stride": ("step",),
    "strides": ("step",),
    "padding": ("border_mode",),
    "activation": ("activations", "activation"),
    "nonlinearity": ("activation",),
    "negative_slope": ("leak",),
    "kernel_initializer": ("weights_init",),
    "bias_initializer": ("biases_init",),
    "init": ("weights_init",),
    "stddev": ("std",),
    "sigma": ("std",),
    "gain": ("scale",),
    "num_layers": ("transitions",),
    "rng": ("seed",),
    "random_state": ("seed", "default_seed"),
    "manual_seed": ("seed",),
}  # fmt: skip
"""Arguments of torch, Keras and other libraries, with the corresponding names in workbench."""

ADVICE: dict[str, str] = {
    "betas": "the decay rates beta1 and beta2 are arguments of Adam",
    "momentum": "Momentum(learning_rate, momentum) is a separate step rule",
    "nesterov": "use torch's optimizer, TorchOptimizer(cost, parameters, torch.optim.SGD)",
    "amsgrad": "use torch's optimizer, TorchOptimizer(cost, parameters, torch.optim.Adam)",
    "weight_decay": (
        "add the penalty to the cost, as in cost + 0.5 * decay * (W ** 2).sum(), or train with "
        "TorchOptimizer(cost, parameters, torch.optim.AdamW, {'weight_decay': decay})"
    ),
    "lr": "the learning rate is an argument of the step rule, as in Adam(learning_rate=0.001)",
    "learning_rate": "it is an argument of the step rule, as in Adam(learning_rate=0.001)",
    "optimizer": "train with GradientDescent(cost=..., parameters=..., step_rule=Adam())",
    "loss": "pass the cost to GradientDescent(cost=...)",
    "params": "pass the parameters to GradientDescent(parameters=...)",
    "epochs": "the extension FinishAfter(after_n_epochs=...) ends training",
    "max_epochs": "the extension FinishAfter(after_n_epochs=...) ends training",
    "num_epochs": "the extension FinishAfter(after_n_epochs=...) ends training",
    "max_steps": "the extension FinishAfter(after_n_batches=...) ends training",
    "callbacks": "pass extensions to MainLoop(extensions=[...])",
    "metrics": "DataStreamMonitoring(variables, stream) and TrainingDataMonitoring are extensions",
    "validation_data": "monitor other data with DataStreamMonitoring([cost], stream)",
    "verbose": "Printing() and ProgressBar() are extensions",
    "gradient_clip_val": "clip with CompositeRule([StepClipping(1.0), rule])",
    "clipnorm": "clip with CompositeRule([StepClipping(1.0), rule])",
    "max_norm": "clip with CompositeRule([StepClipping(1.0), rule])",
    "grad_clip": "clip with CompositeRule([StepClipping(1.0), rule])",
    "dropout": "use the brick Dropout(drop_prob), or apply_dropout(graph, variables, drop_prob)",
    "p": "the probability of dropping is an argument of Dropout(drop_prob)",
    "batch_size": "it is an argument of a scheme, as in SequentialScheme(examples, batch_size=32)",
    "shuffle": "ShuffledScheme(examples, batch_size=32) shuffles",
    "num_workers": "Prefetch(stream) reads ahead",
    "seed": "config.default_seed is the default of every seed",
    "dtype": "config.floatx is the dtype of floating-point numbers",
    "device": "config.device is the device of variables",
    "batch_first": "the first axis is time, and the second axis is the batch",
    "bidirectional": "Bidirectional(prototype) runs a recurrent brick in both directions",
    "num_layers": "RecurrentStack([...]) stacks recurrent bricks",
    "min_delta": "any better value is an improvement; to require a larger improvement, pass "
    "choose_best",
    **dict.fromkeys(
        ("low", "high", "lower", "upper", "minval", "maxval"),
        "for bounds low and high, pass the mean (low + high) / 2 and the width high - low",
    ),
    **dict.fromkeys(
        ("save_best", "save_top_k", "save_best_only", "restore_best_weights"),
        "EarlyStopping(record_name, checkpoint, 'best.tar', epochs=5) saves the best model",
    ),
}  # fmt: skip
"""Advice for arguments of other libraries for which a class or function has no equivalent."""


PACKAGES = ("workbench.", "extensions_live.")
BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def hint(name: str, known: Iterable[str]) -> str:
    """Return a hint for the unknown argument `name`, or an empty string.

    Examples
    --------
    >>> hint("lr", ["learning_rate", "epsilon"])
    "; did you mean 'learning_rate'?"
    >>> hint("betas", ["beta1", "beta2"])
    "; did you mean 'beta1' and 'beta2'?"
    >>> hint("epsilom", ["learning_rate", "epsilon"])
    "; did you mean 'epsilon'?"
    """
    known = list(known)
    for ours in OURS.get(name.casefold(), ()):
        if all(one in known for one in ours.split()):
            return f"; did you mean {' and '.join(map(repr, ours.split()))}?"
    advice = ADVICE.get(name.casefold())
    return nearest(name, known) if advice is None else f"; {advice}"


def unknown_keyword(kind: Callable[..., Any], name: str, known: Collection[str]) -> str:
    """Return the error text for an argument `name` that a class or function does not have."""
    has = f"it has {', '.join(known)}" if known else "it has no arguments"
    own = getattr(kind, "other_names", {}).get(name.casefold())
    advice = hint(name, known) if own is None else f"; {own}"
    return f"{kind.__name__} has no argument {name!r} ({has}){advice}"


FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def other_names(answers: Mapping[str, str]) -> Callable[[FunctionT], FunctionT]:
    """Decorate a function with answers to arguments of other libraries, which `hinted` shows.

    Parameters
    ----------
    answers : dict of str to str
        What to do, by the name of the argument in lower case. ``"*"`` stands for too many
        arguments without a name.

    Examples
    --------
    >>> @hinted
    ... @other_names({"lr": "pass a step rule"})
    ... def train(step_rule):
    ...     return step_rule
    >>> train(lr=0.2)
    Traceback (most recent call last):
    ...
    workbench.errors.SignatureError: train has no argument 'lr' (it has step_rule); pass a step rule
    """

    def decorate(function: FunctionT) -> FunctionT:
        vars(function)["other_names"] = answers
        return function

    return decorate


def hinted(function: FunctionT) -> FunctionT:
    """Decorate a function so that the error for an unknown argument suggests a correct argument.

    Parameters
    ----------
    function : callable
        A function without ``**`` arguments.

    Raises
    ------
    SignatureError
        If the function is called with an unknown keyword.

    Examples
    --------
    >>> @hinted
    ... def decay(learning_rate):
    ...     return learning_rate / 2
    >>> decay(lr=0.2)
    Traceback (most recent call last):
    ...
    workbench.errors.SignatureError: decay has no argument 'lr' (it has learning_rate); did you mean
    'learning_rate'?
    """
    code = inspect.unwrap(function).__code__
    named = code.co_argcount + code.co_kwonlyargcount
    known = code.co_varnames[code.co_posonlyargcount : named]
    surplus = vars(function).get("other_names", {}).get("*")

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in known:
                raise SignatureError(unknown_keyword(function, name, known))
        if surplus is not None and len(args) > code.co_argcount:
            raise SignatureError(
                f"{function.__name__} takes {code.co_argcount} arguments without a name, not "
                f"{len(args)}; {surplus}"
            )
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]


class _NotGiven:
    """Default of an option that is read from ``**``; shown as ``...``."""

    def __repr__(self) -> str:
        return "..."


NOT_GIVEN = _NotGiven()


def show_options(function: FunctionT, bases: Iterable[type] = ()) -> FunctionT:
    """Replace ``**`` in a signature with its options, so that help and completion show them.

    Parameters
    ----------
    function : callable
        A function whose ``**`` is annotated with ``Unpack[SomeOptions]``. The entries of this typed
        dictionary become keyword-only parameters. If the annotation is ``Never``, ``**`` is
        removed. Other signatures are not changed.
    bases : iterable of type
        Classes whose constructors define the defaults of the options.

    Returns
    -------
    callable
        The function, whose behaviour does not change.

    Examples
    --------
    >>> from typing import TypedDict, Unpack
    >>> class Options(TypedDict, total=False):
    ...     seed: int
    >>> @show_options
    ... def draw(size: int, **options: Unpack[Options]): ...
    >>> inspect.signature(draw)
    <Signature (size: 'int', *, seed: 'int' = ...)>
    """
    code = inspect.unwrap(function).__code__
    if not code.co_flags & inspect.CO_VARKEYWORDS:
        return function
    signature = inspect.signature(function)
    *parameters, rest = signature.parameters.values()
    annotation = rest.annotation
    if isinstance(annotation, str):
        if not annotation.startswith(("Unpack[", "Never")):
            return function
        annotation = eval(annotation, inspect.unwrap(function).__globals__)
    options = get_args(annotation)[0] if get_origin(annotation) is typing.Unpack else None
    if annotation is not typing.Never and not is_typeddict(options):
        return function
    named = [p.name for p in parameters]
    defaults, empty = _defaults(bases), inspect.Parameter.empty
    needed = getattr(options, "__required_keys__", ())
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=empty if name in needed else defaults.get(name, NOT_GIVEN),
            annotation=kind.__forward_arg__ if isinstance(kind, ForwardRef) else kind,
        )
        for name, kind in getattr(options, "__annotations__", {}).items()
        if name not in named
    ]
    shown = signature.replace(parameters=[*parameters, *added])
    vars(function)["__signature__"] = shown
    return function


def _defaults(bases: Iterable[type]) -> dict[str, Any]:
    """Return the defaults of constructor arguments; earlier classes take precedence."""
    found: dict[str, Any] = {}
    for base in bases:
        if inspect.isfunction(init := vars(base).get("__init__")):
            for name, parameter in inspect.signature(init).parameters.items():
                if parameter.default is not parameter.empty:
                    found.setdefault(name, parameter.default)
    return found


class Hinted:
    """Base class that suggests a correct argument in the error for an unknown argument.

    Raises
    ------
    SignatureError
        If an instance is created with an unknown keyword argument.

    Examples
    --------
    >>> class Rule(Hinted):
    ...     def __init__(self, learning_rate=0.1):
    ...         self.learning_rate = learning_rate
    >>> Rule(lr=0.2)
    Traceback (most recent call last):
    ...
    workbench.errors.SignatureError: Rule has no argument 'lr' (it has learning_rate); did you mean
    'learning_rate'?
    """

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if inspect.isfunction(init := vars(cls).get("__init__")):
            show_options(init, cls.__mro__[1:])

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check the keyword arguments, then create the instance."""
        if kwargs:
            known, complete = keywords(cls)
            for name in kwargs:
                if complete and name not in known:
                    raise cls._unknown_keyword(name)
        return super().__new__(cls)

    # Signature that help shows for a class without a constructor.
    vars(__new__)["__signature__"] = inspect.Signature(
        [inspect.Parameter("cls", inspect.Parameter.POSITIONAL_ONLY)]
    )

    @classmethod
    def _unknown_keyword(cls, name: str) -> Exception:
        """Return the error for an argument that the constructor does not have."""
        return SignatureError(unknown_keyword(cls, name, keywords(cls)[0]))


_keywords: WeakKeyDictionary[type, tuple[tuple[str, ...], bool]] = WeakKeyDictionary()


def keywords(cls: type[Hinted]) -> tuple[tuple[str, ...], bool]:
    """Return the keywords that the constructor of `cls` accepts, and whether the list is complete.

    Constructors of this project list their options (`show_options`) or pass ``**kwargs`` to the
    next constructor. A user's class can use ``**`` in any way, so its list is incomplete.
    """
    if cls not in _keywords:
        _keywords[cls] = _read_keywords(cls)
    return _keywords[cls]


def _read_keywords(cls: type[Hinted]) -> tuple[tuple[str, ...], bool]:
    known: dict[str, None] = {}
    ours = True
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        known.update(dict.fromkeys(p.name for p in parameters if p.kind in BY_NAME))
        rest = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
        if rest is None:
            return tuple(known), ours
        ours = ours and base.__module__.startswith(PACKAGES)
        ours = ours and rest == "kwargs"
    return tuple(known), ours
