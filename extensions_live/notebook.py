"""Access to the kernel's shell, the running cell and the notebook program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from extensions_live.kernel_clock import kernel_clock
from extensions_live.messages import MimeBundle


def shell() -> Any:
    """Return the running IPython shell of a kernel, or None outside a notebook."""
    from IPython.core.getipython import get_ipython

    running = get_ipython()
    # The shell of a terminal shows only text. "Shell" is the class in Colab.
    return running if type(running).__name__ in ("ZMQInteractiveShell", "Shell") else None


class Cell(NamedTuple):
    """Cell that is displaying an output.

    Attributes
    ----------
    name : str
        The identifier of the cell in the front end, or an empty string if there is none.
    execution : str
        The identifier of this execution of the cell.
    deleted : tuple of str
        The identifiers of cells that have been deleted since the last execution of a cell.
    """

    name: str
    execution: str
    deleted: tuple[str, ...]


def running_cell() -> Cell:
    """Return the running cell, as identified by the front end."""
    running = shell()
    parent = {} if running is None else running.parent_header
    metadata = parent.get("metadata", {})
    return Cell(
        metadata.get("cellId", ""),
        parent.get("header", {}).get("msg_id", ""),
        tuple(metadata.get("deletedCells", ())),
    )


def publish(
    data: MimeBundle,
    metadata: MimeBundle | None = None,
    *,
    display_id: str | None = None,
    update: bool = False,
) -> None:
    """Display a MIME bundle in the running cell, or replace the output with this `display_id`."""
    transient = {} if display_id is None else {"display_id": display_id}
    running = shell()
    if running is not None:
        running.display_pub.publish(data, metadata or {}, transient=transient, update=update)


def front_end() -> str:
    """Return the most likely name of the notebook program."""
    if shell() is None:
        return "marimo" if in_marimo() else "none (a script or a terminal)"
    for variable, name in (
        ("COLAB_RELEASE_TAG", "Colab"),
        ("BINDER_SERVICE_HOST", "JupyterLab on Binder"),
        ("JUPYTERHUB_USER", "JupyterHub"),
        ("VSCODE_PID", "VS Code"),
    ):
        if variable in os.environ:
            return name
    return "JupyterLab or Jupyter Notebook"


def in_marimo() -> bool:
    """Return True if this code runs in a marimo notebook, which does not use IPython."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def connect(kind: type, show: Callable[[Any], None]) -> None:
    """Display objects of `kind` with `show`, and stop `kernel_clock` while cells run.

    Outside a notebook, do nothing.
    """
    running = shell()
    if running is None:
        return
    running.display_formatter.ipython_display_formatter.for_type(kind, show)
    running.events.register("pre_execute", kernel_clock.cell_started)
    running.events.register("post_execute", kernel_clock.cell_ended)
