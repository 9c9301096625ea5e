"""Archives, which are tar files with named members and a manifest of checksums.

The manifest follows the members, and contains the format version and the SHA-256 of every member.
Members that are added later are followed by a new manifest. If several members have the same name,
only the last member is used. Reading an invalid file raises an `ArchiveError`, whose one-line
message names the file and the problem.

Checksums detect damage but not malicious changes, because an attacker can write a manifest too.
Reading never executes code from the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

from workbench.errors import ArchiveError, nearest
from workbench.utils.irregular import irregular

FORMAT = "workbench archive"
VERSION = 1
MANIFEST = "_manifest"

NOT_REGULAR = "{path}: cannot be opened (it must be a regular file, not {kind})"
RESTORE = "use an earlier checkpoint or a copy of the file"
NO_MANIFEST = "{where}: the file must be a complete workbench archive ({reason})"
NEWER = (
    "{where}: the file has format version {version}, but this version of workbench reads versions "
    "up to {known}; update workbench"
)


def name_of(file: Any) -> str:
    """Return the name of a file, for use in messages."""
    return str(file) if isinstance(file, (str, os.PathLike)) else str(getattr(file, "name", "file"))


def unreadable(where: str, name: str, error: Exception) -> ArchiveError:
    """Create the error for a member that has the right checksum but invalid contents."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return ArchiveError(f"{where}: the member {name!r} cannot be read ({text:.200}); {RESTORE}")


def check_file(file: Any, mode: str) -> None:
    """Raise an `ArchiveError` unless `file` is open for writing bytes."""
    if isinstance(file, (str, os.PathLike)):
        given = "a path"
    elif isinstance(file, io.TextIOBase):
        given = "a file in text mode"
    elif not file.writable():
        given = "a file opened only for reading"
    else:
        return
    raise ArchiveError(
        f"{name_of(file)}: the argument must be a file opened with the mode {mode!r}, "
        f"not {given}; secure_dump(object, path) accepts a path"
    )


def write(file: IO[bytes], members: Mapping[str, bytes]) -> None:
    """Write an archive of `members` to a file opened for writing."""
    _append(file, "w", members, {})


def add(file: IO[bytes], members: Mapping[str, bytes]) -> None:
    """Add `members` to the archive in a file opened for reading and writing (``r+b``).

    Raises
    ------
    ArchiveError
        If the file is not an intact archive.
    """
    present = _manifest(name_of(file), _members(file))
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
    """Read and check all members of an archive.

    Parameters
    ----------
    file : path or file opened for reading

    Raises
    ------
    ArchiveError
        If the file is missing, truncated or damaged, or was written by another program or by a
        newer version of workbench.
    """
    with _opened(file) as opened:
        members = _members(opened)
        where = name_of(opened)
    sums = _manifest(where, members)
    for name, expected in sums.items():
        if name not in members:
            raise ArchiveError(f"{where}: the member {name!r} is missing; {RESTORE}")
        if hashlib.sha256(members[name]).hexdigest() != expected:
            raise ArchiveError(
                f"{where}: the member {name!r} has changed since it was written (its checksum "
                f"differs); {RESTORE}"
            )
    return {name: members[name] for name in sums}


def member(file: Any, name: str) -> bytes:
    """Read an archive as `read` does, and return one member."""
    return pick(read(file), name, name_of(file))


def pick(members: Mapping[str, bytes], name: str, where: str) -> bytes:
    """Return the member `name` of the archive `where`.

    Raises
    ------
    ArchiveError
        If the archive has no member with this name.
    """
    if name not in members:
        names = ", ".join(map(repr, members)) or "none"
        raise ArchiveError(
            f"{where}: the archive has no member {name!r}, only {names}{nearest(name, members)}"
        )
    return members[name]


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise an `ArchiveError` if `path` exists and is not a regular file.

    Opening a pipe, for instance, could block forever.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # reported when the file is opened
        return
    kind = irregular(mode)
    if kind is not None:
        raise ArchiveError(NOT_REGULAR.format(path=path, kind=kind))


@contextlib.contextmanager
def _opened(file: Any) -> Iterator[IO[bytes]]:
    if not isinstance(file, (str, os.PathLike)):
        yield file
        return
    check_regular(file)
    try:
        opened = open(file, "rb")  # noqa: SIM115
    except (OSError, ValueError) as error:  # ValueError if a path has a NUL
        reason = getattr(error, "strerror", None) or error
        raise ArchiveError(f"{file}: cannot be opened ({reason})") from None
    with opened:
        yield opened


def _members(file: IO[bytes]) -> dict[str, bytes]:
    where = name_of(file)
    members: dict[str, bytes] = {}
    try:
        if file.seek(0, os.SEEK_END) == 0:
            raise ArchiveError(f"{where}: the file is empty; {RESTORE}")
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                plain = info.isfile() and not info.issparse()
                extracted = tar.extractfile(info) if plain else None
                data = extracted.read() if extracted is not None else b""
                if len(data) != info.size:
                    raise tarfile.ReadError("unexpected end of data")
                members[info.name] = data
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, ArchiveError):
            raise
        if members or _looks_like_tar(file):
            number = f"{len(members)} member{'s' * (len(members) != 1)}"
            raise ArchiveError(
                f"{where}: the file is truncated or damaged after {number} ({error}); {RESTORE}"
            ) from None
        raise ArchiveError(
            f"{where}: the file must be a workbench archive, but is not a tar file"
        ) from None
    return members


def _looks_like_tar(file: IO[bytes]) -> bool:
    file.seek(257)
    return file.read(5) == b"ustar"


def _manifest(where: str, members: Mapping[str, bytes]) -> dict[str, str]:
    """Return the checksums in the manifest; raise an error if it is invalid or incomplete."""
    if MANIFEST not in members:
        ours = members and all(name.startswith("_") for name in members)
        reason = (
            "it ends before its manifest, so it is truncated or damaged"
            if ours
            else f"it is a tar file without a {MANIFEST!r} member"
        )
        raise ArchiveError(NO_MANIFEST.format(where=where, reason=reason))
    try:
        manifest = json.loads(members[MANIFEST])
        version, sums = manifest["version"], dict(manifest["sha256"])
        known = manifest["format"] == FORMAT and isinstance(version, int)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArchiveError(f"{where}: the manifest cannot be read; {RESTORE}") from None
    if not known:
        raise ArchiveError(
            f"{where}: the file must be a workbench archive, but was written by another program"
        )
    if version > VERSION:
        raise ArchiveError(NEWER.format(where=where, version=version, known=VERSION))
    extra = sorted(set(members) - set(sums) - {MANIFEST})
    if extra:
        raise ArchiveError(
            f"{where}: the manifest does not list the member{'s' * (len(extra) != 1)} "
            f"{', '.join(map(repr, extra))}; {RESTORE}"
        )
    return sums
