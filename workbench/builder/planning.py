"""`plan`, which predicts what a run would keep if its model were replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from workbench.bricks import Brick, symbolic_parameters
from workbench.builder.convert import Built, from_spec
from workbench.builder.differences import differences
from workbench.builder.growth import growths, without
from workbench.builder.matching import Matching, Parameters, earlier_path, held, match
from workbench.builder.spec import Spec
from workbench.builder.widening import bricks_of, feeders, followers, units_of
from workbench.errors import BuilderError
from workbench.hints import Hinted, hinted

SHOWN = 3
"""Maximum number of new bricks that `Plan.text` lists."""


@dataclass(frozen=True)
class Plan(Hinted):
    """Prediction of the parameters that a run would keep, and the parameters that would be new.

    Attributes
    ----------
    changes : tuple of str
        The differences between the old and the new specification.
    text : str
        A short description of the layers that would be kept, widened or new.
    widened : tuple of str
        The paths of layers whose additional units can be copies of existing units.
    reason : str
        The reason why these copies would change the model's function; empty if they would not.
    new : tuple of str
        The paths of parameters whose values would be drawn, because no old parameter fits or
        because their initialisation scheme was changed.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> from workbench.builder import plan, to_spec
    >>> old, new = (to_spec(Linear(3, n).apply(tensor.matrix("x"))) for n in (2, 4))
    >>> found = plan(old, new)
    >>> isinstance(found, Plan), found.widened
    (True, ())
    >>> found.new
    ('/linear.W', '/linear.b')
    """

    changes: tuple[str, ...]
    text: str
    widened: tuple[str, ...]
    reason: str
    new: tuple[str, ...]


@hinted
def plan(
    old: Spec,
    new: Spec,
    *,
    frozen: tuple[Collection[str], Collection[str]] = ((), ()),
    moved: Mapping[str, str] | None = None,
) -> Plan:
    """Compare two specifications as `Session.rebuild` does.

    No parameters are allocated.

    Parameters
    ----------
    old, new : Spec
    frozen : pair of collections of str
        The paths of the bricks that are not trained, before and after the change.
    moved : dict of str to str, optional
        The earlier path of each brick that was renamed or moved.

    Returns
    -------
    Plan

    Raises
    ------
    BuilderError
        If a specification is not valid.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench.builder import plan, to_spec
    >>> def mlp(*dims):
    ...     activations = [Tanh() for _ in dims[2:]] + [None]
    ...     return to_spec(MLP(activations, dims).apply(tensor.matrix("x")))
    >>> plan(mlp(784, 50, 10), mlp(784, 50, 50, 10)).text
    '2 layers kept, mlp/linear_1 new: 2,550 parameters'
    >>> found = plan(mlp(784, 50, 10), mlp(784, 80, 10))
    >>> found.text, found.widened
    ('1 layer kept, mlp/linear_0 widened from 50 to 80 units', ('mlp/linear_0',))
    """
    with symbolic_parameters():
        before, after = from_spec(old), from_spec(new)
    present, wanted = held(before.model.parameters), held(after.model.parameters)
    widened, grown, reason = _widened(old, before, after, present, wanted, moved or {})
    matching = match(without(present, grown), without(wanted, grown), moved)
    return Plan(
        tuple(differences(old, new, frozen=frozen, moved=moved)),
        _text(matching, wanted, bricks_of(before), bricks_of(after), widened),
        widened,
        reason,
        (*matching.new, *matching.again),
    )


def _widened(
    spec: Spec,
    before: Built,
    after: Built,
    present: Parameters,
    wanted: Parameters,
    moved: Mapping[str, str],
) -> tuple[tuple[str, ...], set[str], str]:
    """Return the widened layers, their parameters, and why the model's function would change."""
    old, new = bricks_of(before), bricks_of(after)
    same = [path for path in new if path in old and earlier_path(path, moved) == path]
    wider = [path for path in same if _units(new[path]) > _units(old[path]) > 0]
    after_them = {path: followers(before, old, path) for path in wider}
    wider = [path for path in wider if after_them[path].weights]  # without the last layer
    wider = [path for path in wider if _is_fed(before, old, path)]
    try:
        grown = growths(spec, wider, present, wanted)
    except BuilderError:
        return (), set(), ""
    reasons = [after_them[path].reason for path in wider]
    return tuple(wider), set(grown), next(filter(None, reasons), "")


def _is_fed(built: Built, bricks: Mapping[str, Brick], path: str) -> bool:
    """Return False for a recurrent brick whose inputs cannot be widened with it."""
    try:
        feeders(built, bricks, path)
    except BuilderError:
        return False
    return True


def _units(brick: Brick) -> int:
    try:
        return units_of(brick, "")
    except (BuilderError, TypeError):  # it has no units, or its dimension is not set
        return 0


def _text(
    matching: Matching,
    wanted: Parameters,
    old: Mapping[str, Brick],
    new: Mapping[str, Brick],
    widened: Iterable[str],
) -> str:
    drawn: dict[str, int] = {}
    for path in (*matching.new, *matching.again):
        size = 1
        for length in wanted[path].shape:
            size *= length
        brick = wanted[path].brick or path
        drawn[brick] = drawn.get(brick, 0) + size
    again = {wanted[path].brick for path in matching.again}
    kept = {wanted[path].brick for path in matching.pairs} - set(drawn)
    parts = []
    if kept:
        parts.append(f"{len(kept):,} layer{'s' * (len(kept) != 1)} kept")
    parts += [
        f"{path} widened from {units_of(old[path], path):,} to {units_of(new[path], path):,} units"
        for path in widened
    ]
    shown = list(drawn)[:SHOWN]
    for brick in shown:
        word = "drawn again" if brick in again else "new"
        plural = "s" * (drawn[brick] != 1)
        parts.append(f"{brick} {word}: {drawn[brick]:,} parameter{plural}")
    left = list(drawn)[SHOWN:]
    if left:
        count = sum(drawn[brick] for brick in left)
        parts.append(f"{len(left)} more layers new: {count:,} parameters")
    return ", ".join(parts) or "no parameters"
