"""What somebody wants done by the thread that trains, and the places where it does it.

Letters come from any thread. At a boundary between two batches of training they are carried out in
order. Within an event, where an extension evaluates a data set for a long time, it calls
`Mailbox.breathe` between its own batches: a letter that makes sense there is carried out, any other
is kept for the boundary, and an urgent one among those that are kept ends the evaluation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from workbench.errors import EvaluationAbandoned


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """Something to be done.

    Attributes
    ----------
    action : callable
        What to call at a boundary.
    early : callable, optional
        What to call within an evaluation; true if nothing is left to be done at the boundary.
    urgent : bool
        Whether an evaluation is to be abandoned, so that the boundary is reached.
    """

    action: Callable[[], object]
    early: Callable[[], bool] | None = None
    urgent: bool = False


class Mailbox:
    """Letters to the thread that trains. All but `post` is for that thread.

    Attributes
    ----------
    letters : SimpleQueue
        Those that it has not looked at yet.
    kept : deque
        Those that it has seen within an evaluation and kept for the boundary.
    breathing : bool
        Whether it is within an evaluation, and looks at letters.

    Examples
    --------
    >>> mailbox, done = Mailbox(), []
    >>> mailbox.post(Letter(lambda: done.append("at a boundary")))
    >>> mailbox.post(Letter(print, early=lambda: done.append("early") is None))
    >>> mailbox.breathe()
    >>> done
    ['early']
    >>> mailbox.deliver()
    >>> done
    ['early', 'at a boundary']
    """

    def __init__(self) -> None:
        self.letters: SimpleQueue[Letter] = SimpleQueue()
        self.kept: deque[Letter] = deque()
        self.breathing = False
        self._settled = 0

    def post(self, letter: Letter) -> None:
        """Hand over a letter; from any thread, and from a handler of signals."""
        self.letters.put(letter)

    def deliver(self) -> None:
        """Carry out all letters that are there now; those that actions post come the next time."""
        last = self._settled + len(self.kept) + self.letters.qsize()
        while self._settled < last:  # an action that waits, to pause training, carries out others
            self.attend()

    def attend(self) -> None:
        """Wait for one letter and carry it out, or keep it if this is not the place for it."""
        if not self.breathing:
            letter = self.kept.popleft() if self.kept else self.letters.get()
            self._settled += 1
            letter.action()
            return
        letter = self.letters.get()
        if letter.early is not None and letter.early():
            self._settled += 1
        else:
            self.kept.append(letter)

    def breathe(self) -> None:
        """Look at the letters between two batches of an evaluation.

        Raises
        ------
        EvaluationAbandoned
            If one of them is urgent.
        """
        self.breathing = True
        try:
            while not self.letters.empty():
                self.attend()
        finally:
            self.breathing = False
        if any(letter.urgent for letter in self.kept):
            raise EvaluationAbandoned("training is to end now")

    def clear(self) -> None:
        """Drop all letters."""
        self.kept.clear()
        while not self.letters.empty():
            self.letters.get()
