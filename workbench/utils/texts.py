"""Text shortening, with a visible mark where text was omitted."""

from __future__ import annotations


def short(text: str, most: int) -> str:
    """Shorten text to at most `most` characters; an ellipsis marks the omission.

    Examples
    --------
    >>> short("learning_rate", 9), short("momentum", 9)
    ('learning…', 'momentum')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
