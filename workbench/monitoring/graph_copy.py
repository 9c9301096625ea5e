"""Copy of a computation graph, evaluated on fixed examples with the values of a probe.

Every shared variable of the graph is replaced by a new shared variable. Therefore the copy can be
evaluated on any thread while the original is being trained. Evaluation neither reads nor writes the
variables that are trained, and advances neither the random streams nor the data stream of the run.
Random draws in the graph give the same values in every evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from workbench.algorithms.base import inputs_by_name, missing_source, named
from workbench.errors import SessionError
from workbench.graph.hierarchy import path_of
from workbench.roles import PARAMETER, has_roles
from workbench.tensor import Function, SharedVariable, Variable, function, grad, shared
from workbench.tensor.shared import together
from workbench.tensor.traversal import ancestors, replace

OTHER_RUN = (
    "the graph has the parameter {name!r} of shape {shape}, which the session {session} does not "
    "train; pass the graph of that session to the view"
)
TWICE = (
    "two parameters of the graph have the path {name!r}, so a view cannot distinguish them; "
    "give their bricks different names"
)


class GraphCopy:
    """Copy of a graph that computes some variables and the gradients of a cost.

    Parameters
    ----------
    outputs : sequence of Variable
        The variables to compute.
    cost : Variable, optional
        The scalar whose gradients are computed after the outputs.
    wrt : sequence of SharedVariable, optional
        The parameters that `cost` is differentiated with respect to.
    known : mapping
        `Session.variables` of the session whose values are used.
    session : str
        The name of this session, for error messages.

    Attributes
    ----------
    names : list of str
        The names of the shared variables whose values a call requires.
    new : dict of Variable to Variable
        The copies of all variables of the graph.

    Raises
    ------
    SessionError
        If a parameter is missing from the session, two parameters have the same name, or `wrt` is
        given without `cost`.
    """

    def __init__(
        self,
        outputs: Sequence[Variable],
        *,
        cost: Variable | None = None,
        wrt: Sequence[SharedVariable] = (),
        known: Mapping[str, Mapping[str, Any]],
        session: str,
    ) -> None:
        roots = [*outputs, *([] if cost is None else [cost])]
        order = ancestors([*roots, *wrt])
        everything = [v for v in order if isinstance(v, SharedVariable)]
        own: dict[Variable, SharedVariable] = {v: own_copy(v) for v in everything}
        self._own: dict[str, SharedVariable] = {}
        for name, variable in names_of(everything, known, session).items():
            self._own[name] = own[variable]
        new = replace(roots, own)
        results = [new[variable] for variable in outputs]
        if wrt:
            if cost is None:
                raise SessionError("gradients require a cost; pass cost=... to the view")
            results += grad(new[cost], [own[variable] for variable in wrt])
        self.names = list(self._own)
        self.new = new
        self._inputs = inputs_by_name(results, "the view")
        self.function: Function = function(
            list(self._inputs.values()), results, execution="eager", name="the view"
        )

    def __call__(
        self, values: Mapping[str, torch.Tensor], batch: Mapping[str, Any]
    ) -> list[torch.Tensor]:
        """Compute all variables, then all gradients.

        Parameters
        ----------
        values : mapping of str to torch.Tensor
            The values of the variables in `names`, keyed by name.
        batch : mapping of str to array
            The examples, keyed by source; other sources are ignored.

        Raises
        ------
        SourceError
            If a source is missing.
        """
        self.fill(values)
        try:
            inputs = [batch[source] for source in self._inputs]
        except (LookupError, TypeError):
            raise missing_source(batch, list(self._inputs), "the view") from None
        results: list[torch.Tensor] = self.function(*inputs)
        return [result.detach() for result in results]

    def fill(self, values: Mapping[str, torch.Tensor]) -> None:
        """Set the variables in `names` to new values."""
        with torch.no_grad():
            for name, variable in self._own.items():
                variable.tensor.copy_(values[name])


def names_of(
    variables: Iterable[SharedVariable], known: Mapping[str, Mapping[str, Any]], session: str
) -> dict[str, SharedVariable]:
    """Return the given variables that a session contains, keyed by their names in the session.

    Raises
    ------
    SessionError
        If a parameter is missing from the session, or two parameters have the same name.
    """
    found: dict[str, SharedVariable] = {}
    for variable in variables:
        shape = tuple(variable.tensor.shape)
        candidates = (path_of(variable), *named([variable]))
        name = next((one for one in candidates if one in known), None)
        is_parameter = has_roles(variable, [PARAMETER])
        if name is None or tuple(known[name]["shape"]) != shape:
            if is_parameter:
                text = OTHER_RUN.format(name=candidates[0], shape=shape, session=session)
                raise SessionError(text)
            continue  # a constant of the graph, or a counter of random draws
        if name in found:
            if is_parameter:
                raise SessionError(TWICE.format(name=name))
            continue
        found[name] = variable
    return found


def own_copy(variable: SharedVariable) -> SharedVariable:
    """Return a new shared variable with the same value, name and tag."""
    with together(variable.writers):
        own = shared(variable.tensor.detach().clone(), variable.name, dtype=variable.dtype)
    own.tag = variable.tag.copy()
    return own
