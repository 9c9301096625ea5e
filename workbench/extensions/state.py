"""Functions that save the states of extensions by name, and load all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.interfaces import Holder
from workbench.serialization.load_steps import LoadStep, all_or_nothing, load_step
from workbench.serialization.state import check_keys
from workbench.serialization.variable_values import add_unique


def named(extensions: Iterable[Holder]) -> dict[str, Holder]:
    """Return the extensions by name; repeated names are numbered: ``Timing``, ``Timing_1``."""
    found: dict[str, Holder] = {}
    for extension in extensions:
        add_unique(found, extension.name, extension)
    return found


def states_of(extensions: Iterable[Holder]) -> dict[str, Any]:
    """Return a mapping from name to state for all extensions that have a state."""
    states = {name: extension.state_dict() for name, extension in named(extensions).items()}
    return {name: state for name, state in states.items() if state}


def extension_steps(extensions: Iterable[Holder], states: Mapping[str, Any]) -> list[LoadStep]:
    """Return the steps that load the states of extensions.

    Raises
    ------
    StateError
        If `states` does not contain exactly the names of the extensions that have a state.
    """
    extensions = list(extensions)
    present, by_name = states_of(extensions), named(extensions)
    check_keys("the saved state of the extensions", states, present)
    return [
        load_step(f"the extension {name!r}", by_name[name], present[name], saved)
        for name, saved in states.items()
    ]


def load_states(extensions: Iterable[Holder], states: Mapping[str, Any]) -> None:
    """Load states that `states_of` returned; if any state cannot be loaded, load none."""
    all_or_nothing(extension_steps(extensions, states))
