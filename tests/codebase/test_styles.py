"""Style sheets of widgets: all of them are on one page, so a class is styled by one of them."""

import re
from itertools import combinations

from tests.support.tree import ROOT

ASSETS = ROOT / "extensions_live" / "assets"
BASE = "live.css"


def own_classes(text):
    """Return the classes that a sheet styles wherever they are on the page."""
    text = re.sub(r"/\*.*?\*/|@(?:media|container)[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", text,
                  flags=re.S)  # fmt: skip
    selectors = ",".join(re.findall(r"([^{}]+)\{", text)).split(",")
    return {one.strip() for one in selectors if re.fullmatch(r"\.wb-[\w-]+", one.strip())}


def test_no_class_is_styled_by_two_sheets():
    sheets = [path for path in sorted(ASSETS.glob("*.css")) if path.name != BASE]
    found = {path.name: own_classes(path.read_text(encoding="utf-8")) for path in sheets}
    assert len(found["steer.css"]) > 20
    shared = {(a, b): found[a] & found[b] for a, b in combinations(found, 2)}
    assert {pair: names for pair, names in shared.items() if names} == {}
