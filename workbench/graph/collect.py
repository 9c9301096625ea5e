"""Function that replaces parameters with slices of one shared vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from workbench.errors import GraphError
from workbench.graph.computation import ComputationGraph
from workbench.graph.hierarchy import path_of
from workbench.graph.selection import chosen
from workbench.hints import hinted
from workbench.roles import COLLECTED, COLLECTOR, add_role
from workbench.tensor import SharedVariable, Variable, shared


@hinted
def collect_parameters(
    computation_graph: ComputationGraph, parameters: Iterable[SharedVariable] | Any
) -> ComputationGraph:
    """Replace parameters with slices of one vector.

    The vector initially contains the values of the parameters. The Hessian with respect to the
    vector, for example, is the Hessian with respect to all parameters.

    Parameters
    ----------
    computation_graph : ComputationGraph
    parameters : iterable of SharedVariable, or criterion
        Parameters with the same dtype. A criterion (see `workbench.filter.as_predicate`) selects
        among the parameters of the graph.

    Returns
    -------
    ComputationGraph
        A graph where one shared variable, ``collected_parameters``, replaces `parameters`. This
        variable has the role ``COLLECTOR``. Each slice has the role ``COLLECTED``, and its
        ``tag.replacement_of`` is the parameter that it replaces.

    Raises
    ------
    GraphError
        If there are no parameters, or if their dtypes differ.
    SelectionError
        If a criterion selects nothing.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.initialization import Constant
    >>> linear = Linear(2, 3, weights_init=Constant(1), biases_init=Constant(0))
    >>> linear.initialize()
    >>> graph = ComputationGraph(linear.apply(tensor.matrix("x")))
    >>> collect_parameters(graph, graph.parameters).shared_variables[0].get_value()
    array([1., 1., 1., 1., 1., 1., 0., 0., 0.], dtype=float32)
    """
    given = chosen(parameters, computation_graph.parameters, "collect_parameters")
    parameters = list(dict.fromkeys(given))
    if len({parameter.dtype for parameter in parameters}) != 1:
        dtypes = [f"{path_of(parameter)} ({parameter.dtype})" for parameter in parameters]
        raise GraphError(
            "collect_parameters requires parameters of the same dtype, but received "
            f"{', '.join(dtypes) or 'no parameters'}"
        )
    values = [parameter.get_value() for parameter in parameters]
    collector = shared(numpy.concatenate([v.ravel() for v in values]), "collected_parameters")
    add_role(collector, COLLECTOR)
    replacements: dict[Variable, Variable] = {}
    start = 0
    for parameter, value in zip(parameters, values, strict=True):
        piece = collector[start : start + value.size].reshape(value.shape)
        piece.name = parameter.name
        piece.tag = parameter.tag.copy()
        add_role(piece, COLLECTED)
        piece.tag.replacement_of = parameter
        replacements[parameter] = piece
        start += value.size
    return computation_graph._replaced(replacements)
