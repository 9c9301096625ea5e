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


TASKS = "notebooks/pages/tasks.md"
SCREEN = 60
"""Lines of a page that fits on one screen."""


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "DECISIONS.md", "README.md", TASKS])
def test_every_file_that_a_page_names_exists(page):
    named = NAMED.findall((ROOT / page).read_text())
    assert [path for path in named if not MADE_LATER.search(path) and not is_there(path)] == []
    assert named or page == "README.md"


def test_the_page_for_contributors_fits_on_one_screen_and_leads_to_ten_tasks():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert page.count("\n") <= SCREEN
    assert f"]({TASKS})" in page
    rows = re.findall(r"^\| (?:an? )([\w -]+) \|", (ROOT / TASKS).read_text(), re.MULTILINE)
    assert len(rows) == 10
    words = " ".join(page.split())
    assert [row for row in rows if row not in words] == []


def test_a_missing_file_is_noticed():
    assert is_there("workbench/cli/program.py")
    assert not is_there("workbench/cli/programme.py")
