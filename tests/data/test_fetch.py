"""Downloads from a local server that can misbehave on request."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import hashlib
import os
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workbench.data import download, fetch
from workbench.errors import DataError, DownloadError

CONTENT = {"a.gz": bytes(range(256)) * 4000, "b.bin": b"labels" * 100}
SERVED = {"a.gz": gzip.compress(CONTENT["a.gz"], 0), "b.bin": CONTENT["b.bin"]}


class Handler(BaseHTTPRequestHandler):
    """Handler that serves SERVED; `ranges` allows resuming, `breaks` lists broken transfers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        name = self.path.rpartition("/")[2]
        server.seen.append((name, self.headers.get("Range")))
        body = server.served.get(name)
        if body is None or server.status != 200:
            self.send_error(404 if body is None else server.status)
            return
        start, status = 0, 200
        if server.ranges and (asked := self.headers.get("Range")):
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        stop = start + server.breaks.pop(0) if server.breaks else len(body)
        self.wfile.write(body[start:stop])
        self.close_connection = True

    def log_message(self, *arguments):
        """Print nothing on stderr."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.served, server.ranges, server.breaks, server.status = dict(SERVED), True, [], 200
        server.seen = []
        server.url = f"http://127.0.0.1:{server.server_port}/tiny"
        entry = fetch.Entry(mirrors=(server.url,), sha256=checksums)
        monkeypatch.setitem(fetch.CATALOGUE, "tiny", entry)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_files_arrive_complete_and_alone(server, tmp_path):
    paths = download("tiny", tmp_path / "new" / "folder")
    assert [path.read_bytes() for path in paths] == list(SERVED.values())
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["a.gz", "b.bin"]


def test_existing_files_are_not_fetched_again(server, tmp_path):
    download("tiny", tmp_path)
    server.seen.clear()
    download("tiny", tmp_path)
    assert server.seen == []


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    (tmp_path / "b.bin").write_bytes(b"other")
    download("tiny", tmp_path)
    assert (tmp_path / "b.bin").read_bytes() == CONTENT["b.bin"]


def test_a_broken_transfer_continues_where_it_broke(server, tmp_path):
    server.breaks = [1000, 500]
    download("tiny", tmp_path)
    ranges = [asked for name, asked in server.seen if name == "a.gz"]
    assert ranges == [None, "bytes=1000-", "bytes=1500-"]
    assert (tmp_path / "a.gz").read_bytes() == SERVED["a.gz"]


def test_a_later_call_continues_where_the_first_stopped(server, tmp_path):
    server.breaks = [1000, 500, 500]
    with pytest.raises(DownloadError, match="connection broke after 500 of .* call download again"):
        download("tiny", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gz.part"]
    server.seen.clear()
    download("tiny", tmp_path)
    assert server.seen[0] == ("a.gz", "bytes=2000-")
    assert (tmp_path / "a.gz").read_bytes() == SERVED["a.gz"]


def test_a_server_that_cannot_resume_starts_again(server, tmp_path):
    server.ranges, server.breaks = False, [1000]
    download("tiny", tmp_path)
    assert (tmp_path / "a.gz").read_bytes() == SERVED["a.gz"]


def test_a_part_that_is_already_complete_is_accepted(server, tmp_path):
    (tmp_path / "a.gz.part").write_bytes(SERVED["a.gz"])
    download("tiny", tmp_path)
    assert (tmp_path / "a.gz").read_bytes() == SERVED["a.gz"]


@pytest.mark.parametrize("part", [b"wrong beginning", SERVED["a.gz"] + b"too much"])
def test_a_part_of_another_file_is_discarded(server, tmp_path, part):
    (tmp_path / "a.gz.part").write_bytes(part)
    download("tiny", tmp_path)
    assert (tmp_path / "a.gz").read_bytes() == SERVED["a.gz"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"other content", "the content has SHA-256 [0-9a-f]{64}, not"),
        (gzip.compress(b"other", mtime=0), "the content has SHA-256"),
        (SERVED["a.gz"][:-20], "the gzip data end early"),
        (b"\x1f\x8b" + bytes(50), "the gzip data are damaged"),
        (SERVED["a.gz"] + b"more", "the compressed content is followed by more bytes"),
    ],
)
def test_other_content_is_never_kept(server, tmp_path, content, fault):
    server.served["a.gz"] = content
    with pytest.raises(DownloadError, match="a.gz could not be downloaded .*/a.gz: " + fault):
        download("tiny", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_compression_can_differ_between_mirrors(server, tmp_path):
    server.served["a.gz"] = gzip.compress(CONTENT["a.gz"], 9)
    download("tiny", tmp_path)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == CONTENT["a.gz"]


def test_the_next_mirror_is_tried(server, tmp_path):
    paths = download("tiny", tmp_path, url=["http://127.0.0.1:9/", server.url + "/"])
    assert [path.read_bytes() for path in paths] == list(SERVED.values())
    assert [name for name, _ in server.seen] == ["a.gz", "b.bin"]


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (503, 3)])
def test_a_client_error_is_final_and_an_overload_is_not(server, tmp_path, status, requests):
    server.status = status
    with pytest.raises(
        DownloadError, match=rf"a\.gz could not be downloaded .*HTTP Error {status}"
    ):
        download("tiny", tmp_path)
    assert len(server.seen) == requests


def test_a_missing_server_is_an_oserror(server, tmp_path):
    with pytest.raises(OSError, match=r"a\.gz could not be downloaded \(http://127\.0\.0\.1:9/a"):
        download("tiny", tmp_path, url="http://127.0.0.1:9/")


def test_an_archive_is_checked_without_decompression(server, tmp_path, monkeypatch):
    checksum = hashlib.sha256(SERVED["a.gz"]).hexdigest()
    entry = fetch.Entry((server.url,), {"a.gz": checksum}, archive=True)
    monkeypatch.setitem(fetch.CATALOGUE, "tiny", entry)
    [path] = download("tiny", tmp_path)
    assert path.read_bytes() == SERVED["a.gz"]
    server.served["a.gz"] = gzip.compress(CONTENT["a.gz"], 9)
    path.unlink()
    with pytest.raises(DownloadError, match="the content has SHA-256"):
        download("tiny", tmp_path)


def test_files_of_equal_names_go_into_separate_folders(server, tmp_path, monkeypatch):
    entry = dataclasses.replace(fetch.CATALOGUE["tiny"], folder="inner")
    monkeypatch.setitem(fetch.CATALOGUE, "tiny", entry)
    assert {path.parent for path in download("tiny", tmp_path)} == {tmp_path / "inner"}


class Hostile(socketserver.StreamRequestHandler):
    """Handler that answers each request with `server.answer`, at its own speed."""

    def handle(self):
        while self.rfile.readline().strip():
            pass
        with contextlib.suppress(OSError):
            self.server.answer(self.wfile)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """Print nothing on stderr."""


@pytest.fixture
def hostile(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(fetch, "LARGEST", 100_000)
    with Server(("127.0.0.1", 0), Hostile) as server:
        server.stopped = threading.Event()
        entry = fetch.Entry((f"http://127.0.0.1:{server.server_address[1]}",), {"b.bin": "0" * 64})
        monkeypatch.setitem(fetch.CATALOGUE, "hostile", entry)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.stopped.set()
        server.shutdown()
        thread.join()


OK = b"HTTP/1.1 200 OK\r\n"


def endless(server, file):
    file.write(OK + b"\r\n")
    while not server.stopped.is_set():
        file.write(bytes(10_000))


def endless_chunks(server, file):
    file.write(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while not server.stopped.is_set():
        file.write(b"3e8\r\n" + bytes(1000) + b"\r\n")


def trickled(server, file):
    file.write(OK + b"Content-Length: 50000\r\n\r\n")
    while not server.stopped.wait(0.02):
        file.write(b"x")


def trickled_header(server, file):
    file.write(OK + b"X-Long: ")
    while not server.stopped.wait(0.02):
        file.write(b"x")


def silent(server, file):
    server.stopped.wait()


def redirected(server, file):
    file.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")


def redirected_to_a_file(server, file):
    file.write(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n")


def said(header, body=b""):
    return lambda server, file: file.write(OK + header + b"\r\n\r\n" + body)


HOSTILE = {
    "endless": (endless, "the server sends more than 101100 bytes, the maximum size"),
    "endless chunks": (endless_chunks, "the server sends more than 101100 bytes"),
    "trickled": (trickled, r"only \d+ bytes? arrived in"),
    "trickled header": (trickled_header, "no response within 0.3 s."),
    "silent": (silent, "no response within 0.3 s|timed out"),
    "an invalid length": (said(b"Content-Length: many"), "announced the length 'many',"),
    "a negative length": (said(b"Content-Length: -5"), "announced the length '-5',"),
    "an enormous length": (said(b"Content-Length: " + b"9" * 5000), "announces 9999"),
    "too large a length": (said(b"Content-Length: 200000"), "announces 200000 bytes, but"),
    "an invalid chunk": (
        said(b"Transfer-Encoding: chunked", b"zz\r\n"), "IncompleteRead|invalid literal"
    ),
    "redirected endlessly": (redirected, "infinite loop"),
    "redirected to a file": (redirected_to_a_file, "not allowed"),
    "no HTTP": (lambda server, file: file.write(b"220 ftp ready\r\n"), "220 ftp ready"),
    "nothing": (lambda server, file: None, "closed connection"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_server_is_abandoned(hostile, tmp_path, answer, message):
    hostile.answer = functools.partial(answer, hostile)
    with pytest.raises(DownloadError, match=message) as caught:
        download("hostile", tmp_path, timeout=0.3)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    assert not (tmp_path / "b.bin").exists()


def test_the_whole_download_has_a_deadline(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "SLOWEST", 0)
    hostile.answer = functools.partial(trickled, hostile)
    with pytest.raises(DownloadError, match="than deadline=0.5 s.;"):
        download("hostile", tmp_path, timeout=5, deadline=0.5)
    with pytest.raises(DataError, match="deadline must be a positive number of seconds, not 0"):
        download("hostile", tmp_path, deadline=0)


def test_content_that_expands_too_much_is_not_unpacked(server, tmp_path, monkeypatch):
    entry = dataclasses.replace(fetch.CATALOGUE["tiny"], sizes={"a.gz": 100_000})
    monkeypatch.setitem(fetch.CATALOGUE, "tiny", entry)
    server.served["a.gz"] = gzip.compress(bytes(20_000_000))
    with pytest.raises(DownloadError, match="the content is larger than 100000 bytes"):
        download("tiny", tmp_path)


@pytest.mark.parametrize("way", ["a file for the folder", "a file above it", "a folder for a file"])
def test_a_folder_that_cannot_be_written_to(server, tmp_path, way):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder" / "a.gz").mkdir(parents=True)
    folders = {"a file for the folder": "file", "a file above it": "file/inner"}
    with pytest.raises(DownloadError, match=r"cannot be (created|written) \("):
        download("tiny", tmp_path / folders.get(way, "folder"))


def test_a_pipe_in_place_of_a_part_does_not_block(server, tmp_path):
    os.mkfifo(tmp_path / "a.gz.part")
    with pytest.raises(DownloadError, match="exists but is not a regular file; remove it"):
        download("tiny", tmp_path)


def test_an_invalid_address_is_an_error(server, tmp_path):
    with pytest.raises(DownloadError, match="unknown url type"):
        download("tiny", tmp_path, url="nowhere")


def test_the_catalogue_is_complete():
    names = [set(entry.sha256) for entry in fetch.CATALOGUE.values() if not entry.folder]
    assert len(set().union(*names)) == sum(map(len, names))
    for entry in fetch.CATALOGUE.values():
        assert all(len(checksum) == 64 for checksum in entry.sha256.values())
        assert all(mirror.startswith("http") for mirror in entry.mirrors)
        assert set(entry.sizes) == set(entry.sha256)


def test_an_unknown_data_set_gets_the_nearest_name(tmp_path):
    with pytest.raises(DataError, match="the dataset 'minst', only .*; did you mean 'mnist'?"):
        download("minst", tmp_path)
