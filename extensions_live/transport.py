"""Transports of live widgets: the kernel's comm, or the connection of a dashboard to its page.

A widget does not depend on its transport. In a notebook, it uses the kernel's comm, and the `Pump`
refreshes it. A widget created inside `carried_by` uses a different comm, and the code that
transports its changes also refreshes it. Dashboards can therefore show every widget unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from comm.base_comm import BaseComm
from ipywidgets.widgets.widget import _put_buffers

Outbox = Callable[[str, dict[str, Any]], None]
"""Function that receives the identifier of a widget and its changed traits."""

_outbox: ContextVar[Outbox | None] = ContextVar("outbox", default=None)


def outbox() -> Outbox | None:
    """Return the destination for changed traits of new widgets, or None outside `carried_by`."""
    return _outbox.get()


@contextmanager
def carried_by(destination: Outbox) -> Iterator[None]:
    """Send to `destination` the changed traits of all widgets that are created in this context.

    Examples
    --------
    >>> from extensions_live.widget import BokehJS
    >>> changes = []
    >>> with carried_by(lambda ident, traits: changes.append(traits)):
    ...     widget = BokehJS()
    >>> widget.version = "3"
    >>> changes
    [{'version': '3'}]
    """
    token = _outbox.set(destination)
    try:
        yield
    finally:
        _outbox.reset(token)


class Wire(BaseComm):
    """Comm that passes the changed traits of a widget to an outbox.

    Parameters
    ----------
    destination : callable
        A function that receives the identifier of the widget and its changed traits.
    ident : str or None
        The identifier of the widget. If it is None, a random identifier is chosen.
    """

    def __init__(self, destination: Outbox, ident: str | None) -> None:
        self._destination: Outbox | None = destination
        super().__init__(target_name="jupyter.widget", comm_id=ident)

    def open(self, *_: object, **__: object) -> None:
        self._closed = False

    def close(self, *_: object, **__: object) -> None:
        self._closed = True
        self._destination = None

    def publish_msg(
        self,
        msg_type: str,
        data: dict[str, Any] | None = None,
        metadata: object = None,
        buffers: list[bytes] | None = None,
        **_: object,
    ) -> None:
        if self._destination is None or not data or data.get("method") != "update":
            return
        state = data["state"]
        _put_buffers(state, data.get("buffer_paths", ()), buffers or ())
        self._destination(self.comm_id, state)
