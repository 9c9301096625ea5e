"""A variable is a tensor that has not been computed yet.

`Variable` speaks torch: every ``torch.*`` and ``torch.nn.functional.*`` function, operator and
tensor method accepts it (``__torch_function__``) and gives a new `Variable` whose `owner`, a
`Call`, remembers the function and its arguments. There is no second vocabulary of operations.

A size that is not known yet is itself a variable (``n = x.shape[0]``): a symbolic integer, with
name and tag, usable in arithmetic and wherever torch takes a size.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy
import torch

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.draws import word_for_draw
from workbench.tensor.losses import CHECKED, COMPARED
from workbench.tensor.numpy_functions import UFUNCS, refuse_numpy
from workbench.tensor.structure import map_structure, name_of
from workbench.tensor.vocabulary import keyword_hint, unknown_attribute


class Tag(types.SimpleNamespace):
    """What others attach to a variable.

    Attributes
    ----------
    name : str or None
        The name within the application that made the variable, such as ``"output"``.
    roles : list of VariableRole
        The parts that the variable plays in a model.
    annotations : list of Annotation
        The brick and the application call that it belongs to.
    """

    def __init__(self) -> None:
        super().__init__(name=None, roles=[], annotations=[])

    def copy(self) -> Tag:
        """A tag with the same entries; lists are copied, their elements are not."""
        new = Tag()
        for key, value in vars(self).items():
            setattr(new, key, list(value) if isinstance(value, list) else value)
        return new


class Call:
    """One application of a function to arguments: the node between variables.

    Attributes
    ----------
    function : callable
        A torch function, method or operator.
    args, kwargs : tuple, dict
        Its arguments; variables stand where tensors or sizes will be.
    inputs : tuple of Variable
        The variables among the arguments, in order, without repetition.
    outputs : list of Variable
        The variables that the call gives.
    location : tuple of str
        The brick applications that were running, outermost first.
    """

    __slots__ = ("args", "function", "inputs", "kwargs", "location", "outputs", "structure")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.inputs = tuple(variables_in((args, kwargs)))
        self.outputs: list[Variable] = []
        self.structure: Any = None
        self.location = errors.location.get()

    @property
    def name(self) -> str:
        """The name of the function, or of the property of a tensor."""
        return str(self.args[1]) if self.function is getattr else name_of(self.function)

    def __reduce__(self) -> Any:
        arguments = _frozen((self.args, self.kwargs))
        return _called_again, (self.function, arguments, self.location)

    def __repr__(self) -> str:
        return f"<Call {self.name}({shown_arguments(self.args, self.kwargs)})>"


def variables_in(structure: Any) -> list[Variable]:
    """The distinct variables of a nested structure, in order."""
    found: dict[Variable, None] = {}

    def visit(leaf: Any) -> None:
        if isinstance(leaf, Variable):
            found.setdefault(leaf)

    map_structure(visit, structure)
    return list(found)


def shown_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Arguments in words: variables with shape and dtype, tensors with theirs."""

    def word(leaf: Any) -> Any:
        if isinstance(leaf, Variable):
            return types.SimpleNamespace(text=f"{leaf!r} {shapes.describe(leaf.fake)}")
        if isinstance(leaf, torch.Tensor):
            return types.SimpleNamespace(text=f"tensor {shapes.describe(leaf)}")
        return leaf

    def text(part: Any) -> str:
        part = map_structure(word, part)
        if isinstance(part, types.SimpleNamespace):
            return str(part.text)
        if isinstance(part, (list, tuple)):
            return "[" + ", ".join(text(piece) for piece in part) + "]"
        return getattr(part, "__name__", repr(part))

    words = [text(arg) for arg in args] + [f"{key}={text(arg)}" for key, arg in kwargs.items()]
    return ", ".join(words)


def identity(value: Any) -> Any:
    """The node behind `Variable.copy`; lowering removes it."""
    return value


