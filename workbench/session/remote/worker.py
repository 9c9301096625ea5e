"""Process that trains for a notebook, either alone or together with other processes.

`workbench.session.remote.launcher` starts it with the folder of the run. Unless the run is
detached, the process ends when the notebook that started it ends.
"""

from __future__ import annotations

import hmac
import logging
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

from workbench.data.seeds import fix_global_draws
from workbench.distributed import ProcessGroup, process_group
from workbench.errors import ProcessError, SessionError, TrainingFinish
from workbench.extensions.finish_after import GOAL, goal_reached
from workbench.interfaces import State
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.main_loop.processes import distributed_of
from workbench.session.command import Command
from workbench.session.fork import Fork
from workbench.session.remote.children import end_forks_with_this_process
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.job import apply_settings, unpack
from workbench.session.remote.keeper import Keeper, last_snapshot
from workbench.session.remote.local import LIFELINE, threads_of_each
from workbench.session.remote.served import freeze, make
from workbench.session.remote.server import Server
from workbench.session.remote.shared_mailbox import Exchange, SharedMailbox
from workbench.session.remote.sources import changes, checksums
from workbench.session.remote.wire import Connection, connect
from workbench.session.session import Session
from workbench.utils.actors import acting_as

logger = logging.getLogger(__name__)

GOODBYE = 5.0
"""Maximum number of seconds to wait for the end of training before the process exits."""

FOR_ONE = (
    "this run was started with one process, and its main loop cannot be divided among {size} "
    "processes; call restart(processes=1)"
)
LOOPBACK_DEVICE = "/sys/class/net/lo"

SAVING = 60.0
"""Maximum number of seconds to wait for a snapshot to be written before the process exits."""

ARRIVAL = 60.0
"""Time limit, in seconds, for the notebook that has started a run to connect to it."""

TOGETHER = 60.0
"""Maximum number of seconds that the other processes wait for the first process to start."""

DELAY = 0.5
"""Seconds from an error to the end of a process, so that a launcher first sees a killed process."""

RESTS = (
    "no notebook was connected to this paused run for {seconds:g} seconds, so its processes have "
    "ended; restart() starts them again, paused"
)


