"""The blocks of the palette: ready-made blocks, groups made in this kernel, and saved blocks."""

from __future__ import annotations

from extensions_live.editor.block_files import BlockFolder, checked_name
from extensions_live.editor.document import Document, drawn
from extensions_live.messages import PaletteBlock
from workbench.builder import BLOCKS
from workbench.errors import BuilderError, nearest

_own: dict[str, Document] = {}
_changes = 0
saved = BlockFolder()
"""The blocks that the user has saved."""


def version() -> tuple[int, int]:
    """Return a value that changes when a block is added, renamed or removed."""
    saved.look()
    return _changes, saved.version


def keep(name: str, document: Document) -> None:
    """Add a user's block for this kernel, and replace any earlier block with the same name."""
    global _changes
    _own[name] = document
    _changes += 1


def save(name: object, document: Document, *, replace: bool = False) -> str:
    """Save a block for this and later kernels, and return its name.

    Raises
    ------
    BuilderError
        If there is already a block with this name and `replace` is False, or if the block cannot be
        saved.
    """
    name = checked_name(name)
    saved.look(now=True)
    if name in BLOCKS:
        raise BuilderError(
            f"the workbench already has a block {name!r}; choose another name for your block"
        )
    if name in saved.blocks() and not replace:
        raise BuilderError(
            f"there is already a saved block {name!r}; choose another name, or remove that block "
            "first"
        )
    saved.write(name, document)
    _forget(name)
    return name


def rename(name: object, new: object) -> str:
    """Rename a user's block, and return the new name.

    Raises
    ------
    BuilderError
        If there is no such block, or if the new name is taken.
    """
    old, new = own(name), checked_name(new)
    if new == old:
        return old
    if new in BLOCKS or new in _own or new in saved.blocks():
        raise BuilderError(f"there is already a block {new!r}; choose another name")
    if old in _own:
        keep(new, _own[old])
        _forget(old)
    else:
        saved.write(new, saved.blocks()[old])
        saved.remove(old)
    return new


def remove(name: object) -> None:
    """Remove a user's block from this kernel and from later kernels.

    If an unsaved block hides a saved block of the same name, only the unsaved block is removed.

    Raises
    ------
    BuilderError
        If there is no such block.
    """
    old = own(name)
    if old in _own:
        _forget(old)
    else:
        saved.remove(old)


def _forget(name: str) -> None:
    global _changes
    if _own.pop(name, None) is not None:
        _changes += 1


def own(name: object) -> str:
    """Return `name`, or raise an error if it is not the name of a user's block.

    Raises
    ------
    BuilderError
        If there is no such block.
    """
    saved.look(now=True)
    known = {*_own, *saved.blocks()}
    if isinstance(name, str) and name in known:
        return name
    if isinstance(name, str) and name in BLOCKS:
        raise BuilderError(f"the block {name!r} is part of the workbench and cannot be changed")
    raise BuilderError(
        f"you have no block {name!r:.60}{nearest(str(name), known)}; your blocks: "
        f"{', '.join(sorted(known)) or 'none'}"
    )


def found(name: object) -> Document:
    """Return the document of the block with this name.

    Raises
    ------
    BuilderError
        If there is no such block.
    """
    saved.look(now=True)
    if isinstance(name, str):
        if name in _own:
            return _own[name]
        if name in saved.blocks():
            return saved.blocks()[name]
        if name in BLOCKS:
            return drawn(BLOCKS[name].spec)
    known = {block["name"] for block in listed()}
    broken = "".join(f"\n{fault}" for fault in saved.faults())
    raise BuilderError(
        f"there is no block {name!r:.60}{nearest(str(name), known)}; existing blocks: "
        f"{', '.join(sorted(known)) or 'none'}{broken}"
    )


def listed() -> list[PaletteBlock]:
    """Return the blocks for the palette, with the ready-made blocks first."""
    saved.look()
    kept = saved.blocks()
    ready: list[PaletteBlock] = [
        {"name": one.name, "text": one.text, "own": False, "saved": False}
        for one in BLOCKS.values()
        if one.name not in _own
    ]
    mine: list[PaletteBlock] = [
        {
            "name": name,
            "text": f"Your block of {size(one)}, saved for all notebooks.",
            "own": True,
            "saved": True,
        }
        for name, one in kept.items()
        if name not in _own
    ]
    groups: list[PaletteBlock] = [
        {"name": name, "text": f"Your group of {size(one)}.", "own": True, "saved": False}
        for name, one in _own.items()
    ]
    return ready + mine + groups


def size(document: Document) -> str:
    """Return the number of nodes in a block, not counting groups, as text such as ``3 nodes``."""
    number = len(document.ids()) - len(document.groups)
    return f"{number} node{'' if number == 1 else 's'}"
