"""Changes to one value in a specification, such as the fix for a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.builder.fields import Json
from workbench.builder.spec import Spec
from workbench.errors import BuilderError
from workbench.hints import Hinted


@dataclass(frozen=True)
class Change(Hinted):
    """A value and the place in a specification where it is inserted.

    Attributes
    ----------
    label : str
        A short description of the change.
    path : str
        The place of the value in the specification, such as ``bricks/0/settings/input_dim``.
    value : JSON value

    Examples
    --------
    >>> from workbench.builder import BrickSpec, Spec
    >>> spec = Spec((BrickSpec("Linear", "linear", {"output_dim": 2}),))
    >>> change = Change("set input_dim to 3", "bricks/0/settings/input_dim", 3)
    >>> change.apply(spec).bricks[0].settings
    {'output_dim': 2, 'input_dim': 3}
    """

    label: str
    path: str
    value: Json

    def apply(self, spec: Spec) -> Spec:
        """Return a copy of a specification with `value` at `path`.

        Raises
        ------
        BuilderError
            If the specification has no place with this path.
        """
        return Spec.from_dict(patched(spec.to_dict(), self.path, self.value))


def patched(given: Json, path: str, value: Json) -> Json:
    """Return a copy of a JSON value with `value` at `path`.

    Missing objects on the path, such as the settings of a brick, are created.

    Examples
    --------
    >>> patched({"dims": [4, "3"]}, "dims/1", 3), patched({}, "settings/dim", 3)
    ({'dims': [4, 3]}, {'settings': {'dim': 3}})
    """
    if not path:
        return value
    if isinstance(given, list):
        first, _, rest = path.partition("/")
        if not first.isdecimal() or int(first) >= len(given):
            raise BuilderError(f"there is no element {first!r} in a list of length {len(given)}")
        new = list(given)
        new[int(first)] = patched(given[int(first)], rest, value)
        return new
    if isinstance(given, Mapping):
        # The keys of `changes` are themselves paths.
        fitting = [key for key in given if path == key or path.startswith(f"{key}/")]
        key = max(fitting, key=len, default=path.partition("/")[0])
        rest = path.removeprefix(key).removeprefix("/")
        return {**given, key: patched(given.get(key, {}), rest, value)}
    raise BuilderError(f"{given!r:.60} has nothing at {path!r}")
