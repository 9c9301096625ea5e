"""Lazy configuration: constructor arguments that can be set later, as attributes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from workbench.errors import SignatureError, nearest
from workbench.hints import hinted


class LazyNone:
    """Value of a setting that has not been given yet; its truth value is False.

    Parameters
    ----------
    name : str
        The text that `repr` returns.

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> dimension = Linear(output_dim=2).input_dim
    >>> dimension, isinstance(dimension, LazyNone), bool(dimension)
    (NoneAllocation, True, False)
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return self.name  # name of a global, so that copies are the same object


NoneAllocation = LazyNone("NoneAllocation")
NoneInitialization = LazyNone("NoneInitialization")

_constructing: ContextVar[int] = ContextVar("constructing", default=0)
"""Number of running constructors; lazy arguments of the bricks they create may be missing."""


@hinted
def lazy(
    allocation: Sequence[str] | None = None, initialization: Sequence[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make arguments of a brick's ``__init__`` optional until allocation or initialisation.

    A listed argument that is not passed is replaced by a `LazyNone`. The attribute of the same name
    can be set later, before allocation or initialisation. With ``Brick.lazy = False``, all listed
    arguments must be passed to the constructor, except when another brick constructs the brick.

    Parameters
    ----------
    allocation : sequence of str, optional
        Arguments that allocation requires.
    initialization : sequence of str, optional
        Arguments that initialisation requires.

    Raises
    ------
    SignatureError
        If the constructor does not have one of these arguments.

    Examples
    --------
    >>> from workbench.bricks import Brick
    >>> class Scaled(Brick):
    ...     @lazy(allocation=["dim"], initialization=["scale"])
    ...     def __init__(self, dim, scale, note="-", **kwargs):
    ...         super().__init__(**kwargs)
    ...         print(dim, scale, note)
    >>> _ = Scaled(3)
    3 NoneInitialization -
    >>> _ = Scaled(scale=0.1, note="small")
    NoneAllocation 0.1 small
    """
    allocation = list(allocation or ())
    initialization = list(initialization or ())

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(init)
        for name in (*allocation, *initialization):
            if name not in signature.parameters:
                raise SignatureError(
                    f"@lazy names {name!r}, but {init.__qualname__} has no such argument"
                    f"{nearest(name, signature.parameters)}"
                )

        @functools.wraps(init)
        def lazy_init(self: Any, *args: Any, **kwargs: Any) -> None:
            try:
                given = signature.bind_partial(self, *args, **kwargs).arguments
            except TypeError as error:
                raise SignatureError(
                    f"{type(self).__name__}: {error}; it accepts ({_names_of(lazy_init)})"
                ) from None
            absent = [n for n in (*allocation, *initialization) if n not in given]
            if absent and not self.lazy and not _constructing.get():
                raise SignatureError(
                    f"{type(self).__name__}() is missing {', '.join(absent)}; pass every argument "
                    "to the constructor, because lazy configuration is off (Brick.lazy = False)"
                )
            kwargs.update({n: NoneAllocation for n in allocation if n not in given})
            kwargs.update({n: NoneInitialization for n in initialization if n not in given})
            add_names(self, "allocation_args", allocation)
            add_names(self, "initialization_args", initialization)
            token = _constructing.set(_constructing.get() + 1)
            try:
                init(self, *args, **kwargs)
            finally:
                _constructing.reset(token)

        vars(lazy_init)["lazy_arguments"] = (*allocation, *initialization)
        return lazy_init

    def add_names(brick: Any, attribute: str, names: list[str]) -> None:
        # Constructors run from the subclass up; each adds its names.
        known = vars(brick).setdefault(attribute, [])
        known.extend(name for name in names if name not in known)

    return decorate


def _names_of(init: Callable[..., None]) -> str:
    """Return a constructor's argument names as text, with ``*`` before keyword-only names."""
    parameters = list(inspect.signature(init).parameters.values())[1:]
    names = [parameter.name for parameter in parameters]
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        names.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    return ", ".join(names)


def is_set(value: object) -> bool:
    """Return True if a setting has a value other than a `LazyNone` or ``None``."""
    return value is not None and not isinstance(value, LazyNone)
