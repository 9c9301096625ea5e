"""Output of a run's processes, for display in the notebook."""

from __future__ import annotations

import contextlib
import os
import sys

from workbench.session.remote.folder import RunFolder

MOST = 2**16
"""Maximum number of bytes of a process's output to show at a time; earlier bytes are left out."""


class Outputs:
    """Outputs of all processes in a launch.

    Parameters
    ----------
    folder : RunFolder
    launch : int
    processes : int
    """

    def __init__(self, folder: RunFolder, launch: int, processes: int) -> None:
        self._paths = [folder.output(launch, rank) for rank in range(processes)]
        self._seen = [0] * processes

    def skip(self) -> None:
        """Skip the output that has been written so far."""
        self._seen = [p.stat().st_size if p.exists() else 0 for p in self._paths]

    def show(self) -> None:
        """Print the complete lines of output that were written since the last call."""
        for rank, path in enumerate(self._paths):
            mark = f"[process {rank}] " if rank else ""
            lines = "".join(f"{mark}{line}\n" for line in _lines(self._new(rank, path)))
            if lines:
                with contextlib.suppress(OSError, ValueError):  # the output was closed
                    print(lines, end="", file=sys.stdout, flush=True)

    def _new(self, rank: int, path: object) -> str:
        try:
            with open(str(path), "rb") as file:
                begin = max(self._seen[rank], file.seek(0, os.SEEK_END) - MOST)
                file.seek(begin)
                data = file.read(MOST)
        except OSError:
            return ""
        end = data.rfind(b"\n") + 1
        self._seen[rank] = begin + end if end else self._seen[rank]
        return data[:end].decode(errors="replace")

    def last(self, rank: int, lines: int = 3) -> str:
        """Return the last lines of a process's output."""
        try:
            with open(self._paths[rank], "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - MOST))
                text = file.read(MOST).decode(errors="replace")
        except OSError:
            return ""
        return "\n".join([line for line in _lines(text) if line.strip()][-lines:])


def _lines(text: str) -> list[str]:
    """Return the lines of an output as a terminal shows them.

    Text after a carriage return, as in progress bars, replaces the earlier text of the line.
    """
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.rstrip("\r").rpartition("\r")[2] for line in lines]
