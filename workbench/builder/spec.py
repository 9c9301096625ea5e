"""The specification of a model: plain values that describe how its bricks are created and applied.

A specification is data: it can be written to JSON, read back, compared and edited. `from_spec` runs
only code of registered classes (`workbench.builder.registry`) and operations, with checked
arguments. As JSON, a specification looks like this::

    {"version": 1,
     "bricks": [{"name": "mlp", "type": "MLP",
                 "settings": {"activations": [{"brick": {"type": "Tanh"}}, null],
                              "dims": [784, 500, 10],
                              "weights_init": {"scheme": {"type": "IsotropicGaussian",
                                                          "settings": {"std": 0.05}}}},
                 "changes": {"linear_1": {"use_bias": false}}}],
     "inputs": [{"name": "features", "dtype": "float32", "shape": [null, 784]}],
     "calls": [{"id": "scores", "brick": "mlp", "method": "apply",
                "inputs": {"input_": "features"}, "outputs": ["scores"]}],
     "cost": null, "monitored": [], "positions": {"mlp": [120, 40]}}

**Settings** are arguments of constructors. A value is a number, a string, a boolean, null, a list,
or an object with one of these keys (`workbench.builder.construct`):

==================  ==========================================================================
``"tuple"``         a list of values, read as a tuple
``"mapping"``       an object of values, read as a dictionary with strings as keys
``"float"``         ``"inf"``, ``"-inf"`` or ``"nan"``, which JSON cannot represent
``"brick"``         a brick: ``type``, and where needed ``name``, ``settings`` and ``changes``; a
                    second key ``"method"`` names an application method to be used instead
``"use"``           the path of an earlier brick, which is shared, not copied; if the path
                    ends in ``.method``, this application method of the brick is used
``"scheme"``        an initialisation scheme: ``type`` and ``settings``
``"module"``        a ``torch.nn.Module``: ``type``, ``settings`` and, for containers, ``parts``
``"dtype"``         the name of a torch dtype, such as ``"float32"``
``"slice"``         start, stop and step
``"array"``         a small array: ``dtype`` and ``values`` (nested lists)
==================  ==========================================================================

A missing setting has its default value, or is not set yet. Values that a parent infers and pushes
to a child are omitted. If a child has different values, **changes** contains them, keyed
by the path of the child below the brick (``""`` for the brick itself). The changes are assigned
after the brick has pushed its settings. A path consists of brick names, joined by slashes. The
second of two bricks with the same name is called ``name@2``.

**Inputs** are variables whose values are given when the model is used. **Calls** apply a method of
a brick, or an operation of `workbench.builder.operations`, in the order of the list. The names of
inputs and call outputs are called *wires*. An input of a call is a wire, a list of
inputs, ``{"value": ...}`` for a constant, or ``{"parameter": "mlp/linear_0.W"}``. ``cost`` is a
wire, and ``monitored`` is a list of wires. **Positions** are places on a canvas, keyed by the name
of a brick or wire, or by the id of a call. They do not affect the model (see `Spec.same_as`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.builder.fields import (
    Json,
    check_keys,
    check_list,
    check_object,
    check_places,
    check_plain,
    check_text,
    check_unique,
    copied,
    refuse_constant,
)
from workbench.errors import SpecError, nearest
from workbench.hints import Hinted
from workbench.utils.numbers import is_whole

VERSION = 1
LONGEST = 20_000_000
"""Maximum number of characters in the text of a specification."""

MOST_AXES = 32
"""Maximum number of axes of an input."""

LARGEST_INPUT = 2**40
"""Maximum number of elements of an input; unknown sizes count as 1."""


def wires_in(given: Json) -> list[str]:
    """Return the names of wires among the inputs of a call."""
    if isinstance(given, list):
        return [wire for one in given for wire in wires_in(one)]
    return [given] if isinstance(given, str) else []


def map_wires(given: Json, new: Callable[[str], Json]) -> Json:
    """Return an input of a call in which the result of `new` replaces every wire."""
    if isinstance(given, list):
        return [map_wires(one, new) for one in given]
    return new(given) if isinstance(given, str) else given


@dataclass(frozen=True)
class BrickSpec(Hinted):
    """The specification of a brick.

    Attributes
    ----------
    type : str
        The registered name of the class.
    name : str or None
        The name; None for the default name of its class.
    settings : dict
        Arguments of the constructor, as JSON values.
    changes : dict of str to dict
        Settings to assign after the brick has pushed its settings, keyed by the path below the
        brick.
    """

    type: str
    name: str | None = None
    settings: Mapping[str, Json] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The brick as JSON text, which is the key for cached information about the brick."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @cached_property
    def nameless(self) -> BrickSpec:
        """The same brick without a name."""
        return BrickSpec(self.type, None, self.settings, self.changes)

    def to_dict(self) -> dict[str, Json]:
        """Return the brick as a JSON value."""
        full = {
            "type": self.type,
            "name": self.name,
            "settings": dict(self.settings),
            "changes": {path: dict(changed) for path, changed in self.changes.items()},
        }
        return {key: value for key, value in full.items() if key == "type" or value}

    @classmethod
    def from_dict(cls, given: Json, path: str) -> BrickSpec:
        """Check the JSON value at `path`, and return it as a `BrickSpec`."""
        found = check_keys(given, path, {"type"}, {"name", "settings", "changes"})
        name = found.get("name")
        changes = check_object(found.get("changes", {}), f"{path}/changes")
        for below, changed in changes.items():
            check_object(changed, f"{path}/changes/{below}")
        return cls(
            check_text(found["type"], f"{path}/type"),
            None if name is None else check_text(name, f"{path}/name"),
            check_object(found.get("settings", {}), f"{path}/settings"),
            changes,
        )


@dataclass(frozen=True)
class InputSpec(Hinted):
    """A variable whose value is given when the model is used.

    Attributes
    ----------
    name : str
    dtype : str
        The name of a torch dtype.
    shape : tuple of (int or None)
        The size of each dimension; None for an unknown size.
    """

    name: str
    dtype: str = "float32"
    shape: tuple[int | None, ...] = (None, None)

    def to_dict(self) -> dict[str, Json]:
        """Return the input as a JSON value."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}

    @classmethod
    def from_dict(cls, given: Json, path: str) -> InputSpec:
        """Check the JSON value at `path`, and return it as an `InputSpec`."""
        found = check_keys(given, path, {"name", "dtype", "shape"})
        shape = check_list(found["shape"], f"{path}/shape")
        if len(shape) > MOST_AXES:
            raise SpecError(
                f"a shape must have at most {MOST_AXES} sizes, not {len(shape):,}",
                path=f"{path}/shape",
            )
        elements = 1
        for i, size in enumerate(shape):
            if size is not None and not (is_whole(size) and size >= 0):
                raise SpecError(
                    f"a size must be a whole number >= 0 or null, not {size!r:.60}",
                    path=f"{path}/shape/{i}",
                )
            elements *= 1 if size is None else max(size, 1)
            if elements > LARGEST_INPUT:
                raise SpecError(
                    f"the shape has more than 2**40 elements ({size!r:.60} is too large)",
                    path=f"{path}/shape/{i}",
                )
        name = check_text(found["name"], f"{path}/name")
        return cls(name, check_text(found["dtype"], f"{path}/dtype"), tuple(shape))


