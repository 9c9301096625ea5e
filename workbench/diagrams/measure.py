"""Estimates of the width of text in a sans-serif font."""

from __future__ import annotations

import unicodedata

NARROW = frozenset("fijlrtI.,:;|'!()[]{}/ -·")
WIDE = frozenset("mwMW@%—→")


def width(text: str, size: float, bold: bool = False) -> float:
    """Return an estimated width of text in pixels, slightly larger than the width in most fonts."""
    return sum(map(_share, text)) * size * (1.13 if bold else 1.0)


def _share(one: str) -> float:
    if unicodedata.east_asian_width(one) in "WF":
        return 1.05
    if one in NARROW:
        return 0.36
    if one in WIDE:
        return 0.92
    return 0.7 if one.isupper() else 0.62


def cut(text: str, most: float, size: float, bold: bool = False) -> str:
    """Return text as one line, truncated to a width in pixels."""
    text = " ".join(text.split())
    if width(text, size, bold) <= most:
        return text
    while text and width(f"{text}…", size, bold) > most:
        text = text[:-1]
    return f"{text}…"
