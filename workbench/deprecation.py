"""Deprecated names, with their replacements and the versions that will remove them."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from workbench.errors import ArgumentError

Given = ParamSpec("Given")
Result = TypeVar("Result")

TEXT = "{old} is deprecated and will be removed in version {removal}; use {new} instead"
NOT_A_VERSION = "removal={given!r} must be a version such as '0.3' or '1.0.2'"

_known: list[Deprecation] = []


@dataclass(frozen=True)
class Deprecation:
    """A deprecated name, defined as a module constant.

    Call `warn` where the old name is used, or decorate a function or method with this object.

    Parameters
    ----------
    old : str
        The name as users write it, such as ``"Session.halt()"``.
    new : str
        The replacement.
    removal : str
        The version that removes the old name. A test fails when the package reaches this
        version.

    Raises
    ------
    ArgumentError
        If `removal` is not a version.

    Examples
    --------
    >>> import warnings
    >>> halt = Deprecation("Session.halt()", "Session.pause()", removal="9.0")
    >>> @halt
    ... def stand_still():
    ...     return "paused"
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     stand_still()
    'paused'
    >>> print(caught[0].message)  # doctest: +NORMALIZE_WHITESPACE
    Session.halt() is deprecated and will be removed in version 9.0;
    use Session.pause() instead
    """

    old: str
    new: str
    removal: str

    def __post_init__(self) -> None:
        version(self.removal)
        _known.append(self)

    def __str__(self) -> str:
        return TEXT.format(old=self.old, new=self.new, removal=self.removal)

    def warn(self, stacklevel: int = 1) -> None:
        """Warn the caller of the function that calls this method.

        Parameters
        ----------
        stacklevel : int
            1 for this caller, 2 for its caller, and so on.
        """
        warnings.warn(str(self), DeprecationWarning, stacklevel=stacklevel + 2)

    def __call__(self, function: Callable[Given, Result]) -> Callable[Given, Result]:
        """Return a function that warns and then calls `function`."""

        @functools.wraps(function)
        def deprecated(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            self.warn()
            return function(*args, **kwargs)

        return deprecated


def version(text: str) -> tuple[int, ...]:
    """Convert a version to a tuple of integers, for comparisons.

    Raises
    ------
    ArgumentError
        If `text` does not consist of two or more integers separated by dots.

    Examples
    --------
    >>> version("0.10") > version("0.9.1")
    True
    """
    if not re.fullmatch(r"\d+(\.\d+)+", text):
        raise ArgumentError(NOT_A_VERSION.format(given=text))
    return tuple(map(int, text.split(".")))


def overdue(current: str) -> list[Deprecation]:
    """Return the deprecations that are due for removal in version `current` or earlier.

    Parameters
    ----------
    current : str
        The version of the package.
    """
    return [known for known in _known if version(known.removal) <= version(current)]
