"""Kinds of values that constructor arguments accept, read from their annotations."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any, Literal

from workbench.bricks.dimensions import COUNTS, is_dimension

Base = Literal[
    "brick", "scheme", "module", "flag", "whole", "number", "text", "choice", "pair", "size"
]


@dataclass(frozen=True)
class Kind:
    """The kind of an argument.

    Attributes
    ----------
    base : str
        ``brick``, ``scheme``, ``module``, ``flag``, ``whole`` (a whole number), ``number``,
        ``text``, ``choice``, ``pair`` (of whole numbers) or ``size`` (a dimension).
    many : bool
        True for a list of such values.
    optional : bool
        True if the value may be None.
    optional_parts : bool
        True if the elements of the list may be None.
    choices : tuple of str
        The strings that a user can choose from; other values may also be valid.
    classes : tuple of str
        For bricks, the class names in the annotation.
    """

    base: Base
    many: bool = False
    optional: bool = False
    optional_parts: bool = False
    choices: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


ALIASES = {
    "Pair": "pair",
    "Size": "pair",
    "Dims": "size",
    "NdarrayInitialization": "scheme",
    "torch.nn.Module": "module",
    "BorderMode": "choice",
    "bool": "flag",
    "int": "whole",
    "float": "number",
    "str": "text",
}
"""Mapping from the name of a type in an annotation to its kind."""

CHOICES = {
    "border_mode": ("valid", "full", "half"),
    "mode": ("max", "sum", "average_inc_pad", "average_exc_pad"),
}
"""The strings that a user can choose from, keyed by argument name."""

LISTS = re.compile(r"^(?:\w+\.)?(?:Sequence|SequenceType|Iterable|list|tuple)\[(.*)\]$")


def kind_of_argument(cls: type[Any], parameter: inspect.Parameter) -> Kind | None:
    """Return the kind of an argument, or None if its annotation does not determine it.

    Examples
    --------
    >>> from workbench.bricks import MLP
    >>> arguments = inspect.signature(MLP).parameters
    >>> kind = kind_of_argument(MLP, arguments["activations"])
    >>> kind.base, kind.many, kind.optional_parts, kind.classes
    ('brick', True, True, ('Brick', 'BoundApplication'))
    >>> kind_of_argument(MLP, arguments["biases_init"]).base
    'scheme'
    """
    written = parameter.annotation
    if written is parameter.empty:
        return None
    text = written if isinstance(written, str) else getattr(written, "__name__", str(written))
    parts, optional = _alternatives(text)
    if len(parts) == 1 and (found := LISTS.match(parts[0])):
        inner, optional_parts = _alternatives(found[1].split(", ...")[0])
        base = _base(inner, parameter.name)
        classes = tuple(inner) if base == "brick" else ()
        return base and Kind(base, True, optional, optional_parts, classes=classes)
    base = _base(parts, parameter.name)
    if base is None:
        return None
    choices = CHOICES.get(parameter.name, ()) if base in ("choice", "text") else ()
    classes = tuple(parts) if base == "brick" else ()
    return Kind("choice" if choices else base, False, optional, False, choices, classes)


def _alternatives(text: str) -> tuple[list[str], bool]:
    """Split a union at ``|``; return the parts other than None, and True if None was a part."""
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part != "None"], "None" in parts


def _base(parts: list[str], name: str) -> Base | None:
    from workbench.builder import registry

    if is_dimension(name):
        return "size"
    if name in COUNTS and parts == ["int"]:
        return "whole"
    names = {ALIASES.get(part, part) for part in parts if part != "SharedVariable"}
    if names <= {"whole", "number"} and names:
        return "number" if "number" in names else "whole"
    bricks = {*registry.library("brick"), *registry.ABSTRACT, "BoundApplication"}
    if names and names <= bricks:
        return "brick"
    known = [base for base in names if base in ALIASES.values()]
    return known[0] if len(names) == 1 and known else None  # type: ignore[return-value]
