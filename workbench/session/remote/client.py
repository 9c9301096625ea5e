"""`Client`, a notebook that is connected to the first process of a run."""

from __future__ import annotations

import contextlib
import threading
from queue import SimpleQueue
from typing import Any

from workbench.session.probe import Probe
from workbench.session.remote.facts import probe_facts
from workbench.session.remote.wire import Connection, encoded, packed


class Client:
    """Connected notebook, with the information that was sent to it.

    Reports to each notebook are sent by a separate thread. Therefore a notebook that does not read
    its reports, for instance because its kernel is suspended, does not delay other notebooks. A
    report is sent only after the notebook has read the previous report.

    Parameters
    ----------
    connection : Connection

    Attributes
    ----------
    is_busy : bool
        True while a report is being sent.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.facts: dict[str, bytes] = {}
        self.sent: dict[int, dict[str, Any]] = {}
        self.tickets: set[str] = set()
        self.settled = 0
        self.outstanding = False
        self.is_busy = False
        self._probes: dict[int, Probe] = {}
        self._number = 0
        self._reports: SimpleQueue[bytes | None] = SimpleQueue()
        threading.Thread(target=self._send, name="reports to a notebook", daemon=True).start()

    def report(self, message: dict[str, Any]) -> None:
        """Send a report without waiting for the notebook to read it."""
        data = encoded(message)
        self.is_busy = True
        self._reports.put(data)

    def _send(self) -> None:
        while True:
            data = self._reports.get()
            if data is None:
                return
            with contextlib.suppress(OSError):  # the thread of the connection removes the client
                self.connection.send_encoded(data)
            self.is_busy = False

    def close(self) -> None:
        """Close the connection, and end the thread."""
        self.connection.close()
        self._reports.put(None)

    def keep(self, probe: Probe) -> int:
        """Remember a probe until it is answered, and return its number."""
        self._number += 1
        self._probes[self._number] = probe
        self.outstanding = True
        return self._number

    def answered(self) -> list[dict[str, Any]]:
        """Return the answers to the probes that were answered since the last call."""
        done = [number for number, probe in list(self._probes.items()) if probe.done]
        found = [{"number": n, "answer": packed(probe_facts(self._probes.pop(n)))} for n in done]
        self.outstanding = self.outstanding or bool(self._probes)
        return found
