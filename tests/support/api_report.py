"""Compare the names of the packages with the list in ``api_names.txt``.

``python -m tests.support.api_report [MODULE ...]`` prints, for each module of the list (or each
module whose name starts with a given one), the number of names that exist, and what is missing: a
module, a name, an argument or a member. It exits with 1 if anything is missing.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAMES = Path(__file__).with_name("api_names.txt")
MISSING = "missing"
INITS = ("__init__", "__new__")
ENTRY = re.compile(r"(\w+)(?:\((.*?)\))?(?:: (.*))?")


@dataclass(frozen=True)
class Entry:
    """One name: its module, its arguments (None if it is not callable) and its members."""

    module: str
    name: str
    arguments: tuple[str, ...] | None
    members: tuple[str, ...]


def read(text: str) -> list[Entry]:
    """Parse the text of a list of names."""
    entries, module = [], ""
    for line in text.splitlines():
        if line.startswith("["):
            module = line.strip("[]")
        elif line and not line.startswith("#"):
            match = ENTRY.fullmatch(line)
            if match is None:
                raise ValueError(f"not an entry: {line!r}")
            name, arguments, members = match.groups()
            entries.append(
                Entry(
                    module,
                    name,
                    None
                    if arguments is None
                    else tuple(arguments.split(", ") if arguments else ()),
                    tuple(members.split(", ") if members else ()),
                )
            )
    return entries


def faults(entry: Entry) -> Iterator[str]:
    """Yield the missing parts of one name."""
    try:
        found = getattr(importlib.import_module(entry.module), entry.name)
    except (ImportError, AttributeError):
        yield MISSING
        return
    if entry.arguments is not None and not callable(found):
        yield "cannot be called"
        return
    takes = parameters(found) if entry.arguments else ()
    yield from (f"no argument {name}" for name in entry.arguments or () if name not in takes)
    has = members(found) if entry.members else ()
    yield from (f"no member {name}" for name in entry.members if name not in has)


def parameters(found: object) -> set[str]:
    """Return the names of the parameters of a function, or of a class and its bases."""
    if not isinstance(found, type):
        return set(inspect.signature(found).parameters)  # type: ignore[arg-type]
    inits = [vars(base)[name] for base in found.__mro__ for name in INITS if name in vars(base)]
    own = [inspect.signature(init).parameters for init in inits if inspect.isfunction(init)]
    return {name for signature in own for name in signature}


def members(found: object) -> set[str]:
    """Return the attributes of a class, also those that its methods assign on `self`."""
    names = set(dir(found))
    for base in found.__mro__ if isinstance(found, type) else ():
        names |= set(vars(base).get("__annotations__", ()))
        if base.__module__ != "builtins":
            names |= set(assigned(base))
    return names


def assigned(cls: type) -> Iterator[str]:
    """Return the names that the source of a class assigns on `self`."""
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Store()):
                yield node.attr


def report(entries: list[Entry]) -> tuple[list[str], int]:
    """Return the lines of the report, and the number of incomplete names."""
    lines: list[str] = []
    total = 0
    for module in dict.fromkeys(entry.module for entry in entries):
        here = {entry.name: list(faults(entry)) for entry in entries if entry.module == module}
        wrong = {name: what for name, what in here.items() if what}
        total += len(wrong)
        lines.append(f"{module}: {len(here) - len(wrong)} of {len(here)} present")
        missing = ", ".join(name for name, what in wrong.items() if what == [MISSING])
        lines += textwrap.wrap(
            missing, 100, initial_indent="    missing: ", subsequent_indent=" " * 8
        )
        for name, what in wrong.items():
            if what != [MISSING]:
                lines.append(f"    {name}: {', '.join(what)}")
    lines.append(f"all: {len(entries) - total} of {len(entries)} present")
    return lines, total


def main(prefixes: list[str]) -> int:
    """Print the report about modules that start with one of `prefixes`, or about all."""
    entries = read(NAMES.read_text(encoding="utf-8"))
    wanted = [e for e in entries if not prefixes or e.module.startswith(tuple(prefixes))]
    lines, missing = report(wanted)
    print("\n".join(lines))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
