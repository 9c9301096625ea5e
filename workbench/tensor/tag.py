"""Tags: roles, annotations and other attributes that code attaches to a variable."""

from __future__ import annotations

import types


class Tag(types.SimpleNamespace):
    """Attributes that other code attaches to a variable.

    Attributes
    ----------
    name : str or None
        The name within the application that created the variable, such as ``"output"``.
    roles : list of VariableRole
        The roles of the variable in a model.
    annotations : list of Annotation
        The brick and the application call that created the variable.
    """

    def __init__(self) -> None:
        super().__init__(name=None, roles=[], annotations=[])

    def copy(self) -> Tag:
        """Return a tag with the same entries; lists are copied, but not their elements."""
        new = Tag()
        for key, value in vars(self).items():
            setattr(new, key, list(value) if isinstance(value, list) else value)
        return new
