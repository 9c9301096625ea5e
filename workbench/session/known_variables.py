"""`KnownVariables`, which stores the shared variables of a run between commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.algorithms import UpdatesAlgorithm
from workbench.interfaces import Loop
from workbench.session.hyperparameters import check_own, variable_of, variables_by_path
from workbench.tensor import SharedVariable


class KnownVariables:
    """Shared variables of a run, keyed by path; they are looked up again when the run has changed.

    The variables depend on the model, the compiled function of the algorithm, and the extensions.
    To look them up, the graph of the training step must be traversed.

    Parameters
    ----------
    loop : Loop
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._known: tuple[object, Mapping[str, SharedVariable], Mapping[SharedVariable, str]]
        self._known = (None, {}, {})

    @property
    def by_path(self) -> Mapping[str, SharedVariable]:
        """The variables, keyed by their names in the training state."""
        return self._present()[0]

    @property
    def paths(self) -> Mapping[SharedVariable, str]:
        """The names in the training state, keyed by variable."""
        return self._present()[1]

    def find(self, given: SharedVariable | str) -> SharedVariable:
        """Return the given variable, or find it by its name; see `variable_of` for errors."""
        by_path, paths = self._present()
        if isinstance(given, SharedVariable):
            if given not in paths:
                check_own(given, by_path)
            return given
        return variable_of(self._loop, given, by_path)

    def _present(self) -> tuple[Mapping[str, SharedVariable], Mapping[SharedVariable, str]]:
        key = self._key()
        known, by_path, paths = self._known
        if key is None or key != known:
            by_path = variables_by_path(self._loop)
            paths = {variable: path for path, variable in by_path.items()}
            self._known = key, by_path, paths
        return by_path, paths

    def _key(self) -> tuple[Any, ...] | None:
        """Return the parts that the variables depend on, or None if a new look-up is necessary."""
        loop = self._loop
        algorithm, extensions = loop.algorithm, tuple(loop.extensions)
        function = algorithm.function if isinstance(algorithm, UpdatesAlgorithm) else None
        if function is None:  # not built yet, or must be rebuilt because the updates changed
            return None
        of_extensions = [variable for one in extensions for variable in one.state_variables()]
        return (loop.model, algorithm, function, extensions, tuple(of_extensions))
