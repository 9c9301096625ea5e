"""The notebook with the three first calls of `fit`, run in a real browser as a new user does."""

import pytest

from tests.support.notebooks import FOLDER, short_text

from .lab import until

FITS = {"flowers": 5, "images": 2, "spirals": 3}
"""The sessions of the notebook, and their numbers of epochs in tests."""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Return the notebook after Shift+Enter in each cell."""
    path = FOLDER / "00_five_lines.ipynb"
    notebook = open_notebook(path.name, short_text(path))
    notebook.walk()
    return notebook


@pytest.mark.parametrize("name", FITS)
def test_a_fit_trains_to_its_end_and_draws_its_curves(notebook, name):
    index = notebook.index(f"{name} = wb.fit(")
    notebook.scroll_to(index)
    part = notebook.cell(index).get_by_test_id
    until(lambda: part("state").first.inner_text() == "finished", what="the end in the view")
    epochs = FITS[name]
    assert part("epoch").first.inner_text() == f"epoch {epochs} of {epochs}"
    until(lambda: notebook.drawn(index), what="a drawn plot")
    assert part("plot").first.inner_text().startswith("cost")
    assert notebook.complaints(index) == ""


def test_nothing_is_reported_as_an_error(notebook):
    assert notebook.errors() == []
    code = [i for i, kind in enumerate(notebook.kinds()) if kind == "code"]
    printed = [one for i in code for one in notebook.outputs(i) if one.get("name") == "stderr"]
    assert printed == []


def test_a_score_of_each_species_and_the_accuracy_are_shown(notebook):
    scores = notebook.text(notebook.index("flowers.predict("))
    assert all(species in scores for species in ("setosa", "versicolor", "virginica"))
    assert "'accuracy'" in notebook.text(notebook.index("flowers.evaluate("))


def test_the_recipe_is_a_program_that_a_user_can_read(notebook):
    lines = notebook.text(notebook.index("flowers.recipe()")).splitlines()
    assert "session = loop.start()" in lines
    assert any(line.startswith("training, validation = DataStream.from_frame(") for line in lines)


def test_more_epochs_continue_a_fit_that_has_ended(notebook):
    index = notebook.index("flowers = wb.fit(")
    notebook.scroll_to(index)
    part = notebook.cell(index).get_by_test_id
    until(lambda: part("state").first.inner_text() == "finished", what="the end in the view")
    before = int(part("plot").first.get_attribute("data-points"))
    epochs = int(notebook.ask("flowers.log.status['epochs_done']")) + 5
    part("train").first.click()
    wanted = f"epoch {epochs} of {epochs}"
    until(lambda: part("epoch").first.inner_text() == wanted, what=wanted)
    until(lambda: part("state").first.inner_text() == "finished", what="the new end")
    assert notebook.ask("len(flowers.log.epochs)") == str(epochs)
    until(lambda: int(part("plot").first.get_attribute("data-points")) > before, what="more points")
    assert notebook.drawn(index)
    assert notebook.complaints(index) == ""
