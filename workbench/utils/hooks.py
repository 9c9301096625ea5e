"""Methods that someone overrides in the belief that they will be called.

In a class that was written for Blocks, or for an early version of it, such a method was a hook and
would now be ignored without a word. The class is refused when it is defined, with the name of the
method to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping

NEVER_CALLED = "{cls}.{name} would never be called: {now}"


def refuse_former_hooks(cls: type, former: Mapping[str, str], error: type[Exception]) -> None:
    """Raise `error` if the body of a class defines a method that is no hook any more.

    Parameters
    ----------
    cls : type
        The class that is being defined; for ``__init_subclass__``.
    former : dict of str to str
        Names of methods that were hooks, and what to do instead.
    error : type
        Of the exception.

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
    TypeError: Median.accumulate would never be called: define aggregate
    """
    for name, now in former.items():
        method = vars(cls).get(name)
        if callable(method) or isinstance(method, (staticmethod, classmethod)):
            raise error(NEVER_CALLED.format(cls=cls.__name__, name=name, now=now))
