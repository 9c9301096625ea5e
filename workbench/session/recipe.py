"""`Recipe`, the text of the program that does what a call of ``fit`` did."""

from __future__ import annotations

from workbench.errors import SessionError
from workbench.interfaces import Session

NO_RECIPE = (
    "{session!r} was not started by fit(), so the code that made its main loop is its program; "
    "session.model_tree shows its model"
)


class Recipe(str):
    """Program as text, which a cell of a notebook shows line by line.

    Examples
    --------
    >>> Recipe("a = 1")
    a = 1
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def recipe_of(session: Session) -> Recipe:
    """Return the program that is in the status of the log of a session.

    Raises
    ------
    SessionError
        If there is none.
    """
    text = session.log.status.get("recipe")
    if text is None:
        raise SessionError(NO_RECIPE.format(session=session))
    return Recipe(text)
