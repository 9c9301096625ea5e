"""Setups run with the windowing mode and the kernel in their names."""

import pytest

from tests.support import kernels

from .lab import NOTEBOOK, ROOT, notebook_text
from .setups import WINDOWING, Setup, setups


def test_the_notebook_uses_the_mode_and_kernel_of_the_setup(open_notebook, setup):
    notebook = open_notebook("setup.ipynb", notebook_text("import ipykernel"))
    mode = f"{NOTEBOOK}.content.notebookConfig.windowingMode"
    assert notebook.page.evaluate(mode) == setup.windowing
    notebook.run(0)
    version = notebook.ask("ipykernel.__version__").strip("'")
    if setup.kernel != kernels.INSTALLED:
        assert version.startswith(f"{setup.kernel}.")


def test_the_kernel_imports_this_checkout(open_notebook):
    notebook = open_notebook("checkout.ipynb", notebook_text("import workbench, extensions_live"))
    notebook.run(0)
    for package in ("workbench", "extensions_live"):
        assert notebook.ask(f"{package}.__file__") == repr(str(ROOT / package / "__init__.py"))


def test_the_first_setups_have_every_mode_and_every_kernel():
    every = setups("all", "all")
    assert len(set(every)) == len(WINDOWING) * len(kernels.VERSIONS)
    assert {setup.windowing for setup in every[:3]} == set(WINDOWING[1:])
    assert {setup.kernel for setup in every[:3]} == set(kernels.VERSIONS)
    assert every[3].windowing == WINDOWING[0]


def test_parts_of_the_matrix_can_be_selected():
    assert setups("defer", "7.1") == [Setup("defer", "7.1")]
    with pytest.raises(ValueError, match="lazy: must be among contentVisibility, defer"):
        setups("lazy", "7.1")
