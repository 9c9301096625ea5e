"""Trials, which apply a brick or operation to new inputs without allocating parameters.

A trial creates the bricks that a call needs, and then executes the call. The result is stored under
a key that contains everything it depends on: the classes and settings of the bricks, the
inputs of the call, and the shapes and dtypes of these inputs. Therefore, only the affected calls
are tried again after an edit. Only plain values are stored, not bricks, graphs or errors.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from workbench.bricks.inference import Inputs, Kind, fresh_inputs
from workbench.builder import registry
from workbench.builder.changes import Change, patched
from workbench.builder.construct import Constructor
from workbench.builder.convert import (
    MOST_SYMBOLIC,
    Built,
    application_of,
    applied,
    check_count,
    check_operation,
    operated,
)
from workbench.builder.facts import (
    BrickFacts,
    Part,
    axes_of,
    facts_of,
    facts_of_unused,
    flops_of,
    parts_of,
)
from workbench.builder.module_fixes import module_fix
from workbench.builder.palette import ports
from workbench.builder.problems import Problem, problem_of
from workbench.builder.spec import BrickSpec, CallSpec, map_wires
from workbench.config import config
from workbench.errors import BuilderError, SpecError
from workbench.tensor.symbolic import at_most

MOST = 20_000
"""Maximum number of trials that are kept."""


@dataclass(frozen=True)
class Trial:
    """Result of one trial.

    Attributes
    ----------
    outputs : tuple of Kind
        Empty if there was a problem.
    learned : tuple of pairs
        Sizes that must be equal; see `Inputs.learned`.
    axes : tuple of pairs
        Pairs of the name of an unknown size and its label.
    parts : tuple of Part
    flops : dict of str to int, or None
        The number of floating-point operations for one example, keyed by path; ``""`` is the total.
    bricks : tuple of BrickFacts
        The properties of the task's bricks, in order.
    problem : Problem or None
    """

    outputs: tuple[Kind, ...] = ()
    learned: tuple[tuple[str, int | str], ...] = ()
    axes: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()
    flops: Mapping[str, int] | None = None
    bricks: tuple[BrickFacts, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Task:
    """Everything that a trial depends on.

    Attributes
    ----------
    bricks : tuple of BrickSpec
        The brick, and all bricks that share parts with it, in order.
    call : CallSpec or None
        The call to execute; None to create only the bricks.
    kinds : dict of str to Kind, or None
        The kinds of the wires that the call needs. None if some kinds are unknown; the call is then
        checked, but not executed.
    wires : tuple of str
        The names of the wires that the call needs.
    """

    bricks: tuple[BrickSpec, ...]
    call: CallSpec | None = None
    kinds: Mapping[str, Kind] | None = field(default_factory=dict)
    wires: tuple[str, ...] = ()

    def key(self) -> str:
        """Return a key with everything that determines the trial's result and error messages."""
        call = None if self.call is None else {**self.call.to_dict(), "id": ""}
        if call is not None:
            call["outputs"] = len(self.call.outputs)  # type: ignore[union-attr]
        bricks = [brick.text for brick in self.bricks]
        given = (self.kinds or {}).items()
        kinds = [[name, kind.shape, str(kind.dtype)] for name, kind in given]
        surroundings = [
            registry.generation(),
            registry.executed_cells("".join([*bricks, json.dumps(call)])),
            config.floatx,
            config.device,
            str(torch.get_default_dtype()),
        ]
        return json.dumps([bricks, call, kinds, self.kinds is None, surroundings])

    def plain(self) -> tuple[Task, dict[str, str]]:
        """Return the task with irrelevant names replaced, and the original names of its sizes.

        Trials that differ only in the names of bricks, wires and sizes have the same result, except
        for the text of an error.
        """
        wires = {wire: f"w{number}" for number, wire in enumerate(self.wires)}
        sizes: dict[str, str] = {}
        kinds: dict[str, Kind] = {}
        for wire, kind in (self.kinds or {}).items():
            shape = [
                sizes.setdefault(size, f"s{len(sizes)}") if isinstance(size, str) else size
                for size in kind.shape
            ]
            kinds[wires[wire]] = Kind(tuple(shape), kind.dtype)
        bricks, call = self.bricks, self.call
        if call is not None:
            inputs = {
                name: map_wires(given, lambda wire: wires.get(wire, wire))
                for name, given in call.inputs.items()
            }
            brick = call.brick
            if len(bricks) == 1 and brick is not None and is_nameless(bricks[0]):
                bricks = (bricks[0].nameless,)
                brick = f"/{brick.partition('/')[2]}"
            call = CallSpec("", brick, call.method, call.operation, inputs, call.settings,
                            call.outputs)  # fmt: skip
        found = None if self.kinds is None else kinds
        return Task(bricks, call, found, tuple(wires.values())), {
            short: name for name, short in sizes.items()
        }


