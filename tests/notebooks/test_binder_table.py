"""The measurements on the page about Binder: one row for each notebook."""

import re

from tests.support.tree import ROOT


def test_the_table_has_a_row_for_each_notebook():
    """After a notebook was added: make binder WRITE=yes."""
    page = (ROOT / "notebooks" / "site" / "binder.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| \d+ \| \d+ MB \|$", page, re.MULTILINE)
    assert rows == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
