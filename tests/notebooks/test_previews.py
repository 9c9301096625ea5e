"""The images of the notebooks: one for each, small, and linked from the README."""

import re

import pytest
from PIL import Image

from tests.support import previews
from tests.support.notebooks import code_of, paths
from tests.support.tree import ROOT

NAMES = [path.stem for path in paths()]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_a_picture_that_github_shows(name):
    path = previews.FOLDER / f"{name}.webp"
    assert path.stat().st_size <= previews.LARGEST
    with Image.open(path) as image:
        assert image.format == "WEBP"
        assert 500 <= image.width <= previews.SIZE["width"]
        assert image.height > 100


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.name)
def test_the_cells_of_a_picture_exist(path):
    code = "\n".join(code_of(path))
    assert previews.SHOWN[path.stem]
    assert [text for text in previews.SHOWN[path.stem] if text not in code] == []


def test_the_page_shows_each_picture_and_the_readme_links_to_it():
    """After a change of a notebook's first cell: python -m tests.support.previews --page."""
    page = previews.PAGE.read_text("utf-8")
    assert page == previews.page()
    assert re.findall(r"\((\w+)\.webp\)", page) == NAMES
    assert re.findall(r"\(\.\./(\w+)\.ipynb\)", page) == NAMES
    link = previews.PAGE.relative_to(ROOT).as_posix()
    assert f"]({link})" in (ROOT / "README.md").read_text("utf-8")


def test_there_is_no_picture_of_another_notebook():
    assert sorted(path.stem for path in previews.FOLDER.glob("*.webp")) == NAMES


def test_every_picture_has_a_record_of_its_code():
    """An image whose notebook has changed is listed by ``--stale``, but is no failure."""
    assert list(previews.recorded(previews.FOLDER)) == NAMES


def test_a_picture_is_stale_once_the_shown_code_has_changed(tmp_path, monkeypatch, capsys):
    first = paths()[0]
    for path in paths():
        previews.record(path, tmp_path)
    assert previews.stale(tmp_path) == []
    shown = {**previews.SHOWN, first.stem: ["import"]}
    monkeypatch.setattr(previews, "SHOWN", shown)
    assert previews.stale(tmp_path) == [first]
    assert previews.main(["--stale", "--to", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{first.stem}\n"


@pytest.mark.parametrize(
    ("code", "same"),
    [(["a = 2", "show(a)", "b"], False), (["a = 1", "show(a)", "b = 3"], True)],
)
def test_only_code_up_to_the_last_shown_cell_counts(code, same):
    before = previews.hash_of(["a = 1", "show(a)", "b"], ["show("])
    assert (previews.hash_of(code, ["show("]) == before) is same
