"""Protection against misspelt attributes: an assignment to an unknown attribute raises an error.

Without this protection, ``mlp.weight_init = Uniform(width=0.1)`` would be stored and never read,
and the model would be trained with unexpected weights. Only assignments from outside are checked;
the methods of a class can set any attribute. For a user's class, an error is raised only if the
name is similar to the name of an existing attribute.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.errors import UnknownAttributeError, nearest

UNKNOWN = (
    "{kind} has no attribute {name!r}, so the value would have no effect (to store your own "
    "value, use a name that starts with an underscore){hint}"
)


class KnownAttributes:
    """Base class of objects that accept new attributes only from their own methods."""

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None:
            check_attribute(self, name)
            super().__setattr__(name, value)


def check_attribute(
    instance: object,
    name: str,
    hint: Callable[[], str] | None = None,
    family: tuple[type, ...] = (),
) -> None:
    """Raise an error if code outside the class adds an attribute.

    A class calls this function in its ``__setattr__`` method.

    Parameters
    ----------
    instance : object
    name : str
        Name of the attribute to assign.
    hint : callable, optional
        A function that returns advice for the error message. By default, the message suggests a
        similar name.
    family : tuple of type, optional
        Classes whose methods may also add attributes, since a parent configures its children.

    Raises
    ------
    UnknownAttributeError
        If `name` is unknown and is assigned from outside. A name that starts with an underscore is
        always allowed.
    """
    if (
        name[0] != "_"
        and not hasattr(type(instance), name)
        and not _has(instance, name)
        and from_outside(instance, family)
        and (not _is_users(type(instance)) or _is_near_miss(instance, name))
    ):
        advice = nearest(name, _public(instance)) if hint is None else hint()
        raise UnknownAttributeError(
            UNKNOWN.format(kind=type(instance).__name__, name=name, hint=advice)
        )


def _has(instance: object, name: str) -> bool:
    # `__dict__` is not read, since reading it once makes later access to attributes slower.
    try:
        object.__getattribute__(instance, name)
    except AttributeError:
        return False
    return True


SETTERS = {"__setattr__", "check_attribute"}


def from_outside(instance: object, family: tuple[type, ...] = ()) -> bool:
    """Return True unless a method of `instance` or of a class in `family` sets the attribute."""
    frame = sys._getframe(1)
    while frame.f_code.co_name in SETTERS and frame.f_back is not None:
        frame = frame.f_back
    caller = frame.f_locals.get("self")
    return caller is not instance and not isinstance(caller, family)


def _is_users(cls: type) -> bool:
    """Return True for a user's class; for such a class, only misspelt attributes are errors."""
    return cls.__module__.partition(".")[0] not in ("workbench", "extensions_live")


def _is_near_miss(instance: object, name: str) -> bool:
    # Unlike `errors.nearest`, this comparison is case-sensitive: `w` next to `W` is not a mistake.
    return bool(difflib.get_close_matches(name, _public(instance), 1, cutoff=0.8))


def _public(instance: object) -> list[str]:
    return [name for name in dir(instance) if not name.startswith("_")]
