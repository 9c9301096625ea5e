"""`ComputationGraph`: the variables that outputs depend on, and their annotations."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Unpack

from workbench.attributes import KnownAttributes
from workbench.errors import GraphError, InputError, nearest
from workbench.graph.annotations import Annotation
from workbench.graph.criteria import is_criterion
from workbench.graph.selection import Selection, chosen, select
from workbench.hints import Hinted, show_options
from workbench.roles import AUXILIARY, PARAMETER, has_roles
from workbench.tensor import Function, SharedVariable, Variable, function
from workbench.tensor.function import FunctionOptions
from workbench.tensor.scan import Loop
from workbench.tensor.traversal import ancestors, inputs_of, replace
from workbench.tensor.updates import Updates
from workbench.utils.plain import dict_union
from workbench.utils.variables import is_graph_input, is_shared_variable

NOT_REPLACEMENTS = (
    "replace needs a dictionary or pairs that map variables of the graph to their replacements"
)


class ComputationGraph(KnownAttributes, Hinted):
    """Graph that computes `outputs`, with the auxiliary variables and updates attached to it.

    Iterating over a graph yields its `variables`, so filters accept a graph.

    Parameters
    ----------
    outputs : Variable or list of Variable

    Attributes
    ----------
    outputs : list of Variable
    variables : list of Variable
        All variables in topological order: each variable comes after its inputs. Auxiliary
        variables are included if they depend only on inputs that the outputs also use.
    updates : dict of SharedVariable to Variable
        The updates in the annotations of the variables.
    scans : list of Loop
        The loops of the graph; see `workbench.tensor.scan`.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> graph = ComputationGraph(Linear(3, 2).apply(tensor.matrix("x")))
    >>> graph.inputs, graph.parameters, graph.auxiliary_variables
    ([x], [W, b], [W_norm, b_norm])
    """

    def __init__(self, outputs: Variable | Iterable[Variable]) -> None:
        if isinstance(outputs, ComputationGraph):
            raise GraphError(
                f"the outputs of a graph must be variables, not {outputs!r}; pass the outputs of a "
                "graph, as in ComputationGraph(graph.outputs)"
            )
        self._build([outputs] if isinstance(outputs, Variable) else list(outputs), {})

    def _build(self, outputs: list[Variable], stand_ins: Mapping[Variable, Variable]) -> None:
        """Set all attributes; `stand_ins` maps variables in annotations to their replacements."""
        for output in outputs:
            if not isinstance(output, Variable):
                raise GraphError(f"the outputs of a graph must be variables, not {output!r}")
        self.outputs = outputs
        self.updates: dict[SharedVariable, Variable] = {}
        self._stand_ins = stand_ins
        main = ancestors(outputs)
        auxiliary: list[Variable] = []
        seen: set[Annotation] = set()
        order, position = main, 0
        while position < len(order):
            # Auxiliary variables also have annotations, which may have more auxiliary variables.
            fresh = dict.fromkeys(a for v in order[position:] for a in v.tag.annotations)
            annotations = [a for a in fresh if a not in seen]
            seen.update(annotations)
            found = [stand_ins.get(v, v) for a in annotations for v in a.auxiliary_variables]
            for annotation in annotations:
                news = {k: stand_ins.get(v, v) for k, v in annotation.updates.items()}
                self.updates = dict_union(self.updates, news)
            auxiliary += _computable(dict.fromkeys(found), main)
            position, order = len(order), ancestors([*main, *auxiliary])
        self.variables: list[Variable] = order
        makers = dict.fromkeys(v.owner.function for v in order if v.owner is not None)
        self.scans: list[Loop] = [maker for maker in makers if isinstance(maker, Loop)]

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.variables)

    @property
    def inputs(self) -> list[Variable]:
        """The inputs of the graph: root variables that are neither shared nor constant."""
        return [v for v in self.variables if is_graph_input(v)]

    @property
    def shared_variables(self) -> list[SharedVariable]:
        """The shared variables of the graph."""
        return [v for v in self.variables if isinstance(v, SharedVariable)]

    @property
    def parameters(self) -> list[SharedVariable]:
        """The shared variables with the role ``PARAMETER``."""
        return [v for v in self.shared_variables if has_roles(v, [PARAMETER])]

    @property
    def auxiliary_variables(self) -> list[Variable]:
        """The variables with the role ``AUXILIARY``."""
        return [v for v in self.variables if has_roles(v, [AUXILIARY])]

    @property
    def intermediary_variables(self) -> list[Variable]:
        """The variables that are neither inputs nor outputs."""
        ends = {*self.inputs, *self.outputs}
        return [v for v in self.variables if v not in ends]

    @property
    def scan_variables(self) -> list[Variable]:
        """The variables of the graphs inside the loops."""
        return [v for scan in self.scans for v in ComputationGraph(scan.inner_outputs).variables]

    def dict_of_inputs(self) -> dict[str, Variable]:
        """Return the inputs by name.

        Raises
        ------
        GraphError
            If an input has no name, or two inputs have the same name.
        """
        by_name: dict[str, Variable] = {}
        for variable in self.inputs:
            if variable.name is None or variable.name in by_name:
                problem = "no name" if variable.name is None else "the name of another input"
                raise GraphError(
                    f"among the inputs {self.inputs}, {variable!r} has {problem}; give each input "
                    "a different name, as in tensor.matrix('features')"
                )
            by_name[variable.name] = variable
        return by_name

    def has_inputs(self, variable: Variable) -> bool:
        """Return True if a variable depends on an input."""
        if variable not in self._depending:
            return any(is_graph_input(v) for v in ancestors([variable]))
        return self._depending[variable]

    @functools.cached_property
    def _depending(self) -> dict[Variable, bool]:
        depends: dict[Variable, bool] = {}
        for v in self.variables:
            depends[v] = is_graph_input(v) or any(depends[i] for i in inputs_of(v))
        return depends

    def select(self, criterion: Any) -> Selection:
        """Return the variables that meet a criterion, in topological order.

        Parameters
        ----------
        criterion : object
            See `workbench.filter.as_predicate`.

        Examples
        --------
        >>> from workbench import tensor
        >>> from workbench.bricks import Linear
        >>> from workbench.roles import BIAS, PARAMETER
        >>> graph = ComputationGraph(Linear(3, 2).apply(tensor.matrix("x")))
        >>> graph.select(PARAMETER & ~BIAS)
        [W]
        """
        return select(criterion, self)

    def replace(
        self,
        replacements: Mapping[Variable, Variable] | Iterable[tuple[Variable, Variable]] | Any,
        replacement: Callable[[Variable], Variable] | Variable | None = None,
    ) -> ComputationGraph:
        """Return a new graph with some variables replaced by others.

        Replacements may depend on each other, and a replacement may use the variable that it
        replaces. Auxiliary variables and updates are also rebuilt from the replacements.

        Parameters
        ----------
        replacements : dict or pairs of Variable, or criterion
            The variables to replace, with their replacements. If `replacement` is given, pass only
            the variables, as a list or a criterion (see `workbench.filter.as_predicate`).
        replacement : callable or Variable, optional
            The variable that replaces all of these variables, or a function that returns the
            replacement of a variable.

        Raises
        ------
        GraphError
            If `replacements` is neither a mapping nor a list of pairs, or if `replacement` is given
            and `replacements` contains an object that is not a variable.
        SelectionError
            If a criterion selects nothing.

        Warns
        -----
        UserWarning
            If some of the variables to replace are not part of the graph.

        Examples
        --------
        >>> from workbench import tensor
        >>> x = tensor.scalar("x")
        >>> y = x + 2
        >>> z = y + 3
        >>> graph = ComputationGraph(z + 5)
        >>> graph.replace({y: x * 2, z: y * 3}).outputs[0].eval({x: 3.0})
        tensor(23.)
        >>> graph.replace("x", lambda v: 10 * v).outputs[0].eval({x: 3.0})
        tensor(40.)
        """
        if replacement is not None:
            found = chosen(replacements, self, "replace")
            make = (lambda old: replacement) if isinstance(replacement, Variable) else replacement
            replacements = {old: make(old) for old in found}
        elif is_criterion(replacements):
            raise GraphError(
                f"replace({replacements!r:.80}) needs a replacement; pass a function of the old "
                "variable as the second argument"
            )
        wanted = _pairs(replacements)
        present = set(self.variables)
        absent = [v for v in wanted if v not in present]
        if absent:
            text = f"variables that are not part of the graph were not replaced: {absent}"
            warnings.warn(text, stacklevel=2)
        graph = self._replaced({old: new for old, new in wanted.items() if old in present})
        for old, new in zip(self.outputs, graph.outputs, strict=True):
            if new is not old:
                new.tag.rewritten = True  # an algorithm keeps the mode of this graph
        return graph

    def _replaced(self, known: Mapping[Variable, Variable]) -> ComputationGraph:
        """Replace variables without marking the graph as rewritten."""
        roots = list(self.outputs)
        for graph in (self, ComputationGraph(known.values())):
            roots += [*graph.auxiliary_variables, *graph.updates.values()]
        new = replace(roots, known)
        # Annotations still refer to the variables of the original graph after several rewrites.
        original = {v: old for old, v in self._stand_ins.items()}
        stand_ins = {**self._stand_ins, **{original.get(v, v): new[v] for v in roots}}
        graph = ComputationGraph.__new__(ComputationGraph)
        graph._build([new[v] for v in self.outputs], stand_ins)
        return graph

    @show_options
    def get_function(
        self, additional_updates: Updates | None = None, **kwargs: Unpack[FunctionOptions]
    ) -> Function:
        """Create a function from the inputs to the outputs that also applies the updates.

        Parameters
        ----------
        additional_updates : dict or pairs, optional
            Additional updates of shared variables.
        **kwargs
            Passed to `workbench.function`.

        Returns
        -------
        Function
            A function that accepts values in the order of `inputs` and returns a list of tensors.
        """
        updates = dict_union(self.updates, dict(additional_updates or ()))
        return function(self.inputs, self.outputs, updates=updates, **kwargs)

    def get_snapshot(self, data: Mapping[str | Variable, Any]) -> dict[Variable, Any]:
        """Compute the values of all variables that have a role, for given inputs.

        Parameters
        ----------
        data : dict of str or Variable to array
            Values of the inputs, by name or by variable; other entries are ignored.

        Returns
        -------
        dict of Variable to tensor
            The computed values. Shared variables, which already have a value, are not included.

        Raises
        ------
        InputError
            If an input has no value.
        """
        if not isinstance(data, Mapping):
            raise InputError(
                "get_snapshot needs a dictionary with the values of the inputs by name, as in "
                f"{{'x': array}}, not {data!r:.60}"
            )
        by_name = {key.name if isinstance(key, Variable) else key: data[key] for key in data}
        inputs = self.dict_of_inputs()
        missing = [name for name in inputs if name not in by_name]
        if missing:
            hint = nearest(missing[0], by_name)
            raise InputError(
                f"get_snapshot: data must contain values for {', '.join(missing)}, but has only "
                f"the keys {list(data)}{hint}"
            )
        wanted = [v for v in self.variables if v.tag.roles and not is_shared_variable(v)]
        run: Callable[..., Any] = function(
            list(inputs.values()), wanted, name="get_snapshot", on_unused_input="ignore"
        )
        return dict(zip(wanted, run(*[by_name[name] for name in inputs]), strict=True))

    def _repr_html_(self) -> str:
        from workbench.diagrams.of_graph import of_computation  # needed only in notebooks
        from workbench.diagrams.page import page

        return page(of_computation(self).folded())

    def __repr__(self) -> str:
        count = len(self.variables)
        plural = "s" * (count != 1)
        return f"<{type(self).__name__} of {self.outputs}: {count} variable{plural}>"


def _pairs(replacements: Any) -> dict[Variable, Variable]:
    """Return the replacements as a dictionary from variables to variables."""
    try:
        wanted: dict[Any, Any] = dict(replacements)
    except (TypeError, ValueError):
        raise GraphError(f"{NOT_REPLACEMENTS}, not {replacements!r:.80}") from None
    for old, new in wanted.items():
        if not isinstance(old, Variable):
            raise GraphError(
                f"{NOT_REPLACEMENTS}, but {old!r:.80} is not a variable; find the variable, for "
                "example with VariableFilter, or call replace(criterion, function)"
            )
        if not isinstance(new, Variable):
            raise GraphError(
                f"{NOT_REPLACEMENTS}, but the replacement of {old!r} is {new!r:.80} "
                f"({type(new)}); convert a value to a variable with tensor.constant(value)"
            )
    return wanted


def _computable(candidates: Iterable[Variable], main: list[Variable]) -> list[Variable]:
    """Return the `candidates` whose graph inputs are all in `main`."""
    available = set(main)
    incomputable: set[Variable] = set()
    candidates = list(candidates)
    for v in ancestors(candidates):
        unknown = is_graph_input(v) and v not in available
        if unknown or any(i in incomputable for i in inputs_of(v)):
            incomputable.add(v)
    return [v for v in candidates if v not in incomputable]