def main(path: str, launch: int, rank: int) -> None:
    """Train in this process until the run ends, then exit.

    Parameters
    ----------
    path : str
        The folder of the run.
    launch : int
        The number of the launch, which increases with each restart.
    rank : int
        The number of this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the notebook handles interrupts
    logging.basicConfig(format="%(message)s")
    end_forks_with_this_process()
    fix_global_draws()
    status = 1
    try:
        status = _Process(RunFolder(Path(path)), launch, rank).work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if status:
            time.sleep(DELAY)
        os._exit(status)  # threads of a failed run may still be waiting for other processes


class _Process:
    """One of the processes of a launched run.

    Parameters
    ----------
    folder : RunFolder
    launch, rank : int
    """

    def __init__(self, folder: RunFolder, launch: int, rank: int) -> None:
        self.folder = folder
        self.facts = folder.read()
        self.launch, self.rank = launch, rank
        self.size = int(self.facts["processes"])
        self.secret = bytes.fromhex(self.facts["secret"])
        self.is_detached = bool(self.facts["detached"])
        self._ends = False

    def work(self) -> int:
        """Train, and return the exit status."""
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(threads_of_each(self.size))
        apply_settings(self.folder.job.read_bytes())  # the group depends on the settings
        group = ProcessGroup()
        if self.size > 1:
            if os.path.exists(LOOPBACK_DEVICE):
                os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
            meeting = self.folder.meeting_place(self.launch)
            group = process_group(self.rank, self.size, meeting_place=meeting)
        main_loop, fork = self._main_loop(group)
        mailbox, exchange = self._mailbox(main_loop, group)
        session = Session(main_loop, str(self.facts["name"]))
        server = Server(session, self.secret, mailbox) if self.rank == 0 else None
        if mailbox is not None:
            self._share(session, mailbox, server)
        freeze()
        if server is None:
            assert exchange is not None
            return self._follow(session, fork, mailbox)
        return self._lead(session, fork, server, mailbox)

    def _main_loop(self, group: ProcessGroup) -> tuple[MainLoop, Fork | None]:
        saved = None
        if self.launch and self.folder.snapshot.exists():
            saved = pickle.loads(self.folder.snapshot.read_bytes())
        self._found: int | None = None if saved is None else saved["snapshot"].iteration
        job = self.folder.job.read_bytes()
        main_loop, fork = unpack(
            job, group, str(self.facts["database"]), saved, trusted=bool(self.facts["trusted"])
        )
        if isinstance(main_loop.log, SQLiteLog):
            main_loop.log.status["processes"] = self.size  # creates the log in the database
            main_loop.log.flush()
        return main_loop, fork

    def _mailbox(
        self, main_loop: MainLoop, group: ProcessGroup
    ) -> tuple[SharedMailbox | None, Exchange | None]:
        if group.size == 1:
            return None, None
        run = main_loop._run
        secret = hmac.digest(self.secret, f"launch {self.launch}".encode(), "sha256")
        exchange = Exchange(group, secret)
        here = threading.get_ident()
        self._calls: Any = None
        run.mailbox = mailbox = SharedMailbox(
            exchange,
            lambda calls: self._calls(calls),
            lambda: threading.get_ident() in (here, run.thread),
        )
        distributed = distributed_of(main_loop)
        if distributed is None:
            raise ProcessError(FOR_ONE.format(size=group.size))
        distributed.waiting = mailbox.waiting
        return mailbox, exchange

    def _share(self, session: Session, mailbox: SharedMailbox, server: Server | None) -> None:
        """Make all processes execute the calls of the first process and take snapshots together."""

        def deliver(calls: list[dict[str, Any]]) -> None:
            for call in calls:
                if call["do"] == "end":
                    self._ends = True
                elif server is not None:
                    server.make(call)
                else:
                    _make(session, call)

        self._calls = deliver
        taker = session._worker.rewinder.taker
        taker.propose = _ignore
        if server is not None:
            taker.propose = partial(_propose, mailbox)

    def _begin(self, session: Session, fork: Fork | None) -> None:
        if fork is not None:
            session._worker.begin_at(fork, str(self.facts["branch"]))
            return
        again, goal = self._found is not None, session.main_loop.status.get(GOAL)
        paused = bool((self.facts["paused"] and not again) or self.facts.get("stays_paused"))
        if again and goal is not None:  # a new run forgets the goal
            with session._queue.lock:
                aim = partial(_aim_at, session.main_loop, dict(goal))
                session._worker.launch(aim, session.pause if paused else _do_nothing)
            return
        session.start(
            epochs=None if again else self.facts["epochs"],
            batches=None if again else self.facts["batches"],
            paused=paused,
        )

    # The first process

    def _lead(
        self, session: Session, fork: Fork | None, server: Server, mailbox: SharedMailbox | None
    ) -> int:
        self._begin(session, fork)
        self._compare_sources(session, mailbox)
        keeper = Keeper(session, self.folder, self._found)
        keeper.note_log()
        keeper.start()
        server.kept = keeper.iteration
        server.problem_of_snapshots = lambda: keeper.problem
        server.start()
        self.folder.announce(
            {"port": server.port, "pid": os.getpid(), "launch": self.launch, **self._shown()}
        )
        threading.Thread(target=self._look_after, args=(session, server, mailbox, keeper)).start()
        try:
            while True:
                session._worker.ended.wait()
                self._keep_last(session, keeper)
                if session.state is State.FAILED and mailbox is not None:
                    server.closing.wait()  # the other processes have failed too
                    break
                if self._ends or (mailbox is None and server.closing.is_set()):
                    break
                if mailbox is None:
                    self._wait_for_more(session, server)
                else:
                    mailbox.receive(wait=True)
        finally:
            self.folder.withdraw(self.launch)
        return 0

    def _compare_sources(self, session: Session, mailbox: SharedMailbox | None) -> None:
        """Record an alert if the run continues with other code; store the checksums of the code."""
        now = checksums()
        text = changes(self.folder.sources(), now)
        if text:
            logger.warning(text)
            with suppress(SessionError):  # training has already ended
                self._alert(session, mailbox, text)
        try:
            self.folder.note_sources(now)
        except OSError:
            logger.exception("a later restart cannot check whether the code has changed")

    @staticmethod
    def _alert(session: Session, mailbox: SharedMailbox | None, text: str) -> Command | None:
        """Record an alert after the same batch in all processes."""
        if mailbox is None:
            return session.alert(text)
        mailbox.call({"do": "alert", "args": [text], "options": {}, "by": "code"})
        return None

    def _shown(self) -> dict[str, Any]:
        return {name: self.facts[name] for name in ("name", "processes", "database", "detached")}

    def _keep_last(self, session: Session, keeper: Keeper) -> None:
        """Write the state at the end of training, unless training has failed or begun again."""
        try:
            with session._queue.lock:  # the next run is launched under this lock
                if session.state is State.FAILED or not session.state.ended:
                    return
                snapshot, uuid = last_snapshot(session), session.log.h_uuid
            keeper.note_log()
            if snapshot is not None:
                keeper.write(snapshot, uuid)
        except Exception:
            logger.exception(
                "the last state was not written; a restart will begin at an earlier state"
            )

    @staticmethod
    def _wait_for_more(session: Session, server: Server) -> None:
        """Wait until training begins again or the process must end."""
        while session.state.ended and not server.closing.wait(0.05):
            pass

    def _look_after(
        self, session: Session, server: Server, mailbox: SharedMailbox | None, keeper: Keeper
    ) -> None:
        """End the process on request, or if no notebook has been connected to it for too long."""
        linger = float(self.facts["linger"])
        started, was_held = time.monotonic(), False
        rests_since: float | None = None
        while not server.closing.wait(0.2):
            was_held = was_held or server.is_held
            now = time.monotonic()
            alone = 0.0 if server.is_held else now - server.left
            if self.is_detached:
                if not (session.state.ended or session.state is State.PAUSED):
                    rests_since = None
                    continue
                rests_since = rests_since or now
                if min(alone, now - rests_since) > linger:
                    if session.state is State.PAUSED:
                        self._rest(session, mailbox, linger)
                    break
            elif alone and (was_held or time.monotonic() - started > ARRIVAL):
                break
        server.closing.set()
        with suppress(OSError):  # a full disk
            self.folder.closed(self.launch).touch(0o600)
        if not session.state.ended:  # otherwise, views would show a refused command
            if mailbox is None:
                session.stop()
            else:
                mailbox.call({"do": "stop", "args": [], "options": {}, "by": "code"})
        if mailbox is None:
            session._worker.ended.wait(GOODBYE)
        else:
            mailbox.call({"do": "end"})
        time.sleep(GOODBYE)  # the main thread ends the process earlier, if it can
        keeper.finish(SAVING)
        os._exit(0)

    def _rest(self, session: Session, mailbox: SharedMailbox | None, linger: float) -> None:
        """Record that the processes end because no notebook was connected to the paused run."""
        self.folder.rested.touch(0o600)
        text = RESTS.format(seconds=linger)
        try:
            command = self._alert(session, mailbox, text)
            if command is not None:
                command.wait(GOODBYE)
        except (SessionError, TimeoutError):
            logger.exception("the log does not say why the processes of this run have ended")

    # The other processes

    def _follow(self, session: Session, fork: Fork | None, mailbox: SharedMailbox | None) -> int:
        assert mailbox is not None
        leader = self._leader()
        self._begin(session, fork)
        while True:
            session._worker.ended.wait()
            if session.state is State.FAILED:
                error = session.exception
                assert error is not None
                if isinstance(error, ProcessError):  # the notebook finds the cause
                    return 1
                traceback.print_exception(error)
                leader.send({"error": f"{type(error).__name__}: {error}"})
                return 1
            last_snapshot(session)
            if self._ends:
                return 0
            mailbox.receive(wait=True)

    def _leader(self) -> Connection:
        """Connect to the first process, and end this process when the connection is lost."""
        deadline = time.monotonic() + TOGETHER
        while True:
            found = self.folder.announced()
            if found.get("launch") == self.launch:
                break
            if time.monotonic() > deadline:
                raise ProcessError(f"the first process did not start within {TOGETHER:g} s")
            time.sleep(0.02)
        connection = connect(found["port"], self.secret)
        connection.send({"rank": self.rank, "pid": os.getpid()})

        def watch() -> None:
            try:
                connection.receive()
            except (OSError, EOFError):
                time.sleep(GOODBYE)  # time to report the error
                os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
        return connection


def _aim_at(main_loop: MainLoop, goal: dict[str, int]) -> None:
    """Set the end of training that was requested before a restart."""
    main_loop.status[GOAL] = goal
    if goal_reached(main_loop.status):
        raise TrainingFinish
    main_loop.refresh()


def _do_nothing() -> None:
    """Do nothing before training."""


def _make(session: Session, call: dict[str, Any]) -> None:
    """Execute a call in a process other than the first; only the first process reports errors."""
    try:
        with acting_as(call["by"]):
            command = make(session, call["do"], call["args"], call["options"])
        if isinstance(command, Command):
            command._forget_result()  # the first process sends it
    except Exception as error:
        logger.debug("%s: %s", call["do"], error)


def _propose(mailbox: SharedMailbox, pin: str) -> None:
    """Ask all processes to take a snapshot."""
    mailbox.call({"do": "take_due", "args": [pin], "options": {}, "by": "code"})


def _ignore(pin: str) -> None:
    """Do nothing, because the first process decides when a snapshot is due."""


def watch_lifeline() -> None:
    """End this process when its standard input, which the notebook holds open, is closed.

    From now on, its standard input is empty, so that a function that asks for input, such as a
    debugger, raises an error instead of waiting for ever.
    """
    lifeline, empty = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        time.sleep(GOODBYE)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    if LIFELINE in sys.argv:
        watch_lifeline()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
