"""Checks of class definitions: a class may override only methods that are called.

In Fuel, users changed a stream by overriding `get_data`, `transform_batch` or similar methods. Most
streams of this package do not call these methods, so an override would have no effect. It is also
an error if an override does not accept the arguments that are passed to it. The message states
what to define instead.
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
"""Names of the methods that users override in the streams of Fuel or of this package."""
UNCALLED = (
    "{cls}.{name} would never be called, because {base} calls {hook} instead; override a method "
    "that is called"
)
OTHERWISE = "{cls}.{name} is called as {name}{called}, but is defined as {name}{defined}; {advice}"


def refuse_uncalled(cls: type, names: Iterable[str], hook: str) -> None:
    """Raise a `DataError` if a user's class overrides a method that nothing calls.

    Parameters
    ----------
    cls : type
        The class.
    names : iterable of str
        Names of methods that a class can override only if `hook` contains them.
    hook : str
        The methods that are called in this class, with their arguments, as shown in the message.
    """
    for name in names:
        owner = _owner(cls, name)
        if owner is not None and f"{name}(" not in hook:
            base = next(each for each in cls.__mro__ if each.__module__.startswith(OWN))
            raise DataError(
                UNCALLED.format(cls=cls.__name__, name=name, base=base.__name__, hook=hook)
            )


def check_called(cls: type, name: str, called: tuple[str, ...], advice: str) -> None:
    """Raise a `DataError` if a user's method does not accept the arguments that it is called with.

    Parameters
    ----------
    cls : type
        The class.
    name : str
        The name of the method.
    called : tuple of str
        The names of the positional arguments of the calls.
    advice : str
        The advice at the end of the message.
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
    """Return True if the `name` method of a class is defined outside this package."""
    return _owner(cls, name) is not None


def _owner(cls: type, name: str) -> type | None:
    """Return the user's class that defines a method, or None if this package defines it."""
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
