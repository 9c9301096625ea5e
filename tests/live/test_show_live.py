"""Sessions and sweeps in a notebook that has imported only `workbench`."""

import sys
from types import SimpleNamespace

import IPython
import pytest
from IPython.core.formatters import DisplayFormatter

from workbench.utils import live_layer
from workbench.utils.live_layer import show_live


@pytest.fixture
def shell(monkeypatch):
    """Return the shell of a kernel without a registered view."""
    found = SimpleNamespace(kernel=object(), display_formatter=DisplayFormatter())
    monkeypatch.setattr(IPython, "get_ipython", lambda: found)
    return found


def test_the_live_layer_is_imported_and_its_view_shown(shell, monkeypatch):
    shown = []
    formatter = shell.display_formatter.ipython_display_formatter
    monkeypatch.setattr(
        live_layer, "import_module", lambda name: formatter.for_type(float, shown.append)
    )
    show_live(1.5)
    assert shown == [1.5]


def test_a_table_is_shown_if_a_library_is_missing(shell, monkeypatch):
    monkeypatch.setitem(sys.modules, "extensions_live", None)
    with pytest.raises(NotImplementedError):
        show_live(1.5)


def test_a_terminal_shows_text(shell):
    del shell.kernel
    with pytest.raises(NotImplementedError):
        show_live(1.5)
