"""`History`, which lists the branches of a run and counts interventions on the current branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.session.branch import Branch, interventions
from workbench.session.interventions import CHANGING
from workbench.session.queue import Refused

NO_BRANCH = "there is no branch {name!r}; the branches are {known}"


class History:
    """Branches of a run, and the interventions that led to its current state.

    Parameters
    ----------
    main_loop : MainLoop

    Attributes
    ----------
    branches : list of Branch
        The branches of the run; the last branch is the current branch.
    changes : int
        The number of interventions on the current branch that changed training.
    """

    def __init__(self, main_loop: MainLoop) -> None:
        self.branches = [Branch("main", current_log=main_loop.log)]
        self.changes = 0
        self._left = 0  # branches that a rewind or `load` has ended
        self._main_loop = main_loop

    @property
    def branch(self) -> Branch:
        """The current branch."""
        return self.branches[-1]

    @property
    def here(self) -> tuple[int, Branch, int]:
        """The current point: its iteration, its branch and the number of `changes`."""
        return self._main_loop.status["iterations_done"], self.branch, self.changes

    def count(self) -> None:
        """Count the interventions in the log."""
        self.changes = len(interventions(self._main_loop.log, CHANGING))

    def find(self, name: str | None) -> Branch:
        """Return the branch named `name`; None stands for the current branch.

        Raises
        ------
        Refused
            If there is no such branch.
        """
        if name is None:
            return self.branch
        for branch in self.branches:
            if branch.name == name:
                return branch
        known = ", ".join(repr(branch.name) for branch in self.branches)
        raise Refused(NO_BRANCH.format(name=name, known=known))

    def end_of(self, branch: Branch) -> int:
        """Return the last iteration of a branch."""
        return int(self._main_loop.status["iterations_done"] if branch.end is None else branch.end)

    def log_of(self, branch: Branch) -> TrainingLogBase:
        """Return the log with the records of a branch."""
        log = self._main_loop.log if branch.end is None else branch.log
        assert log is not None
        return log

    def log_state(self, branch: Branch) -> Mapping[str, Any]:
        """Return the state of the log with the records of a branch."""
        state = self._main_loop.log.state_dict() if branch.end is None else branch.state
        assert state is not None
        return state

    def leave(self, log_state: Mapping[str, Any], *, at: int) -> None:
        """End the current branch, and begin a branch without a parent at the iteration `at`.

        This method is called after loading a state that does not belong to any known branch.
        """
        self.branch.leave(log_state)
        self._add(None, at)

    def go_back(
        self, log_state: Mapping[str, Any], parent: Branch, iteration: int, changes: int
    ) -> Branch | None:
        """End the current branch, and begin a new branch at an earlier point of `parent`.

        If nothing has happened on the current branch since the rewind that began it, the current
        branch is removed.

        Returns
        -------
        Branch or None
            The nearest known ancestor of the removed branch; None if no branch was removed.
        """
        left = self.branch
        left.leave(log_state)
        ancestor = None
        if not left.changed and self.changes == left.changes:
            self.branches.remove(left)
            ancestor = next(one for one, _ in left.lineage if one in self.branches)
        self._add(parent, iteration, changes)
        self.changes = changes
        return ancestor

    def rejoin(self, branch: Branch) -> bool:
        """Make an earlier branch the current branch again, if the run is at the end of that branch.

        The run is not at the end of that branch if an intervention followed its last batch.

        Returns
        -------
        bool
            True if the earlier branch is now the current one.
        """
        done = self._main_loop.status["iterations_done"]
        if branch.end != done or branch not in self.branches or branch.log is None:
            return False
        if self.changes != len(interventions(branch.log, CHANGING)):
            return False
        branch.rejoin()
        self.branches[:] = [one for one in self.branches[:-1] if one is not branch] + [branch]
        return True

    def _add(self, parent: Branch | None, start: int, changes: int = 0) -> None:
        self._left += 1
        log, name = self._main_loop.log, f"branch {self._left}"
        self.branches.append(Branch(name, parent, start, changes, current_log=log))
