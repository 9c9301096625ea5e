"""Detection of the notebook, its program and its running cell."""

import sys
from types import SimpleNamespace

import pytest

from extensions_live import notebook
from extensions_live.doctor import ADVICE
from workbench.session import Session


class FakeShell:
    """Fake with the parts of a kernel's shell that are used."""

    def __init__(self, parent_header=()):
        self.parent_header = dict(parent_header)
        self.display_formatter = self.ipython_display_formatter = self.events = self
        self.kinds, self.listeners = {}, {}

    def for_type(self, kind, show):
        self.kinds[kind] = show

    def register(self, event, listener):
        self.listeners[event] = listener


def test_there_is_none_here():
    assert notebook.shell() is None
    assert notebook.front_end() == "none (a script or a terminal)"
    assert notebook.running_cell() == ("", "", ())


@pytest.mark.parametrize(
    ("variable", "name"),
    [("COLAB_RELEASE_TAG", "Colab"), ("VSCODE_PID", "VS Code"), ("X", None)],
)
def test_programs_are_detected_by_their_environment(monkeypatch, variable, name):
    for known in ("COLAB_RELEASE_TAG", "BINDER_SERVICE_HOST", "JUPYTERHUB_USER", "VSCODE_PID"):
        monkeypatch.delenv(known, raising=False)
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(notebook, "shell", FakeShell)
    assert notebook.front_end() == (name or "JupyterLab or Jupyter Notebook")
    assert notebook.front_end() in ADVICE


@pytest.mark.parametrize(
    ("running", "name"), [(True, "marimo"), (False, "none (a script or a terminal)")]
)
def test_marimo_is_detected_where_it_runs_a_notebook(monkeypatch, running, name):
    marimo = SimpleNamespace(running_in_notebook=lambda: running)
    monkeypatch.setitem(sys.modules, "marimo", marimo)
    assert notebook.front_end() == name
    assert name in ADVICE


def test_the_running_cell_is_read_from_the_parent_message(monkeypatch):
    parent = {
        "header": {"msg_id": "17"},
        "metadata": {"cellId": "a", "deletedCells": ["b", "c"]},
    }
    monkeypatch.setattr(notebook, "shell", lambda: FakeShell(parent))
    assert notebook.running_cell() == ("a", "17", ("b", "c"))


def test_in_a_notebook_sessions_are_shown_and_cells_are_timed(monkeypatch):
    shell = FakeShell()
    monkeypatch.setattr(notebook, "shell", lambda: shell)
    notebook.connect(Session, print)
    assert shell.kinds == {Session: print}
    assert set(shell.listeners) == {"pre_execute", "post_execute"}
