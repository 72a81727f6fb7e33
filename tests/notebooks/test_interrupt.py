"""A notebook's interrupt, in a kernel of its own: the run is saved and says so, and the next cell goes on with it."""

import pytest
import tiny

manager = pytest.importorskip("jupyter_client.manager", reason="a notebook's kernel is an extra: make test-extras")

BEGIN = """
import tiny
import convlet as cl

options = dict(optimizer=cl.Adam(0.01), batch_size=4, engine="numpy")
"""
TRAIN = "run = cl.fit(tiny.NETWORK, tiny.dataset(), steps=10_000_000, run_dir={folder!r}, **options)"
GO_ON = """
def enough(run):
    if run.clock.taken == 3:
        raise StopIteration("three more")

try:
    cl.fit(tiny.NETWORK, tiny.dataset(), steps=10_000_000, run_dir={folder!r}, resume=True, watch=enough, **options)
except StopIteration:
    print("steps:", cl.load({folder!r}, engine="numpy").history.steps)
"""
UNSAVED = "import sys; print(sys.last_value.run.history.steps > 0)"


@pytest.fixture(scope="module")
def kernel():
    running, client = manager.start_new_kernel(env=tiny.environment())
    yield running, client
    client.stop_channels()
    running.shutdown_kernel(now=True)


def answer(client, code, interrupt=None):
    """(what the cell wrote, the reply) of a cell, which is interrupted once, when it shows that it trains."""
    written, left = [], [interrupt] if interrupt else []

    def hear(message):
        if message["msg_type"] == "stream":
            written.append(message["content"]["text"])
            if "\rstep " in written[-1] and left:
                left.pop()()

    reply = client.execute_interactive(code, output_hook=hear, timeout=60)
    return "".join(written), reply["content"]


def test_an_interrupt_saves_and_says_so_and_the_next_cell_goes_on(kernel, tmp_path):
    running, client = kernel
    folder = str(tmp_path / "r")
    answer(client, BEGIN)
    written, reply = answer(client, TRAIN.format(folder=folder), running.interrupt_kernel)
    assert "\rstep " in written, "one line, rewritten in place"
    assert reply["status"] == "error" and reply["ename"] == "Stopped"
    assert "stopped by SIGINT after step " in reply["evalue"] and f"it is saved in {folder}" in reply["evalue"]
    assert reply["traceback"] == [f"convlet: {reply['evalue']}"], "no trace"
    taken = int(reply["evalue"].partition("after step ")[2].split(" of ")[0].replace(",", ""))
    written, reply = answer(client, GO_ON.format(folder=folder))
    assert reply["status"] == "ok" and f"steps: {taken + 3}" in written


def test_an_interrupted_run_without_a_folder_is_in_reach(kernel):
    running, client = kernel
    answer(client, BEGIN)
    _, reply = answer(client, TRAIN.replace("run_dir={folder!r}, ", ""), running.interrupt_kernel)
    assert "sys.last_value.run" in reply["evalue"]
    assert answer(client, UNSAVED)[0] == "True\n"
