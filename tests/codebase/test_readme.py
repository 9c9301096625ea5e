"""The README and the other pages: their links, and the figures that they state."""

import re

import pytest

from tests.support import speed_table
from tests.support.tree import ROOT, tracked

LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)\s]*)?\)")
PAGES = [
    name
    for name in tracked()
    if re.fullmatch(r"(?:[A-Z]+|notebooks/(?:site|pages|previews)/\w+)\.md", name)
]
WITH_LINKS = {"README.md", "CONTRIBUTING.md", "notebooks/previews/README.md"}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file(name):
    folder = (ROOT / name).parent
    links = LINK.findall((ROOT / name).read_text("utf-8"))
    made = {"live.gif"} if name == "notebooks/site/index.md" else set()  # copied by build.py
    assert [one for one in links if one not in made and not (folder / one).exists()] == []
    assert links or name not in WITH_LINKS


def test_the_pages_of_the_repository_are_among_the_checked_ones():
    assert set(PAGES) >= {*WITH_LINKS, "DECISIONS.md", "notebooks/pages/distributed.md"}


def test_the_table_of_speeds_has_the_results_of_the_benchmarks():
    """After a benchmark, ``python -m tests.support.speed_table`` writes the table again."""
    readme = speed_table.README.read_text("utf-8")
    assert readme == speed_table.written(readme, speed_table.RESULTS.read_text("utf-8"))
    assert speed_table.table(speed_table.RESULTS.read_text("utf-8")).count("\n") > 5


def test_the_readme_shows_a_moving_image():
    images = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert "notebooks/live.gif" in images


def test_the_changelog_has_the_form_of_keep_a_changelog():
    """Versions are newest first, the first one is unreleased, and each kind occurs once in it."""
    kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    versions: dict[str, list[str]] = {}
    for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            versions[line.removeprefix("## ")] = []
        elif line.startswith("### "):
            versions[list(versions)[-1]].append(line.removeprefix("### "))
    first, *released = versions
    assert first == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", one) for one in released)
    assert all(found == [one for one in kinds if one in found] for found in versions.values())
