"""The visual editor in Jupyter Notebook 7: tests of the editor again."""

import pytest

from .canvas import CELLS
from .lab import Notebook7, notebook_text
from .test_editor import (
    test_a_fault_is_shown_in_words_and_its_fix_applied,
    test_code_is_inserted_as_a_cell,
    test_edited_code_changes_the_canvas_and_a_mistake_names_its_line,
    test_keys_do_not_reach_the_notebook,
    test_nodes_are_copied_pasted_and_duplicated,
    test_the_canvas_is_there_again_after_a_reload,
)

__all__ = [
    "test_a_fault_is_shown_in_words_and_its_fix_applied",
    "test_code_is_inserted_as_a_cell",
    "test_edited_code_changes_the_canvas_and_a_mistake_names_its_line",
    "test_keys_do_not_reach_the_notebook",
    "test_nodes_are_copied_pasted_and_duplicated",
    "test_the_canvas_is_there_again_after_a_reload",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a notebook that shows an editor."""
    notebook = open_notebook("editor7.ipynb", notebook_text(*CELLS), Notebook7)
    notebook.run(0)
    assert notebook.errors() == []
    return notebook
