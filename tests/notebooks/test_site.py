"""The tutorials of the site: the notebooks, each with its preview below the first cell."""

import importlib.util
import json

import pytest

from tests.support.tree import ROOT

FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the folder with the tutorials of the site."""
    spec = importlib.util.spec_from_file_location("build_site", FOLDER / "site" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    folder = tmp_path_factory.mktemp("site") / "notebooks"
    build.write_tutorials(folder)
    return folder


def test_every_notebook_is_a_tutorial(written):
    assert sorted(path.stem for path in written.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_preview_is_below_the_first_cell(name, written):
    first, preview, *rest = json.loads((written / f"{name}.ipynb").read_text("utf-8"))["cells"]
    original = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))["cells"]
    assert [first, *rest] == original
    image = f"previews/{name}.webp"
    assert "".join(preview["source"]).endswith(f"]({image})")
    assert (written / image).read_bytes() == (FOLDER / image).read_bytes()