def is_nameless(brick: BrickSpec) -> bool:
    """Return True if the name of a brick affects only error messages."""
    odd = isinstance(brick.name, str) and {"/", "."} & set(brick.name)
    return not odd and '"use":' not in brick.text


class Trials:
    """Store of trials that several threads can use at the same time.

    Attributes
    ----------
    made : int
        The number of trials that were executed, not counting trials that were found in the store.
    """

    def __init__(self) -> None:
        self.made = 0
        self._lock = threading.Lock()
        self._kept: dict[str, Trial] = {}

    def find(self, task: Task) -> Trial:
        """Return the trial of a task; execute it if it is not stored."""
        plain, names = task.plain()
        try:
            general, exact = plain.key(), ""
            with self._lock:
                known = found = self._kept.get(general)
            if found is None:
                exact = task.key()
                with self._lock:
                    found = self._kept.get(exact)
        except RecursionError:
            return Trial(problem=Problem("values are nested too deeply", "bricks/0"))
        if found is None:
            found = attempt(task)
            shared = found.problem is None
            known = _with_sizes(found, {name: short for short, name in names.items()})
            with self._lock:
                self.made += 1
                self._kept[general if shared else exact] = known if shared else found
                if shared and plain.kinds:  # the call is valid without kinds too
                    self._kept[replace(plain, kinds=None).key()] = Trial(bricks=found.bricks)
                while len(self._kept) > MOST:
                    del self._kept[next(iter(self._kept))]
            return found
        return found if known is None else _with_sizes(known, names)

    def forget(self) -> None:
        """Remove all trials."""
        with self._lock:
            self._kept.clear()


trials = Trials()
"""The trials of this process."""


def _with_sizes(trial: Trial, names: Mapping[str, str]) -> Trial:
    """Return a copy of a trial with renamed sizes."""

    def renamed(kind: Kind) -> Kind:
        shape = [names.get(s, s) if isinstance(s, str) else s for s in kind.shape]
        return Kind(tuple(shape), kind.dtype)

    def kinds(given: Mapping[str, Kind]) -> dict[str, Kind]:
        return {name: renamed(kind) for name, kind in given.items()}

    return Trial(
        tuple(map(renamed, trial.outputs)),
        tuple((names[a], names.get(b, b) if isinstance(b, str) else b) for a, b in trial.learned),
        tuple((names[size], label) for size, label in trial.axes),
        tuple(Part(p.brick, p.method, kinds(p.inputs), kinds(p.outputs)) for p in trial.parts),
        trial.flops,
        trial.bricks,
        trial.problem,
    )


def attempt(task: Task) -> Trial:
    """Execute a trial; keep the fix of a problem only if the fix removes or changes the problem."""
    found = _attempt(task)
    problem = found.problem
    if problem is None or problem.fix is None:
        return found
    again = _changed(task, problem.fix)
    if again is None or (again.problem is not None and again.problem.text == problem.text):
        return Trial(problem=replace(problem, fix=None))
    return found


