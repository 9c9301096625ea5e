"""Methods that nothing would call: refused where a class is defined, with the one to write.

In Fuel a stream was changed by overriding `get_data`, `transform_batch` and others. Here these are
names like any other, and an override of one would be ignored without a word. The same goes for
hooks that are called, but with other arguments than the override takes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from workbench.errors import DataError

OWN = "workbench."
STREAM_HOOKS = (
    "get_data",
    "get_data_from_batch",
    "get_data_from_example",
    "next_epoch",
    "reset",
    "transform",
    "transform_any",
    "transform_any_source",
    "transform_batch",
    "transform_example",
    "transform_source_batch",
    "transform_source_example",
)
"""All that was a hook of some stream in Fuel, or is one of some stream here."""
UNCALLED = (
    "{cls}.{name} would never be called: {base} calls {hook} instead; define that, and see its "
    "documentation"
)
OTHERWISE = "{cls}.{name} is called as {name}{called}, but is defined as {name}{defined}; {advice}"


def refuse_uncalled(cls: type, names: Iterable[str], hook: str) -> None:
    """Raise a `DataError` if a class of a user's overrides what is not among its hooks.

    Parameters
    ----------
    cls : type
        The class.
    names : iterable of str
        Names that are hooks elsewhere.
    hook : str
        The hooks of this class as they are to be written, for messages too.
    """
    for name in names:
        owner = _owner(cls, name)
        if owner is not None and f"{name}(" not in hook:
            base = next(each for each in cls.__mro__ if each.__module__.startswith(OWN))
            raise DataError(
                UNCALLED.format(cls=cls.__name__, name=name, base=base.__name__, hook=hook)
            )


def check_called(cls: type, name: str, called: tuple[str, ...], advice: str) -> None:
    """Raise a `DataError` if a method of a user's does not take what it is called with.

    Parameters
    ----------
    cls : type
        The class.
    name : str
        The name of the method.
    called : tuple of str
        The arguments it is called with, by position.
    advice : str
        What to do about it.
    """
    owner = _owner(cls, name)
    method = None if owner is None else vars(owner)[name]
    if not inspect.isfunction(method):
        return
    signature = inspect.signature(method)
    given = [None] * (1 + len(called))
    if _takes(signature, given) and "state" not in list(signature.parameters)[1:2]:
        return
    raise DataError(
        OTHERWISE.format(
            cls=cls.__name__,
            name=name,
            called=f"({', '.join(called)})",
            defined=_shown(signature),
            advice=advice,
        )
    )


def is_own(cls: type, name: str) -> bool:
    """Return whether a class has a method from outside of this package."""
    return _owner(cls, name) is not None


def _owner(cls: type, name: str) -> type | None:
    """Return the class of a user's that defines a method, or None if it is one of this package."""
    owner = next((each for each in cls.__mro__ if name in vars(each)), None)
    return None if owner is None or owner.__module__.startswith(OWN) else owner


def _takes(signature: inspect.Signature, arguments: list[None]) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _shown(signature: inspect.Signature) -> str:
    parameters = list(signature.parameters.values())[1:]
    return f"({', '.join(str(each).partition(':')[0] for each in parameters)})"
