"""Functions that download datasets, verify their checksums and resume interrupted transfers.

Nothing is downloaded without a call to `download`. A file is first written under a name that ends
in ``.part``. If a transfer is interrupted, the same call or a later call resumes it, provided that
the server supports partial requests (HTTP ``Range``). The file receives its final name only after
the SHA-256 of its content has been verified.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from workbench.data.files import one_line
from workbench.errors import DataError, DownloadError, nearest
from workbench.hints import hinted

BLOCK = 2**18
ATTEMPTS = 3
PART = ".part"
LARGEST = 2**30
"""Maximum size in bytes of a file whose size is not listed."""
SLOWEST = 1024
"""Minimum transfer rate in bytes per second; a slower transfer is considered stalled."""
# URLError and timeouts are OSErrors, and a malformed address raises a ValueError
NETWORK_ERRORS = (OSError, http.client.HTTPException, ValueError)

MNIST_SIZES = MappingProxyType(
    {
        "train-images-idx3-ubyte.gz": 16 + 60_000 * 28 * 28,
        "train-labels-idx1-ubyte.gz": 8 + 60_000,
        "t10k-images-idx3-ubyte.gz": 16 + 10_000 * 28 * 28,
        "t10k-labels-idx1-ubyte.gz": 8 + 10_000,
    }
)


@dataclass(frozen=True)
class Entry:
    """Files of a dataset that can be downloaded.

    Attributes
    ----------
    mirrors : tuple of str
        The URLs of folders that contain the files, tried in this order.
    sha256 : mapping of str to str
        A mapping from file name to the checksum of the content *after* decompression, since
        the compressed bytes differ between mirrors.
    archive : bool
        True if `sha256` contains the checksums of the compressed files.
    folder : str
        The subfolder for the files if another dataset has files with the same names.
    sizes : mapping of str to int
        The maximum size in bytes of each file's content; a longer transfer is refused.
    """

    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]
    archive: bool = False
    folder: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)

    def most(self, name: str) -> int:
        """Return the maximum size of a file in bytes, whether it is compressed or not."""
        size = self.sizes.get(name, LARGEST)
        return size + size // 1000 + 1000  # gzip enlarges incompressible data slightly


CATALOGUE: dict[str, Entry] = {
    "mnist": Entry(
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sha256=MappingProxyType(
            {
                "train-images-idx3-ubyte.gz": (
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
                ),
                "train-labels-idx1-ubyte.gz": (
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
                ),
                "t10k-images-idx3-ubyte.gz": (
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
                ),
            }
        ),
        sizes=MNIST_SIZES,
    ),
    "fashion_mnist": Entry(
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        sha256=MappingProxyType(
            {
                "train-images-idx3-ubyte.gz": (
                    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
                ),
                "train-labels-idx1-ubyte.gz": (
                    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
                ),
                "t10k-images-idx3-ubyte.gz": (
                    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
                ),
                "t10k-labels-idx1-ubyte.gz": (
                    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
                ),
            }
        ),
        folder="fashion_mnist",
        sizes=MNIST_SIZES,
    ),
    "cifar10": Entry(
        mirrors=(
            "https://www.cs.toronto.edu/~kriz/",
            "https://cave.cs.toronto.edu/kriz/",
        ),
        sha256=MappingProxyType(
            {
                "cifar-10-binary.tar.gz": (
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
                ),
            }
        ),
        archive=True,
        sizes=MappingProxyType({"cifar-10-binary.tar.gz": 200_000_000}),
    ),
}
"""Mapping from name to dataset, for all datasets that `download` can fetch."""


@hinted
def download(
    name: str,
    directory: str | os.PathLike[str],
    *,
    url: str | Sequence[str] | None = None,
    timeout: float = 30.0,
    deadline: float = 3600.0,
) -> list[Path]:
    """Download a dataset into a folder, except for files that are already complete there.

    The dataset classes find the files only if the folder is in `config.data_path`.

    Parameters
    ----------
    name : str
        The dataset: ``"mnist"``, ``"fashion_mnist"`` or ``"cifar10"``.
    directory : str or Path
        The folder, created if it does not exist. The files of Fashion-MNIST are stored in its
        subfolder ``fashion_mnist``, because MNIST has the same file names.
    url : str or sequence of str, optional
        The URLs of folders that contain the files, instead of the public mirrors.
    timeout : float
        A transfer is considered stalled after this number of seconds without a response, or with
        very few received bytes.
    deadline : float
        The maximum duration of the whole download in seconds.

    Returns
    -------
    list of Path
        The paths of the files.

    Raises
    ------
    DataError
        If no dataset has this name, or `timeout` or `deadline` is not positive.
    DownloadError
        If no mirror sends a complete file in time, or if the file cannot be written. The part that
        was received is kept, and another call continues the download.

    Examples
    --------
    >>> download("minst", "~/.workbench/data")
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: download does not offer the dataset 'minst', only 'mnist',
    'fashion_mnist', 'cifar10'; did you mean 'mnist'?
    """
    try:
        entry = CATALOGUE[name]
    except KeyError:
        raise DataError(
            f"download does not offer the dataset {name!r}, only "
            f"{', '.join(map(repr, CATALOGUE))}{nearest(name, CATALOGUE)}"
        ) from None
    mirrors = entry.mirrors if url is None else (url,) if isinstance(url, str) else tuple(url)
    folder = Path(directory).expanduser() / entry.folder
    for name, seconds in (("timeout", timeout), ("deadline", deadline)):
        if not seconds > 0:
            raise DataError(f"{name} must be a positive number of seconds, not {seconds!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"{folder}: the folder cannot be created ({one_line(error)})") from None
    clock = _Clock(deadline)
    paths = [folder / file for file in entry.sha256]
    for path in paths:
        if not path.is_file() or _fault(path, entry):
            addresses = [mirror.rstrip("/") + "/" for mirror in mirrors]
            _fetch(path, entry, addresses, timeout, clock)
    return paths


class _Clock:
    """Deadline of a download.

    Parameters
    ----------
    deadline : float
        The number of seconds from now.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._end = time.monotonic() + deadline

    def check(self) -> None:
        """Raise `_Late` if the deadline has passed."""
        if time.monotonic() > self._end:
            raise _Late(f"the download takes longer than deadline={self.deadline:g} s")


