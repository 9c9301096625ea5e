"""Six novels by Jane Austen, a real text for language models.

``austen.txt.bz2`` contains the novels in the edition of Project Gutenberg, one after another,
4,025,032 characters in total; they are in the public domain.
"""

from __future__ import annotations

import bz2
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("austen.txt.bz2")

TITLES = (
    "EMMA",
    "MANSFIELD PARK",
    "NORTHANGER ABBEY",
    "Persuasion",
    "PRIDE AND PREJUDICE",
    "SENSE AND SENSIBILITY",
)
"""The first lines of the novels, in order."""


def novels(*titles: str) -> str:
    """Return the text of some novels, or of all novels if no title is given.

    Parameters
    ----------
    *titles : str
        As in `TITLES`.
    """
    text = _text()
    starts = [0, *(text.index(f"\n{title}\n") + 1 for title in TITLES[1:]), len(text)]
    parts = {
        title: text[start:end]
        for title, start, end in zip(TITLES, starts[:-1], starts[1:], strict=True)
    }
    return "".join(parts[title] for title in titles or TITLES)


@cache
def _text() -> str:
    return bz2.decompress(FILE.read_bytes()).decode("utf-8")
