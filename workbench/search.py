"""Beam search, an approximate search for the most likely sequences of a sequence generator.

A generator draws sequences according to their probabilities. `BeamSearch` searches for the most
likely sequences. It keeps K sequences, the *beam*. Each step extends them by one element in all
possible ways, and keeps the K best results. The search is exact if K is as large as the number of
possible sequences.

In the shapes below, K is the number of sequences in the beam, R the number of different outputs,
and T the number of time steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy
import torch

from workbench.bricks.sequence_generators import BaseSequenceGenerator
from workbench.errors import InputError, SearchError, nearest
from workbench.filter import VariableFilter, get_application_call
from workbench.graph import ComputationGraph
from workbench.hints import Hinted
from workbench.names import explain_missing
from workbench.roles import OUTPUT, has_roles
from workbench.tensor import Function, Variable, function, variable
from workbench.tensor.scan import Loop
from workbench.tensor.traversal import ancestors
from workbench.utils import find_bricks
from workbench.utils.numbers import is_count, is_whole

__all__ = ["BeamSearch"]

ROUNDING = 1e-5  # relative to the largest value: above float32 rounding, below real differences
Values = dict[str, torch.Tensor]
Arrays = tuple[numpy.ndarray[Any, Any], numpy.ndarray[Any, Any], numpy.ndarray[Any, Any]]

STATES = 1
"""The position of the states among the arguments of a loop."""


class BeamSearch(Hinted):
    """Search for the most likely sequences of a generator with integer outputs.

    Parameters
    ----------
    samples : Variable
        An output of a generator's ``generate`` method, applied with any ``n_steps``. The search
        uses the contexts and the initial states of this application.

    Attributes
    ----------
    generator : BaseSequenceGenerator
    inputs : list of Variable
        The inputs of the graph that computes `samples`.
    compiled : bool
        True if the functions for a search have been created.

    Raises
    ------
    SearchError
        If `samples` is not an output of the ``generate`` method of a sequence generator, or if the
        emitter, unlike `SoftmaxEmitter`, has no application ``probs``.

    Examples
    --------
    A generator whose outputs are independent: at every step, the outputs 0, 1 and 2 have the
    probabilities 0.2, 0.5 and 0.3, and the output 2 ends the sequence.

    >>> from workbench.bricks.recurrent import GatedRecurrent
    >>> from workbench.bricks.sequence_generators import (
    ...     LookupFeedback, Readout, SequenceGenerator, SoftmaxEmitter)
    >>> from workbench.initialization import Constant
    >>> generator = SequenceGenerator(
    ...     Readout(SoftmaxEmitter(), LookupFeedback(3, 1), source_names=["states"], readout_dim=3),
    ...     GatedRecurrent(1), weights_init=Constant(0), biases_init=Constant(0))
    >>> generator.initialize()
    >>> biases = generator.readout.post_merge.parameters[0]
    >>> biases.set_value(numpy.log([0.2, 0.5, 0.3]).astype("float32"))
    >>> samples = generator.generate(n_steps=1, batch_size=3, as_dict=True)["outputs"]
    >>> outputs, costs = BeamSearch(samples).search({}, eol_symbol=2, max_length=3)
    >>> outputs
    [[2], [1, 2], [1, 1, 1]]
    >>> [round(float(numpy.exp(-cost)), 3) for cost in costs]
    [0.3, 0.15, 0.125]
    """

    def __init__(self, samples: Variable) -> None:
        call = get_application_call(samples) if isinstance(samples, Variable) else None
        brick = None if call is None else call.application.brick
        if call is None or not isinstance(brick, BaseSequenceGenerator):
            raise SearchError(
                f"samples must be an output of generator.generate(n_steps=..., batch_size=...), "
                f"not {samples!r}, which is not from a sequence generator"
            )
        before = ancestors([samples])
        loops = [v for v in before if v.owner and isinstance(v.owner.function, Loop)]
        if call.application != brick.generate or not loops or not has_roles(samples, [OUTPUT]):
            raise SearchError(
                f"samples must be an output of {brick.path()}.generate, applied with n_steps=... "
                f"and without iterate=False, not {samples!r} of {call.application.path}"
            )
        self.generator: Any = brick
        self.inputs = ComputationGraph(samples).inputs
        owner: Any = loops[-1].owner  # the last loop draws the sequences
        self._states = dict(zip(brick.generate_states(), owner.args[STATES], strict=True))
        self._contexts = {
            v.tag.name: v
            for v in before
            if get_application_call(v) is call and v.tag.name in brick.generate.contexts
        }
        self._contexts |= brick.transition.preprocess(as_dict=True, **self._contexts)
        self.compiled = False
        self._build_step()

    def _build_step(self) -> None:
        """Build the graph of one time step, with input variables for contexts and states."""
        generator = self.generator
        self._given = {
            name: variable(
                name, [n if isinstance(n, int) else None for n in like.shape], like.dtype
            )
            for name, like in {**self._contexts, **self._states}.items()
        }
        step = generator.generate(iterate=False, as_dict=True, **self._given)
        self._next = [step[name] for name in self._states]
        graph = ComputationGraph(self._next)
        [self._drawn] = VariableFilter(applications=[generator.readout.emit], roles=[OUTPUT])(
            graph.variables
        )
        self._probs = self._found_probs(graph)

    def _found_probs(self, graph: ComputationGraph) -> Variable:
        parts = find_bricks([self.generator.readout], lambda _: True)
        for v in VariableFilter(roles=[OUTPUT])(graph.variables):
            call = get_application_call(v)
            if call and call.application.name == "probs" and call.application.brick in parts:
                return v
        raise SearchError(
            f"the emitter of {self.generator.readout.path()} has no application named probs, so "
            "the probabilities of outputs are not known; use SoftmaxEmitter, or an emitter that "
            "defines probs and draws from these probabilities"
        )

    def compile(self) -> None:
        """Create the functions for a search; other methods call this method if necessary."""
        given = list(self._given.values())
        start = [*self._contexts.values(), *self._states.values()]
        chosen = variable("chosen", [None], self._drawn.dtype)
        self._start = _function(self.inputs, start, "initial states of a beam")
        # torch.log of a softmax is computed exactly, as a log-softmax.
        log_probs = self._probs.log()
        self._log_probs = _function(given, [log_probs], "next outputs of a beam")
        self._next_states = _function(
            [*given, chosen], self._next, "next states of a beam", {self._drawn: chosen}
        )
        self.compiled = True

    def _compile_once(self) -> None:
        if not self.compiled:
            self.compile()

    def compute_initial_states_and_contexts(
        self, inputs: Mapping[Any, Any]
    ) -> tuple[Values, Values]:
        """Compute the contexts and the initial states of a search.

        Parameters
        ----------
        inputs : dict
            Values of the inputs; each key is an input or its name.

        Returns
        -------
        contexts, states : dict of str to torch.Tensor
            The contexts, including preprocessed contexts, and the initial states.
        """
        self._compile_once()
        computed = self._start(*self._in_order(inputs))
        named = dict(zip([*self._contexts, *self._states], computed, strict=True))
        contexts = {name: named[name] for name in self._contexts}
        return contexts, {name: named[name] for name in self._states}

    def compute_logprobs(self, contexts: Values, states: Values) -> torch.Tensor:
        """Compute the log-probability of each possible next output, as a tensor of shape (K, R)."""
        self._compile_once()
        [log_probs] = self._log_probs(*self._step_values(contexts, states))
        return log_probs  # type: ignore[no-any-return]

    def compute_next_states(
        self, contexts: Values, states: Values, outputs: torch.Tensor
    ) -> Values:
        """Compute the states that follow the chosen `outputs`, a tensor of shape (K,)."""
        self._compile_once()
        computed = self._next_states(*self._step_values(contexts, states), outputs)
        return dict(zip(self._states, computed, strict=True))

    def _step_values(self, contexts: Values, states: Values) -> list[torch.Tensor]:
        return [*(contexts[n] for n in self._contexts), *(states[n] for n in self._states)]

    def _in_order(self, inputs: Mapping[Any, Any]) -> list[Any]:
        named = {v.name: v for v in self.inputs if v.name is not None}
        values: dict[Variable, Any] = {}
        if not isinstance(inputs, Mapping):
            raise InputError(
                "the values of the inputs must be a dictionary with inputs or their names as "
                f"keys, not {type(inputs).__name__}"
            )
        for key, value in inputs.items():
            found = key if isinstance(key, Variable) else named.get(key)
            if found not in self.inputs:
                raise InputError(
                    f"the graph of the samples has no input {key!r}, only "
                    f"({', '.join(map(repr, self.inputs))}){nearest(str(key), named)}"
                )
            values[found] = value
        missing = [repr(v) for v in self.inputs if v not in values]
        if missing:
            raise InputError(f"the search requires a value for {', '.join(missing)}")
        return [values[v] for v in self.inputs]

    def search(
        self,
        input_values: Mapping[Any, Any],
        eol_symbol: int,
        max_length: int,
        ignore_first_eol: bool = False,
        as_arrays: bool = False,
    ) -> Any:
        """Search for the most likely sequences.

        Parameters
        ----------
        input_values : dict
            Values of the graph's inputs; each key is an input or its name. Each value is a
            batch of K copies of one example, as in ``numpy.repeat(example[:, None], 10, axis=1)``,
            where K is the size of the beam.
        eol_symbol : int
            The output that ends a sequence.
        max_length : int
            Maximum number of elements in a sequence; longer sequences are truncated.
        ignore_first_eol : bool
            If True, do not end a sequence at its first element, even if this element is
            `eol_symbol`. Use this option for sequences that start and end with the same symbol.
        as_arrays : bool
            If True, return arrays instead of lists.

        Returns
        -------
        outputs : list of list of int
            Up to K sequences in order of decreasing probability. Each sequence ends with
            `eol_symbol` unless it was truncated.
        costs : list of float
            The negative log-probability of each sequence.

            If `as_arrays` is True, three arrays of shape (T, up to K) are returned instead: the
            outputs, a mask that is zero after the end of a sequence, and the cost of each element.

        Raises
        ------
        InputError
            If an input is missing or unknown.
        SearchError
            If the values are not copies of one example, another argument is invalid, or a
            probability is NaN.
        """
        if not is_count(max_length):
            raise SearchError(f"max_length must be a positive integer, not {max_length!r}")
        if not is_whole(eol_symbol):
            raise SearchError(
                f"eol_symbol must be the integer output that ends a sequence, not {eol_symbol!r}"
            )
        contexts, states = self.compute_initial_states_and_contexts(input_values)
        size = len(states["outputs"])
        _check_copies(size, contexts, states)
        # At first all sequences of the beam are equal, so only one of them may be continued.
        costs = torch.full((size,), torch.inf, dtype=torch.float64)
        costs[0] = 0
        going = torch.ones(size, dtype=torch.bool)
        history: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        for step in range(max_length):
            log_probs = self.compute_logprobs(contexts, states).cpu().double()
            _check_log_probs(log_probs, eol_symbol)
            # A sequence that has ended continues with `eol_symbol` at no cost.
            longer = torch.where(going[:, None], -log_probs, torch.inf)
            longer[~going, eol_symbol] = 0
            best = (costs[:, None] + longer).flatten().topk(size, largest=False)
            rows, outputs = best.indices // longer.shape[1], best.indices % longer.shape[1]
            history = [(o[rows], m[rows], c[rows]) for o, m, c in history]
            history.append((outputs, going[rows], longer[rows, outputs]))
            costs, going = best.values, going[rows]
            if not (ignore_first_eol and step == 0):
                going = going & (outputs != eol_symbol)
            if not (going & costs.isfinite()).any():
                break
            moved = {name: value[rows.to(value.device)] for name, value in states.items()}
            states = self.compute_next_states(contexts, moved, outputs.to(self._drawn.device))
        possible = costs.isfinite()
        series = [torch.stack(values)[:, possible] for values in zip(*history, strict=True)]
        result = (series[0].numpy(), series[1].double().numpy(), series[2].numpy())
        return result if as_arrays else self.result_to_lists(result)

    @staticmethod
    def result_to_lists(result: Arrays) -> tuple[list[list[int]], list[float]]:
        """Convert the arrays that `search` returns to lists of outputs and their costs.

        >>> outputs, mask = numpy.array([[1, 2], [2, 2]]), numpy.array([[1, 1], [1, 0]])
        >>> BeamSearch.result_to_lists((outputs, mask, numpy.array([[0.5, 1.5], [0.5, 0.0]])))
        ([[1, 2], [2]], [1.0, 1.5])
        """
        outputs, masks, costs = result
        lengths = masks.sum(0).astype(int)
        lists = [column[:n].tolist() for column, n in zip(outputs.T, lengths, strict=True)]
        return lists, costs.sum(0).tolist()


def _function(
    inputs: list[Variable],
    outputs: list[Variable],
    name: str,
    givens: Mapping[Variable, Variable] = MappingProxyType({}),
) -> Function:
    return function(inputs, outputs, givens=givens, name=name, on_unused_input="ignore")


def _check_copies(size: int, contexts: Values, states: Values) -> None:
    """Raise an error if contexts or states clearly differ between the sequences of the batch."""
    if size < 1:
        raise SearchError(
            "the batch is empty; pass a copy of the example for each sequence of the beam"
        )
    for name, value in {**contexts, **states}.items():
        # The batch is the first dimension of a state, and one of the dimensions of a context.
        axes = [0] if name in states else [i for i, n in enumerate(value.shape) if n == size]
        alike = [_alike(value, value.narrow(axis, 0, 1)) for axis in axes]
        if axes and (name in states or value.dim() > 1) and not any(alike):
            raise SearchError(
                f"{name} differs between the {size} sequences of the batch; the batch must consist "
                "of copies of one example, one for each sequence of the beam, as in "
                "numpy.repeat(example[:, None], 10, axis=1)"
            )


def _alike(value: torch.Tensor, first: torch.Tensor) -> bool:
    """Return True if `value` equals `first`, except for rounding errors."""
    if not value.dtype.is_floating_point or value.numel() == 0:
        return bool((value == first).all())
    difference = (value - first).abs()
    return bool((difference <= ROUNDING * value.abs().max()).all())


def _check_log_probs(log_probs: torch.Tensor, eol_symbol: int) -> None:
    number = log_probs.shape[1]
    if not 0 <= eol_symbol < number:
        raise SearchError(f"eol_symbol must be an output from 0 to {number - 1}, not {eol_symbol}")
    if log_probs.isnan().any():
        raise SearchError(
            "the generator computes probabilities that are not numbers (NaN); initialise it, or "
            "find out when its training went wrong"
        )


explain_missing(__name__)
