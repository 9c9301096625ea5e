"""The pages for contributors: the files that they name are there."""

import re

import pytest

from tests.support.tree import ROOT, tracked

NAMED = re.compile(r"`([\w./-]+(?:\.(?:py|ts|md|txt|ipynb|yaml)|/))`")
MADE_LATER = re.compile(r"NAME|build/")
FOLDERS = {
    f"{'/'.join(name.split('/')[:n])}/" for name in tracked() for n in range(name.count("/") + 1)
}


def is_there(path):
    """Return whether a tracked file or folder has this path, or ends with it."""
    known = (*tracked(), *FOLDERS)
    return any(f"/{one}".endswith(f"/{path}") for one in known)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "DECISIONS.md", "README.md"])
def test_every_file_that_a_page_names_exists(page):
    named = NAMED.findall((ROOT / page).read_text())
    assert [path for path in named if not MADE_LATER.search(path) and not is_there(path)] == []
    assert named or page == "README.md"


def test_a_missing_file_is_noticed():
    assert is_there("workbench/cli/program.py")
    assert not is_there("workbench/cli/programme.py")
