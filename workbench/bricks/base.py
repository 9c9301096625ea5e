"""`Brick`, the base class of operations with parameters and children.

A brick is *constructed*, possibly without some of its settings. Once it has all settings that
allocation requires, its parameters are *allocated* and filled with NaN. Then the brick is *applied*
to variables and its parameters are *initialised*, in either order. Before a brick is allocated or
initialised, it pushes settings to its children and allocates or initialises them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Never, NoReturn, Self

from workbench.attributes import check_attribute
from workbench.bricks import display
from workbench.bricks.application import applications_of
from workbench.bricks.dimensions import COUNTS, check_count, check_size, is_dimension
from workbench.bricks.export import Exported
from workbench.bricks.lazy import is_set
from workbench.bricks.tracing import recorded
from workbench.bricks.wrappers import BrickWrapper
from workbench.errors import (
    ApplicationError,
    BrickError,
    Fix,
    NotConfiguredError,
    WorkbenchError,
    about,
    nearest,
)
from workbench.graph.hierarchy import Component
from workbench.tensor import SharedVariable
from workbench.tensor.shared import check_values
from workbench.tensor.symbolic import allocation, is_symbolic
from workbench.utils.hooks import refuse_former_hooks

LIFE_CYCLE = frozenset(
    "allocated initialized allocation_config_pushed initialization_config_pushed parameters "
    "name parents auxiliary_variables updates print_shapes".split()
)
"""Attributes that are not settings; assigning them does not cause settings to be pushed again."""


_stage: ContextVar[str | None] = ContextVar("stage", default=None)
"""The stage whose settings are being pushed; pushing them invalidates only this stage."""


@contextmanager
def _pushing(stage: str) -> Iterator[None]:
    token = _stage.set(stage)
    try:
        yield
    finally:
        _stage.reset(token)


class Brick(Exported):
    """An operation with parameters and children.

    The constructor of a subclass passes its children to ``super().__init__(**kwargs)``. The methods
    that compute outputs are decorated with `application`. Where necessary, a subclass overrides
    `_allocate`, `_initialize`, `_push_allocation_config`, `_push_initialization_config` and
    `get_dim`. If the constructor is decorated with `lazy`, settings can be assigned later as
    attributes.

    A user calls only application methods and `initialize`, which allocate the brick if necessary.
    After an attribute of a brick (other than its name) has been set, the brick pushes its settings
    to its children again before the next allocation or initialisation.

    Parameters
    ----------
    name : str, optional
        By default the class name in lower case.
    children : iterable of Brick, optional

    Attributes
    ----------
    parameters : list of SharedVariable or None
        The parameters of this brick, without the parameters of its children. Before allocation,
        reading the attribute raises `NotAllocatedError`, an `AttributeError`.
    children, parents : list of Brick
    allocated, initialized : bool
        True after allocation or initialisation, respectively.
    allocation_config_pushed, initialization_config_pushed : bool
        True if the children have the current settings.
    print_shapes : bool
        True to print the shapes of inputs and outputs whenever they are computed.
    lazy : bool
        A class attribute. If False, all settings must be passed to constructors, and applying a
        brick initialises it.
    decorators : sequence of BrickWrapper
        A class attribute: wrappers for the inherited application methods of the class.
    setting_checks : dict
        A class attribute that maps the name of a setting to a function that raises an error
        for an invalid value. The function is called with the brick's path, the name and the value
        whenever the setting is assigned.
    dims_of_all_axes : bool
        A class attribute, True if ``input_dim`` describes all axes of an input except the batch
        axis. An error about an input then suggests a size for each of these axes.
    former_hooks : dict of str to str
        A class attribute that maps the names of overridable methods in Blocks to the names of their
        replacements. These methods are never called, so defining a class with one of them is an
        error.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.initialization import Constant, IsotropicGaussian
    >>> linear = Linear(output_dim=3, biases_init=Constant(0))
    >>> linear.input_dim
    NoneAllocation
    >>> linear.input_dim = 5
    >>> linear.apply(tensor.matrix("x"))
    linear_apply_output
    >>> linear.parameters
    [W, b]
    >>> linear.weights_init = IsotropicGaussian(0.1)
    >>> linear.initialize()
    >>> linear
    <Linear linear: 5 -> 3>
    """

    lazy: ClassVar[bool] = True
    decorators: ClassVar[Sequence[BrickWrapper]] = ()
    setting_checks: ClassVar[Mapping[str, Callable[[str, str, Any], object]]] = {}
    former_hooks: ClassVar[Mapping[str, str]] = {}
    dims_of_all_axes: ClassVar[bool] = False
    print_shapes: bool = False
    _immediate: dict[Hashable, Any]

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for base in cls.__mro__:
            refuse_former_hooks(cls, vars(base).get("former_hooks", {}), ApplicationError)
        for wrapper in vars(cls).get("decorators", ()):
            wrapper.decorate(cls)

    def __init__(
        self, name: str | None = None, children: Iterable[Brick] | None = None, **unknown: Never
    ) -> None:
        if unknown:
            raise self._unknown_keyword(next(iter(unknown)))
        self.allocation_args: list[str] = getattr(self, "allocation_args", [])
        self.initialization_args: list[str] = getattr(self, "initialization_args", [])
        self.allocated = self.initialized = False
        self.allocation_config_pushed = self.initialization_config_pushed = False
        super().__init__(type(self).__name__.lower() if name is None else name, children)

    # The life cycle.

    def allocate(self) -> None:
        """Create the parameters of the children, then the parameters of the brick.

        The new parameters replace existing parameters.

        Raises
        ------
        NotConfiguredError
            If a setting is missing.
        """
        self._allocate_tree(set(), fresh=True)

    def _allocate_tree(self, done: set[Brick], fresh: bool) -> None:
        if self in done:
            return
        done.add(self)
        if not self.allocation_config_pushed:
            self.push_allocation_config()
        self._require(self.allocation_args, "allocation")
        for child in self._bricks():
            # A child that another model already uses keeps its parameters, unless the caller
            # allocates explicitly.
            shared = child.allocated and any(p.allocated for p in child._owners() if p is not self)
            if fresh or not shared:
                child._allocate_as_defined(done, fresh)
        self.parameters = []
        self.auxiliary_variables.clear()
        self.updates.clear()
        with allocation(), self._placed():
            self._allocate()
        for parameter in self.parameters:
            if isinstance(parameter, SharedVariable) and not parameter.symbolic:
                parameter.unset = bool(parameter.tensor.isnan().any())
        self._remember_settings()
        self.allocated = True
        self._forget()

    def _allocate_as_defined(self, done: set[Brick], fresh: bool) -> None:
        """Allocate the brick, using its class's override of `allocate` if there is one."""
        if type(self).allocate is Brick.allocate:
            self._allocate_tree(done, fresh)
        elif self not in done:
            done.add(self)
            self.allocate()

    def _allocate(self) -> None:
        """Append the brick's own parameters to `parameters`; subclasses override this method."""

    def initialize(self) -> None:
        """Initialise the parameters of the children, then the parameters of the brick.

        A brick that has no parameters yet is allocated first. The same seed always produces the
        same values.

        Raises
        ------
        NotConfiguredError
            If a setting is missing.
        ParameterError
            If the brick was allocated inside `symbolic_parameters`.
        """
        self._require(self.initialization_args, "initialization")
        if not self.allocated:
            self._allocate_as_defined(set(), fresh=False)
        check_values(p for p in self.parameters if isinstance(p, SharedVariable))
        self._check_unchanged()
        if not self.initialization_config_pushed:
            self.push_initialization_config()
        for child in self._bricks():
            child.initialize()
        self._initialize()
        self.initialized = True

    def _initialize(self) -> None:
        """Set the values of the brick's own parameters; subclasses override this method."""

    def push_allocation_config(self) -> None:
        """Set the attributes that the children need for their allocation.

        `allocate` calls this method if it has not been called yet. Call it yourself to change the
        settings of the children afterwards. It can be called before all settings are known;
        `allocate` then pushes the remaining settings.

        Raises
        ------
        NotConfiguredError
            If a setting that determines settings of the children is missing.
        """
        self._push("allocation", self.allocation_args, self._push_allocation_config)
        for child in self._bricks():
            # A child that still lacks settings pushes to its own children once it has them all.
            if not child._missing(child.allocation_args):
                child.push_allocation_config()
        self.allocation_config_pushed = not self._missing(self.allocation_args)

    def _push_allocation_config(self) -> None:
        """Set attributes of the children before allocation; subclasses override this method."""

    def push_initialization_config(self) -> None:
        """Set the attributes that the children need for their initialisation.

        `initialize` calls this method if it has not been called yet. Call it yourself to change the
        settings of the children afterwards. Like `push_allocation_config`, it can be called before
        all settings are known.

        Raises
        ------
        NotConfiguredError
            If a setting that determines settings of the children is missing.
        """
        self._push("initialization", self.initialization_args, self._push_initialization_config)
        for child in self._bricks():
            if not child._missing(child.initialization_args):
                child.push_initialization_config()
        self.initialization_config_pushed = not self._missing(self.initialization_args)

    def _push_initialization_config(self) -> None:
        """Set attributes of the children before initialisation; subclasses override this method."""

    def _prepare(self) -> None:
        """Allocate the brick before it is applied, and initialise it if `lazy` is False."""
        if not self.allocated:
            self._allocate_as_defined(set(), fresh=False)
        self._check_unchanged()
        if not self.lazy and not self.initialized and not is_symbolic():
            self.initialize()

    def _push(self, stage: str, settings: list[str], push: Callable[[], None]) -> None:
        """Call `push`; raise `NotConfiguredError` if it fails and some `settings` are missing."""
        try:
            with _pushing(stage), self._placed():
                push()
        except Exception:
            self._require(settings, stage)
            raise

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """Store the path of this brick in errors raised in the ``with`` block."""
        try:
            yield
        except WorkbenchError as error:
            if error.brick is None:
                error.brick = self.path()
            raise

    def _missing(self, settings: Iterable[str]) -> list[str]:
        return [name for name in settings if not is_set(getattr(self, name, None))]

    def _require(self, settings: Iterable[str], stage: str) -> None:
        missing = self._missing(settings)
        if missing:
            error = NotConfiguredError(
                f"{self.path()}: {stage} requires {', '.join(missing)}; assign a value, "
                f"as in {self.name}.{missing[0]} = ..., or pass {missing[0]}=... to "
                f"{type(self).__name__}()",
                missing,
            )
            raise about(error, self.path())

    # Dimensions.

    def get_dim(self, name: str) -> Any:
        """Return the dimension of an input or output, without the batch axis.

        Parameters
        ----------
        name : str
            A name in the ``inputs`` or ``outputs`` of an application method.

        Returns
        -------
        int or tuple of int

        Raises
        ------
        BrickError
            If the brick has no input or output of this name, or does not define its dimension.
        """
        applications = [getattr(self, method) for method in applications_of(type(self))]
        known = {
            n for bound in applications for n in (*bound.inputs, *getattr(bound, "outputs", ()))
        }
        if name in known:
            what = f"does not define the dimension of {name!r}"
        else:
            names = ", ".join(sorted(known)) or "none"
            what = f"has no input or output named {name!r} (names: {names}){nearest(name, known)}"
        raise BrickError(f"{self.path()}: {type(self).__name__} {what}")

    def get_dims(self, names: Iterable[str]) -> list[Any]:
        """Return the dimensions of several inputs and outputs."""
        return [self.get_dim(name) for name in names]

    # Changes.

    def __setattr__(self, name: str, value: Any) -> None:
        if (assignments := recorded.get()) is not None:
            assignments.append((self, name, value))
            return
        if is_dimension(name):
            check_size(self._where(), name, value)
        elif name in COUNTS:
            check_count(self._where(), name, value)
        elif (check := self.setting_checks.get(name)) is not None:
            check(self._where(), name, value)
        if (before := vars(self).get(name)) is None:
            check_attribute(self, name, family=(Component,))
        super().__setattr__(name, value)
        if not name.startswith("_") and name not in LIFE_CYCLE:
            inferred = vars(self).setdefault("_inferred", set())
            (inferred.add if _stage.get() else inferred.discard)(name)
            if before is not value:
                self._settings_changed()

    def _children_changed(self) -> None:
        self._settings_changed()
        # A child created during allocation does not have its initialisation settings yet.
        vars(self)["initialization_config_pushed"] = False

    def _settings_changed(self) -> None:
        for stage in (_stage.get(),) if _stage.get() else ("allocation", "initialization"):
            vars(self)[f"{stage}_config_pushed"] = False
        self._forget()

    def _forget(self) -> None:
        """Drop the functions compiled for immediate computation by this brick and its ancestors."""
        vars(self)["_immediate"] = {}
        for parent in vars(self).get("parents", ()):
            parent._forget()

    def inferred_settings(self) -> frozenset[str]:
        """Return the names of the settings that a parent assigned when it pushed its settings.

        Examples
        --------
        >>> from workbench.bricks import MLP, Tanh
        >>> mlp = MLP([Tanh()], [3, 2])
        >>> mlp.push_allocation_config()
        >>> sorted(mlp.children[0].inferred_settings())
        ['input_dim', 'output_dim']
        """
        return frozenset(vars(self).get("_inferred", ()))

    # Settings that changed since the allocation.

    def _remember_settings(self) -> None:
        """Save the settings used to allocate the parameters; see `_check_unchanged`."""
        values = {name: getattr(self, name, None) for name in self.allocation_args}
        vars(self)["_allocated_for"] = {name: _snapshot(v) for name, v in values.items()}

    def _check_unchanged(self) -> None:
        """Check that the settings have not changed since the parameters were allocated.

        Raises
        ------
        NotConfiguredError
            If a setting has changed.
        """
        for name, before in vars(self).get("_allocated_for", {}).items():
            now = getattr(self, name, None)
            if not _equal(before, now):
                error = NotConfiguredError(
                    f"{self.path()}: {name} is {now!r}, but the parameters were allocated for "
                    f"{name}={before!r}; set {name} back to {before!r}, or call "
                    f"{self.path().split('/')[0]}.allocate() and initialize() to create new "
                    "parameters"
                )
                raise about(error, self.path(), Fix(self.path(), name, before))

    # Copies and text representations.

    def __call__(self, *args: Any, **kwargs: object) -> NoReturn:
        """Raise an error that names the application methods, since a brick is not callable.

        Raises
        ------
        ApplicationError
            Always.
        """
        methods = list(applications_of(type(self)))
        if not methods:
            raise ApplicationError(
                f"{self!r} is a brick and cannot be called; its class has no application methods, "
                "so define one, such as apply"
            )
        first = "apply" if "apply" in methods else methods[0]
        raise ApplicationError(
            f"{self!r} is a brick and cannot be called; call one of its application methods "
            f"({', '.join(methods)}), as in {self.name}.{first}(...)"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_immediate": {}}

    def __copy__(self) -> Self:
        """Return a deep copy, since a shallow copy would share parameters and children."""
        import copy

        return copy.deepcopy(self)

    def __repr__(self) -> str:
        details = self.describe()
        return f"<{type(self).__name__} {self.name}{': ' + details if details else ''}>"

    def __str__(self) -> str:
        return display.as_text(self)

    def describe(self) -> str:
        """Return the text after the name in the repr: dimensions and non-default settings."""
        return ""

    def _repr_html_(self) -> str:
        return display.as_html(self)

    def _where(self) -> str:
        """Return the path or, if the constructor has not set a name yet, the class name."""
        return self.path() if "parents" in vars(self) else type(self).__name__

    def _bricks(self) -> list[Brick]:
        return [child for child in self.children if isinstance(child, Brick)]

    def _owners(self) -> list[Brick]:
        return [parent for parent in self.parents if isinstance(parent, Brick)]


def _snapshot(value: Any) -> Any:
    """Return a list as a tuple, a dictionary as a copy, and any other value unchanged."""
    if isinstance(value, list):
        return tuple(value)
    return value.copy() if isinstance(value, dict) else value


def _equal(before: Any, now: Any) -> bool:
    now = _snapshot(now)
    plain = (int, str, tuple, dict)
    equal = isinstance(before, plain) and isinstance(now, plain) and before == now
    return equal or before is now or not is_set(now)
