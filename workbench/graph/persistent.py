"""Persistent variables of bricks, which belong to a trained model but are not parameters.

Examples are the population statistics of batch normalisation and the buffers of wrapped modules.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, TypeGuard

from workbench.graph.hierarchy import get_brick, path_of
from workbench.roles import PARAMETER, PERSISTENT, has_roles
from workbench.tensor import SharedVariable, Variable
from workbench.utils.notices import mention
from workbench.utils.plain import find_bricks

logger = logging.getLogger(__name__)

LEFT_OUT = (
    "only parameters were {done}, but the model also depends on {names}, which training changes, "
    "too; to include them, {advice}"
)


def is_kept(variable: Variable) -> TypeGuard[SharedVariable]:
    """Return True if a variable of a brick is persistent, but not a parameter."""
    return (
        isinstance(variable, SharedVariable)
        and get_brick(variable) is not None
        and has_roles(variable, [PERSISTENT])
        and not has_roles(variable, [PARAMETER])
    )


def kept_with(parameters: Iterable[SharedVariable]) -> list[SharedVariable]:
    """Return the persistent variables of all bricks in the same hierarchies as `parameters`.

    Parameters, and all variables in `parameters`, are excluded.
    """
    given = dict.fromkeys(parameters)
    tops: dict[Any, None] = {}
    waiting = [brick for one in given if (brick := get_brick(one)) is not None]
    seen = set(waiting)
    while waiting:
        brick = waiting.pop()
        tops |= {} if brick.parents else {brick: None}
        waiting += [parent for parent in brick.parents if parent not in seen]
        seen.update(brick.parents)
    held = [
        variable
        for brick in find_bricks(list(tops), lambda one: True)
        for variable in vars(brick).get("_own", {}).values()
    ]
    return [one for one in dict.fromkeys(held) if one not in given and is_kept(one)]


def mention_left_out(variables: Iterable[SharedVariable], done: str, advice: str) -> None:
    """Log which persistent variables were not saved or loaded with the parameters."""
    names = [path_of(one) for one in variables]
    if names:
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        mention(logger, LEFT_OUT.format(done=done, names=shown, advice=advice))