def _changed(task: Task, change: Change) -> Trial | None:
    """Return the trial of a task after a change, or None if the change cannot be made."""
    calls = [] if task.call is None else [task.call.to_dict()]
    given = {"bricks": [brick.to_dict() for brick in task.bricks], "calls": calls}
    try:
        new = patched(given, change.path, change.value)
        bricks = tuple(BrickSpec.from_dict(one, "bricks") for one in new["bricks"])
        call = None if task.call is None else CallSpec.from_dict(new["calls"][0], "calls/0")
    except BuilderError:
        return None
    return _attempt(replace(task, bricks=bricks, call=call), facts=False)


def _attempt(task: Task, *, facts: bool = True) -> Trial:
    """Create the bricks of a task and execute its call; collect properties if `facts` is True."""
    constructor, built = Constructor(), Built()
    try:
        with fresh_inputs(task.kinds or {}) as given, at_most(MOST_SYMBOLIC):
            for i, brick in enumerate(task.bricks):
                made = constructor.top(brick, f"bricks/{i}")
                built.bricks[made.name] = made
            if task.call is None:
                return Trial(bricks=tuple(map(facts_of_unused, built.bricks.values())))
            built.variables = dict(given.variables)
            if task.kinds is None:
                _check_inputs(task.call, constructor)
                return Trial(bricks=tuple(map(facts_of_unused, built.bricks.values())))
            found = _applied(task.call, given, built, constructor, facts=facts)
            if not facts:
                return found
        return Trial(
            found.outputs,
            tuple(given.learned()),
            found.axes,
            found.parts,
            found.flops,
            tuple(map(facts_of, built.bricks.values())),
        )
    except Exception as error:  # users' bricks can raise anything
        problem = problem_of(error, task.bricks, constructor)
        if problem.fix is None and task.call is not None:
            problem = replace(problem, fix=module_fix(task.call, task.kinds, constructor))
        return Trial(problem=problem)


def _applied(
    call: CallSpec, given: Inputs, built: Built, constructor: Constructor, *, facts: bool
) -> Trial:
    if call.operation is not None:
        outputs, names = operated(call, "calls/0", built, constructor)
    else:
        try:
            outputs, names = applied(call, "calls/0", built, constructor)
        except SpecError:
            _check_inputs(call, constructor)
            raise
    check_count(call, "calls/0", names)
    pairs = zip(outputs, names, strict=True)
    kinds = tuple(given.kind(output, f"the output {name}") for output, name in pairs)
    if not facts:
        return Trial(kinds)
    if call.operation is not None:
        return Trial(kinds, flops=flops_of(outputs, ""))
    brick = constructor.bricks[call.brick or ""]
    return Trial(
        kinds,
        axes=axes_of(outputs, given),
        parts=tuple(parts_of(brick, outputs, given)),
        flops=flops_of(outputs, brick),
    )


def _check_inputs(call: CallSpec, constructor: Constructor) -> None:
    """Raise `SpecError` if an input of a call is missing."""
    if call.operation is not None:
        check_operation(call, "calls/0")
        return
    bound = application_of(call, "calls/0", constructor)
    method = next(one for one in ports(bound.brick) if one.name == bound.name)
    needed = [port.name for port in method.inputs or () if not port.optional]
    missing = [name for name in needed if name not in call.inputs]
    if not missing or not call.inputs.keys() <= set(bound.inputs):
        return  # calling the method reports unknown names
    try:
        bound.application.signature.bind(**dict.fromkeys([*call.inputs, *call.settings]))
        text = f"{bound.path}: the input {missing[0]!r} is missing"
    except TypeError as error:
        text = f"{bound.path}: {error}"
    raise SpecError(
        f"{text}; its inputs are ({', '.join(bound.inputs)})",
        path=f"calls/0/inputs/{missing[0]}",
        brick=bound.brick.path(),
    )