@dataclass(frozen=True)
class CallSpec(Hinted):
    """The application of an operation or a brick's method.

    Attributes
    ----------
    id : str
    brick, method : str or None
        The path of a brick, and the name of its method.
    operation : str or None
        The name of an operation; either `operation` or `brick` is None.
    inputs : dict of str to JSON values
    settings : dict of str to JSON values
        Other arguments, which are not variables.
    outputs : tuple of str
        The names of the outputs.
    """

    id: str
    brick: str | None = None
    method: str | None = None
    operation: str | None = None
    inputs: Mapping[str, Json] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        """Return the call as a JSON value."""
        what: dict[str, Json] = {"id": self.id}
        if self.operation is None:
            what |= {"brick": self.brick, "method": self.method}
        else:
            what |= {"operation": self.operation}
        settings = {"settings": dict(self.settings)} if self.settings else {}
        return what | {"inputs": dict(self.inputs)} | settings | {"outputs": list(self.outputs)}

    @classmethod
    def from_dict(cls, given: Json, path: str) -> CallSpec:
        """Check the JSON value at `path`, and return it as a `CallSpec`."""
        what = {"operation"} if isinstance(given, Mapping) and "operation" in given else {"brick"}
        optional = {"settings"} if "operation" in what else {"settings", "method"}
        found = check_keys(given, path, {"id", "inputs", "outputs"} | what, optional)
        texts = {
            key: check_text(found[key], f"{path}/{key}")
            for key in ("id", "brick", "method", "operation")
            if key in found
        }
        if "brick" in texts:
            texts.setdefault("method", "apply")
        outputs = check_list(found["outputs"], f"{path}/outputs")
        return cls(
            **texts,
            inputs=check_object(found["inputs"], f"{path}/inputs"),
            settings=check_object(found.get("settings", {}), f"{path}/settings"),
            outputs=tuple(
                check_text(name, f"{path}/outputs/{i}") for i, name in enumerate(outputs)
            ),
        )


