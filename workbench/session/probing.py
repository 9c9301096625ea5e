"""Looking into a session: names and copies of the values of its variables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench import interfaces
from workbench.session.probe import Probe
from workbench.session.worker import Worker


class Probing(interfaces.Session):
    """The methods of a session that copy values and change nothing."""

    _worker: Worker

    @property
    def variables(self) -> dict[str, dict[str, Any]]:
        """The variables of training by name, each with ``shape``, ``dtype`` and ``parameter``.

        ``parameter`` is true for the parameters of the model, false for all others.
        """
        return self._worker.prober.described

    def probe(
        self, names: Iterable[str] | None = None, *, steps: bool = False, batch: bool = False
    ) -> Probe:
        """Copy values of variables, in the thread that trains, between two batches.

        It never changes training. Copies take at most 2 % of the training time, so that a request
        can wait for its turn. While no thread trains it is answered at once.

        Parameters
        ----------
        names : iterable of str, optional
            Names among `variables`; by default all parameters.
        steps : bool
            Also copy what the following batch changed.
        batch : bool
            Also copy the first batch of the training data, read apart from training.

        Raises
        ------
        SessionError
            If there is no such variable, or the values take more than 256 MB.

        Examples
        --------
        >>> session.probe(["/mlp/linear_0.W"]).wait()  # doctest: +SKIP
        {'/mlp/linear_0.W': tensor([[...]])}
        """
        return self._worker.prober.ask(names, steps=steps, batch=batch)
