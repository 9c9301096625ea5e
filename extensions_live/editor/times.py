"""The total time that the operations of each node on a board take in a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

import torch
from torch import fx

from extensions_live.editor.known import Known
from extensions_live.editor.places import Place
from workbench.tensor import Variable
from workbench.tensor.program import Program
from workbench.tensor.traversal import inputs_of


class Times:
    """The times of nodes, measured by running a copy of the graph operation by operation.

    Parameters
    ----------
    known : Known
    places : dict of str to Place
        The places of the nodes.

    Attributes
    ----------
    names : list of str
        The names of the required session variables.
    """

    def __init__(self, known: Known, places: Mapping[str, Place]) -> None:
        outputs = [output for place in places.values() for output in place.outputs.values()]
        self._copy = known.copy(list(dict.fromkeys(outputs)))
        self.names = self._copy.names
        self._inputs = known.copy(self._copy.function.inputs)  # converts to the right dtypes
        new = self._copy.new
        self._calls = {
            node: _calls(
                (new.get(one, one) for one in place.outputs.values()),
                {new.get(one, one) for one in place.given},
            )
            for node, place in places.items()
        }

    def __call__(
        self, values: Mapping[str, torch.Tensor], batch: Mapping[str, Any]
    ) -> dict[str, float]:
        """Return the time of each node in seconds; `batch` contains arrays keyed by source."""
        self._copy.fill(values)
        seconds = _Clock(self._copy.function.program).measure(self._inputs({}, batch))
        return {
            node: sum(seconds.get(call, 0.0) for call in calls)
            for node, calls in self._calls.items()
        }


class _Clock(fx.Interpreter):
    """Interpreter that measures the time of each operation in a program."""

    def __init__(self, program: Program) -> None:
        super().__init__(program.module)
        self._program = program
        self._seconds: dict[object, float] = {}

    def measure(self, given: Iterable[torch.Tensor]) -> Mapping[object, float]:
        """Run the program, and return the time in seconds of each call in the graph."""
        with torch.no_grad():
            self.run(*given, *(one.tensor for one in self._program.shared))
        return self._seconds

    def run_node(self, n: fx.Node) -> Any:
        start = perf_counter()
        result = super().run_node(n)
        if isinstance(result, torch.Tensor) and result.is_cuda:
            torch.cuda.synchronize()
        call = self._program.origin.get(n)
        if call is not None:
            self._seconds[call] = self._seconds.get(call, 0.0) + perf_counter() - start
        return result


def _calls(outputs: Iterable[Variable], given: set[Variable]) -> set[object]:
    """Return the calls that compute `outputs` from `given`."""
    waiting = [one for one in outputs if one not in given]
    seen, found = set(waiting), set[object]()
    while waiting:
        variable = waiting.pop()
        if variable.owner is None:
            continue
        found.add(variable.owner)
        fresh = [v for v in inputs_of(variable) if v not in seen and v not in given]
        seen.update(fresh)
        waiting += fresh
    return found
