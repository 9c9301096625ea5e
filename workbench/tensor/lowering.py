"""Lowering of graphs of variables to programs; a program is one flat ``torch.fx`` graph.

`lower` emits each call that the outputs depend on, exactly once and in topological order. It
removes identity nodes. Calls that a gradient flows through run with torch's autograd enabled, and
all other calls with autograd disabled. The schedule groups calls by mode, so that the mode is
rarely switched.

The result is a `workbench.tensor.program.Program`; `workbench.tensor.function` runs it.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from workbench import errors
from workbench.tensor import shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.exact import exact
from workbench.tensor.gradient import gradient
from workbench.tensor.horizontal import widen
from workbench.tensor.limits import LIMITS
from workbench.tensor.program import Program
from workbench.tensor.row_shards import gathered
from workbench.tensor.shared import SharedVariable
from workbench.tensor.structure import map_structure
from workbench.tensor.traversal import ancestors
from workbench.tensor.variable import Call, Variable, identity

METHODS = vars(torch.Tensor) | vars(internals.TensorBase)
LITERALS = (
    str, int, float, bool, complex, type(...), torch.dtype, torch.device, torch.layout,
    torch.memory_format,
)  # fmt: skip


def _require_grad(value: torch.Tensor) -> torch.Tensor:
    """Return `value` if it is part of an autograd graph, or a new leaf otherwise."""
    return value if value.requires_grad else value.detach().requires_grad_()


def _differentiate(
    costs: list[torch.Tensor], seeds: list[Any], wrt: list[torch.Tensor], retain: bool, create: bool
) -> Sequence[torch.Tensor]:
    """Compute gradients as `torch.autograd.grad` does.

    The autograd engine is called directly, since the checks in `torch.autograd.grad` take as long
    as an operation.
    """
    live = [(cost, seed) for cost, seed in zip(costs, seeds, strict=True) if cost.requires_grad]
    if not live:
        return [torch.zeros_like(value) for value in wrt]

    def first(cost: torch.Tensor, seed: Any) -> torch.Tensor:
        if seed is None:
            return torch.ones_like(cost)
        given: torch.Tensor = torch.as_tensor(seed, dtype=cost.dtype)
        # Copy the seed, since autograd may return it as the gradient.
        return (given if create else given.detach()).expand_as(cost).clone()

    gradients: Sequence[torch.Tensor | None] = internals.engine_run_backward(
        tuple([cost for cost, _ in live]),
        tuple([first(cost, seed) for cost, seed in live]),
        retain or create,
        create,
        tuple(wrt),
        True,  # allow_unused: return None for variables that the costs do not depend on
        accumulate_grad=False,
    )
    return [
        torch.zeros_like(value, requires_grad=create) if found is None else found
        for found, value in zip(gradients, wrt, strict=True)
    ]


def _hooked(hook: Callable[[Any], Any]) -> Callable[[Any], None]:
    def run_hook(value: Any) -> None:
        hook(value.detach() if isinstance(value, torch.Tensor) else value)

    return run_hook


def lower(
    inputs: Sequence[Variable], outputs: Sequence[Variable], news: Sequence[Variable] = ()
) -> Program:
    """Lower `outputs`, and the new values `news` of updated variables, to a program.

    Raises
    ------
    InputError
        If the graph depends on an input that is not in `inputs`.
    """
    return _Lowering(inputs, outputs, news).program()


class _Lowering:
    def __init__(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], news: Sequence[Variable]
    ) -> None:
        self.inputs = list(inputs)
        roots = gathered([*outputs, *news])
        self.outputs, self.news = roots[: len(outputs)], roots[len(outputs) :]
        self.order = ancestors(roots)
        self.shared = [v for v in self.order if isinstance(v, SharedVariable)]
        self._check_inputs()
        self.calls = list(dict.fromkeys(v.owner for v in self.order if v.owner is not None))
        self.gradients = [call for call in self.calls if call.function is gradient]
        self.last: Call | None = None  # the last gradient in the schedule
        self.wrt = {v for call in self.gradients for v in call.args[2]}
        self.tracked, self.differentiated_again = self._tracked()
        self.graph = fx.Graph()
        self.value: dict[Variable, fx.Node] = {}
        self.leaf: dict[Variable, fx.Node] = {}
        self.origin: dict[fx.Node, Call] = {}
        self.constants: dict[int, tuple[str, Any]] = {}
        self.bypassed: dict[fx.Node, None] = {}
        self.autograd = False
        self.autograd_off: fx.Node | None = None

    def _check_inputs(self) -> None:
        available = {*self.inputs, *self.shared}
        for variable in self.order:
            if variable.owner is None and variable not in available:
                names = ", ".join(repr(v) for v in self.inputs) or "none"
                raise errors.InputError(
                    f"the graph depends on the input {variable!r} "
                    f"{shapes.describe(variable.fake)}, which is not among the given inputs "
                    f"({names}); add it to the inputs, or give it a value with givens"
                )

    def _tracked(self) -> tuple[set[Variable], set[Call]]:
        """Return variables that a gradient flows through, and gradients to differentiate again.

        A gradient flows through a variable if the variable depends on one of `wrt` and a cost
        depends on the variable.
        """
        tracked: set[Variable] = set()
        for call in self.gradients:
            before = set(ancestors(call.args[0]))
            reached = set(call.args[2])
            for variable in self.order:
                owner = variable.owner
                if owner is not None and any(v in reached for v in owner.inputs):
                    reached.add(variable)
            tracked |= before & reached
        again = {call for call in self.gradients if any(v in tracked for v in call.outputs)}
        return tracked, again

    def program(self) -> Program:
        for variable in self.inputs:
            self.value[variable] = self._placeholder(variable, "input")
        for variable in self.shared:
            self.value[variable] = self._placeholder(variable, "shared")
        leaves = [v for v in self.shared if v in self.wrt]
        for variable in leaves:
            self.leaf[variable] = self._placeholder(variable, "shared", "_leaf")
        for variable in [*self.inputs, *self.shared]:
            self._after(variable)
        schedule = self._schedule()
        self.last = next((call for call in reversed(schedule) if call in self.gradients), None)
        for call in schedule:
            self._emit(call)
        self._switch(False)
        results = self._results()
        hooked = any(variable.hooks for variable in self.order)
        self.graph.output(tuple(results))
        for variable, node in (*self.value.items(), *self.leaf.items()):
            if not variable.is_number:
                node.meta["fake"] = variable.fake
        # Joining calls would reorder hooks, and it saves time only for updates.
        if self.news and not hooked:
            for joined, one in widen(self.graph, self.autograd_off).items():
                if one in self.origin:
                    self.origin[joined] = self.origin[one]
        for node in self.bypassed:  # probabilities whose logarithm is computed from the logits
            if not node.users:
                self.graph.erase_node(node)
        return Program(
            self.graph,
            dict(self.constants.values()),
            self.inputs,
            self.shared,
            leaves,
            self.origin,
            hooked,
            self.copies,
        )

    def _placeholder(self, variable: Variable, otherwise: str, ending: str = "") -> fx.Node:
        """Add a placeholder with a unique name, derived from the name of `variable`."""
        given = variable.name or otherwise
        name = "".join([c if c.isalnum() or c == "_" else "_" for c in given])
        free = name.isidentifier() and name != "self"  # the first argument of the generated code
        name = (name if free else f"{otherwise}_{name}") + ending
        node = self.graph.placeholder(name)
        # The code that torch generates assigns every argument to the lower-case name of its node.
        # This may be the name of another argument: if there are both W and w, `w = W` would
        # overwrite w.
        node.target = node.name
        return node

    def _schedule(self) -> list[Call]:
        """Return calls in topological order with few switches of the autograd mode.

        The order is greedy: the mode is switched only when no call is ready in the current mode.
        """
        users: dict[Call, list[Call]] = {call: [] for call in self.calls}
        waiting: dict[Call, int] = {}
        for call in self.calls:
            makers = {v.owner for v in call.inputs if v.owner is not None}
            waiting[call] = len(makers)
            for maker in makers:
                users[maker].append(call)
        ready: dict[bool, deque[Call]] = {False: deque(), True: deque()}

        def mode_of(call: Call) -> bool:
            return any(v in self.tracked for v in call.outputs)

        for call in self.calls:
            if waiting[call] == 0:
                ready[mode_of(call)].append(call)
        scheduled: list[Call] = []
        mode = False
        while ready[False] or ready[True]:
            mode = mode if ready[mode] else not mode
            call = ready[mode].popleft()
            scheduled.append(call)
            for user in users[call]:
                waiting[user] -= 1
                if waiting[user] == 0:
                    ready[mode_of(user)].append(user)
        return scheduled

    def _emit(self, call: Call) -> None:
        tracked = any(v in self.tracked for v in call.outputs)
        if call.function is identity:
            source = call.inputs[0]
            for variable in call.outputs:
                self.value[variable] = self.value[source]
                if tracked and source in self.leaf:
                    self.leaf[variable] = self.leaf[source]
                self._after(variable)
            return
        self._switch(tracked)
        node = self._node(call, tracked)
        self.origin[node] = call
        if call.structure is call.outputs[0]:
            self.value[call.outputs[0]] = node
        else:
            self._unpack(call.structure, node)
        for variable in call.outputs:
            self._after(variable)

    def _node(self, call: Call, tracked: bool) -> fx.Node:
        if call.function is gradient:
            costs, seeds, wrt = map_structure(lambda v: self._argument(v, True), call.args)
            again = call in self.differentiated_again
            # All gradients share the autograd graph, so only the last one may free it.
            retain = call is not self.last or bool(self.differentiated_again)
            return self.graph.call_function(_differentiate, (costs, seeds, wrt, retain, again))
        function, args, kwargs, bypassed = exact(call, self.wrt)
        if bypassed is not None:
            self.bypassed[self.value[bypassed]] = None
        if function in LIMITS:
            place = f"{call.location[-1]}: " if call.location else ""
            args = (f"{place}{call.name}: target", *args)
            function = LIMITS[function]
        args, kwargs = map_structure(lambda v: self._argument(v, tracked), (args, kwargs))
        name = getattr(function, "__name__", "")
        if METHODS.get(name) is function and args:
            return self.graph.call_method(name, args, kwargs)
        return self.graph.call_function(function, args, kwargs)

    def _argument(self, leaf: Any, tracked: bool) -> Any:
        if isinstance(leaf, Variable):
            if tracked and leaf in self.leaf:
                return self.leaf[leaf]
            return self.value[leaf]
        if leaf is None or isinstance(leaf, LITERALS):
            return leaf
        return self._constant(leaf)

    def _constant(self, value: Any) -> fx.Node:
        """Return a node for a tensor or another object that cannot be written as a literal."""
        if id(value) not in self.constants:
            self.constants[id(value)] = (f"constant_{len(self.constants)}", value)
        return self.graph.get_attr(self.constants[id(value)][0])

    def _unpack(self, structure: Any, node: fx.Node) -> None:
        if isinstance(structure, Variable):
            self.value[structure] = node
        elif isinstance(structure, (list, tuple)):
            for i, part in enumerate(structure):
                if not isinstance(part, (Variable, list, tuple)):
                    continue
                self._unpack(part, self.graph.call_function(operator.getitem, (node, i)))
        else:
            raise errors.OperationError(
                f"a function in a graph must return tensors, lists or tuples, not "
                f"{type(structure).__name__}"
            )

    def _after(self, variable: Variable) -> None:
        """Add the nodes that follow a value: its autograd leaf and the calls to its hooks."""
        if variable in self.wrt and variable not in self.leaf:
            before = self.autograd
            self._switch(True)
            self.leaf[variable] = self.graph.call_function(_require_grad, (self.value[variable],))
            self._switch(before)
        for hook in variable.hooks:
            self.graph.call_function(_hooked(hook), (self.value[variable],))

    def _switch(self, mode: bool) -> None:
        if mode is not self.autograd:
            self.autograd_off = self.graph.call_function(internals.set_grad_enabled, (mode,))
            self.autograd = mode

    def _carries_graph(self, variable: Variable) -> bool:
        """Return True if the value has an autograd history, so results must be detached from it."""
        while variable.owner is not None and variable.owner.function is identity:
            variable = variable.owner.inputs[0]
        # All outputs of one call are computed in the same mode.
        together = [variable] if variable.owner is None else variable.owner.outputs
        return any(v in self.tracked for v in together)

    def _results(self) -> list[fx.Node]:
        """Return the nodes of outputs and new values; results that share storage are copied.

        Updates happen in place, so a result that shares storage with a shared variable, an input or
        another result would otherwise change too.
        """
        self.copies: list[int] = []
        updated = {_storage(v) for v in (*self.shared, *self.inputs)} - {None}
        results: list[fx.Node] = []
        for i, variable in enumerate([*self.outputs, *self.news]):
            node = self.value[variable]
            if self._carries_graph(variable):
                node = self.graph.call_method("detach", (node,))
            storage = _storage(variable)
            if storage in updated:
                node = self.graph.call_method("clone", (node,))
                if i >= len(self.outputs):
                    self.copies.append(i - len(self.outputs))
            elif storage is not None:
                updated.add(storage)
            results.append(node)
        return results


def _storage(variable: Variable) -> Any:
    """Return an identifier of a variable's storage; a view has the identifier of its base."""
    return None if variable.is_number else internals.storage_of(variable.fake)
