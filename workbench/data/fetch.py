"""Download of data sets: only when asked for, checked, resumable, and all or nothing.

A file arrives under a name that ends in ``.part``. A broken transfer goes on from there, in the
same call or in a later one, where the server can send parts of a file (HTTP ``Range``). Only when
the SHA-256 of its content is the published one does the file get its final name.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from workbench.errors import DataError, DownloadError, nearest

BLOCK = 2**18
ATTEMPTS = 3
PART = ".part"
NETWORK_ERRORS = (OSError, http.client.HTTPException)  # URLError and timeouts are OSErrors


@dataclass(frozen=True)
class Entry:
    """What is known of a data set that can be downloaded.

    Attributes
    ----------
    mirrors : tuple of str
        Addresses of folders that hold the files, tried in this order.
    sha256 : mapping of str to str
        Name of each file and the checksum of its content, *after* decompression: mirrors compress
        the same data to different bytes.
    archive : bool
        Whether the checksums are of the files as they are instead.
    folder : str
        The subfolder that the files go into, for those whose names another set uses too.
    """

    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]
    archive: bool = False
    folder: str = ""


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
    ),
}
"""The data sets that `download` knows, by name."""


def download(
    name: str,
    directory: str | os.PathLike[str],
    *,
    url: str | Sequence[str] | None = None,
    timeout: float = 30.0,
) -> list[Path]:
    """Fetch a data set into a folder. Files that are there and whole are not fetched again.

    Put the folder into `config.data_path` for the data set to be found there.

    Parameters
    ----------
    name : str
        The data set: ``"mnist"``, ``"fashion_mnist"`` or ``"cifar10"``.
    directory : str or Path
        Where to; made if it does not exist. Files of Fashion-MNIST, which have the names of
        MNIST's, go into its subfolder ``fashion_mnist``.
    url : str or sequence of str, optional
        Addresses of folders that hold the files, instead of the public mirrors.
    timeout : float
        Seconds without an answer after which a transfer counts as broken.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    DataError
        If there is no such data set.
    DownloadError
        If no mirror gave a file whole. What has arrived is kept: calling again goes on from there.

    Examples
    --------
    >>> download("minst", "~/.workbench/data")
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: download knows no data set 'minst', only 'mnist',
    'fashion_mnist', 'cifar10'; did you mean 'mnist'?
    """
    try:
        entry = CATALOGUE[name]
    except KeyError:
        raise DataError(
            f"download knows no data set {name!r}, only {', '.join(map(repr, CATALOGUE))}"
            f"{nearest(name, CATALOGUE)}"
        ) from None
    mirrors = entry.mirrors if url is None else (url,) if isinstance(url, str) else tuple(url)
    folder = Path(directory).expanduser() / entry.folder
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / file for file in entry.sha256]
    for path in paths:
        if not path.is_file() or _fault(path, entry):
            _fetch(path, entry, [mirror.rstrip("/") + "/" for mirror in mirrors], timeout)
    return paths


def _fetch(path: Path, entry: Entry, mirrors: Sequence[str], timeout: float) -> None:
    part = path.with_name(path.name + PART)
    faults: dict[str, str] = {}
    for mirror in mirrors:
        address = mirror + path.name
        for _ in range(ATTEMPTS):
            try:
                _transfer(address, part, timeout)
            except NETWORK_ERRORS as error:
                faults[address] = str(error) or type(error).__name__
                if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                    break  # the server has answered, and will not answer otherwise
                continue
            fault = _fault(part, entry)
            if fault is None:
                part.replace(path)
                return
            # perhaps the beginning came from elsewhere: once more, from nothing
            faults[address] = fault
            part.unlink()
    kept = f"; what has arrived is kept in {part}, call again to go on" if part.exists() else ""
    reasons = "; ".join(f"{address}: {fault}" for address, fault in faults.items())
    raise DownloadError(f"{path.name} could not be downloaded ({reasons}){kept}")


def _transfer(address: str, part: Path, timeout: float) -> None:
    """Append to `part` what it lacks of the file at `address`, or raise one of NETWORK_ERRORS."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "workbench", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(address, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                return  # nothing is lacking; the checksum will tell
            raise
    with answer:
        goes_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        if goes_on and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise OSError(f"the server sent {answer.headers.get('Content-Range')!r}, not the rest")
        announced = answer.headers.get("Content-Length")
        received = 0
        with part.open("ab" if goes_on else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                received += len(block)
            file.flush()
            os.fsync(file.fileno())
    if announced is not None and received < int(announced):
        raise OSError(f"the connection broke after {received} of {announced} bytes")


def _fault(path: Path, entry: Entry) -> str | None:
    """Return what is wrong with a file's content, decompressed if gzip has compressed it."""
    checksum = entry.sha256[path.name.removesuffix(PART)]
    digest = hashlib.sha256()
    with path.open("rb") as file:
        head = file.read(2)
        file.seek(0)
        unpack = zlib.decompressobj(wbits=31) if head == b"\x1f\x8b" and not entry.archive else None
        try:
            while block := file.read(BLOCK):
                digest.update(block if unpack is None else unpack.decompress(block))
        except zlib.error as error:
            return f"the gzip compression is damaged ({error})"
    if unpack is not None and not unpack.eof:
        return "the gzip compression ends early"
    if unpack is not None and unpack.unused_data:
        return "something follows the compressed content"
    if digest.hexdigest() != checksum:
        return f"the content has SHA-256 {digest.hexdigest()}, expected {checksum}"
    return None
