"""Replacement of the model during training, for `Session.rebuild` and its replay."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import BuilderError, SessionError
from workbench.main_loop import MainLoop
from workbench.session.queue import Refused

if TYPE_CHECKING:  # importing the builder takes longer than starting a session
    from workbench.builder import Spec
    from workbench.builder.described import Description

SHOWN = 3
"""Maximum number of changes that are listed in the text of a command."""

NO_CHANGE = "the new model is the same as the current model, so there is nothing to rebuild"


def request(
    main_loop: MainLoop,
    spec: Spec | Mapping[str, Any],
    frozen: Collection[str] | None,
    moved: Mapping[str, str] | None,
    widened: Collection[str],
    noise: float,
) -> dict[str, Any]:
    """Return the details of a request for a new model; the item ``what`` describes the changes.

    Raises
    ------
    SpecError
        If `spec` is not valid.
    SessionError
        If the current model cannot be described, or if nothing would change.
    """
    from workbench.builder import Spec

    given = spec if isinstance(spec, Spec) else Spec.from_dict(dict(spec))
    details: dict[str, Any] = {
        "spec": {**given.to_dict(), "positions": {}},
        "frozen": None if frozen is None else sorted(frozen),
        "moved": dict(moved or {}),
        "widened": sorted(widened),
        "noise": float(noise),
    }
    changes = _changes(described(main_loop), given, details)
    if not changes and not widened:
        raise SessionError(NO_CHANGE)
    more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return {**details, "what": "; ".join(changes[:SHOWN]) + more}


def check_spec(given: Any) -> None:
    """Raise a `SpecError` unless `given` is the JSON value of a specification."""
    from workbench.builder import Spec

    Spec.from_dict(given)


def rebuild(main_loop: MainLoop, details: dict[str, Any]) -> dict[str, Any]:
    """Replace the model in the training thread, and add the earlier model to `details`."""
    from workbench.builder import Spec
    from workbench.builder.described import description_of
    from workbench.builder.surgery import operate

    try:
        present = description_of(main_loop)
        frozen = details["frozen"]
        details["frozen"] = list(present.frozen if frozen is None else frozen)
        outcome = operate(
            main_loop,
            Spec.from_dict(details["spec"]),
            frozen=details["frozen"],
            moved=details["moved"],
            widened=details["widened"],
            noise=details["noise"],
        )
    except BuilderError as error:
        raise Refused(str(error)) from error
    details["earlier"] = {
        "spec": {**present.spec.to_dict(), "positions": {}},
        "frozen": list(present.frozen),
    }
    result = {
        "kept": list(outcome.matching.pairs),
        "new": list(outcome.matching.new),
        "again": list(outcome.matching.again),
        "widened": list(outcome.grown),
        "ended": list(outcome.ended),
    }
    details.update({key: len(result[key]) for key in ("kept", "new", "again")})
    details["ended"] = result["ended"]
    return result


def last_rebuild(records: Iterable[tuple[int, Mapping[str, Any]]]) -> Mapping[str, Any] | None:
    """Return the record of the last `Session.rebuild` in `records`, or None if there is none."""
    found = [record for _, record in records if record.get("command") == "rebuild"]
    return found[-1] if found else None


def rebuild_as(main_loop: MainLoop, record: Mapping[str, Any]) -> None:
    """Give a main loop the model that a record describes, unless it already has this model.

    Raises
    ------
    BuilderError
        If the model cannot be built.
    """
    from workbench.builder import Spec
    from workbench.builder.described import description_of
    from workbench.builder.surgery import operate

    present, spec = description_of(main_loop), Spec.from_dict(record["spec"])
    frozen = list(record["frozen"])
    if not spec.same_as(present.spec) or frozen != list(present.frozen):
        operate(main_loop, spec, frozen=frozen)


def described(main_loop: MainLoop) -> Description:
    """Return the description of a run's model, or raise a `SessionError` if there is none."""
    from workbench.builder.described import description_of

    try:
        return description_of(main_loop)
    except BuilderError as error:
        raise SessionError(f"the model of this run cannot be rebuilt: {error}") from error


def _changes(present: Description, spec: Spec, details: Mapping[str, Any]) -> list[str]:
    from workbench.builder.differences import differences

    frozen = details["frozen"]
    return differences(
        present.spec,
        spec,
        frozen=(present.frozen, present.frozen if frozen is None else frozen),
        moved=details["moved"],
    )
