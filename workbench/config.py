"""Settings of the whole workbench, and the one `config` object that holds them.

A setting has the value that the last of these layers gives it:

1. the default, listed at `Configuration`;
2. the settings file: ``~/.workbench.yaml``, or the one that ``$WORKBENCH_CONFIG`` names;
3. the environment: ``WORKBENCH_FLOATX=float64`` sets `floatx`;
4. an assignment in code: ``config.floatx = "float64"``;
5. an enclosing ``with config.override(floatx="float64"):``, seen by this thread of control only.

The file looks like this::

    data_path: ~/datasets
    default_seed: 7

File and environment are read when a setting is first used, never at import. Whatever layer it
comes from, an unknown name or a value of the wrong type is refused with its place.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
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
    "setting {name!r} is overridden by an enclosing `with config.override(...)`, which an "
    "assignment would not change; give the value there"
)
NOT_A_CHOICE = "setting {name!r}: {value!r} ({origin}) must be {known}"
NOT_A_NAME = "a setting cannot be called {name!r}: {reason}"
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Configuration:
    """Settings that are read as attributes, assigned, and overridden for a block of code.

    Attributes
    ----------
    default_seed : int
        Seed of every random stream that is not given one; 1. Zero is a seed like any other.
    data_path : tuple of Path
        Folders searched for data sets, first one first; ``~/.workbench/data``. In the file a list
        or one string, in the environment one string with folders separated by `os.pathsep`.
    log_backend : str
        Where a main loop keeps its log: 'memory' (default), 'sqlite', or the name of a backend of
        your own; see `workbench.log.backends.register`.
    sqlite_database : str
        Database of the 'sqlite' log; no default.
    max_blob_size : int
        Bytes beyond which storing one value in an SQLite log warns; 4096.
    temp_dir : Path
        Folder for temporary files; what `tempfile.gettempdir` says.
    profile : bool
        Whether a main loop prints where its time went when it ends; False.
    floatx : {'float32', 'float64', 'float16'}
        Dtype of parameters and of symbolic inputs that are given none; 'float32'.
    device : str
        'cpu', 'cuda', 'cuda:1', 'mps', 'xpu', or 'auto' (default): the accelerator if there is one.
    execution : {'auto', 'eager', 'compiled'}
        How functions run; 'auto' starts eager and compiles once that pays.
    full_tracebacks : bool
        Whether uncaught errors are shown with all frames within the workbench; False.
    precision : {'float32', 'tf32', 'bf16'}
        Arithmetic of matrix products: bf16 on any device, tf32 on a GPU that can; 'float32'.
    threads : int or 'auto'
        How many threads a function uses on a CPU; 'auto' gives one to small programs, and the
        processors that this process may use to large ones.

    Raises
    ------
    ConfigurationError
        From any access: a file or variable that cannot be read, an unknown name, a value that does
        not fit, a setting without a value.

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
    workbench.errors.ConfigurationError: unknown setting 'flaotx' (asked for in code); did you
    mean 'floatx'?
    """

    default_seed: int
    data_path: tuple[Path, ...]
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

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._table: type[BaseSettings] | None = None  # made at first use: pydantic is slow
        self._file: Path | None = None
        self._origins: dict[str, str] = {}
        self._given: dict[str, Any] | None = None
        self._assigned: dict[str, Any] = {}
        self._values: dict[str, Any] | None = None  # all layers but the scoped one
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
            # a setting with choices is not among these values: it is checked whenever it is read
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
        """Take an assignment back: the value is again what environment, file or default say."""
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
        """Give settings other values inside a ``with`` block.

        Other threads do not see them, unless started in a copy of this context.

        Parameters
        ----------
        **settings
            Names and values; None means that a setting has no value inside the block.
        """
        checked = self._checked(settings, "overridden in code")
        token = self._scoped.set({**self._scoped.get(), **checked})
        try:
            yield
        finally:
            self._scoped.reset(token)

    def add_config(self, name: str, type_: Any, default: Any = None) -> None:
        """Add a setting of your own, read from file, environment and code like the built-in ones.

        Add it when your module is imported: a settings file that names it is refused before.

        Parameters
        ----------
        name : str
            What it is called; the environment calls it ``WORKBENCH_`` and the name in capitals.
        type_ : type
            Anything that pydantic can check a value against; ``list``, ``dict`` and the like are
            written as JSON in the environment.
        default : object, optional
            Its value where nobody gives one; with None, asking then raises `ConfigurationError`.

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
            reason = "it must be a lower-case Python name that does not begin with an underscore"
            raise ConfigurationError(NOT_A_NAME.format(name=name, reason=reason))
        if name in dir(self):
            raise ConfigurationError(NOT_A_NAME.format(name=name, reason="the name is taken"))
        with self._lock:
            self._table = extended(self._known(), name, type_, default)
            self._given = self._values = None

    def restrict(self, name: str, choices: Collection[str]) -> None:
        """Allow a setting only some values, checked when it is assigned and when it is read.

        Parameters
        ----------
        name : str
            The setting.
        choices : collection of str
            What it must be one of; the collection may grow.

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
        """Read the settings file again, or another one instead of it.

        Assignments and the environment keep their precedence over it.

        Parameters
        ----------
        path : path, optional
            The file from now on. Not given: the one used so far.
        """
        with self._lock:
            if path is not None:
                self._file = Path(path).expanduser()
            self._given = self._values = None
            self._read()

    def origin(self, name: str) -> str:
        """Say where the present value of a setting comes from.

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
            raise self._unknown(name)
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
        """Return a setting that is not among the values read without a look at choices."""
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

    def _unknown(self, name: str) -> ConfigurationError:
        from workbench._settings import unknown

        return ConfigurationError(unknown(name, self._fields(), "asked for in code"))


config = Configuration()
"""The settings that the workbench itself uses."""

show_all_if(lambda: bool(config.full_tracebacks))

explain_missing(__name__)
