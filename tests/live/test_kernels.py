"""Requests of a page to real kernels of every version, while a cell runs or waits."""

import os
import re
import time

import pytest
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpec

from extensions_live.control_channel import REPLY, REQUEST
from tests.support import kernels
from tests.support.tree import ROOT

PREPARE = """
import time
from extensions_live import Controls
from tests.support.fakes import FakeAlgorithm, make

class Slow(FakeAlgorithm):
    def process_batch(self, batch):
        time.sleep(0.001)

main_loop = make(algorithm=Slow())
session = main_loop.start()
bar = Controls(session)
print("ident", bar.ident)
"""
SOON = 60


class Kernel:
    """Kernel, with a client that uses the messaging protocol directly."""

    def __init__(self, version):
        self.version = version
        search = os.pathsep.join([str(kernels.folder(version)), str(ROOT)])
        self.manager = KernelManager(kernel_name="python3")
        self.manager._kernel_spec = KernelSpec(
            argv=["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            interrupt_mode="signal",
        )
        self.manager.start_kernel(env={**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"})
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(self, code):
        """Run a cell and return its output."""
        self.client.execute(code)
        return self.output()

    def output(self):
        """Return the output up to the idle status after a cell."""
        text = ""
        while True:
            message = self.client.get_iopub_msg(timeout=SOON)
            content = message["content"]
            text += content.get("text", "") + "\n".join(content.get("traceback", ()))
            cell = message["parent_header"].get("msg_type") == "execute_request"
            if cell and content.get("execution_state") == "idle":
                return text

    def begin(self, code):
        """Send a cell; return its message id once it runs."""
        id = self.client.execute(code)
        while True:
            message = self.client.get_iopub_msg(timeout=SOON)
            if message["parent_header"].get("msg_id") == id and "code" in message["content"]:
                time.sleep(0.3)  # until the first line of the cell runs
                return id

    def sees_busy(self, cell, after):
        """Check that the last status says that `cell` runs, after the message `after` has ended."""
        states = []
        while states[-2:-1] != [(after, "idle")]:
            message = self.client.get_iopub_msg(timeout=SOON)
            if message["msg_type"] == "status":
                of = message["parent_header"]["msg_id"]
                states.append((of, message["content"]["execution_state"]))
        assert states[-1] == (cell, "busy")

    def ask(self, **message):
        """Send a request on the control channel; return the status of the reply."""
        content = {"receiver": self.ident, "message": {"kind": "command", **message}}
        request = self.client.session.msg(REQUEST, content)
        self.client.control_channel.send(request)
        while True:
            reply = self.client.get_control_msg(timeout=SOON)
            if reply["parent_header"]["msg_id"] == request["header"]["msg_id"]:
                assert reply["msg_type"] == REPLY
                return reply["content"]["status"], request["header"]["msg_id"]

    def send(self, subshell=None, **message):
        """Send a message of the widget; return its message id."""
        data = {"method": "custom", "content": {"kind": "command", **message}}
        content = {"comm_id": self.ident, "data": data}
        sent = self.client.session.msg("comm_msg", content)
        if subshell is not None:
            sent["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(sent)
        return sent["header"]["msg_id"]

    def subshell(self):
        """Create a subshell, a thread that handles messages beside the cell, as a page does."""
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        while "subshell_id" not in (reply := self.client.get_control_msg(timeout=SOON))["content"]:
            pass
        return reply["content"]["subshell_id"]


@pytest.fixture(scope="module", params=kernels.VERSIONS)
def kernel(request):
    kernel = Kernel(request.param)
    shown = kernel.run(PREPARE)
    assert "ident" in shown, shown
    kernel.ident = re.search("ident (\\w+)", shown)[1]
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


@pytest.fixture(autouse=True)
def running(kernel):
    kernel.run("if session.state == 'paused': session.resume().wait(20)")
    kernel.run("asked = len(session.commands)")


@pytest.mark.timeout(200)
@pytest.mark.parametrize("cell", ["while True: pass", "time.sleep(100)", "session.wait()"])
def test_a_request_acts_whatever_the_cell_does(kernel, cell):
    id = kernel.begin(cell)
    status, request = kernel.ask(name="pause")
    assert status == "ok"
    kernel.sees_busy(id, after=request)
    kernel.manager.interrupt_kernel()
    assert "Interrupt" in kernel.output() or cell == "session.wait()"
    assert kernel.run("print(session.commands[-1].wait(20), session.state)") == "None paused\n"


@pytest.mark.timeout(200)
def test_a_message_on_a_thread_beside_the_cell_leaves_it_busy(kernel):
    if kernel.version != "7.1":
        pytest.skip("this version handles widgets in the thread of the cells")
    subshell = kernel.subshell()
    id = kernel.begin("time.sleep(2)")
    kernel.sees_busy(id, after=kernel.send(subshell, name="pause"))
    kernel.output()
    assert kernel.run("print(session.state)") == "paused\n"


@pytest.mark.timeout(200)
def test_a_command_that_comes_twice_acts_once(kernel):
    kernel.begin("session.wait(2)")
    kernel.ask(name="pause", id="mine")
    kernel.send(name="pause", id="mine")
    kernel.output()
    assert kernel.run("print([c.kind for c in session.commands[asked:]])") == "['pause']\n"


@pytest.mark.timeout(200)
def test_a_waiting_cell_handles_widgets_and_keeps_the_order_of_other_messages(kernel):
    kernel.begin("session.wait(3); print('end', [c.kind for c in session.commands[asked:]])")
    info = kernel.client.session.msg("comm_info_request", {})
    kernel.client.shell_channel.send(info)
    for name, number in (("pause", 1), ("resume", 2), ("pause", 3)):
        kernel.send(name=name)
        kernel.client.execute(f"print('queued', {number})")
    reply = kernel.client.get_shell_msg(timeout=2.5)
    while reply["parent_header"]["msg_id"] != info["header"]["msg_id"]:  # of cells before
        reply = kernel.client.get_shell_msg(timeout=2.5)
    assert kernel.ident in reply["content"]["comms"]
    assert [kernel.output() for _ in range(4)] == [
        "end ['pause', 'resume', 'pause']\n",
        *(f"queued {number}\n" for number in (1, 2, 3)),
    ]


@pytest.mark.timeout(200)
def test_interrupting_a_cell_that_waits_is_one_line_and_training_goes_on(kernel):
    kernel.begin("session.wait()")
    kernel.manager.interrupt_kernel()
    shown = kernel.output()
    assert shown.startswith("wait() was interrupted, but training continues: <Session session-")
    assert "\n" not in shown
    assert kernel.run("print(session.state)") == "running\n"


@pytest.mark.timeout(200)
def test_starting_twice_is_a_line_and_a_refusal_shows_the_cell_alone(kernel):
    shown = kernel.run("assert main_loop.start() is session")
    assert "start() returns this session" in shown and "Traceback" not in shown
    shown = kernel.run("main_loop.run()")
    assert "AlreadyTrainingError" in shown and "workbench/" not in shown
