"""Archives: a tar of named members, and a manifest that tells whether they are what was written.

The manifest lists the format version and the SHA-256 of every member. It is written after them;
members that are added later come with a new manifest, and the last one of a name holds. Whatever is
wrong with a file, reading it gives an `ArchiveError` that names the file and the fault.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from workbench.errors import ArchiveError, nearest

FORMAT = "workbench archive"
VERSION = 1
MANIFEST = "_manifest"


def name_of(file: Any) -> str:
    """What to call a file in an error."""
    return str(file) if isinstance(file, (str, os.PathLike)) else str(getattr(file, "name", "file"))


def write(file: IO[bytes], members: Mapping[str, bytes]) -> None:
    """Write an archive of `members` to a file opened for writing."""
    _append(file, "w", members, {})


def add(file: IO[bytes], members: Mapping[str, bytes]) -> None:
    """Add `members` to the archive in a file opened for reading and writing (``r+b``).

    Raises
    ------
    ArchiveError
        If the file holds no sound archive.
    """
    present = _manifest(file, _members(file))
    file.seek(0)
    _append(file, "a", members, present)


def _append(file: IO[bytes], mode: Any, members: Mapping[str, bytes], present: Any) -> None:
    sums = dict(present)
    with tarfile.open(fileobj=file, mode=mode, format=tarfile.PAX_FORMAT) as tar:
        for name, data in members.items():
            sums[name] = hashlib.sha256(data).hexdigest()
            _add_member(tar, name, data)
        manifest = {"format": FORMAT, "version": VERSION, "sha256": sums}
        _add_member(tar, MANIFEST, json.dumps(manifest, indent=1).encode())


def _add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def read(file: Any) -> dict[str, bytes]:
    """All members of an archive, checked.

    Parameters
    ----------
    file : path or file opened for reading

    Raises
    ------
    ArchiveError
        If the file is missing, truncated, changed, foreign or of a newer format.
    """
    with _opened(file) as opened:
        members = _members(opened)
        sums = _manifest(opened, members)
        where = name_of(opened)
        for name, expected in sums.items():
            if name not in members:
                raise ArchiveError(f"{where}: the member {name!r} is missing; {RESTORE}")
            if hashlib.sha256(members[name]).hexdigest() != expected:
                raise ArchiveError(
                    f"{where}: the member {name!r} is not what was written (its checksum differs); "
                    f"{RESTORE}"
                )
        return {name: members[name] for name in sums}


def member(file: Any, name: str) -> bytes:
    """One checked member of an archive; see `read`."""
    members = read(file)
    if name not in members:
        names = ", ".join(map(repr, members)) or "none"
        raise ArchiveError(
            f"{name_of(file)}: there is no member {name!r} (there are {names}){nearest(name, members)}"
        )
    return members[name]


RESTORE = "use an earlier checkpoint or a copy of the file"


@contextlib.contextmanager
def _opened(file: Any) -> Iterator[IO[bytes]]:
    if not isinstance(file, (str, os.PathLike)):
        yield file
        return
    try:
        opened = open(file, "rb")  # noqa: SIM115
    except OSError as error:
        raise ArchiveError(f"{file}: cannot be opened ({error.strerror})") from None
    with opened:
        yield opened


def _members(file: IO[bytes]) -> dict[str, bytes]:
    where = name_of(file)
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(0)
    if size == 0:
        raise ArchiveError(f"{where}: the file is empty; {RESTORE}")
    members = {}
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                extracted = tar.extractfile(info) if info.isfile() else None
                data = extracted.read() if extracted is not None else b""
                if len(data) != info.size:
                    raise tarfile.ReadError("unexpected end of data")
                members[info.name] = data
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if members or _looks_like_tar(file):
            raise ArchiveError(
                f"{where}: the file is truncated or damaged after {len(members)} members ({error}); "
                f"{RESTORE}"
            ) from None
        raise ArchiveError(
            f"{where}: this is no archive of the workbench (it is not a tar file)"
        ) from None
    return members


def _looks_like_tar(file: IO[bytes]) -> bool:
    file.seek(257)
    return file.read(5) == b"ustar"


def _manifest(file: IO[bytes], members: Mapping[str, bytes]) -> dict[str, str]:
    where = name_of(file)
    if MANIFEST not in members:
        kind = "truncated" if members and all(n.startswith("_") for n in members) else "foreign"
        reason = (
            "it ends before its manifest, so it is truncated"
            if kind == "truncated"
            else f"it is a tar file without a {MANIFEST!r} member"
        )
        raise ArchiveError(f"{where}: this is no whole archive of the workbench ({reason})")
    try:
        manifest = json.loads(members[MANIFEST])
        version, sums = manifest["version"], dict(manifest["sha256"])
        known = manifest["format"] == FORMAT and isinstance(version, int)
    except (ValueError, KeyError, TypeError):
        raise ArchiveError(f"{where}: its manifest cannot be read; {RESTORE}") from None
    if not known:
        raise ArchiveError(f"{where}: this is an archive of another program")
    if version > VERSION:
        raise ArchiveError(
            f"{where}: written in format version {version}, but this workbench reads up to {VERSION}; "
            "update the workbench"
        )
    extra = sorted(set(members) - set(sums) - {MANIFEST})
    if extra:
        raise ArchiveError(
            f"{where}: contains {', '.join(map(repr, extra))}, which its manifest does not list; "
            f"{RESTORE}"
        )
    return sums


def replace_file(path: str | os.PathLike[str], write_to: Callable[[IO[bytes]], None]) -> None:
    """Write a file so that at every moment the old or the new one is whole.

    The content goes to a temporary file in the same directory, reaches the disk, and takes the
    place of `path` in one step. If `write_to` fails, `path` is untouched and the temporary file
    removed.
    """
    target = Path(path)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_directory(target.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
