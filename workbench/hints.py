"""Hints for unknown keyword arguments, which suggest the argument that was probably meant.

For an argument of another library, a hint names the equivalent argument or, if there is no
equivalent, gives advice. For any other unknown argument, the hint suggests the valid argument with
the most similar name.

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

from workbench.argument_names import ADVICE, OURS
from workbench.errors import SignatureError, nearest

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
    """Decorate a function with advice that `hinted` shows to users of other libraries.

    Parameters
    ----------
    answers : dict of str to str
        The advice for arguments of other libraries, keyed by the argument's name in lower case. The
        key ``"*"`` is for calls with too many positional arguments.

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
        If the function is called with an unknown keyword, or without a required argument.

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
    inner = inspect.unwrap(function)
    code = inner.__code__
    named = code.co_argcount + code.co_kwonlyargcount
    known = code.co_varnames[code.co_posonlyargcount : named]
    required = code.co_varnames[: code.co_argcount - len(inner.__defaults__ or ())]
    surplus = vars(function).get("other_names", {}).get("*")

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in known:
                raise SignatureError(unknown_keyword(function, name, known))
        if surplus is not None and len(args) > code.co_argcount:
            raise SignatureError(
                f"{function.__name__} takes {code.co_argcount} positional arguments, not "
                f"{len(args)}; {surplus}"
            )
        missing = [name for name in required[len(args) :] if name not in kwargs]
        if missing:
            raise SignatureError(
                f"{function.__name__} needs {', '.join(map(repr, missing))}; it has the arguments "
                f"{', '.join(one for one in known if one not in ('self', 'session'))}"
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
        The same function, with a different signature.

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
    inner = inspect.unwrap(function)
    code = inner.__code__
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
    """Return the keywords that the constructor of `cls` accepts, and True if the list is complete.

    A constructor in this project lists its options (see `show_options`) or passes ``**kwargs`` to
    the next constructor. If a user's class accepts ``**`` arguments, the list is incomplete,
    because the class can use them in any way.
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
