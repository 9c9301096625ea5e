"""Reading of SVG documents in tests."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

SPACE = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "title", "desc", "rect", "text", "path", "polygon", "tspan"}


def parsed(text):
    """Return the root of an SVG document, which must consist of harmless elements."""
    root = ElementTree.fromstring(text)
    assert {one.tag.removeprefix(SPACE) for one in root.iter()} <= ALLOWED
    for one in root.iter():
        assert not {"style", "class", "href", "id"} & set(one.attrib)
        assert not [name for name in one.attrib if name.startswith("on")]
    return root


def texts(text):
    """Return the texts in an SVG document, from first to last."""
    kinds = (f"{SPACE}text", f"{SPACE}tspan")
    return [one.text for one in parsed(text).iter() if one.tag in kinds]


def in_page(page):
    """Return the SVG document in the image of an HTML page."""
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    return base64.b64decode(found[1]).decode()


def boxes(text):
    """Return the rectangles of an SVG document: x, y, width and height."""
    names = ("x", "y", "width", "height")
    return [tuple(float(one.get(n)) for n in names) for one in parsed(text).iter(f"{SPACE}rect")]
