"""Launcher that uses Ray actors to start the processes of a run.

Each actor reserves the processors for one process, starts the process, and ends it. The notebook,
the actors and the processes are on one machine of the Ray cluster, since the notebook communicates
with the processes over the loopback interface.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from workbench.errors import ArgumentError, MissingLibraryError, ProcessError
from workbench.hints import Hinted
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.local import command, environment

LOST = 1
"""Assumed exit status of an actor's process if the actor has ended, because both end together."""

PATIENCE = 60.0
"""Time limit, in seconds, for Ray to provide the processors for all actors."""

GOODBYE = 10.0
"""Time limit, in seconds, for an actor to answer."""

NOT_INSTALLED = (
    "launcher='ray' needs the library ray, which is not installed; install it with: pip install "
    "'workbench[ray]'"
)
NOT_CONNECTED = (
    "launcher='ray' needs a connection to Ray; call ray.init() to start Ray on this machine, or "
    "ray.init(address='auto') to use the cluster that this machine belongs to"
)
NOT_DETACHED = (
    "Ray ends the processes of a run when the notebook ends, so launcher='ray' cannot be combined "
    "with detached=True; use launcher='local' or 'torchrun' for a detached run"
)
NO_RESOURCES = (
    "Ray did not provide {processes} actors with num_cpus={cpus:g} and num_gpus={gpus:g} on this "
    "machine within {seconds:g} s; it has {available} available. Use fewer processes, or pass "
    "launcher=workbench.session.remote.Ray(num_cpus=0.5) to let processes share a processor"
)
WRONG_NUMBER = "{name} must be a non-negative number, not {given!r}"


class Ray(Hinted):
    """Launcher that uses Ray actors to start processes on the machine of the notebook.

    Call ``ray.init()``, and then pass this launcher or its name ``"ray"`` to `MainLoop.start`.

    Parameters
    ----------
    num_cpus, num_gpus : float
        The resources that each actor reserves; see ``ray.remote``.

    Raises
    ------
    ArgumentError
        If a number is not valid.

    Examples
    --------
    >>> import ray  # doctest: +SKIP
    >>> ray.init(num_cpus=2)  # doctest: +SKIP
    >>> two_cores = Ray(num_cpus=2)
    >>> main_loop.start(processes=2, launcher=two_cores)  # doctest: +SKIP
    """

    def __init__(self, num_cpus: float = 1, num_gpus: float = 0) -> None:
        for name, given in (("num_cpus", num_cpus), ("num_gpus", num_gpus)):
            if isinstance(given, bool) or not isinstance(given, (int, float)) or not given >= 0:
                raise ArgumentError(WRONG_NUMBER.format(name=name, given=given))
        self.num_cpus, self.num_gpus = num_cpus, num_gpus

    def launch(
        self, folder: RunFolder, number: int, processes: int, *, detached: bool
    ) -> RayProcesses:
        """Start processes; see `Launcher.launch`."""
        ray = _ray()
        if detached:
            raise ProcessError(NOT_DETACHED)
        if not ray.is_initialized():
            raise ProcessError(NOT_CONNECTED)
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor = ray.remote(_actor()).options(
            num_cpus=self.num_cpus, num_gpus=self.num_gpus, scheduling_strategy=here
        )
        launched = RayProcesses(ray, [actor.remote() for _ in range(processes)])
        try:
            launched.pids = ray.get(
                [
                    one.start.remote(
                        command(folder, number, rank, detached=False),
                        environment(processes, rank),
                        str(folder.output(number, rank)),
                        folder.directory,
                    )
                    for rank, one in enumerate(launched.actors)
                ],
                timeout=PATIENCE,
            )
        except ray.exceptions.GetTimeoutError:
            launched.kill()
            raise ProcessError(
                NO_RESOURCES.format(
                    processes=processes,
                    cpus=self.num_cpus,
                    gpus=self.num_gpus,
                    seconds=PATIENCE,
                    available=ray.available_resources(),
                )
            ) from None
        except BaseException:
            launched.kill()
            raise
        return launched


class RayProcesses:
    """Processes that `Ray` has started.

    Parameters
    ----------
    ray : module
    actors : list
        The handles of the actors, by rank.
    """

    pids: list[int]

    def __init__(self, ray: Any, actors: list[Any]) -> None:
        self._ray = ray
        self.actors = actors
        self.pids = []
        self._ended: dict[int, int] = {}

    def status(self, rank: int) -> int | None:
        """Return the exit status of a process; None while it runs."""
        if rank not in self._ended:
            try:
                found = self._ray.get(self.actors[rank].status.remote(), timeout=GOODBYE)
            except self._ray.exceptions.GetTimeoutError:
                found = None
            except self._ray.exceptions.RayError:
                found = LOST
            if found is not None:
                self._ended[rank] = found
        return self._ended.get(rank)

    def kill(self) -> None:
        """Kill all processes, and wait until they have ended."""
        asked = [one.kill.remote() for one in self.actors] if self.pids else []
        for rank, answer in enumerate(asked):
            with suppress(self._ray.exceptions.RayError):
                self._ended.setdefault(rank, self._ray.get(answer, timeout=GOODBYE))
        for one in self.actors:
            self._ray.kill(one)

    def leave(self) -> None:
        """Do nothing: the processes end when the connection to Ray is closed."""


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise MissingLibraryError(NOT_INSTALLED) from None
    return ray


def _actor() -> type[Any]:
    """Return the class of the actors, defined here so that actors need not import torch."""

    class Actor:
        def start(
            self, command: list[str], environment: dict[str, str], output: str, folder: str
        ) -> int:
            import os
            import subprocess

            chosen = {n: v for n, v in os.environ.items() if n == "CUDA_VISIBLE_DEVICES"}
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor) as file:
                self.process = subprocess.Popen(
                    command,
                    env={**environment, **chosen},
                    cwd=folder,
                    stdin=subprocess.PIPE,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                )
            return self.process.pid

        def status(self) -> int | None:
            return self.process.poll()

        def kill(self) -> int:
            import os
            import signal

            if self.process.poll() is None:  # with the processes that it has started
                os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait(5)

    return Actor
