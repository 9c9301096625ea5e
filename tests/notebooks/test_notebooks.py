"""The notebooks as files: numbered, and committed without outputs. nbval runs them."""

import json
import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_names_are_different_numbers_and_words():
    names = [path.name for path in NOTEBOOKS]
    assert len({int(name[:2]) for name in names}) == len(names)
    assert all(re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", name) for name in names)


def test_a_notebook_is_valid(notebook):
    nbformat.validate(notebook)


def test_no_output_is_committed(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert "widgets" not in notebook.metadata


def test_it_starts_with_its_title_and_runs_on_any_kernel_of_python_3(notebook):
    assert notebook.cells[0].source.startswith("# ")
    assert notebook.metadata.kernelspec.name == "python3"


def test_it_contains_no_address_of_another_machine(notebook):
    text = json.dumps([cell.source for cell in notebook.cells])
    assert "http" not in text
