"""Settings of the workbench, and the global `config` object that contains them.

A setting can be set in several layers; later layers override earlier layers:

1. the default, listed in `Configuration`;
2. the settings file: ``~/.workbench.yaml``, or the file in ``$WORKBENCH_CONFIG``;
3. the environment: ``WORKBENCH_FLOATX=float64`` sets `floatx`;
4. an assignment in code: ``config.floatx = "float64"``;
5. an enclosing ``with config.override(floatx="float64"):``, for this thread or task only.

An example of a settings file::

    data_path: ~/datasets
    default_seed: 7

The file and the environment are read when a setting is first used, never at import. In every layer,
an unknown name or a value of the wrong type raises an error that states where it was set.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError, nearest
from workbench.names import explain_missing
from workbench.tracebacks import show_all_if

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

__all__ = ["Configuration", "ConfigurationError", "config"]

NO_VALUE = (
    "setting {name!r} has no value: assign `config.{name}`, write `{name}: ...` in the settings "
    "file, or set the environment variable WORKBENCH_{upper}"
)
SHADOWED = (
    "setting {name!r} is overridden by an enclosing `with config.override(...)`, so an "
    "assignment would have no effect; pass the value to config.override instead"
)
NOT_A_CHOICE = "setting {name!r}: {value!r} ({origin}) must be {known}"
NOT_A_NAME = "a setting cannot be called {name!r}: {reason}"
IN_MODULE = (
    "workbench.config is a module, and {name!r} belongs to the object `config` in it; "
    "write `from workbench.config import config`, and then `config.{name}`"
)
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Configuration:
    """Settings that can be read, assigned, and overridden for a block of code.

    Attributes
    ----------
    default_seed : int
        Seed for every random stream without an explicit seed; default 1. Zero is a valid seed.
    data_path : tuple of Path
        Folders to search for datasets, in this order; default ``~/.workbench/data``. In the file,
        a list or a string; in the environment, a string of folders separated by `os.pathsep`.
    blocks_path : Path
        Folder for the blocks that the user saves in the visual editor; default
        ``~/.workbench/blocks``.
    runs_path : Path
        Folder for the runs that train in other processes; default ``~/.workbench/runs``.
    log_backend : str
        Backend for the log of a main loop: 'memory' (default), 'sqlite', or the name of a
        registered backend; see `workbench.log.backends.register`.
    sqlite_database : str
        Path of the database for the 'sqlite' log; no default.
    max_blob_size : int
        Values in an SQLite log that are larger than this number of bytes cause a warning; default
        4096.
    temp_dir : Path
        Folder for temporary files; default `tempfile.gettempdir()`.
    profile : bool
        True to print the time spent in each section of training when training ends; default False.
    floatx : {'float32', 'float64', 'float16'}
        Dtype of parameters and of symbolic inputs without an explicit dtype; default 'float32'.
    device : str
        'cpu', 'cuda', 'cuda:1', 'mps', 'xpu', or 'auto' (default): 'cuda' if available, else 'cpu'.
    execution : {'auto', 'eager', 'compiled'}
        How functions are executed. 'auto' (default) starts with eager execution and compiles a
        function if this saves time.
    full_tracebacks : bool
        True to show uncaught errors with all frames of the workbench; default False.
    precision : {'float32', 'tf32', 'bf16'}
        Arithmetic for matrix products; default 'float32'. 'tf32' requires a GPU that supports TF32.
    threads : int or 'auto'
        Number of threads that a function uses on a CPU. 'auto' (default) uses one thread for
        small programs and all available processors for large programs.
    snapshot_memory : int
        Maximum total size in bytes of the snapshots that a new session keeps for rewinds; default
        512 MiB. The latest snapshot is always kept. With less memory, a rewind must repeat more
        batches.

    Raises
    ------
    ConfigurationError
        On access or assignment, if a file or an environment variable cannot be read, a name is
        unknown, or a value is invalid or missing.

    Examples
    --------
    >>> from workbench.config import config
    >>> config.floatx
    'float32'
    >>> with config.override(floatx="float64", default_seed=3):
    ...     config.floatx, config.default_seed
    ('float64', 3)
    >>> config.flaotx
    Traceback (most recent call last):
    ...
    workbench.errors.ConfigurationError: unknown setting 'flaotx' (requested in code); did you
    mean 'floatx'?
    """

    default_seed: int
    data_path: tuple[Path, ...]
    blocks_path: Path
    runs_path: Path
    log_backend: str
    sqlite_database: str
    max_blob_size: int
    temp_dir: Path
    profile: bool
    floatx: str
    device: str
    execution: str
    full_tracebacks: bool
    precision: str
    threads: int | str
    snapshot_memory: int

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._table: type[BaseSettings] | None = None  # imported at first use: pydantic is slow
        self._file: Path | None = None
        self._origins: dict[str, str] = {}
        self._given: dict[str, Any] | None = None
        self._assigned: dict[str, Any] = {}
        self._values: dict[str, Any] | None = None  # all layers except the scoped layer
        self._choices: dict[str, Collection[str]] = {}
        self._scoped: ContextVar[Mapping[str, Any]] = ContextVar("settings", default=NOTHING)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        scoped = self._scoped.get()
        if name in scoped:
            value = scoped[name]
        else:
            values = self._values
            if values is None:
                values = self._read()
            # A setting with choices is not in `values`, so that every access checks it.
            value = values[name] if name in values else self._chosen(name)
        if value is None:
            raise ConfigurationError(NO_VALUE.format(name=name, upper=name.upper()))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        if name in self._scoped.get():
            raise ConfigurationError(SHADOWED.format(name=name))
        checked = self._checked({name: value}, "assigned in code")
        with self._lock:
            self._assigned |= checked
            self._values = None

    def __delattr__(self, name: str) -> None:
        """Undo an assignment, so that the environment, the file or the default applies again."""
        self._current(name)
        with self._lock:
            self._assigned.pop(name, None)
            self._values = None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields()]

    def __repr__(self) -> str:
        rows = ((name, self._current(name), self.origin(name)) for name in self._fields())
        return "\n".join(f"{name} = {value!r}  ({origin})" for name, value, origin in rows)

    @contextlib.contextmanager
    def override(self, **settings: object) -> Iterator[None]:
        """Change settings inside a ``with`` block.

        Other threads do not see the change, unless they run in a copy of this context.

        Parameters
        ----------
        **settings
            New values, keyed by name; None removes the value of a setting inside the block.
        """
        checked = self._checked(settings, "overridden in code")
        token = self._scoped.set({**self._scoped.get(), **checked})
        try:
            yield
        finally:
            self._scoped.reset(token)

    def add_config(self, name: str, type_: Any, default: Any = None) -> None:
        """Add a setting that is read from the same layers as the built-in settings.

        Call this method when your module is imported. Before the call, a settings file that
        contains the setting causes an error.

        Parameters
        ----------
        name : str
            The name. The environment variable is ``WORKBENCH_`` followed by the name in capitals.
        type_ : type
            Any type that pydantic can check. In the environment, ``list``, ``dict`` and similar
            types are written as JSON.
        default : object, optional
            The value if the setting is not set in any layer. If it is None, access raises a
            `ConfigurationError`.

        Examples
        --------
        >>> settings = Configuration()
        >>> settings.add_config("patience", int, default=10)
        >>> settings.patience = "12"
        >>> settings.patience
        12
        """
        from workbench._settings import extended

        if not name.isidentifier() or name.startswith("_") or name != name.lower():
            reason = "the name must be a lower-case identifier without a leading underscore"
            raise ConfigurationError(NOT_A_NAME.format(name=name, reason=reason))
        if name in dir(self):
            raise ConfigurationError(NOT_A_NAME.format(name=name, reason="the name is in use"))
        with self._lock:
            self._table = extended(self._known(), name, type_, default)
            self._given = self._values = None

    def restrict(self, name: str, choices: Collection[str]) -> None:
        """Restrict a setting to given values, and check it on assignment and on each access.

        Parameters
        ----------
        name : str
            The setting.
        choices : collection of str
            The allowed values; the collection may grow later.

        Examples
        --------
        >>> settings = Configuration()
        >>> settings.restrict("log_backend", ["memory", "sqlite"])
        >>> settings.log_backend = "sqlight"
        Traceback (most recent call last):
        ...
        workbench.errors.ConfigurationError: setting 'log_backend': 'sqlight' (assigned in code)
        must be 'memory' or 'sqlite'; did you mean 'sqlite'?
        """
        with self._lock:
            self._choices[name] = choices
            self._values = None

    def load_yaml(self, path: str | os.PathLike[str] | None = None) -> None:
        """Read the settings file again, or read another file.

        Assignments and the environment still take precedence over the file.

        Parameters
        ----------
        path : path, optional
            The new settings file; by default, the current file.
        """
        with self._lock:
            if path is not None:
                self._file = Path(path).expanduser()
            self._given = self._values = None
            self._read()

    def origin(self, name: str) -> str:
        """Return the origin of a setting's current value.

        Examples
        --------
        >>> settings = Configuration()
        >>> settings.profile = True
        >>> settings.origin("profile")
        'assigned in code'
        """
        self._current(name)
        if name in self._scoped.get():
            return "overridden in code"
        if name in self._assigned:
            return "assigned in code"
        return self._origins.get(name, "default")

    def _current(self, name: str) -> Any:
        values = {**self._read(), **self._scoped.get()}
        if name not in values:
            from workbench._settings import unknown

            raise ConfigurationError(unknown(name, self._fields(), "requested in code"))
        return values[name]

    def _read(self) -> dict[str, Any]:
        from workbench._settings import checked, gather

        with self._lock:
            if self._given is None:
                table = self._known()
                given = gather(table, self._file)
                self._given = checked(table, given)
                self._origins = {name: origin for name, (_, origin) in given.items()}
            values = {**self._given, **self._assigned}
            self._values = {name: values[name] for name in values if name not in self._choices}
            return values

    def _checked(self, settings: Mapping[str, Any], origin: str) -> dict[str, Any]:
        from workbench._settings import checked

        given = {name: (value, origin) for name, value in settings.items()}
        values = checked(self._known(), given)
        for name in self._choices.keys() & settings.keys():
            self._check_choice(name, values[name], origin)
        return {name: values[name] for name in settings}

    def _chosen(self, name: str) -> Any:
        """Return the value of a known setting after checking that it is an allowed choice."""
        value = self._current(name)
        if name in self._choices:
            self._check_choice(name, value, self.origin(name))
        return value

    def _check_choice(self, name: str, value: Any, origin: str) -> None:
        choices = self._choices[name]
        if value is not None and value not in choices:
            known = " or ".join(map(repr, choices)) + nearest(value, choices)
            text = NOT_A_CHOICE.format(name=name, value=value, origin=origin, known=known)
            raise ConfigurationError(text)

    def _known(self) -> type[BaseSettings]:
        if self._table is None:
            from workbench._settings import Settings

            self._table = Settings
        return self._table

    def _fields(self) -> list[str]:
        return list(self._known().model_fields)


config = Configuration()
"""Global settings of the workbench."""

show_all_if(lambda: bool(config.full_tracebacks))


class _Module(ModuleType):
    """Module that rejects assignments to settings, because they would have no effect."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in Configuration.__annotations__:
            raise ConfigurationError(IN_MODULE.format(name=name))
        super().__setattr__(name, value)


def _hint(name: str) -> str:
    is_of_object = name in Configuration.__annotations__ or hasattr(Configuration, name)
    return f": {IN_MODULE.format(name=name)}" if is_of_object else ""


sys.modules[__name__].__class__ = _Module
explain_missing(__name__, _hint)
