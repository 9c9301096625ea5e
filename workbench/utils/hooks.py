"""Errors for methods that were hooks in Blocks and are no longer called.

A class that was written for Blocks may define methods that would be silently ignored. Therefore,
defining such a class raises an error that names the method to define instead.
"""

from __future__ import annotations

from collections.abc import Mapping

NEVER_CALLED = "{cls}.{name} would never be called; {now}"


def refuse_former_hooks(cls: type, former: Mapping[str, str], error: type[Exception]) -> None:
    """Raise `error` if the body of a class defines a method that is no longer a hook.

    Parameters
    ----------
    cls : type
        The new class; call this function from ``__init_subclass__``.
    former : dict of str to str
        A mapping from the name of a former hook to advice.
    error : type
        The class of the exception.

    Examples
    --------
    >>> class Base:
    ...     def __init_subclass__(cls):
    ...         refuse_former_hooks(cls, {"accumulate": "define aggregate"}, TypeError)
    >>> class Median(Base):
    ...     def accumulate(self, value):
    ...         pass
    Traceback (most recent call last):
    ...
    TypeError: Median.accumulate would never be called; define aggregate
    """
    for name, now in former.items():
        method = vars(cls).get(name)
        if callable(method) or isinstance(method, (staticmethod, classmethod)):
            raise error(NEVER_CALLED.format(cls=cls.__name__, name=name, now=now))
