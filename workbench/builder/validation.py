"""Shapes, parameter counts and faults of a specification, which may be incomplete.

Each call is tried separately, on fresh inputs with the shapes and dtypes that reach the call
(`workbench.builder.trial`). Faults in several parts are therefore found at once, and after an edit
only the affected calls are tried again. `workbench.builder.from_spec` may find additional faults,
since it builds the whole graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from workbench.bricks.inference import Kind
from workbench.builder.changes import Change, patched
from workbench.builder.construct import name_of
from workbench.builder.facts import BrickFacts, Part
from workbench.builder.fields import Json
from workbench.builder.scores import TEXT, scores_of, with_softmax
from workbench.builder.sizes import Sizes
from workbench.builder.spec import BrickSpec, CallSpec, Spec, wires_in
from workbench.builder.trial import Task, Trial, trials
from workbench.errors import BuilderError, SpecError, nearest
from workbench.hints import Hinted, hinted

MOST_INFERRED = 20
"""Maximum number of settings that are inferred for one call."""


@dataclass(frozen=True)
class Fault(Hinted):
    """A fault in a specification.

    Attributes
    ----------
    text : str
        A description of the fault; if a brick or operation raised an error, the text of this error.
    path : str
        The location in the specification, such as ``bricks/0/settings/input_dim``.
    call : str or None
        The id of the call that has the fault.
    brick : str or None
        The path of the brick that has the fault.
    setting, input : str or None
        The setting of this brick, or the input of the call, that is wrong or missing.
    fix : Change or None
        A change that removes the fault.
    missing : bool
        True if nothing is wrong yet, but an input is not connected or a setting is not set.
    """

    text: str
    path: str
    call: str | None = None
    brick: str | None = None
    setting: str | None = None
    input: str | None = None
    fix: Change | None = None
    missing: bool = False


@dataclass(frozen=True)
class CheckedCall(Hinted):
    """Result of checking a call.

    Attributes
    ----------
    outputs : dict of str to (Kind or None)
        Shapes and dtypes, keyed by wire; None if they are not known yet.
    flops : int or None
        The number of floating-point operations for one example; each unknown size counts as 1.
    flops_of_parts : dict of str to int
        The number of operations of each brick below the called brick, keyed by path relative to the
        called brick.
    parts : tuple of Part
        The applications within the call, with their shapes.
    fault : Fault or None

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.builder import check, to_spec
    >>> spec = to_spec(Linear(3, 2, name="scores").apply(tensor.matrix("x")))
    >>> (call,) = check(spec).calls.values()
    >>> isinstance(call, CheckedCall), call.flops, call.fault
    (True, 12, None)
    """

    outputs: Mapping[str, Kind | None]
    flops: int | None = None
    flops_of_parts: Mapping[str, int] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    fault: Fault | None = None


@dataclass(frozen=True)
class CheckedBrick(Hinted):
    """Result of checking a top-level brick and the bricks below it.

    Attributes
    ----------
    parameters : int or None
        The number of parameters; None if the brick cannot be allocated yet.
    parameters_of_parts : dict of str to int
        The number of parameters of each brick below this brick, keyed by path.
    inferred : dict of str to dict
        The settings that parents assigned to bricks, as JSON values, keyed by path below the brick.
        If `infer` is True, settings that are inferred from the inputs are included.
    fault : Fault or None

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench.builder import check, to_spec
    >>> scores = MLP([Tanh(), None], [3, 2, 1]).apply(tensor.matrix("x"))
    >>> brick = check(to_spec(scores)).bricks["mlp"]
    >>> isinstance(brick, CheckedBrick), brick.parameters
    (True, 11)
    >>> brick.parameters_of_parts["linear_0"]
    8
    """

    parameters: int | None = None
    parameters_of_parts: Mapping[str, int] = field(default_factory=dict)
    inferred: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    fault: Fault | None = None


@dataclass(frozen=True)
class Checked(Hinted):
    """Result of checking a specification.

    Unknown sizes in shapes have labels such as ``"batch"``, or are None.

    Attributes
    ----------
    wires : dict of str to (Kind or None)
        Shapes and dtypes of inputs and outputs; None if they are not known yet.
    calls : dict of str to CheckedCall
        The results for calls, keyed by id.
    bricks : dict of str to CheckedBrick
        The results for top-level bricks, keyed by name.
    faults : tuple of Fault
        At most one fault for each call, brick or name, in the order of the calls.
    spec : Spec
        The specification that was checked; if `infer` is True, with the inferred settings.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.builder import check, to_spec
    >>> checked = check(to_spec(Linear(3, 2, name="scores").apply(tensor.matrix("x"))))
    >>> isinstance(checked, Checked), checked.parameters, checked.flops, checked.faults
    (True, 8, 12, ())
    """

    wires: Mapping[str, Kind | None]
    calls: Mapping[str, CheckedCall]
    bricks: Mapping[str, CheckedBrick]
    faults: tuple[Fault, ...]
    spec: Spec = field(default_factory=Spec)

    @property
    def parameters(self) -> int:
        """The total number of parameters; unknown numbers count as zero."""
        return sum(brick.parameters or 0 for brick in self.bricks.values())

    @property
    def flops(self) -> int:
        """Number of floating-point operations for one example; unknown numbers count as zero."""
        return sum(call.flops or 0 for call in self.calls.values())


@hinted
def validate(spec: Spec) -> tuple[Fault, ...]:
    """Return the faults in a specification; see `check`.

    Examples
    --------
    >>> from workbench.builder import BrickSpec, CallSpec, InputSpec, Spec, validate
    >>> spec = Spec(
    ...     bricks=(BrickSpec("Linear", "linear", {"input_dim": 3, "output_dim": 2}),),
    ...     inputs=(InputSpec("x", "float32", (None, 4)),),
    ...     calls=(CallSpec("y", "linear", "apply", inputs={"input_": "x"}, outputs=("y",)),),
    ... )
    >>> fault = validate(spec)[0]
    >>> fault.text
    'linear.apply: input_ has shape (?, 4), but input_dim is 3, so its last dimension must ...'
    >>> fault.fix.label, validate(fault.fix.apply(spec))
    ('set input_dim to 4', ())
    """
    return check(spec).faults


@hinted
def check(spec: Spec, *, infer: bool = False) -> Checked:
    """Check a specification, which may be incomplete, without allocating parameters.

    Each call is checked separately. If an input of a call is not connected, or if its shape is not
    known yet, the outputs of the call are also unknown.

    Parameters
    ----------
    spec : Spec
    infer : bool
        True to set missing settings that the inputs of a brick determine, such as the ``input_dim``
        of a `Linear`. A missing setting is then a fault only if its value cannot be inferred.

    Returns
    -------
    Checked

    Examples
    --------
    >>> from workbench.builder import check, to_spec
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench import tensor
    >>> mlp = MLP([Tanh(), None], [784, 500, 10])
    >>> checked = check(to_spec(mlp.apply(tensor.matrix("features"))))
    >>> checked.wires["mlp_apply_output"].shape
    ('batch', 10)
    >>> checked.parameters, checked.flops, checked.faults
    (397510, 794000, ())
    """
    return _Check(spec, infer=infer).checked()


class _Check:
    """Checker of a single specification."""

    def __init__(self, spec: Spec, *, infer: bool) -> None:
        self.spec = spec
        self.infer = infer
        self.bricks = list(spec.bricks)
        self.sizes = Sizes()
        self.kinds: dict[str, Kind | None] = {}
        self.faults: list[Fault] = []
        self.groups = groups_of(spec.bricks)
        self.facts: dict[int, BrickFacts] = {}
        self.tops = {name_of(brick): i for i, brick in enumerate(spec.bricks)}
        self.numbers = {call.id: i for i, call in enumerate(spec.calls)}

    def checked(self) -> Checked:
        self._names()
        for i, given in enumerate(self.spec.inputs):
            try:
                self.kinds[given.name] = self.sizes.of_input(given, f"inputs/{i}")
            except SpecError as error:
                self.kinds[given.name] = None
                self.faults.append(Fault(error.reason, error.path))
        calls = {call.id: self._call(call) for call in self.spec.in_order().calls}
        bricks = {name_of(b): self._brick(i) for i, b in enumerate(self.spec.bricks)}
        known = {wire: self._labelled(kind) for wire, kind in self.kinds.items()}
        faults: dict[tuple[str, str], Fault] = {}
        for fault in self.faults:  # an invalid brick is a fault in each of its calls
            faults.setdefault((fault.path, fault.text), fault)
        return Checked(
            known,
            {call.id: self._finished(calls[call.id]) for call in self.spec.calls},
            bricks,
            tuple(faults.values()),
            replace(self.spec, bricks=tuple(self.bricks)),
        )

    def _names(self) -> None:
        try:
            self.spec.check_names()
        except SpecError as error:
            fix = None
            if error.fix is not None:
                fix = Change(f"change it to {error.fix}", error.path, error.fix)
            self.faults.append(Fault(error.reason, error.path, fix=fix))

    def _call(self, call: CallSpec) -> tuple[CallSpec, Trial, Fault | None]:
        group = self._group(call)
        needed = list(dict.fromkeys(wires_in(list(call.inputs.values()))))
        missing = [wire for wire in needed if wire not in self.kinds]
        if missing:
            return self._no_wire(call, missing[0])
        if call.operation is None and (call.brick or "").partition("/")[0] not in self.tops:
            text = f"there is no brick {call.brick!r:.80}{nearest(str(call.brick), self.tops)}"
            return self._unfit(call, Fault(text, f"calls/{self.numbers[call.id]}/brick", call.id))
        found = {w: kind for w in needed if (kind := self.kinds[w]) is not None}
        kinds = {wire: self.sizes.known(kind) for wire, kind in found.items()}
        complete = len(kinds) == len(needed)
        trial = self._tried(group, call, kinds if complete else None, needed)
        self.sizes.learn(trial.learned)
        self.sizes.tell(trial.axes)
        fault = self._fault(trial, group, call) or self._of_scores(call)
        if trial.problem is None:
            self.facts.update(zip(group, trial.bricks, strict=False))
        for i, wire in enumerate(call.outputs):
            output = trial.outputs[i] if i < len(trial.outputs) else None
            self.kinds[wire] = None if output is None else self.sizes.named(wire, output)
        return call, trial, fault

    def _of_scores(self, call: CallSpec) -> Fault | None:
        """Return the fault of a cost that treats the scores of a layer as probabilities."""
        brick = scores_of(self.spec, call)
        if brick is None:
            return None
        fault = Fault(
            TEXT.format(cost=call.brick, brick=brick),
            f"calls/{self.numbers[call.id]}/inputs/y_hat",
            call.id,
            call.brick,
            input="y_hat",
            fix=with_softmax(self.spec, call),
        )
        self.faults.append(fault)
        return fault

    def _tried(
        self,
        group: Sequence[int],
        call: CallSpec,
        kinds: Mapping[str, Kind] | None,
        needed: Sequence[str],
    ) -> Trial:
        """Return the trial of a call; first set missing settings if `infer` is True."""
        task = Task(tuple(self.bricks[i] for i in group), call, kinds, tuple(needed))
        trial = trials.find(task)
        for _ in range(MOST_INFERRED if self.infer else 0):
            problem = trial.problem
            if problem is None or not problem.missing or problem.fix is None:
                break
            new = [brick.to_dict() for brick in task.bricks]
            try:
                found = patched({"bricks": new}, problem.fix.path, problem.fix.value)
                bricks = [BrickSpec.from_dict(one, "bricks") for one in found["bricks"]]
            except BuilderError:
                break
            task = replace(task, bricks=tuple(bricks))
            trial = trials.find(task)
            for i, brick in zip(group, bricks, strict=True):
                if brick != self.bricks[i]:
                    self.bricks[i] = brick
        return trial

    def _no_wire(self, call: CallSpec, wire: str) -> tuple[CallSpec, Trial, Fault | None]:
        """Return the fault of a call that needs a missing wire or depends on itself."""
        name = next(n for n, given in call.inputs.items() if wire in wires_in([given]))
        later = any(wire in other.outputs for other in self.spec.calls)
        text = f"there is no wire {wire!r:.80} before this call"
        text += "; some calls need each other's outputs" if later else nearest(wire, self.kinds)
        place = f"calls/{self.numbers[call.id]}/inputs/{name}"
        return self._unfit(call, Fault(text, place, call.id, call.brick, input=name))

    def _unfit(self, call: CallSpec, fault: Fault) -> tuple[CallSpec, Trial, Fault | None]:
        """Record the fault that prevents a call from being tried."""
        self.faults.append(fault)
        self.kinds.update(dict.fromkeys(call.outputs))
        return call, Trial(), fault

    def _group(self, call: CallSpec) -> list[int]:
        """Return the indices of the bricks that a call needs."""
        wanted = [call.brick or "", *parameters_in(list(call.inputs.values()))]
        tops = {self.tops.get(path.partition("/")[0].partition(".")[0]) for path in wanted}
        return sorted({i for top in tops if top is not None for i in self.groups[top]})

    def _fault(self, trial: Trial, group: Sequence[int], call: CallSpec | None) -> Fault | None:
        problem = trial.problem
        if problem is None:
            return None

        def placed(path: str) -> str:
            kind, _, rest = path.partition("/")
            number, _, rest = rest.partition("/")
            if kind == "bricks":
                return f"bricks/{group[int(number)]}/{rest}".rstrip("/")
            if kind == "calls" and call is not None:
                return f"calls/{self.numbers[call.id]}/{rest}".rstrip("/")
            return path

        fix = problem.fix
        connected = call is None or problem.input is None or problem.input in call.inputs
        fault = Fault(
            problem.text,
            placed(problem.path),
            None if call is None else call.id,
            problem.brick,
            problem.setting,
            problem.input,
            None if fix is None else replace(fix, path=placed(fix.path)),
            problem.missing or not connected,
        )
        self.faults.append(fault)
        return fault

    def _brick(self, number: int) -> CheckedBrick:
        fault = None
        if number not in self.facts:
            group = self.groups[number]
            trial = trials.find(Task(tuple(self.bricks[i] for i in group)))
            known = {one.text: one for one in self.faults}
            text = "" if trial.problem is None else trial.problem.text
            fault = known.get(text) or self._fault(trial, group, None)  # a call may have this fault
            self.facts.update(zip(group, trial.bricks, strict=False))
        facts = self.facts.get(number, BrickFacts())
        parameters = dict(facts.parameters or {})
        inferred = dict(facts.inferred)
        before, after = self.spec.bricks[number], self.bricks[number]
        if after is not before:
            new = {n: v for n, v in after.settings.items() if v != before.settings.get(n)}
            inferred[""] = {**inferred.get("", {}), **new}
        return CheckedBrick(parameters.pop("", None), parameters, inferred, fault)

    def _labelled(self, kind: Kind | None) -> Kind | None:
        return None if kind is None else self.sizes.labelled(kind)

    def _finished(self, found: tuple[CallSpec, Trial, Fault | None]) -> CheckedCall:
        call, trial, fault = found
        flops = dict(trial.flops or {})
        parts = tuple(
            replace(
                part,
                inputs={n: self.sizes.labelled(kind) for n, kind in part.inputs.items()},
                outputs={n: self.sizes.labelled(kind) for n, kind in part.outputs.items()},
            )
            for part in trial.parts
        )
        outputs = {wire: self._labelled(self.kinds.get(wire)) for wire in call.outputs}
        return CheckedCall(outputs, flops.pop("", None), flops, parts, fault)


def groups_of(bricks: Sequence[BrickSpec]) -> list[list[int]]:
    """Return, for each brick, the sorted indices of the bricks in its group.

    A group consists of the bricks that share parts, directly or through other bricks.
    """
    numbers = {name_of(brick): i for i, brick in enumerate(bricks)}
    groups = [[i] for i in range(len(bricks))]
    for i, brick in enumerate(bricks):
        for path in uses_in([brick.settings, brick.changes]):
            other = numbers.get(path.partition("/")[0].partition(".")[0], i)
            if groups[other] is not groups[i]:
                joined = sorted(groups[other] + groups[i])
                for member in joined:
                    groups[member] = joined
    return groups


def uses_in(given: Json) -> Iterable[str]:
    """Yield the paths of the other bricks that the settings of a brick refer to."""
    waiting = [given]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if isinstance(one.get("use"), str):
                yield one["use"]
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)


def parameters_in(given: Json) -> Iterable[str]:
    """Yield the paths of the parameters among the inputs of a call."""
    if isinstance(given, Mapping):
        if isinstance(given.get("parameter"), str):
            yield given["parameter"]
    elif isinstance(given, list):
        for one in given:
            yield from parameters_in(one)
