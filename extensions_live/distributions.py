"""Distributions of the parameters, gradients or activations of a network over time.

`Distributions` is used by `Histogram` and `Layers`. It chooses the variables, processes probes, and
packs the history of one variable for the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch

from extensions_live.bounded_history import History
from extensions_live.distribution import BINS, Distribution, distribution
from extensions_live.messages import DistributionsPayload
from workbench.errors import SessionError, nearest
from workbench.graph import ComputationGraph
from workbench.graph.selection import Selection, label, select
from workbench.interfaces import Probe, Session
from workbench.monitoring.graph_copy import GraphCopy, names_of
from workbench.roles import OUTPUT, PARAMETER
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.traversal import ancestors

Kind = Literal["parameters", "gradients", "activations"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_VARIABLES = 64
"""Maximum number of variables whose history one view stores."""

NO_GRAPH = (
    "{kind} are computed from a graph; pass the model as well, as in Histogram(session, model), "
    "where model is Model(cost)"
)
NO_CHOICE = "{what} must be one of {known}, not {given!r}{hint}"
NOTHING = "{user}: no {kind} are selected; {text}"
TOO_MANY = "only the first {most} of {count} {kind} are shown; pass select=... to show others"


def scalar_of(graph: ComputationGraph | None, cost: Variable | None) -> Variable | None:
    """Return the cost to differentiate: the given cost, or the only scalar output of a graph."""
    if cost is not None or graph is None:
        return cost
    scalars = [output for output in graph.outputs if output.ndim == 0]
    return scalars[0] if len(scalars) == 1 else None


def dependent(cost: Variable | None, parameters: Iterable[SharedVariable]) -> list[SharedVariable]:
    """Return the parameters that the cost depends on; other parameters have no gradient."""
    known = set() if cost is None else set(ancestors([cost]))
    return [parameter for parameter in parameters if parameter in known]


class Distributions:
    """Variables of one kind, and the history of their distributions.

    Parameters
    ----------
    session : Session
    graph : ComputationGraph or None
        The graph that the session trains. Without a graph, only parameters can be shown.
    criterion : object, optional
        The variables to select; see `workbench.filter.as_predicate`. Without a graph, `criterion`
        must consist of names of session variables.
    kind : {'parameters', 'gradients', 'activations'}
    cost : Variable, optional
        The cost; by default the only scalar output of the graph.
    user : str
        The name of the view, for error messages.

    Attributes
    ----------
    names : list of str
        The paths of the variables.
    chosen : str
        The variable to show.
    history : History
        The distributions of all variables.
    note : str
        A note for the user about omitted variables; empty if no variables are omitted.
    """

    def __init__(
        self,
        session: Session,
        graph: ComputationGraph | None,
        criterion: Any,
        kind: Kind,
        *,
        cost: Variable | None,
        user: str,
    ) -> None:
        self.kind = kind
        self.history: History[list[Distribution]] = History()
        self.note = ""
        self._copy: GraphCopy | None = None
        known = session.variables
        found: dict[str, Any]
        if graph is None:
            if kind != "parameters":
                raise SessionError(NO_GRAPH.format(kind=kind))
            found = _named(known, criterion)
        elif kind == "activations":
            outputs = activations(graph, criterion, user)
            found = dict(zip(numbered([label(v) for v in outputs]), outputs, strict=True))
            self._limit(found)
            self._copy = GraphCopy(list(found.values()), known=known, session=session.name)
        else:
            parameters = select(PARAMETER if criterion is None else criterion, graph, user)
            chosen = [v for v in dict.fromkeys(parameters) if isinstance(v, SharedVariable)]
            cost = scalar_of(graph, cost)
            if kind == "gradients":
                chosen = dependent(cost, chosen)
            found = names_of(chosen, known, session.name)
            if not found:
                paths = Selection(parameters).paths
                text = f"{paths} contains no parameters, or the cost does not depend on them"
                raise SessionError(NOTHING.format(user=user, kind=kind, text=text))
            self._limit(found)
            if kind == "gradients":
                self._copy = GraphCopy(
                    [], cost=cost, wrt=list(found.values()), known=known, session=session.name
                )
        self._limit(found)
        self.names = list(found)
        self.chosen = self.names[0]

    def _limit(self, found: dict[str, Any]) -> None:
        if len(found) > MOST_VARIABLES:
            self.note = TOO_MANY.format(most=MOST_VARIABLES, count=len(found), kind=self.kind)
            for name in list(found)[MOST_VARIABLES:]:
                del found[name]

    @property
    def needs(self) -> list[str]:
        """The names of the variables to probe."""
        return self.names if self._copy is None else self._copy.names

    @property
    def needs_batch(self) -> bool:
        """True if the distributions are computed from examples."""
        return self._copy is not None

    def choose(self, name: str) -> None:
        """Choose the variable to show; an unknown name is ignored."""
        if name in self.names:
            self.chosen = name

    def see(self, probe: Probe, batch: Mapping[str, Any]) -> None:
        """Add the distributions of a probe's values."""
        if self._copy is None:
            tensors: Sequence[torch.Tensor] = [probe.values[name] for name in self.names]
        else:
            tensors = self._copy(probe.values, batch)
        assert probe.iteration is not None
        self.history.add(probe.iteration, [distribution(tensor) for tensor in tensors])

    def rows(self) -> list[list[str]]:
        """Return one row for each variable, with its latest statistics."""
        if not len(self.history):
            return []
        return [
            [name, *(f"{number:.3g}" for number in (d.mean, d.deviation, d.low, d.high, d.zeros))]
            for name, d in zip(self.names, self.history.records[-1], strict=True)
        ]

    def packed(self, kinds: Sequence[str]) -> DistributionsPayload:
        """Return the history of the chosen variable for the page."""
        index = self.names.index(self.chosen)
        found = [record[index] for record in self.history.records]
        numbers = [[d.mean, d.deviation, d.zeros, d.broken] for d in found]
        counts = np.array([d.counts for d in found], np.float32).reshape(-1, BINS)
        return {
            "kinds": list(kinds),
            "kind": self.kind,
            "names": self.names,
            "name": self.chosen,
            "iterations": np.array(self.history.iterations, np.float64).tobytes(),
            "low": np.array([d.low for d in found], np.float64).tobytes(),
            "high": np.array([d.high for d in found], np.float64).tobytes(),
            "counts": counts.tobytes(),
            "numbers": np.array(numbers, np.float32).tobytes(),
            "size": found[-1].size if found else 0,
            "note": self.note,
        }


