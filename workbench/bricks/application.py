"""Application methods: the methods that a brick uses to add its operation to a graph.

`application` converts a method of a brick into an `Application`, a descriptor that returns a
`BoundApplication` for each brick. Calling the bound application allocates the brick if necessary,
passes tagged copies of the inputs to the method, and returns tagged copies of the outputs. Tagged
copies are identity nodes with names, roles and annotations; lowering the graph removes them.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, overload

from workbench.bricks import fixes, immediate
from workbench.bricks.tagging import (
    output_names,
    tagged_inputs,
    tagged_outputs,
    wrong_argument,
)
from workbench.errors import (
    ApplicationError,
    ArgumentError,
    SignatureError,
    WorkbenchError,
    located,
    nearest,
)
from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.tensor import Variable
from workbench.utils.plain import extract_args, pack, unpack
from workbench.utils.predicates import Predicate

if TYPE_CHECKING:
    from workbench.bricks.base import Brick

F = TypeVar("F", bound=Callable[..., Any])

SPECIAL = ("application", "application_call")
"""Arguments that an application method can declare but its caller does not pass."""

NAMES = ("inputs", "outputs", "sequences", "states", "contexts")
"""Attributes that bricks read from applications; the error for a missing one says how to add it."""

OWN = (
    "application_function", "name", "brick", "attributes", "properties", "signature", "application",
)  # fmt: skip
"""Attributes of the Python object itself; others are declared for a class or set for a brick."""

_running: ContextVar[tuple[Brick, ...]] = ContextVar("running", default=())
"""The bricks that are being applied, outermost first."""


class Application(Predicate):
    """An application method of a brick class, created by the `application` decorator.

    Parameters
    ----------
    application_function : callable
        The decorated method.
    **attributes
        Attributes of the bound applications, such as ``inputs`` and ``outputs``.

    Attributes
    ----------
    name : str
        The name of the method.
    brick : type
        The class that defines the method.
    attributes : dict
    properties : dict of str to str
        Maps each computed attribute to the name of the brick's method that computes it.

    Raises
    ------
    ApplicationError
        If a name in ``inputs`` is not an argument of the method.

    Examples
    --------
    >>> from workbench.bricks import Brick, application
    >>> class Sum(Brick):
    ...     @application(inputs=["a", "b"], outputs=["total"])
    ...     def apply(self, a, b):
    ...         return a + b
    >>> Sum.apply, isinstance(Sum.apply, Application)
    (<Application Sum.apply>, True)
    >>> Sum.apply.inputs, Sum().apply.outputs
    (['a', 'b'], ['total'])
    """

    def __init__(self, application_function: Callable[..., Any], **attributes: object) -> None:
        self.application_function = application_function
        self.name: str = application_function.__name__
        self.brick: type[Brick] | None = None
        self.attributes: dict[str, Any] = attributes
        self.properties: dict[str, str] = {}
        self._delegate: str | None = None
        self.__doc__ = application_function.__doc__
        self._full = inspect.signature(application_function)
        parameters = list(self._full.parameters.values())
        self._self_name = parameters[0].name
        taken = [p for p in parameters[1:] if p.name not in SPECIAL]
        self.signature = self._full.replace(parameters=taken)
        self._takes_any_number = [p.kind for p in taken] == [inspect.Parameter.VAR_POSITIONAL]
        self._check_inputs()

    def _check_inputs(self) -> None:
        parameters = self.signature.parameters
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
            return
        for name in self.attributes.get("inputs", ()):
            if name not in parameters:
                raise ApplicationError(
                    f"{self.application_function.__qualname__}: inputs contains {name!r}, "
                    f"which is not an argument of the method ({', '.join(parameters)})"
                    f"{nearest(name, parameters)}"
                )

    def __set_name__(self, owner: type[Brick], name: str) -> None:
        if self.brick is None:
            self.brick = owner
            self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Brick]) -> Application: ...
    @overload
    def __get__(self, instance: Brick, owner: type[Brick]) -> BoundApplication: ...
    def __get__(self, instance: Brick | None, owner: type[Brick]) -> Application | BoundApplication:
        return self if instance is None else BoundApplication(self, instance)

    def __call__(self, brick: Brick, *args: Any, **kwargs: object) -> Any:
        """Call this application of a brick, as in ``Linear.apply(brick, x)``."""
        return BoundApplication(self, brick)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self.attributes:
            return self.attributes[name]
        reason = "each brick computes it" if name in self.properties else "it is not declared"
        raise AttributeError(f"{self!r} has no attribute {name!r}: {reason}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute for all bricks of the class; see `BoundApplication.__setattr__`."""
        if name.startswith("_") or name in OWN:
            super().__setattr__(name, value)
        elif name in self.properties:
            raise AttributeError(
                f"{self!r}: each brick computes {name} with its method {self.properties[name]}; "
                "override the method in a subclass, or set the attribute of one brick"
            )
        else:
            _check_attribute(self, name, self.attributes)
            self.attributes[name] = value

    @property
    def inputs(self) -> list[str]:
        """Declared input names; by default the arguments of the method."""
        return pack(self.attributes.get("inputs", self.argument_names))

    @inputs.setter
    def inputs(self, names: list[str]) -> None:
        """Do nothing; `__setattr__` performs the assignment."""

    @property
    def argument_names(self) -> list[str]:
        """Names of the arguments, without ``*args`` and ``**kwargs``."""
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return [p.name for p in self.signature.parameters.values() if p.kind not in kinds]

    def property(self, name: str) -> Callable[[F], F]:
        """Decorate a brick's method that computes an attribute of the application.

        Parameters
        ----------
        name : str
            The name of the attribute.

        Examples
        --------
        >>> from workbench.bricks import Brick, application
        >>> class Renamed(Brick):
        ...     def __init__(self, input_name, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.input_name = input_name
        ...     @application
        ...     def apply(self, *args):
        ...         return args[0] + 1
        ...     @apply.property("inputs")
        ...     def apply_inputs(self):
        ...         return [self.input_name]
        >>> Renamed("glimpses").apply.inputs
        ['glimpses']
        """

        def decorate(method: F) -> F:
            self._check_open(f"property {name!r}")
            self.properties[name] = method.__name__
            return method

        return decorate

    def delegate(self, f: F) -> F:
        """Decorate a brick's method that returns another application.

        Attributes that are not set, computed or declared are read from that application.

        Examples
        --------
        >>> from workbench.bricks import Brick, Tanh, application
        >>> class Wrapper(Brick):
        ...     def __init__(self, wrapped, **kwargs):
        ...         super().__init__(children=[wrapped], **kwargs)
        ...     @application(outputs=["wrapped_output"])
        ...     def apply(self, *args):
        ...         return self.children[0].apply(*args)
        ...     @apply.delegate
        ...     def apply_delegate(self):
        ...         return self.children[0].apply
        >>> wrapper = Wrapper(Tanh())
        >>> wrapper.apply.inputs, wrapper.apply.outputs
        (['input_'], ['wrapped_output'])
        """
        self._check_open("a delegate")
        self._delegate = f.__name__
        return f

    def _computes_by(self, method: str) -> bool:
        """Return True if the method with this name computes attributes of the application."""
        return method == self._delegate or method in self.properties.values()

    def _check_open(self, what: str) -> None:
        if self.brick is not None:
            raise ApplicationError(
                f"{what} can be added to {self!r} only in the body of the class that defines the "
                "application; define the application again in the subclass"
            )

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` was created by a call to this application on any brick."""
        call = get_application_call(variable)
        return call is not None and call.application.application is self

    def apply(self, bound_application: BoundApplication, *args: Any, **kwargs: Any) -> Any:
        """Apply the brick to variables; see `BoundApplication.__call__`."""
        as_dict, as_list = kwargs.pop("as_dict", False), kwargs.pop("as_list", False)
        call_id = kwargs.pop("call_id", None)
        if as_dict and as_list:
            raise SignatureError(
                f"{bound_application.path}: as_dict and as_list are both True; set only one of them"
            )
        brick = bound_application.brick
        arguments: dict[str, Any] = {}
        with located(bound_application.path):
            try:
                self._check_place(bound_application)
                arguments = self._bound_arguments(bound_application, args, kwargs)
                brick._prepare()
                call = ApplicationCall(bound_application)
                call.metadata["call_id"] = call_id
                call.options = _options(arguments)
                tagged = dict(tagged_inputs(bound_application, call, arguments))
                outputs = self._run(bound_application, call, tagged)
                results = tagged_outputs(bound_application, call, outputs)
            except WorkbenchError as error:
                fixes.offer(error, bound_application, arguments)
                raise
        if as_dict:
            return dict(zip(output_names(bound_application, len(results)), results, strict=True))
        return results if as_list else unpack(results)

    def _bound_arguments(
        self, bound: BoundApplication, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        by_position = bool(kwargs) and self._takes_any_number
        known = bound.inputs if by_position else self.argument_names
        try:
            if by_position:
                args, kwargs = tuple(extract_args(known, *args, **kwargs).values()), {}
            return self.signature.bind(*args, **kwargs).arguments
        except ArgumentError as error:  # its message already lists the arguments
            raise SignatureError(f"{bound.path}: {error}") from None
        except TypeError as error:
            hints = [nearest(name, known) for name in kwargs if name not in known]
            raise SignatureError(
                f"{bound.path}: {error}; it accepts ({', '.join(known)}){''.join(hints[:1])}"
            ) from None

    def _check_place(self, bound: BoundApplication) -> None:
        running = _running.get()
        if not running:
            return
        brick, parent = bound.brick, running[-1]
        if brick is not parent and parent not in brick.parents:
            children = ", ".join(repr(child.name) for child in parent.children) or "none"
            raise ApplicationError(
                f"{parent.path()} applies {brick.name!r}, which is not among its children "
                f"({children}); pass it to super().__init__(children=[...]), or, if another brick "
                "applies it, decorate the method of that brick with @application"
            )

    def _run(
        self, bound: BoundApplication, call: ApplicationCall, arguments: dict[str, Any]
    ) -> list[Any]:
        given = {self._self_name: bound.brick, **arguments, "application": bound}
        given["application_call"] = call
        complete = inspect.BoundArguments(
            self._full,
            {name: given[name] for name in self._full.parameters if name in given},
        )
        token = _running.set((*_running.get(), bound.brick))
        try:
            return pack(self.application_function(*complete.args, **complete.kwargs))
        except AttributeError as error:
            # The method probably treated an argument as a variable although it is not one.
            for name, value in arguments.items():
                if value is error.obj and not isinstance(value, Variable):
                    raise wrong_argument(bound, name, value) from error
            raise
        finally:
            _running.reset(token)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the application by reference if its class can be imported, else by value."""
        found: Any = sys.modules.get(self.brick.__module__) if self.brick else None
        if self.brick is not None and self.brick.__module__ != "__main__":
            for part in self.brick.__qualname__.split("."):
                found = getattr(found, part, None)
            if found is self.brick:
                return getattr, (self.brick, self.name)
        return super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        owner = self.brick.__name__ if self.brick is not None else "?"
        return f"<Application {owner}.{self.name}>"


class BoundApplication(Predicate):
    """An application method of one brick.

    Parameters
    ----------
    application : Application
    brick : Brick

    Attributes
    ----------
    inputs, outputs : list of str
        Names of the inputs and outputs.

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh
    >>> apply = MLP([Tanh()], [3, 2]).apply
    >>> isinstance(apply, BoundApplication), apply.brick.name, apply.inputs, apply.outputs
    (True, 'mlp', ['input_'], ['output'])
    """

    def __init__(self, application: Application, brick: Brick) -> None:
        self.application = application
        self.brick = brick
        self.__doc__ = application.__doc__
        self.__signature__ = application.signature

    @property
    def name(self) -> str:
        """The name of the method."""
        return self.application.name

    @property
    def path(self) -> str:
        """The path of the brick and the name of the method, such as ``mlp/linear_0.apply``."""
        return f"{self.brick.path()}.{self.name}"

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, by default the arguments of the method."""
        names = self._found("inputs")
        return self.application.argument_names if names is None else pack(names)

    @inputs.setter
    def inputs(self, names: list[str]) -> None:
        """Do nothing; `__setattr__` performs the assignment."""

    @property
    def declares_inputs(self) -> bool:
        """True if the input names were declared; otherwise every argument is an input."""
        return self._found("inputs") is not None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or (found := self._found(name)) is None:
            hint = ""
            if name in NAMES:
                hint = (
                    f": {self.application!r} does not declare it; write @application({name}=[...]),"
                    f" add a delegate that has it, or set {self.brick.name}.{self.name}.{name} = "
                    "[...]"
                )
            raise AttributeError(f"{self!r} has no attribute {name!r}{hint}")
        return pack(found) if name == "outputs" else found

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of the application for this brick only, overriding the class's value.

        An example is ``brick.apply.inputs = ["a", "b"]``. The value is copied and saved with the
        brick.

        Raises
        ------
        AttributeError
            If the application has no attribute of this name.
        """
        if name.startswith("_") or name in OWN:
            super().__setattr__(name, value)
            return
        _check_attribute(self, name, (*self.application.attributes, *self.application.properties))
        self._settings(make=True)[name] = value
        self.brick._forget()

    def _settings(self, make: bool = False) -> dict[str, Any]:
        """Return the attributes of this application that were set for this brick only."""
        application, everything = self.application, vars(self.brick)
        if make:
            everything.setdefault("_application_settings", {})
        elif "_application_settings" not in everything:
            return {}
        # The class is in the key: a subclass can define an application of the same name that
        # delegates to this one.
        owner = "" if application.brick is None else application.brick.__qualname__
        found: dict[str, Any] = everything["_application_settings"].setdefault(
            f"{owner}.{application.name}", {}
        )
        return found

    def _found(self, name: str) -> Any:
        """Return the value of an attribute, or None if it is not defined.

        The value can be set for this brick, computed, declared or delegated, in this order of
        precedence.
        """
        application = self.application
        if name in (settings := self._settings()):
            return settings[name]
        if name in application.properties:
            return self._method(application.properties[name])()
        if name in application.attributes:
            return application.attributes[name]
        if application._delegate is not None:
            return getattr(self._method(application._delegate)(), name, None)
        return None

    def _method(self, name: str) -> Callable[[], Any]:
        """Return the method `name` that computes attributes, or a subclass's override of it.

        An override is ignored if its class also redefines the application and the override computes
        attributes of the new application. The new application can call this application with
        `super`, so this application must keep its own attributes.
        """
        application, kind = self.application, type(self.brick)
        owner = next((cls for cls in kind.__mro__ if name in vars(cls)), kind)
        other = vars(owner).get(application.name)
        if isinstance(other, Application) and other is not application and other._computes_by(name):
            method: Any = getattr(application.brick, name)
            return functools.partial(method, self.brick)
        own: Callable[[], Any] = getattr(self.brick, name)
        return own

    def __call__(self, *args: Any, **kwargs: object) -> Any:
        """Apply the brick.

        Parameters
        ----------
        *args, **kwargs
            Variables and other arguments of the method. If some arguments are tensors or arrays and
            none is a variable, the result is computed immediately.
        as_dict : bool
            True to return a dictionary from names to outputs.
        as_list : bool
            True to return a list even if there is only one output.
        call_id : str
            An identifier to store with the call, for `workbench.filter.VariableFilter`.

        Raises
        ------
        SignatureError
            If the method does not accept these arguments.
        NotConfiguredError
            If the brick cannot be allocated yet.
        ApplicationError
            If another brick applies this brick without being its parent, or if the number of
            returned values differs from the number of outputs.
        ShapeError, DtypeError
            If the shape or dtype of an input does not fit.
        """
        if not _running.get() and immediate.wanted(args, kwargs):
            return immediate.compute(self, args, kwargs)
        return self.application.apply(self, *args, **kwargs)

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` was created by a call to this application on this brick."""
        call = get_application_call(variable)
        return call is not None and bool(call.application == self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundApplication):
            return NotImplemented
        return self.application is other.application and self.brick is other.brick

    def __hash__(self) -> int:
        return hash((self.application, self.brick))

    def __reduce__(self) -> Any:
        return BoundApplication, (self.application, self.brick)

    def __repr__(self) -> str:
        return f"<{self.path}>"


@overload
def application(method: Callable[..., Any], /) -> Application: ...
@overload
def application(**attributes: object) -> Callable[[Callable[..., Any]], Application]: ...
def application(*args: Any, **kwargs: object) -> Any:
    """Convert a method of a brick into an application method.

    The decorator can be used alone or with attributes of the application, as in
    ``@application(inputs=["x"], outputs=["y"])``. By default, the inputs are named after the
    arguments of the method, and the outputs are named ``output_0``, ``output_1`` and so on.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Brick
    >>> class Sum(Brick):
    ...     @application(outputs=["total"])
    ...     def apply(self, a, b):
    ...         return a + b
    >>> total = Sum().apply(tensor.matrix("x"), tensor.matrix("y"))
    >>> total, total.tag.name, total.tag.roles
    (sum_apply_total, 'total', [OUTPUT])
    """
    if args and (kwargs or len(args) > 1 or not callable(args[0])):
        raise SignatureError(
            "application must be called with one method or with keyword arguments only, not with "
            f"{args!r}; write @application or @application(outputs=[...])"
        )
    if args:
        return Application(args[0])
    return lambda method: Application(method, **kwargs)


def _options(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that are single values, such as numbers; variables are omitted."""
    named = {
        key: value
        for name, given in arguments.items()
        for key, value in (given.items() if isinstance(given, dict) else [(name, given)])
    }
    return {
        key: value for key, value in named.items() if isinstance(value, (bool, int, float, str))
    }


def _check_attribute(application: object, name: str, declared: Iterable[str]) -> None:
    """Raise `AttributeError` for a name that is neither in `NAMES` nor declared."""
    known = dict.fromkeys((*NAMES, *declared))
    if name not in known:
        raise AttributeError(
            f"{application!r} has no attribute {name!r} that can be set, only "
            f"{', '.join(known)}{nearest(name, known)}"
        )


def applications_of(brick: type[Brick]) -> dict[str, Application]:
    """Return the application methods of a brick class, keyed by name."""
    found: dict[str, Application] = {}
    for cls in brick.__mro__:
        for name, value in vars(cls).items():
            if isinstance(value, Application) and getattr(brick, name) is value:
                found.setdefault(name, value)
    return found
