"""Descriptions of classes and their arguments, read from docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Any

SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)
MATHS = re.compile(r":\w+:`([^`]*)`")
ENTRY = re.compile(r"^([\w*][\w*, ]*?) ?(?::[^\n]*)?$")


def first_line(cls: Any) -> str:
    """Return the first paragraph of the docstring of a class or function as one line.

    Examples
    --------
    >>> from workbench.bricks import Tanh
    >>> first_line(Tanh)
    'The hyperbolic tangent.'
    """
    text = inspect.getdoc(cls) or ""
    return MATHS.sub(r"\1", " ".join(text.split("\n\n")[0].split())).replace("``", "")


def arguments_of(cls: type[Any]) -> dict[str, str]:
    """Return descriptions of a constructor's arguments, including arguments of base classes.

    Examples
    --------
    >>> from workbench.bricks import Dropout
    >>> arguments_of(Dropout)["drop_prob"].partition(" A number")[0]
    'The probability of dropping an element, in [0, 1).'
    """
    found: dict[str, str] = {}
    for base in cls.__mro__:
        for name, text in _entries(vars(base).get("__doc__") or "").items():
            found.setdefault(name, text)
    return found


def _entries(doc: str) -> dict[str, str]:
    """Return the entries of the section ``Parameters``, keyed by name."""
    text = inspect.cleandoc(doc)
    parts = SECTION.split(text)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    found: dict[str, str] = {}
    names: list[str] = []
    for line in sections.get("Parameters", "").splitlines():
        if line.startswith(" "):
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
        elif match := ENTRY.match(line):
            names = [name.strip() for name in match[1].split(",")]
    return found