def activations(graph: ComputationGraph, criterion: Any, user: str) -> list[Variable]:
    """Return the selected outputs of bricks (by default all), except scalars and integers."""
    chosen = select(OUTPUT if criterion is None else criterion, graph, user)
    kept = [
        v
        for v in dict.fromkeys(chosen)
        if not isinstance(v, SharedVariable) and v.owner is not None
        if not v.is_number and v.ndim and v.dtype.is_floating_point
    ]
    if criterion is not None and any(OUTPUT.selects(v) for v in kept):
        kept = [v for v in kept if OUTPUT.selects(v)]  # only outputs of bricks, without inputs
    if not kept:
        text = "select outputs of bricks that are applied to data"
        raise SessionError(NOTHING.format(user=user, kind="activations", text=text))
    return kept


def numbered(names: Sequence[str]) -> list[str]:
    """Return `names` with a number added to each repeated name, so that all names are unique.

    Examples
    --------
    >>> numbered(["/mlp/tanh", "/mlp/linear", "/mlp/tanh"])
    ['/mlp/tanh', '/mlp/linear', '/mlp/tanh (2)']
    """
    counts: dict[str, int] = {}
    found = []
    for name in names:
        counts[name] = count = counts.get(name, 0) + 1
        found.append(name if count == 1 else f"{name} ({count})")
    return found


def checked(what: str, given: str, known: Sequence[str]) -> str:
    """Return `given` if it is a known option.

    Raises
    ------
    SessionError
        If the option is not known.
    """
    if given in known:
        return given
    shown = ", ".join(map(repr, known))
    hint = nearest(str(given), known)
    raise SessionError(NO_CHOICE.format(what=what, known=shown, given=given, hint=hint))


def _named(known: Mapping[str, Mapping[str, Any]], criterion: Any) -> dict[str, Any]:
    parameters = [name for name, about in known.items() if about["parameter"]]
    if criterion is None:
        return dict.fromkeys(parameters)
    names = [criterion] if isinstance(criterion, str) else list(criterion)
    for name in names:
        checked("a variable selected without a graph", name, list(known))
    return dict.fromkeys(names)