class _Late(OSError):
    """Error raised when the deadline of the whole download has passed."""


class _TooLong(OSError):
    """Error raised when a server sends more bytes than the maximum size of the file."""


class _Unwritable(OSError):
    """Error raised when received bytes cannot be written to the file."""


def _fetch(path: Path, entry: Entry, mirrors: Sequence[str], timeout: float, clock: _Clock) -> None:
    part = path.with_name(path.name + PART)
    if part.exists() and not part.is_file():
        raise DownloadError(f"{part} exists but is not a regular file; remove it")
    faults: dict[str, str] = {}
    for mirror in mirrors:
        address = mirror + path.name
        for _ in range(ATTEMPTS):
            try:
                _transfer(address, part, timeout, entry.most(path.name), clock)
            except NETWORK_ERRORS as error:
                faults[address] = one_line(error)
                if isinstance(error, (_Late, _Unwritable)):
                    raise _failed(path, part, faults) from None
                if _is_final(error):
                    break
                continue
            fault = _fault(part, entry)
            if fault is None:
                _put(part, path)
                return
            # the beginning may be from another mirror, so download the whole file again
            faults[address] = fault
            part.unlink()
    raise _failed(path, part, faults)


def _is_final(error: BaseException) -> bool:
    """Return True if the server would send the same response to a repeated request."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code < 500
    return isinstance(error, (_TooLong, ValueError))


def _put(part: Path, path: Path) -> None:
    try:
        part.replace(path)
    except OSError as error:
        raise DownloadError(f"{path}: the file cannot be written ({one_line(error)})") from None


def _failed(path: Path, part: Path, faults: Mapping[str, str]) -> DownloadError:
    kept = (
        (f"; the received part is in {part}; call download again to continue")
        if part.exists()
        else ""
    )
    reasons = "; ".join(f"{address}: {fault}" for address, fault in faults.items())
    return DownloadError(f"{path.name} could not be downloaded ({reasons}){kept}")


def _transfer(address: str, part: Path, timeout: float, most: int, clock: _Clock) -> None:
    """Append the remaining bytes of a file to `part`, or raise one of `NETWORK_ERRORS`."""
    clock.check()
    have = part.stat().st_size if part.exists() else 0
    if have > most:
        part.unlink()
        have = 0
    headers = {"User-Agent": "workbench", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        answer = _answer(urllib.request.Request(address, headers=headers), timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                return  # the part is probably complete, which the checksum verifies
            raise
    with answer:
        continues = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        if continues and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise OSError(
                f"the server sent the range {answer.headers.get('Content-Range')!r} instead of the "
                "remaining bytes"
            )
        start = have if continues else 0
        announced = _announced(answer.headers.get("Content-Length"))
        if announced is not None and start + announced > most:
            raise _TooLong(
                f"the server announces {start + announced} bytes, but the file has at most {most} "
                "bytes"
            )
        received = 0
        try:
            file = part.open("ab" if continues else "wb")
        except OSError as error:
            raise _Unwritable(one_line(error)) from None
        with file:
            for block in _blocks(answer, timeout, clock):
                received += len(block)
                if start + received > most:
                    part.unlink()
                    raise _TooLong(
                        f"the server sends more than {most} bytes, the maximum size of the file"
                    )
                try:
                    file.write(block)
                except OSError as error:
                    raise _Unwritable(one_line(error)) from None
            file.flush()
            os.fsync(file.fileno())
    if announced is not None and received < announced:
        raise OSError(f"the connection broke after {received} of {announced} bytes")


def _answer(request: urllib.request.Request, timeout: float) -> Any:
    """Send a request in a thread; return the response, or raise the error of the thread.

    The timeout of a socket restarts with every byte, so a server that sends the header byte by byte
    could block the caller forever. If there is no response within `timeout` seconds, the thread is
    abandoned; it ends when its connection ends.
    """
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()
    late = threading.Event()

    def ask() -> None:
        try:
            answer = urllib.request.urlopen(request, timeout=timeout)
        except BaseException as error:
            results.put(error)
            return
        results.put(answer)
        if late.is_set():
            answer.close()

    threading.Thread(target=ask, name="download", daemon=True).start()
    try:
        result = results.get(timeout=timeout)
    except queue.Empty:
        late.set()
        raise TimeoutError(f"no response within {timeout:g} s") from None
    if isinstance(result, BaseException):
        raise result
    return result


def _blocks(answer: Any, timeout: float, clock: _Clock) -> Iterator[bytes]:
    """Yield blocks of received bytes; raise an error if they arrive too slowly."""
    since, arrived = time.monotonic(), 0
    while block := answer.read1(BLOCK):
        yield block
        clock.check()
        arrived += len(block)
        passed = time.monotonic() - since
        if passed > timeout:
            if arrived < SLOWEST * passed:
                raise TimeoutError(
                    f"only {arrived} byte{'s' * (arrived != 1)} arrived in {passed:.0f} s"
                )
            since, arrived = time.monotonic(), 0


def _announced(length: str | None) -> int | None:
    if length is None:
        return None
    if not (length.isascii() and length.isdecimal()):
        raise OSError(
            f"the server announced the length {length!r:.60}, which is not a number of bytes"
        )
    return int(length[:20])


def _fault(path: Path, entry: Entry) -> str | None:
    """Describe the fault in a file's decompressed content; return None if there is no fault."""
    name = path.name.removesuffix(PART)
    most = entry.sizes.get(name, LARGEST)
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        head = file.read(2)
        file.seek(0)
        unpack = zlib.decompressobj(wbits=31) if head == b"\x1f\x8b" and not entry.archive else None
        try:
            for block in _unpacked(file, unpack):
                digest.update(block)
                size += len(block)
                if size > most:
                    return f"the content is larger than {most} bytes"
        except zlib.error as error:
            return f"the gzip data are damaged ({error})"
    if unpack is not None and not unpack.eof:
        return "the gzip data end early"
    if unpack is not None and unpack.unused_data:
        return "the compressed content is followed by more bytes"
    if digest.hexdigest() != entry.sha256[name]:
        return f"the content has SHA-256 {digest.hexdigest()}, not {entry.sha256[name]}"
    return None


def _unpacked(file: IO[bytes], unpack: Any) -> Iterator[bytes]:
    """Yield the decompressed content of a file in blocks of limited size."""
    while block := file.read(BLOCK):
        if unpack is None:
            yield block
            continue
        while block:
            yield unpack.decompress(block, BLOCK)  # after the end, only fills unused_data
            block = b"" if unpack.eof else unpack.unconsumed_tail
    if unpack is not None and not unpack.eof:
        yield unpack.flush()