class Operation:
    """A function that tells by itself what it would give: `infer` in place of a trial on fakes."""

    __name__ = "operation"

    def infer(self, *args: Any, **kwargs: Any) -> Any:
        """The fakes that a call on fakes would give."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute on tensors."""
        raise NotImplementedError


def apply(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Make the call node of `function` on `args` and return its symbolic results.

    Results that are neither tensors nor symbolic numbers (a dtype, a known size) come back as
    they are.
    """
    kwargs = dict(kwargs)
    _refuse(function, args, kwargs)
    args, kwargs = map_structure(_constant, (args, kwargs))
    if function in COMPARED or function in CHECKED:
        from workbench.tensor.alike import arguments_of_loss

        args, kwargs = arguments_of_loss(function, args, dict(kwargs))
    try:
        result = _infer(function, args, kwargs)
    except errors.OperationError as error:
        hint = keyword_hint(name_of(function), kwargs)
        if hint:
            raise errors.OperationError(f"{error}{hint}") from None
        # torch takes tensors here, and a symbolic number is none: make it one and try again.
        if not any(variable.is_number for variable in variables_in((args, kwargs))):
            raise
        args, kwargs = map_structure(_as_tensor, (args, kwargs))
        result = _infer(function, args, kwargs)
    return call_giving(result, function, args, dict(kwargs))


def _as_tensor(leaf: Any) -> Any:
    if isinstance(leaf, Variable) and leaf.is_number:
        return apply(torch.scalar_tensor, (leaf,), {"dtype": leaf.dtype})
    return leaf


def call_giving(
    result: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A call whose fake `result` is known already; its symbolic results in the same structure."""
    call = Call(function, args, kwargs)

    def wrap(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor) or (
            isinstance(leaf, shapes.SYMBOLIC_NUMBERS)
            and (not isinstance(leaf, torch.SymInt) or shapes.known(leaf) is None)
        ):
            variable = Variable(leaf, owner=call, index=len(call.outputs))
            call.outputs.append(variable)
            return variable
        return shapes.known(leaf) if isinstance(leaf, torch.SymInt) else leaf

    call.structure = map_structure(wrap, result)
    return call.structure


def _constant(leaf: Any) -> Any:
    if isinstance(leaf, (numpy.ndarray, numpy.generic)):
        return torch.tensor(leaf)  # a copy: a constant stays what it was
    if isinstance(leaf, torch.Tensor) and leaf.requires_grad:
        return leaf.detach()
    return leaf


def _infer(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    def fake(leaf: Any) -> Any:
        return leaf.fake if isinstance(leaf, Variable) else leaf

    fake_args, fake_kwargs = map_structure(fake, (args, kwargs))
    if isinstance(function, Operation):
        return function.infer(*fake_args, **fake_kwargs)
    return shapes.infer(function, fake_args, fake_kwargs, lambda: shown_arguments(args, kwargs))


OPERATORS = frozenset({operator.and_, operator.or_})
IN_PLACE = frozenset({"__setitem__", "__delitem__", "resize_as", "set_data", "backward"})
VALUES = frozenset({"item", "tolist", "numpy", "__array__", "__contains__"})


def _refuse(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise for what a value that has not been computed yet cannot do."""
    raw = getattr(function, "__name__", "")
    target = args[0] if args else None
    in_place_name = raw.endswith("_") and not raw.endswith("__") and function not in OPERATORS
    if raw in IN_PLACE or raw in IN_PLACE_OPERATORS or in_place_name:
        refuse_in_place(raw, target)
    if kwargs.get("out") is not None or kwargs.get("inplace"):
        refuse_in_place(
            f"{raw}({'out' if kwargs.get('out') is not None else 'inplace'}=...)", target
        )
    if raw in VALUES:
        refuse_value(target, f"{raw}()")
    word = word_for_draw(raw, args, kwargs)
    if word is not None:
        raise errors.OperationError(
            f"{raw}({shown_arguments(args, kwargs)}) would draw from a generator of torch, so that "
            "the run could be neither repeated nor resumed; draw from a tensor.RandomStream(seed) "
            f"instead: {word}"
        )


IN_PLACE_OPERATORS = frozenset(
    f"__i{name}__"
    for name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
)


def refuse_in_place(what: str, variable: Any) -> NoReturn:
    """Raise the error of an in-place operation."""
    what = {"__setitem__": "x[...] = value", "__delitem__": "del x[...]"}.get(what, what)
    if what in IN_PLACE_OPERATORS:
        what = f"x {_SIGNS[what[3:-2]]}= value"
    raise errors.OperationError(
        f"{what} would change {variable!r} in place, but a variable is a value that has not been "
        "computed yet; write a new one (x = x + 1, torch.where, x.index_put), or give a shared "
        "variable's new value to function(..., updates=[(shared, new)])"
    )


def refuse_value(variable: Any, what: str) -> NoReturn:
    """Raise the error of asking an uncomputed variable for its value."""
    raise errors.SymbolicError(
        f"{what} needs the value of {variable!r}, a variable that has not been computed yet; "
        "evaluate it with variable.eval({input: array}) or workbench.function"
    )


_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "matmul": "@", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip


class Variable:
    """A symbolic tensor or number.

    Variables are made by `workbench.tensor.matrix` and its like, by `workbench.shared`, and by
    applying functions to variables; not by calling this class.

    Attributes
    ----------
    name : str or None
        For errors, logs and for giving inputs by name.
    tag : Tag
        Roles, annotations and whatever else others attach.
    owner : Call or None
        The call that made it; ``None`` for inputs and shared variables.
    index : int
        Its place among the outputs of `owner`.
    ndim : int
    dtype : torch.dtype
    shape : tuple of int or Variable
        Known sizes are plain integers, an unknown one is a symbolic integer.

    Examples
    --------
    >>> import torch
    >>> from workbench import tensor
    >>> x = tensor.matrix("x")
    >>> y = torch.relu(x @ torch.ones(3, 2)).sum(1)
    >>> x
    x
    >>> y
    sum
    >>> x.shape[1], y.ndim, y.dtype
    (3, 1, torch.float32)
    >>> y.eval({x: [[1.0, 2.0, 3.0]]})
    tensor([12.])
    """

    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """What ``array * variable`` comes to; other functions of numpy are refused."""
        function = UFUNCS.get(ufunc)
        target = kwargs.pop("out", (inputs[0],))
        if function is None or method != "__call__" or kwargs or target[0] is not inputs[0]:
            refuse_numpy(self, ufunc.__name__)
        return apply(function, inputs, {})

    def __array_function__(self, function: Any, types_: Any, args: Any, kwargs: Any) -> Any:
        if function in (numpy.ndim, numpy.shape) and args == (self,):
            return getattr(self, function.__name__)
        refuse_numpy(self, function.__name__)

    __hash__ = object.__hash__  # `==` makes a variable, identity says which one it is

    def __init__(
        self,
        fake: shapes.Fake,
        *,
        owner: Call | None = None,
        index: int = 0,
        name: str | None = None,
    ) -> None:
        self.fake = fake
        self.owner = owner
        self.index = index
        self.name = name
        self.tag = Tag()
        self.hooks: list[Callable[[Any], Any]] = []
        self._sizes: dict[int, Variable] = {}
        self.default_update: Variable | None = None
        self._evaluator: Any = None
        shapes.hold(self)

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types_: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return apply(function, args, kwargs or {})

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise unknown_attribute(self, name, dir(type(self)))

    # What is known before computing.

    @property
    def is_number(self) -> bool:
        """Whether it is a symbolic number (a size, say) and not a tensor."""
        return isinstance(self.fake, shapes.SYMBOLIC_NUMBERS)

    @property
    def ndim(self) -> int:
        return 0 if self.is_number else len(self.fake.shape)

    @property
    def dtype(self) -> torch.dtype:
        if self.is_number:
            kinds = {torch.SymInt: torch.int64, torch.SymFloat: torch.float64}
            return kinds.get(type(self.fake), torch.bool)
        dtype: torch.dtype = self.fake.dtype
        return dtype

    @property
    def device(self) -> torch.device:
        if self.is_number:
            return torch.device("cpu")
        fake = self.fake
        # `device` of a fake tensor is meta while a thread infers; a constant's may be a real one.
        device: torch.device = getattr(fake, "fake_device", None) or fake.device
        return device

    @property
    def shape(self) -> tuple[Any, ...]:
        if self.is_number:
            return ()
        return tuple(self._size(axis, size) for axis, size in enumerate(self.fake.shape))

    def _size(self, axis: int, size: int | torch.SymInt) -> Any:
        value = shapes.known(size)
        if value is not None:
            return value
        if axis not in self._sizes:
            self._sizes[axis] = call_giving(size, torch.Tensor.size, (self, axis), {})
        return self._sizes[axis]

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    def copy(self, name: str | None = None) -> Variable:
        """An identity node: another variable of the same value, free at run time."""
        variable: Variable = call_giving(self.fake, identity, (self,), {})
        variable.name = name
        return variable

    def eval(self, inputs: Mapping[Variable | str, Any] | None = None) -> Any:
        """Compute the value.

        Parameters
        ----------
        inputs : dict, optional
            Arrays for the inputs that the variable depends on, by variable or by name.

        Returns
        -------
        torch.Tensor or number

        Raises
        ------
        InputError
            If an input is missing, unknown or does not fit.
        """
        from workbench.tensor.function import evaluate

        return evaluate(self, inputs or {})

    # Pickling and copying: a variable is made again by the call that made it.

    def __reduce__(self) -> Any:
        if self.owner is not None:
            return _output_of, (self.owner, self.index), self._attached()
        if self.is_number:
            return _number, (), self._attached()
        sizes = tuple(shapes.known(size) for size in self.fake.shape)
        return _input, (sizes, self.dtype, str(self.device)), self._attached()

    def _attached(self) -> dict[str, Any]:
        return {"name": self.name, "tag": self.tag, "hooks": self.hooks} | (
            {} if self.default_update is None else {"default_update": self.default_update}
        )

    # What needs a value.

    def __bool__(self) -> bool:
        refuse_value(self, "bool() (an `if`, `and`, `in` or `==` between lists)")

    def __float__(self) -> float:
        refuse_value(self, "float()")

    def __int__(self) -> int:
        refuse_value(self, "int()")

    def __index__(self) -> int:
        refuse_value(self, "a place that takes only integers")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        refuse_value(self, "numpy")

    def __len__(self) -> int:
        if self.ndim == 0:
            raise errors.ShapeError(f"len() of {self!r}, which has no dimensions{NO_VALUE}")
        size = self.shape[0]
        if isinstance(size, int):
            return size
        refuse_value(self, f"len() (its first size is not known; use x.shape[0]{NO_VALUE})")

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __contains__(self, item: Any) -> bool:
        refuse_value(self, "`in`")

    def __getitem__(self, key: Any) -> Variable:
        keys = key if isinstance(key, tuple) else (key,)
        if any(isinstance(k, slice) and isinstance(k.step, int) and k.step < 0 for k in keys):
            return _backwards(self, keys)
        item: Variable = apply(operator.getitem, (self, key), {})
        return item

    def __setitem__(self, key: Any, value: Any) -> None:
        refuse_in_place("__setitem__", self)

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __repr__(self) -> str:
        if self.name is not None:
            return self.name
        if self.owner is None:
            return "<unnamed>"
        if self.owner.function is torch.Tensor.size:
            return "{!r}.shape[{}]".format(*self.owner.args)
        return self.owner.name

    if TYPE_CHECKING:  # the operators and tensor methods installed below

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Variable: ...
        def __radd__(self, other: Any) -> Variable: ...
        def __sub__(self, other: Any) -> Variable: ...
        def __rsub__(self, other: Any) -> Variable: ...
        def __mul__(self, other: Any) -> Variable: ...
        def __rmul__(self, other: Any) -> Variable: ...
        def __truediv__(self, other: Any) -> Variable: ...
        def __rtruediv__(self, other: Any) -> Variable: ...
        def __floordiv__(self, other: Any) -> Variable: ...
        def __rfloordiv__(self, other: Any) -> Variable: ...
        def __mod__(self, other: Any) -> Variable: ...
        def __pow__(self, other: Any) -> Variable: ...
        def __rpow__(self, other: Any) -> Variable: ...
        def __matmul__(self, other: Any) -> Variable: ...
        def __rmatmul__(self, other: Any) -> Variable: ...
        def __neg__(self) -> Variable: ...
        def __abs__(self) -> Variable: ...
        def __invert__(self) -> Variable: ...
        def __lt__(self, other: Any) -> Variable: ...
        def __le__(self, other: Any) -> Variable: ...
        def __gt__(self, other: Any) -> Variable: ...
        def __ge__(self, other: Any) -> Variable: ...


def _backwards(variable: Variable, keys: tuple[Any, ...]) -> Variable:
    """What numpy gives for slices with a negative step, which torch does not take."""
    forwards: list[Any] = []
    steps: list[int] = []  # one for each dimension of the result
    ahead = 0  # dimensions before the ellipsis
    for key in keys:
        if isinstance(key, slice) and isinstance(key.step, int) and key.step < 0:
            first = None if key.stop is None else (key.stop + 1 if key.stop != -1 else 2**62)
            last = None if key.start is None or key.start == -1 else key.start + 1
            forwards.append(slice(first, last))
            steps.append(key.step)
            continue
        if not (key is None or key is ... or isinstance(key, (slice, int, Variable))):
            raise errors.OperationError(BACKWARDS.format(variable=variable))
        if isinstance(key, Variable) and not key.is_number:
            raise errors.OperationError(BACKWARDS.format(variable=variable))
        forwards.append(key)
        if key is ...:
            ahead = len(steps) + 1
        elif key is None or isinstance(key, slice):
            steps.append(1)
    item = variable[tuple(forwards)]
    behind = item.ndim - len(steps)
    steps = [*steps[: ahead - 1], *[1] * behind, *steps[ahead - 1 :]] if ahead else steps
    flipped = torch.flip(item, [axis for axis, step in enumerate(steps) if step < 0])  # type: ignore[arg-type]
    if all(step in (1, -1) for step in steps):
        return flipped  # type: ignore[return-value]
    return flipped[tuple([slice(None, None, -step if step < 0 else None) for step in steps])]  # type: ignore[return-value]


NO_VALUE = (
    "; torch.tensor, torch.as_tensor and torch.asarray take values that are known, and a variable "
    "goes wherever a tensor does as it is (a size as torch.scalar_tensor(n))"
)
BACKWARDS = (
    "{variable!r} is indexed by tensors or lists and by a slice with a negative step at once; turn "
    "it round first, with torch.flip(x, [axis])"
)


def _install() -> None:
    """Give `Variable` torch's operators, methods and read-only properties."""

    def forward(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *args: apply(function, (self, *args), {})

    def backward(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, other: apply(function, (other, self), {})

    def attribute_of(name: str) -> Callable[[Variable], Any]:
        return lambda self: apply(getattr, (self, name), {})

    def method(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Variable, *args: Any, **kwargs: Any) -> Any:
            return apply(function, (self, *args), kwargs)

        call.__name__ = call.__qualname__ = function.__name__
        call.__doc__ = f"``torch.Tensor.{function.__name__}`` of the variable."
        return call

    for name in "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split():
        function, plain = getattr(operator, name), name.rstrip("_")
        setattr(Variable, f"__{plain}__", forward(function))
        setattr(Variable, f"__r{plain}__", backward(function))
    for name in "lt le gt ge eq ne neg pos abs invert".split():
        setattr(Variable, f"__{name}__", forward(getattr(operator, name)))
    for name in dir(torch.Tensor):
        attribute = getattr(torch.Tensor, name)
        if name.startswith("_") or name in vars(Variable) or not callable(attribute):
            continue
        setattr(Variable, name, method(attribute))
    for name in ("T", "mT", "H", "mH", "real", "imag"):
        setattr(Variable, name, property(attribute_of(name)))


_install()


def _frozen(value: Any) -> Any:
    """Nested arguments as tuples, each with the type that it stands for.

    What is attached to an argument may lead back to the call. A pickle would then refer to a list
    or a dictionary of arguments before it has filled it; tuples it makes from the inside out.
    """
    if type(value) is dict:
        return dict, tuple((key, _frozen(part)) for key, part in value.items())
    if type(value) in (list, tuple):
        return type(value), tuple(_frozen(part) for part in value)
    return value


def _thawed(value: Any) -> Any:
    if type(value) is not tuple:
        return value
    kind, parts = value
    if kind is dict:
        return {key: _thawed(part) for key, part in parts}
    return kind(_thawed(part) for part in parts)


def _called_again(
    function: Callable[..., Any], arguments: tuple[Any, ...], location: tuple[str, ...]
) -> Call:
    args, kwargs = _thawed(arguments)
    token = errors.location.set(location)
    try:
        if function is identity:
            result = call_giving(args[0].fake, function, args, kwargs)
        else:
            result = apply(function, args, kwargs)
    finally:
        errors.location.reset(token)
    call: Call = variables_in(result)[0].owner  # type: ignore[assignment]
    return call


def _output_of(call: Call, index: int) -> Variable:
    return call.outputs[index]


def _number() -> Variable:
    return Variable(shapes.unknown_size())


def _input(sizes: tuple[int | None, ...], dtype: torch.dtype, device: str) -> Variable:
    return Variable(shapes.fake_tensor(sizes, dtype, torch.device(device)))


@hinted
def put_hook(variable: Variable, hook: Callable[[Any], Any]) -> Variable:
    """Call `hook` with the value whenever `variable` is computed, in functions made from now on.

    Parameters
    ----------
    variable : Variable
    hook : callable
        Gets the tensor; what it returns is not looked at.

    Returns
    -------
    Variable
        The same `variable`.
    """
    variable.hooks.append(hook)
    variable._evaluator = None
    return variable


@hinted
def pprint(variable: Variable) -> str:
    """The expression behind a variable, down to variables that have a name.

    >>> from workbench import tensor
    >>> pprint((tensor.scalar("x") + 2) * 3)
    '((x + 2) * 3)'
    """
    done: dict[Variable, str] = {}
    stack = [variable]
    while stack:
        top = stack[-1]
        owner = top.owner
        if owner is None or (top.name is not None and top is not variable):
            done[stack.pop()] = repr(top)
            continue
        waiting = [v for v in owner.inputs if v not in done]
        if waiting:
            stack.extend(waiting)
        else:
            done[stack.pop()] = _written(owner, done)
    return done[variable]


_INFIX = {
    getattr(operator, name + "_" * (name in ("and", "or"))): sign for name, sign in _SIGNS.items()
}


def _written(call: Call, known: Mapping[Variable, str]) -> str:
    def word(leaf: Any) -> str:
        if isinstance(leaf, Variable):
            return known[leaf]
        return f"tensor{tuple(leaf.shape)}" if isinstance(leaf, torch.Tensor) else repr(leaf)

    if call.function is identity:
        return word(call.args[0])
    words = [word(arg) for arg in call.args]
    if call.function is getattr:
        return f"{words[0]}.{call.name}"
    if call.function in _INFIX and len(words) == 2:
        return f"({words[0]} {_INFIX[call.function]} {words[1]})"
    words += [f"{key}={word(value)}" for key, value in call.kwargs.items()]
    return f"{call.name}({', '.join(words)})"