@dataclass(frozen=True)
class Spec(Hinted):
    """The specification of a model.

    The docstring of this module describes the form of the values.

    Attributes
    ----------
    bricks : tuple of BrickSpec
    inputs : tuple of InputSpec
    calls : tuple of CallSpec
    cost : str or None
    monitored : tuple of str
    positions : dict of str to pairs of numbers

    Examples
    --------
    >>> from workbench.builder import Spec, to_spec
    >>> from workbench.bricks import Linear
    >>> spec = to_spec(Linear(3, 2))
    >>> print(spec.to_json())
    {"version": 1, "bricks": [{"type": "Linear", "name": "linear", "settings": {"input_dim": 3,
    "output_dim": 2}}], "inputs": [], "calls": [], "cost": null, "monitored": [], "positions": {}}
    >>> Spec.from_json(spec.to_json()) == spec
    True
    """

    bricks: tuple[BrickSpec, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    calls: tuple[CallSpec, ...] = ()
    cost: str | None = None
    monitored: tuple[str, ...] = ()
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Json]:
        """Return the specification as a JSON value that shares no objects with it."""
        found: dict[str, Json] = copied(self._shared())
        return found

    def _shared(self) -> dict[str, Json]:
        """Return the specification as a JSON value that shares objects with it."""
        return {
            "version": VERSION,
            "bricks": [brick.to_dict() for brick in self.bricks],
            "inputs": [given.to_dict() for given in self.inputs],
            "calls": [call.to_dict() for call in self.calls],
            "cost": self.cost,
            "monitored": list(self.monitored),
            "positions": {name: list(place) for name, place in self.positions.items()},
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return the specification as JSON text, on one line unless `indent` is given."""
        return json.dumps(self._shared(), indent=indent, allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_dict(cls, given: Json) -> Spec:
        """Check and read a specification from a JSON value.

        Raises
        ------
        SpecError
            If a value is missing or of the wrong type, or if a name occurs twice. Types and
            settings of bricks are checked by `workbench.builder.from_spec`.
        """
        check_plain(given)
        version = given.get("version") if isinstance(given, Mapping) else VERSION
        if version != VERSION or isinstance(version, (bool, float)):
            raise SpecError(
                f"the version is {version!r:.60}, but only version {VERSION} can be read",
                path="version",
                fix=VERSION,
            )
        optional = {"inputs", "calls", "cost", "monitored", "positions"}
        found = check_keys(given, "", {"version", "bricks"}, optional)
        parts = {key: check_list(found.get(key, []), key) for key in ("bricks", "inputs", "calls")}
        monitored = check_list(found.get("monitored", []), "monitored")
        cost = found.get("cost")
        spec = cls(
            tuple(BrickSpec.from_dict(b, f"bricks/{i}") for i, b in enumerate(parts["bricks"])),
            tuple(InputSpec.from_dict(v, f"inputs/{i}") for i, v in enumerate(parts["inputs"])),
            tuple(CallSpec.from_dict(c, f"calls/{i}") for i, c in enumerate(parts["calls"])),
            None if cost is None else check_text(cost, "cost"),
            tuple(check_text(name, f"monitored/{i}") for i, name in enumerate(monitored)),
            check_places(found.get("positions", {})),
        )
        spec.check_names()
        return spec

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """Check and read a specification from text; see `from_dict`."""
        if len(text) > LONGEST:
            raise SpecError(
                f"the text has {len(text):,} characters; at most {LONGEST:,} are allowed"
            )
        try:
            return cls.from_dict(json.loads(text, parse_constant=refuse_constant))
        except (ValueError, RecursionError) as error:
            if isinstance(error, SpecError):
                raise
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            raise SpecError(f"the text is not valid JSON: {reason}") from None

    def check_names(self) -> None:
        """Check that names are unique, and that the cost and monitored values are wires.

        Raises
        ------
        SpecError
            If a name occurs twice, or if there is no such wire.
        """
        wires = [(given.name, f"inputs/{i}/name") for i, given in enumerate(self.inputs)]
        for i, call in enumerate(self.calls):
            wires += [(name, f"calls/{i}/outputs/{n}") for n, name in enumerate(call.outputs)]
        check_unique("bricks", [(b.name or b.type.lower(), f"bricks/{i}/name")
                           for i, b in enumerate(self.bricks)])  # fmt: skip
        check_unique("calls", [(call.id, f"calls/{i}/id") for i, call in enumerate(self.calls)])
        check_unique("wires", wires)
        known = {name for name, _ in wires}
        named = [(self.cost, "cost")] if self.cost is not None else []
        named += [(name, f"monitored/{i}") for i, name in enumerate(self.monitored)]
        for name, path in named:
            if name not in known:
                raise SpecError(f"there is no wire {name!r}{nearest(name, known)}", path=path)

    def in_order(self) -> Spec:
        """Return the specification with each call after all calls whose outputs it needs.

        The order changes only where necessary. Calls that need each other's outputs may have any
        order.

        Examples
        --------
        >>> from workbench.builder import CallSpec, Spec
        >>> last = CallSpec("b", operation="exp", inputs={"input": "a"}, outputs=("b",))
        >>> first = CallSpec("a", operation="exp", inputs={"input": "x"}, outputs=("a",))
        >>> [call.id for call in Spec(calls=(last, first)).in_order().calls]
        ['a', 'b']
        """
        makers = {wire: i for i, call in enumerate(self.calls) for wire in call.outputs}
        needs = [
            {makers[wire] for wire in wires_in(list(call.inputs.values())) if wire in makers}
            for call in self.calls
        ]
        if all(needed < i for i, some in enumerate(needs) for needed in some):
            return self
        order: list[int] = []
        state = [0] * len(self.calls)  # 1: waits for other calls, 2: placed
        for start in range(len(self.calls)):
            stack = [start]
            while stack:
                here = stack[-1]
                waiting = [i for i in sorted(needs[here], reverse=True) if state[i] == 0]
                if state[here] == 2 or (state[here] == 1 and not waiting) or not waiting:
                    if state[here] != 2:
                        state[here] = 2
                        order.append(here)
                    stack.pop()
                else:
                    state[here] = 1
                    stack.extend(waiting)
        return replace(self, calls=tuple(self.calls[i] for i in order))

    def same_as(self, other: Spec) -> bool:
        """Return True if two specifications are equal except for positions.

        Examples
        --------
        >>> from workbench.builder import Spec
        >>> Spec(positions={"mlp": (0, 10)}).same_as(Spec())
        True
        """
        return replace(self, positions={}) == replace(other, positions={})
