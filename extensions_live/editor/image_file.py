"""Image files that show a board and contain its document, so that an editor can open them.

The document of the board is in the ``metadata`` element of an SVG image, or in a text chunk of a
PNG image. The page can read these files, and writes files in the same format.
"""

from __future__ import annotations

import html
import re
import struct
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from extensions_live.editor.canvas_layout import on_canvas
from extensions_live.editor.image import diagram, to_png
from extensions_live.messages import BoardPayload
from workbench.diagrams.shapes import draw
from workbench.diagrams.svg import NOT_XML, to_svg
from workbench.errors import ArgumentError, BuilderError
from workbench.utils.atomic import replace_file

KEY = "workbench"
"""The id of the element and the keyword of the chunk that contain a document."""

ENDINGS = (".svg", ".png")

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNK = KEY.encode() + b"\0\0\0\0\0"
"""The keyword, and fields that mean: not compressed, no language, no translated keyword."""


def write(payload: BoardPayload, path: str | Path, *, document: bool = True) -> None:
    """Write an image of a board to a file.

    Parameters
    ----------
    payload : BoardPayload
    path : str or Path
        The file to write; its suffix determines the format.
    document : bool
        True to include the document, so that the image can be opened.

    Raises
    ------
    ArgumentError
        If the suffix is neither ``.svg`` nor ``.png``, or if the file exists and is of another
        kind.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ArgumentError(
            f"save_image: the name {path.name!r:.80} must end with .svg or .png; the suffix "
            "determines the format"
        )
    shown = diagram(payload)
    places = {
        node["id"]: (node["position"][0], node["position"][1])
        for node in payload["nodes"]
        if node["position"]
    }
    layout = on_canvas(shown, places)
    text = NOT_XML.sub(_escape, payload["document"]) if document else ""
    if ending == ".svg":
        inside = html.escape(text, quote=False)  # the page reads no other references
        head = f'<metadata id="{KEY}">{inside}</metadata>\n' if document else ""
        data = to_svg(shown, layout, head).encode()
    else:
        texts = PngInfo()
        if document:
            texts.add_itxt(KEY, text)
        data = to_png(draw(shown, layout), texts)
    replace_file(path, lambda file: file.write(data), ArgumentError)


def _escape(found: re.Match[str]) -> str:
    """Return the JSON escape sequence of a character that XML does not allow."""
    return f"\\u{ord(found[0]):04x}"


def document_in(path: Path) -> str:
    """Return the document in an image that `write` or the page has written.

    Raises
    ------
    BuilderError
        If the file cannot be read, or contains no document.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BuilderError(f"{path} cannot be read: {error.strerror}") from error
    try:
        found = _in_png(data) if data.startswith(SIGNATURE) else _in_svg(data.decode())
    except (ValueError, struct.error):
        found = None
    if found is None:
        raise BuilderError(
            f"there is no model in {path}; open an SVG or PNG image that an editor has saved"
        )
    return found


def _in_svg(text: str) -> str | None:
    found = re.search(f'<metadata id="{KEY}">([^<]+)</metadata>', text)
    return None if found is None else html.unescape(found[1])


def _in_png(data: bytes) -> str | None:
    at = len(SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        if kind == b"iTXt" and content.startswith(CHUNK):
            return content[len(CHUNK) :].decode()
        at += 12 + length
    return None
