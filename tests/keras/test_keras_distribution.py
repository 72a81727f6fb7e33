"""Several processes train as one does, and none is left waiting for one that is gone. On loopback, with JAX."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from convlet.engines.keras import distribution
from convlet.engines.keras.meeting import Meeting
from convlet.errors import EngineError, GroupError, InputError

LOSSES = 1e-5  # relative; sums in another order, in float32, over eight steps


@pytest.fixture(scope="session")
def jax(backend):
    if backend != "jax":
        pytest.skip(f"not run: several processes need the backend 'jax', and this is {backend!r}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(place, hosts, environment=(), **options):
    """A process of a run, started."""
    options = json.dumps({"hosts": hosts, "place": place, **options})
    command = [sys.executable, str(Path(__file__).with_name("one_of_several.py")), options]
    environment = {**os.environ, "KERAS_BACKEND": "jax", **dict(environment)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """(exit code, [(step, loss, correct), …], how it ended, messages), of a process of a run."""
    results, messages = process.communicate(timeout=180)
    lines = [json.loads(line) for line in results.splitlines()]
    ended = lines.pop() if lines and isinstance(lines[-1], dict) else None
    return process.returncode, [tuple(line) for line in lines], ended, messages


def run_two(of_each=({}, {}), **options):
    hosts = [f"127.0.0.1:{free_port()}", "127.0.0.1:1"]
    return [start(place, hosts, **options, **own) for place, own in enumerate(of_each)]


@pytest.fixture(scope="module")
def alone(jax):
    """The same run in one process."""
    code, losses, ended, messages = finish(start(0, None))
    assert code == 0, messages
    return losses, ended


def assert_same_losses(losses, expected):
    assert [step for step, _, _ in losses] == [step for step, _, _ in expected]
    assert [loss for _, loss, _ in losses] == pytest.approx([loss for _, loss, _ in expected], rel=LOSSES)
    assert [correct for *_, correct in losses] == [correct for *_, correct in expected]


@pytest.mark.slow
def test_two_processes_train_as_one_does(alone):
    (code, losses, ended, messages), (other_code, other_losses, other_ended, _) = map(finish, run_two())
    assert (code, other_code) == (0, 0), messages
    assert_same_losses(losses, alone[0])
    assert ended["loss"] == pytest.approx(alone[1]["loss"], rel=LOSSES)
    assert ended["first"] == pytest.approx(alone[1]["first"], abs=1e-4)
    assert losses == other_losses
    assert ended["sha256"] == other_ended["sha256"]


@pytest.mark.slow
def test_several_devices_of_one_process_train_as_one_does(alone):
    two = start(0, None, {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"})
    code, losses, ended, messages = finish(two)
    assert code == 0, messages
    assert_same_losses(losses, alone[0])
    assert ended["first"] == pytest.approx(alone[1]["first"], abs=1e-4)


@pytest.mark.slow
def test_a_batch_that_the_devices_cannot_share_evenly_is_refused(jax):
    eight = start(0, None, {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}, prepare=50)
    code, _, ended, messages = finish(eight)
    assert code == 1, messages
    assert ended["error"] == "batch_size=50: expected a multiple of the run's 8 devices, such as 48 or 56."


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_run_which_resumes_where_it_was(alone, tmp_path, killed):
    own = [{"saved": str(tmp_path / f"{place}.npz")} for place in range(2)]
    own[killed] |= {"at": 5, "signal": int(signal.SIGKILL)}
    code, losses, ended, _ = list(map(finish, run_two(own)))[1 - killed]
    assert code == 1
    assert f"process {1 - killed} of 2 lost another process" in ended["error"]
    assert "start all of them again, resuming from the last checkpoint" in ended["error"]
    assert ended["step"] == 5

    saved = str(tmp_path / f"{1 - killed}.npz")
    (code, resumed, _, messages), _ = map(finish, run_two(start=5, saved=saved))
    assert code == 0, messages
    assert_same_losses(losses + resumed, alone[0])


@pytest.mark.slow
def test_a_silent_process_ends_the_run_after_some_patience(jax, tmp_path):
    saved = str(tmp_path / "state.npz")
    first, silent = run_two(({"saved": saved, "patience": 10}, {"at": 5, "signal": int(signal.SIGSTOP)}))
    try:
        code, _, ended, _ = finish(first)
    finally:
        silent.kill()
        silent.communicate()
    assert code == 1
    assert "process 0 of 2 heard nothing from another process for 10 seconds" in ended["error"]
    with np.load(saved) as state:
        assert state["step"] == 5


def test_process_0_names_those_who_did_not_come():
    port = free_port()
    with ThreadPoolExecutor() as threads:
        second = threads.submit(attend, 2, 4, port, timeout=2)
        with pytest.raises(GroupError, match=r"process 0 of 4 waited at port \d+, but .* come: process 1, 3\."):
            attend(0, 4, port, timeout=1)
        with pytest.raises(GroupError, match=f"process 2 of 4 could not reach process 0 at 127.0.0.1:{port}"):
            second.result()


def attend(place, count, port, alike=(), files=(), timeout=20):
    return Meeting(place, count, f"127.0.0.1:{port}", timeout).attend(dict(alike), dict(files))


def test_all_receive_the_files_of_process_0():
    port, files = free_port(), {"a": b"\n{}\n", "empty": b"", "large": bytes(range(256)) * 40_000}
    with ThreadPoolExecutor() as threads:
        others = [threads.submit(attend, place, 3, port, {"recipe": "x"}) for place in (1, 2)]
        assert attend(0, 3, port, {"recipe": "x"}, files) == files
        assert [other.result() for other in others] == [files, files]


def test_what_differs_is_named_in_both_processes():
    port, message = free_port(), "recipe: process 1 has y, process 0 has x; all must have the same"
    with ThreadPoolExecutor() as threads:
        other = threads.submit(attend, 1, 2, port, {"version": "1", "recipe": "y"})
        with pytest.raises(InputError, match=message):
            attend(0, 2, port, {"version": "1", "recipe": "x"}, {"secret": b"not sent"})
        with pytest.raises(InputError, match=message):
            other.result()


def test_strangers_at_the_meeting_place_are_ignored():
    port = free_port()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(attend, 0, 2, port, files={"a": b"b"})
        for greeting in (b"GET / HTTP/1.1\r\n\r\n", b'{"convlet": 1}\n', b"[1]\n", b"\xff" * 1000):
            with connected(port) as stranger:
                stranger.sendall(greeting)
        assert attend(1, 2, port) == {"a": b"b"}
        assert first.result() == {"a": b"b"}


def connected(port):
    for _ in range(1000):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except ConnectionRefusedError:
            threading.Event().wait(0.01)
    raise AssertionError("nobody listens")


def test_processes_that_count_differently_are_told():
    port, message = free_port(), "hosts: process 1 counts 3 of them, process 0 counts 2"
    with ThreadPoolExecutor() as threads:
        other = threads.submit(attend, 1, 3, port)
        with pytest.raises(InputError, match=message):
            attend(0, 2, port)
        with pytest.raises(InputError, match=message):
            other.result()


WHO = distribution._who_is_who
TWO = ["node1:1234", "node2:1234"]


@pytest.mark.parametrize(
    ("hosts", "process_id", "environment", "expected"),
    [
        (TWO, 1, {}, ("node1:1234", 2, 1)),
        (TWO, 0, {"RANK": "1"}, ("node1:1234", 2, 0)),
        (TWO, None, {"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, ("node1:1234", 2, 1)),
        (None, None, {"MASTER_ADDR": "n", "MASTER_PORT": "9", "RANK": "3", "WORLD_SIZE": "4"}, ("n:9", 4, 3)),
        (None, None, {"JAX_COORDINATOR_ADDRESS": "n:9", "SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, ("n:9", 8, 0)),
        (None, 2, {"JAX_COORDINATOR_ADDRESS": "n:9", "OMPI_COMM_WORLD_SIZE": "3"}, ("n:9", 3, 2)),
    ],
)
def test_who_is_who_is_what_is_given_then_what_the_scheduler_set(hosts, process_id, environment, expected):
    assert WHO(hosts, process_id, environment) == expected


@pytest.mark.parametrize(
    ("hosts", "process_id", "environment", "message"),
    [
        (TWO, None, {}, r"process_id=None: give this process's place, from 0, or set one of JAX_PROCESS_ID, SLURM"),
        (TWO, 2, {}, "process_id=2: expected 0 to 1, one place for each of the 2 hosts"),
        (TWO, -1, {}, "process_id=-1: expected a whole number of at least 0"),
        (None, 0, {}, r"hosts=None: give one host:port a process, or set JAX_COORDINATOR_ADDRESS"),
        (["node1", "node2"], 0, {}, r"hosts: 'node1': expected host:port, such as 'node1:12321'"),
        (["node1:1", "node2:99999"], 0, {}, r"hosts: 'node2:99999': expected host:port"),
        (TWO, None, {"RANK": "first"}, "RANK='first': expected a whole number"),
    ],
)
def test_what_is_missing_or_wrong_is_named(hosts, process_id, environment, message):
    with pytest.raises(InputError, match=message):
        WHO(hosts, process_id, environment)


def test_only_jax_has_several_processes(backend):
    if backend == "jax":
        pytest.skip("not run: this is about the other backends")
    with pytest.raises(EngineError, match=f"backend='{backend}': several processes need 'jax'"):
        distribution.group(TWO, 0)
