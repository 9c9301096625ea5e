"""The links of a folder of HTML pages, and which of them lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The anchors of one page, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value and tag != "meta":
                self.anchors.add(value)
            if name in ("href", "src") and value:
                self.targets.append(value)
                if name == "src" or (tag == "link" and value.endswith((".css", ".js"))):
                    self.loaded.append(value)


def broken(folder: Path) -> list[str]:
    """Return a line for each link within `folder` whose file or anchor is missing.

    A page that loads an image, a script or a style sheet from another machine is a fault, too.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.html").write_text('<a href="b.html">b</a> <a href="#c">c</a> <p id="d">')
    >>> broken(folder)
    ['a.html: b.html is missing', "a.html: a.html has no anchor 'c'"]
    """
    pages = {path: _Page(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}
    return [f"{path.relative_to(folder)}: {fault}" for path in pages
            for fault in _faults(path, pages, folder)]  # fmt: skip


def _faults(path: Path, pages: dict[Path, _Page], folder: Path) -> Iterator[str]:
    for target in dict.fromkeys(pages[path].targets):
        parts = urlsplit(target)
        if parts.netloc and target in pages[path].loaded:
            yield f"{target} is loaded from another machine"
        if parts.scheme or parts.netloc:
            continue
        wanted = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
        if wanted.is_dir():
            wanted /= "index.html"
        shown = _shown(wanted, folder)
        if not wanted.exists():
            yield f"{shown} is missing"
        elif parts.fragment and folder / shown in pages:
            anchor = unquote(parts.fragment)
            if anchor not in pages[folder / shown].anchors:
                yield f"{shown} has no anchor {anchor!r}"


def _shown(path: Path, folder: Path) -> str:
    """Return a path relative to `folder`, or the whole path if it is outside."""
    root = folder.resolve()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
