"""The settings, and the conversion of values from a settings file or the environment.

This private module of `workbench.config` is loaded when a setting is first used, because pydantic
is slow to import. pydantic-settings reads the environment, and pydantic checks all values. Error
messages name the setting, its value and the origin of the value. PyYAML reads the file directly,
because `YamlConfigSettingsSource` of pydantic-settings treats a missing file or a pipe as an empty
file, ignores case in names, and expands aliases, so that a file of a few lines can exhaust the
memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from workbench.errors import ConfigurationError, nearest

PREFIX = "WORKBENCH_"
FILE_VARIABLE = "WORKBENCH_CONFIG"
Given = dict[str, tuple[Any, str]]
"""The value and the origin of each setting."""

LONGEST = 1_000_000
"""Maximum size of a settings file in bytes."""
UNREADABLE = (
    "settings file {file}: {reason}; the file must consist of lines of the form `name: value`"
)
UNKNOWN = "unknown setting {name!r} ({origin}){hint}"
ILL_TYPED = "setting {name!r}: {value!r:.200} ({origin}) is not valid: {reason}"


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a bool is not a number")
    return value


def _folders(value: Any) -> Any:
    if isinstance(value, (str, Path)):
        value = [folder for folder in str(value).split(os.pathsep) if folder]
    if isinstance(value, (list, tuple)):
        return tuple(_expanded(folder) for folder in value)
    return value


def _expanded(value: Any) -> Any:
    return os.path.expanduser(value) if isinstance(value, (str, Path)) else value


Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=0)]
Folder = Annotated[Path, BeforeValidator(_expanded)]
Folders = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_folders)]
Device = Annotated[str, StringConstraints(pattern=r"^(auto|cpu|mps|(cuda|xpu)(:\d+)?)$")]


class Settings(BaseSettings):
    """Built-in settings with their types and defaults; `None` means that a setting has no value.

    The constructor checks its arguments but reads no other sources.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid")

    default_seed: Count = 1
    data_path: Folders = Field(default_factory=lambda: (Path.home() / ".workbench" / "data",))
    blocks_path: Folder = Field(default_factory=lambda: Path.home() / ".workbench" / "blocks")
    runs_path: Folder = Field(default_factory=lambda: Path.home() / ".workbench" / "runs")
    log_backend: str = "memory"
    sqlite_database: Annotated[str, BeforeValidator(_expanded)] | None = None
    max_blob_size: Count = 4096
    temp_dir: Folder = Field(default_factory=lambda: Path(tempfile.gettempdir()))
    profile: bool = False
    floatx: Literal["float16", "float32", "float64"] = "float32"
    device: Device = "auto"
    execution: Literal["auto", "eager", "compiled"] = "auto"
    full_tracebacks: bool = False
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    threads: Literal["auto"] | Annotated[Count, Field(ge=1)] = "auto"
    snapshot_memory: Count = 512 * 2**20

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the arguments of the constructor; `gather` reads the other sources."""
        return (init_settings,)


def gather(table: type[BaseSettings], file: Path | None) -> Given:
    """Read the settings file and the environment; the environment takes precedence."""
    return _from_file(file) | _from_environment(table)


def extended(table: type[BaseSettings], name: str, type_: Any, default: Any) -> type[BaseSettings]:
    """Return `table` with an additional setting, which has no value if `default` is None."""
    wanted: Any = (type_ | None, None) if default is None else (type_, default)
    table = create_model("Settings", __base__=table, **{name: wanted})
    checked(table, {name: (default, "the default in code")})
    return table


def checked(table: type[BaseSettings], given: Given) -> dict[str, Any]:
    """Return all settings of `table`, with the `given` values converted.

    Raises
    ------
    ConfigurationError
        If a setting is unknown or its value is invalid.
    """
    try:
        settings = table(**{name: value for name, (value, _) in given.items()})
    except ValidationError as error:
        raise ConfigurationError("\n".join(_faults(table, given, error))) from None
    return {name: getattr(settings, name) for name in table.model_fields}


def _faults(table: type[BaseSettings], given: Given, error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        name = str(fault["loc"][0])
        value, origin = given[name]
        if name not in table.model_fields:
            yield unknown(name, table.model_fields, origin)
        else:
            reason = fault["msg"].removeprefix("Value error, ")
            yield ILL_TYPED.format(name=name, value=value, origin=origin, reason=reason)


def unknown(name: str, names: Iterable[str], origin: str) -> str:
    """Return the message for an unknown setting; it suggests a similar name or lists all names."""
    hint = nearest(name, names) or "; the settings are " + ", ".join(sorted(names))
    return UNKNOWN.format(name=name, origin=origin, hint=hint)


def _from_file(file: Path | None) -> Given:
    if file is None:
        named = os.environ.get(FILE_VARIABLE)
        file = Path(named or "~/.workbench.yaml").expanduser()
        if not named and not file.exists():
            return {}
    try:
        values = yaml.load(_text_of(file), Loader=_Loader)
    except Exception as error:  # bad syntax, an impossible date, too deep a structure, ...
        reason = " ".join(str(error).split())
        reason = reason if len(reason) <= 300 else f"{reason[:299]}…"
        raise ConfigurationError(UNREADABLE.format(file=file, reason=reason)) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigurationError(UNREADABLE.format(file=file, reason=f"contains {values!r:.60}"))
    return {str(name): (value, f"from {file}") for name, value in values.items()}


def _text_of(file: Path) -> str:
    """Return the text of a settings file.

    An error is raised for a pipe, since reading it would block. The size is limited, since a device
    file may be endless.
    """
    if file.is_fifo() or file.is_socket():
        raise OSError("it is not a regular file")
    with file.open("rb") as opened:
        data = opened.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise OSError(f"it is larger than {LONGEST:,} bytes")
    return data.decode("utf-8")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML loader that accepts only plain values and raises an error for aliases.

    The check for aliases runs while nodes are composed. A separate scan of all events would take
    minutes for a file of 100,000 nested brackets, whereas composition soon raises a recursion
    error.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark, fault = self.peek_event().start_mark, "aliases are not allowed in settings"
            raise yaml.composer.ComposerError(None, None, fault, mark)
        return super().compose_node(parent, index)


def _from_environment(table: type[BaseSettings]) -> Given:
    names = {PREFIX + name.upper(): name for name in table.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in {*names, FILE_VARIABLE}:
            raise ConfigurationError(unknown(variable, names, "an environment variable"))
    try:
        values = EnvSettingsSource(table)()
    except SettingsError as error:
        raise ConfigurationError(f"the environment: {error}") from error
    return {
        name: (value, f"from the environment variable {PREFIX}{name.upper()}")
        for name, value in values.items()
    }
