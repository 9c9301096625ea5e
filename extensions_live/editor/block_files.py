"""Files of the blocks that the user has saved: one JSON file for each block.

Kernels that are started later also read these files. A file contains a document, and reading it
does not execute code. A file that cannot be read is reported with its path, and is never
overwritten or removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extensions_live.editor.document import Document, read
from extensions_live.kernel_clock import Clock
from workbench.builder.fields import check_keys
from workbench.config import config
from workbench.errors import BuilderError, BuilderWarning
from workbench.utils.atomic import replace_file
from workbench.utils.notices import remark

FORMAT = 1
"""The version of the file format."""

SUFFIX = ".json"
MOST_BYTES = 20_000_000
MOST_CHARACTERS = 60
"""Maximum number of characters in the name of a block."""

PAUSE = 1.0
"""Seconds between two checks for files that other kernels have changed."""

NOT_WRITTEN = (
    "the block {name!r} cannot be saved in {folder} ({reason}); assign another folder to "
    "config.blocks_path"
)
NOT_READ = (
    "the block in {path} cannot be read: {reason}. The workbench does not change this file; "
    "correct it, or move it out of the folder"
)
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class File:
    """The result of reading a file: a name and a document, or the reason why reading failed."""

    stamp: Stamp
    name: str = ""
    document: Document | None = None
    fault: str = ""


class BlockFolder:
    """The blocks that are saved in the folder `config.blocks_path`.

    Attributes
    ----------
    version : int
        A number that increases whenever the blocks or the faults change.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._files: dict[Path, File] = {}
        self._folder: Path | None = None
        self._next = 0.0
        self._warned: set[tuple[Path, str]] = set()
        self.version = 0

    def blocks(self) -> dict[str, Document]:
        """Return the documents of all blocks, keyed by name."""
        with self._lock:
            found = sorted(self._files.values(), key=lambda one: one.name.lower())
            return {one.name: one.document for one in found if one.document is not None}

    def faults(self) -> list[str]:
        """Return an error message for each file that cannot be read."""
        with self._lock:
            return [
                NOT_READ.format(path=path, reason=one.fault)
                for path, one in sorted(self._files.items())
                if one.fault
            ]

    def look(self, *, now: bool = False) -> None:
        """Read the files that have changed, at most once a second unless `now` is True."""
        with self._lock:
            folder = config.blocks_path
            if not now and folder == self._folder and self._clock() < self._next:
                return
            self._folder, self._next = folder, self._clock() + PAUSE
            before, self._files = self._files, {}
            names: dict[str, Path] = {}
            for path, stamp in stamps(folder):
                known = before.get(path)
                file = known if known is not None and known.stamp == stamp else opened(path, stamp)
                if file.name in names and file.document is not None:
                    file = File(stamp, fault=f"{names[file.name].name} also has {file.name!r}")
                elif file.document is not None:
                    names[file.name] = path
                self._files[path] = file
            if self._files != before:
                self.version += 1

    def warn(self) -> None:
        """Warn once in this process about each file that cannot be read."""
        for path, one in sorted(self._files.items()):
            if one.fault and (path, one.fault) not in self._warned:
                self._warned.add((path, one.fault))
                remark(
                    NOT_READ.format(path=path, reason=one.fault), BuilderWarning, stacklevel=None
                )

    def write(self, name: str, document: Document) -> None:
        """Save a block, and replace any block with the same name.

        Raises
        ------
        BuilderError
            If the file cannot be written.
        """
        with self._lock:
            self.look(now=True)
            content = {"block": FORMAT, "name": name, "document": document.to_dict()}
            text = json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1)
            folder = config.blocks_path
            try:
                folder.mkdir(parents=True, exist_ok=True)
                path = self._path(name) or self._free(folder, name)
                replace_file(path, lambda file: file.write(text.encode()), BuilderError)
            except OSError as error:
                reason = error.strerror or error
                raise BuilderError(
                    NOT_WRITTEN.format(name=name, folder=folder, reason=reason)
                ) from None
            self.look(now=True)

    def remove(self, name: str) -> None:
        """Remove the file of a block."""
        with self._lock:
            path = self._path(name)
            if path is not None:
                path.unlink(missing_ok=True)
            self.look(now=True)

    def _path(self, name: str) -> Path | None:
        return next((path for path, one in self._files.items() if one.name == name), None)

    def _free(self, folder: Path, name: str) -> Path:
        """Return an unused path for a block; names that differ only in case get different paths."""
        plain = re.sub(r"[^\w-]+", "_", name)
        digits = hashlib.sha256(name.encode()).hexdigest()[:8]
        endings = ["", *(f"-{number}" for number in range(2, 1000))]
        paths = (folder / f"{plain}-{digits}{ending}{SUFFIX}" for ending in endings)
        return next(path for path in paths if not path.exists())


def stamps(folder: Path) -> list[tuple[Path, Stamp]]:
    """Return the block files in a folder, each with a stamp that changes with the file."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    stat = entry.stat()
                    stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
                    found.append((Path(entry.path), stamp))
    except OSError:  # no folder yet, or a file that was removed meanwhile
        pass
    return sorted(found)


def opened(path: Path, stamp: Stamp) -> File:
    """Return the content of a file, or the reason why it cannot be read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BuilderError(f"the file is larger than {MOST_BYTES:,} bytes")
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        given: Mapping[str, Any] = check_keys(content, "", {"block", "name", "document"})
        if given["block"] != FORMAT:
            raise BuilderError(
                f"the file has version {given['block']!r:.20}, but this workbench reads only "
                f"version {FORMAT}"
            )
        name = checked_name(given["name"])
        return File(stamp, name, read(json.dumps(given["document"])))
    except UnicodeDecodeError:
        return File(stamp, fault="the file is not UTF-8 text")
    except OSError as error:
        return File(stamp, fault=str(error.strerror or error))
    except BuilderError as error:
        return File(stamp, fault=str(error))
    except (ValueError, RecursionError) as error:
        return File(stamp, fault=f"the file is not valid JSON ({error})")
    except Exception as error:  # a broken file must not make the palette unusable
        return File(stamp, fault=f"{type(error).__name__}: {error}")


def checked_name(name: object) -> str:
    """Return the name of a block without surrounding spaces, or raise an error if it is not valid.

    Raises
    ------
    BuilderError
        If `name` is not a valid name.

    Examples
    --------
    >>> checked_name(" encoder ")
    'encoder'
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise BuilderError(f"the name of a block must be a single line of text, not {name!r:.60}")
    if len(name.strip()) > MOST_CHARACTERS:
        raise BuilderError(
            f"the name of a block must have at most {MOST_CHARACTERS} characters, but "
            f"{name.strip()[:20]!r}... has {len(name.strip())}"
        )
    return name.strip()
