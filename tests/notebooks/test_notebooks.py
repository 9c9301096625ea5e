"""The notebooks as files: numbered, and committed without outputs. nbval runs them."""

import json
import re
from itertools import pairwise

import nbformat
import pytest

from tests.support.notebooks import code_of, paths, settings, short_text

NOTEBOOKS = paths()


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_names_are_numbers_from_zero_and_words():
    names = [path.name for path in NOTEBOOKS]
    assert [int(name[:2]) for name in names] == list(range(len(names)))
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


@pytest.mark.parametrize(
    "said",
    [r"\b(?:[Yy]ou will|you can|you know)\b", r"\b(?:minutes?|seconds)\b", r"\bneeds?\b"],
    ids=["what one will be able to do", "how long it takes", "what it needs"],
)
def test_the_first_cell_says(said, notebook):
    assert re.search(said, notebook.cells[0].source)


LONGEST = 45
"""Lines of a code cell. A longer one has more than one idea: split it, and explain each part."""


def test_no_cell_is_long(notebook):
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert [source for source in code if source.count("\n") >= LONGEST] == []


def test_a_run_that_a_cell_pauses_has_no_end_that_a_slow_reader_could_meet(notebook):
    """A command to a run that has ended is refused, and one to a paused run cannot pause it."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    pausing = [number for number, source in enumerate(code) if ".pause()" in source]
    for number in pausing:
        before = "\n".join(code[:number])
        assert re.findall(r"(?:epochs|batches)=\d{1,5}\b", before) == []
        assert ".pause().wait()" not in code[number] or '.state != "paused"' in code[number]


def links_of(path):
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return re.findall(r"\]\(([^)#\s]+)[^)]*\)", "\n".join(texts))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(path):
    assert [link for link in links_of(path) if not (path.parent / link).exists()] == []


def test_each_notebook_links_to_the_next_one():
    following = pairwise(NOTEBOOKS)
    assert [one.name for one, after in following if after.name not in links_of(one)] == []


@pytest.mark.parametrize("name", sorted(settings()))
def test_short_settings_replace_a_text_of_the_notebook(name):
    path = next(path for path in NOTEBOOKS if path.stem == name)
    code = "\n".join(code_of(path))
    assert settings()[name]
    assert [text for text in settings()[name] if text not in code] == []


def test_short_settings_change_nothing_else_of_a_notebook():
    path = next(path for path in NOTEBOOKS if path.stem == "01_first_training")
    text, short = path.read_text(), nbformat.reads(short_text(path), as_version=4)
    for one, other in settings()[path.stem].items():
        text = text.replace(one, other)
    assert short == nbformat.reads(text, as_version=4)
    assert text != path.read_text()
