"""Shortening of texts, so that a reader sees that something is missing."""

from __future__ import annotations


def short(text: str, most: int) -> str:
    """Shorten text to at most `most` characters; an ellipsis marks that it was longer.

    Examples
    --------
    >>> short("learning_rate", 9), short("momentum", 9)
    ('learning…', 'momentum')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
