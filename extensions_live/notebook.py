"""The notebook around us: is there one, which one, and what it should tell us."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from extensions_live.messages import MimeBundle
from extensions_live.pump import kernel_clock


def shell() -> Any:
    """Return the running IPython shell of a kernel, or None outside of a notebook."""
    from IPython.core.getipython import get_ipython

    running = get_ipython()
    # The shell of a terminal can show text only. Colab calls its shell differently.
    return running if type(running).__name__ in ("ZMQInteractiveShell", "Shell") else None


class Cell(NamedTuple):
    """Where something is being displayed.

    Attributes
    ----------
    name : str
        What the front end calls the cell; empty where it does not tell.
    execution : str
        Differs from one execution of the cell to the next.
    deleted : tuple of str
        Names of cells deleted since the execution of some cell before.
    """

    name: str
    execution: str
    deleted: tuple[str, ...]


def running_cell() -> Cell:
    """Return what the front end told about the running cell."""
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
    """Display a MIME bundle in the running cell, or replace what stands under `display_id`."""
    transient = {} if display_id is None else {"display_id": display_id}
    running = shell()
    if running is not None:
        running.display_pub.publish(data, metadata or {}, transient=transient, update=update)


def front_end() -> str:
    """Return the name of the notebook program, as far as this process can know it."""
    if shell() is None:
        return "none (a script or a terminal)"
    for variable, name in (
        ("COLAB_RELEASE_TAG", "Colab"),
        ("BINDER_SERVICE_HOST", "JupyterLab on Binder"),
        ("JUPYTERHUB_USER", "JupyterHub"),
        ("VSCODE_PID", "VS Code"),
    ):
        if variable in os.environ:
            return name
    return "JupyterLab or Jupyter Notebook"


def connect(kind: type, show: Callable[[Any], None]) -> None:
    """Have objects of `kind` shown by `show`, and tell the kernel's clock when cells run.

    Does nothing outside of a notebook.
    """
    running = shell()
    if running is None:
        return
    running.display_formatter.ipython_display_formatter.for_type(kind, show)
    running.events.register("pre_execute", kernel_clock.cell_started)
    running.events.register("post_execute", kernel_clock.cell_ended)
