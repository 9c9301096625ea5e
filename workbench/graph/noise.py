"""Functions that add random draws to a graph: dropout and Gaussian noise.

The draws come from a seeded stream (see `workbench.tensor.random`), whose counter advances with
every function call. Masks differ between batches, and a resumed run draws the same masks as an
uninterrupted run.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch

from workbench.errors import GraphError
from workbench.graph.computation import ComputationGraph
from workbench.graph.selection import chosen
from workbench.hints import hinted
from workbench.roles import ALGORITHM_HYPERPARAMETER, DROPOUT, add_role, has_roles
from workbench.tensor import RandomStream, SharedVariable, Variable, as_variable, shared
from workbench.tensor.interval import Interval
from workbench.tensor.random import is_draw
from workbench.utils.notices import mention
from workbench.utils.numbers import is_single

logger = logging.getLogger(__name__)

PROBABILITY = Interval(0, 1, closed="left")
"""The check of dropout probabilities, which also applies to values that are set during training."""

NOT_SCALAR = (
    "drop_prob must be a number, or a shared variable with a single floating-point number, not "
    "{given!r}, which has {kind}"
)
NO_VARIABLES = (
    "{what} received no variables, so the graph is not changed; check the VariableFilter, which "
    "returns an empty list if no variable matches"
)


@hinted
def apply_dropout(
    computation_graph: ComputationGraph,
    variables: Iterable[Variable] | Any,
    drop_prob: float | SharedVariable,
    rng: RandomStream | None = None,
    seed: int | None = None,
    custom_divisor: float | None = None,
) -> ComputationGraph:
    """Set random elements of variables to zero.

    Each element is set to zero with probability `drop_prob`, and otherwise divided by ``1 -
    drop_prob``. This preserves the expected value, so no scaling is needed at test time. The
    probability is a hyperparameter, which can be changed during training, for example with
    ``session.set("drop_prob", 0.3)``.

    Parameters
    ----------
    computation_graph : ComputationGraph
    variables : iterable of Variable, or criterion
        The variables whose elements are dropped. A criterion (see `workbench.filter.as_predicate`)
        selects among the variables of the graph. To use different probabilities, call the function
        several times.
    drop_prob : float or SharedVariable
        The probability of dropping an element, in [0, 1). A number becomes a new shared variable
        named ``drop_prob``. Pass a scalar shared variable to use one probability in several calls
        or to give the probability another name. If the values of this variable are not
        checked yet, a check that they lie in [0, 1) is added.
    rng : RandomStream, optional
        The stream that draws the masks.
    seed : int, optional
        The seed of a new stream if `rng` is not given; by default ``config.default_seed``.
    custom_divisor : float, optional
        Divisor that replaces ``1 - drop_prob``.

    Returns
    -------
    ComputationGraph
        A new graph. The replacement of a variable has the role ``DROPOUT``, and its
        ``tag.replacement_of`` is the original variable.

    Raises
    ------
    GraphError
        If the probability is neither a number in [0, 1) nor a shared variable with a value in
        [0, 1), `custom_divisor` is not a positive number, or a variable is not floating point.
    SelectionError
        If a criterion selects nothing.

    References
    ----------
    Hinton, Srivastava, Krizhevsky, Sutskever and Salakhutdinov (2012). Improving neural networks
    by preventing co-adaptation of feature detectors.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> dropped = apply_dropout(ComputationGraph(x * 1), [x], 0.5, seed=1)
    >>> f = dropped.get_function()
    >>> f([1.0, 1.0, 1.0, 1.0, 1.0])
    [tensor([2., 2., 0., 0., 2.])]

    With bricks, use a criterion: ``apply_dropout(graph, OUTPUT & Tanh, 0.5)``.
    """
    probability = probability_variable(drop_prob)
    if custom_divisor is not None and not 0 < custom_divisor < math.inf:
        raise GraphError(f"custom_divisor must be a number greater than 0, not {custom_divisor!r}")
    stream = _stream(computation_graph, rng, seed)
    keep = 1 - probability.to(torch.float64)  # exact for a value of any dtype
    divisor = keep if custom_divisor is None else custom_divisor

    def dropped(variable: Variable) -> Variable:
        mask = stream.bernoulli(variable.shape, keep, dtype=variable.dtype)
        new = variable * (mask / divisor)  # so that all tiers round the scale only once
        add_role(new, DROPOUT)
        return new

    return _replaced(computation_graph, variables, dropped, "apply_dropout")


@hinted
def apply_noise(
    computation_graph: ComputationGraph,
    variables: Iterable[Variable] | Any,
    level: float | Variable,
    seed: int | None = None,
    rng: RandomStream | None = None,
) -> ComputationGraph:
    """Add Gaussian noise to variables.

    Parameters
    ----------
    computation_graph : ComputationGraph
    variables : iterable of Variable, or criterion
        The variables that noise is added to; see `apply_dropout`.
    level : float or Variable
        The standard deviation of the noise.
    seed : int, optional
        The seed of a new stream if `rng` is not given; by default ``config.default_seed``.
    rng : RandomStream, optional
        The stream that draws the noise.

    Returns
    -------
    ComputationGraph
        A new graph. The ``tag.replacement_of`` attribute of a noisy variable is the original.

    Raises
    ------
    GraphError
        If `level` is negative or not finite, or if a variable is not floating point.
    SelectionError
        If a criterion selects nothing.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> noisy = apply_noise(ComputationGraph(x + 0), [x], 0.1)
    >>> [value] = noisy.get_function()([1.0, 2.0])
    >>> value.round()
    tensor([1., 2.])
    """
    if not isinstance(level, Variable) and not 0 <= level < math.inf:
        raise GraphError(
            f"the noise level must be a finite, non-negative standard deviation, not {level!r}"
        )
    stream = _stream(computation_graph, rng, seed)
    return _replaced(
        computation_graph,
        variables,
        lambda variable: variable + stream.normal(variable.shape, dtype=variable.dtype) * level,
        "apply_noise",
    )


def probability_variable(given: Any) -> SharedVariable:
    """Return the shared variable that holds a dropout probability, with its role and check.

    Raises
    ------
    GraphError
        If `given` is neither a number in [0, 1) nor a shared variable with a value in [0, 1).
    """
    if isinstance(given, SharedVariable):
        variable = given
        if variable.ndim or not variable.dtype.is_floating_point:
            kind = f"shape {tuple(variable.shape)} and dtype {variable.dtype}"
            raise GraphError(NOT_SCALAR.format(given=variable, kind=kind))
        value = variable.get_value().item()
        name = f"drop_prob, the value of {variable},"
        replace(PROBABILITY, error=GraphError)(name, variable.tensor, value)
        variable.name = variable.name or "drop_prob"
        variable.check = variable.check or PROBABILITY
    elif is_single(given) and 0 <= given < 1:
        variable = shared(float(given), "drop_prob", torch.float64, PROBABILITY)
    else:
        raise GraphError(f"drop_prob must be a probability in [0, 1), not {given!r}")
    add_role(variable, ALGORITHM_HYPERPARAMETER)
    return variable


def is_probability(variable: SharedVariable) -> bool:
    """Return True if a shared variable is a dropout probability."""
    return variable.check == PROBABILITY and has_roles(variable, [ALGORITHM_HYPERPARAMETER])


def _stream(
    computation_graph: ComputationGraph, rng: RandomStream | None, seed: int | None
) -> RandomStream:
    """Return `rng`, or a new stream whose draws differ from the draws in the graph."""
    if rng is not None:
        return rng
    stream = RandomStream(seed)
    stream.draws = len(
        {v.owner for v in computation_graph.variables if v.owner and is_draw(v.owner)}
    )
    return stream


def _replaced(
    computation_graph: ComputationGraph,
    variables: Any,
    replacement: Callable[[Variable], Any],
    what: str,
) -> ComputationGraph:
    replacements = {}
    variables = chosen(variables, computation_graph, what)
    if not variables:
        mention(logger, NO_VARIABLES.format(what=what))
    for variable in dict.fromkeys(variables):
        if not variable.dtype.is_floating_point:
            raise GraphError(f"{what}: {variable!r} must be floating point, not {variable.dtype}")
        new = as_variable(replacement(variable))
        new.name = variable.name
        new.tag.replacement_of = variable
        replacements[variable] = new
    return computation_graph.replace(replacements)
