"""`Recipe`, the text of a program that is equivalent to a call to ``fit``."""

from __future__ import annotations

from workbench.errors import SessionError
from workbench.interfaces import Session

NO_RECIPE = (
    "{session!r} was not started by fit(), so no program was recorded; see the code that created "
    "its main loop, and session.model_tree for its model"
)


class Recipe(str):
    """Text of a program, which a notebook cell displays line by line.

    Examples
    --------
    >>> Recipe("a = 1")
    a = 1
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def recipe_of(session: Session) -> Recipe:
    """Return the program that `fit` has stored in the status of a session's log.

    Raises
    ------
    SessionError
        If the status contains no program.
    """
    text = session.log.status.get("recipe")
    if text is None:
        raise SessionError(NO_RECIPE.format(session=session))
    return Recipe(text)
