"""`ByPath`, a dictionary whose keys are paths of parameters."""

from __future__ import annotations

from typing import Any, TypeVar

from workbench.errors import UnknownParameterError, nearest

V = TypeVar("V")


class ByPath(dict[str, V]):
    """Dictionary that maps parameter paths to values; a leading ``/`` in a key is optional.

    Examples
    --------
    >>> values = ByPath({"/mlp/linear_0.W": 1, "scale": 2})
    >>> values["mlp/linear_0.W"], values.get("/scale"), "mlp/linear_1.W" in values
    (1, 2, False)
    """

    def spelled(self, path: str) -> str:
        """Return the key that matches `path`, or `path` if there is no such key."""
        other = path[1:] if path.startswith("/") else f"/{path}"
        here = super().__contains__
        return other if here(other) and not here(path) else path

    def __contains__(self, path: object) -> bool:
        return super().__contains__(self.spelled(path) if isinstance(path, str) else path)

    def __missing__(self, path: str) -> V:
        if path not in self:
            raise UnknownParameterError(f"there is no parameter {path!r}{nearest(path, self)}")
        return self[self.spelled(path)]

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a path, or `default`."""
        return super().get(self.spelled(path), default)
