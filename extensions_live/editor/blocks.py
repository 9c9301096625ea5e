"""Blocks of the palette: those of the library, and groups that the user made in this kernel."""

from __future__ import annotations

from extensions_live.editor.document import Document, drawn
from extensions_live.messages import PaletteBlock
from workbench.builder import BLOCKS
from workbench.errors import BuilderError, nearest

_own: dict[str, Document] = {}
_version = 0


def version() -> int:
    """Return a number that changes when a block is added."""
    return _version


def keep(name: str, document: Document) -> None:
    """Add a block of the user's own; a block with the same name is replaced."""
    global _version
    _own[name] = document
    _version += 1


def found(name: object) -> Document:
    """Return the document of a block.

    Raises
    ------
    BuilderError
        If there is no such block.
    """
    if isinstance(name, str) and name in _own:
        return _own[name]
    if isinstance(name, str) and name in BLOCKS:
        return drawn(BLOCKS[name].spec)
    known = {block["name"] for block in listed()}
    raise BuilderError(
        f"there is no block {name!r:.60}{nearest(str(name), known)}; there are "
        f"{', '.join(sorted(known)) or 'none'}"
    )


def listed() -> list[PaletteBlock]:
    """Return the blocks for the palette, those of the library first."""
    ready: list[PaletteBlock] = [
        {"name": one.name, "text": one.text, "own": False}
        for one in BLOCKS.values()
        if one.name not in _own
    ]
    return ready + [
        {
            "name": name,
            "text": f"Your group of {len(one.ids()) - len(one.groups)} nodes.",
            "own": True,
        }
        for name, one in _own.items()
    ]
