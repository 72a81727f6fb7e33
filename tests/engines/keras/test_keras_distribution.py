"""Several processes train as one does, and none is left waiting for one that is gone. On loopback, with JAX."""

import json
import signal
import sys

import numpy as np
import pytest
import several
import tiny

from convlet.engines.keras import distribution
from convlet.errors import EngineError, InputError
from convlet.processes import schedulers

LOSSES = 1e-5  # relative; sums in another order, in float32, over eight steps


def start(place, hosts, environment=(), **options):
    """A process of a run, started."""
    options = json.dumps({"hosts": hosts, "place": place, **options})
    command = [sys.executable, tiny.HELPERS / "one_of_several.py", options]
    return several.start(command, KERAS_BACKEND="jax", **dict(environment))


def finish(*processes):
    """[(exit code, [(step, loss, correct), …], how it ended, messages), …] of the processes of a run."""
    ended = []
    for code, results, messages in several.finish_all(*processes):
        lines = [json.loads(line) for line in results.splitlines()]
        last = lines.pop() if lines and isinstance(lines[-1], dict) else None
        ended.append((code, [tuple(line) for line in lines], last, messages))
    return ended


def run_two(of_each=({}, {}), **options):
    hosts = [f"127.0.0.1:{several.free_port()}", "127.0.0.1:1"]
    return [start(place, hosts, **options, **own) for place, own in enumerate(of_each)]


@pytest.fixture(scope="module")
def alone(jax):
    """The same run in one process."""
    [(code, losses, ended, messages)] = finish(start(0, None))
    assert code == 0, messages
    return losses, ended


def assert_same_losses(losses, expected):
    assert [step for step, _, _ in losses] == [step for step, _, _ in expected]
    assert [loss for _, loss, _ in losses] == pytest.approx([loss for _, loss, _ in expected], rel=LOSSES)
    assert [correct for *_, correct in losses] == [correct for *_, correct in expected]


@pytest.mark.slow
def test_two_processes_train_as_one_does(alone):
    (code, losses, ended, messages), (other_code, other_losses, other_ended, _) = finish(*run_two())
    assert (code, other_code) == (0, 0), messages
    assert_same_losses(losses, alone[0])
    assert ended["loss"] == pytest.approx(alone[1]["loss"], rel=LOSSES)
    assert ended["first"] == pytest.approx(alone[1]["first"], abs=1e-4)
    assert losses == other_losses
    assert ended["sha256"] == other_ended["sha256"]


@pytest.mark.slow
def test_several_devices_of_one_process_train_as_one_does(alone):
    two = start(0, None, {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"})
    [(code, losses, ended, messages)] = finish(two)
    assert code == 0, messages
    assert_same_losses(losses, alone[0])
    assert ended["first"] == pytest.approx(alone[1]["first"], abs=1e-4)


@pytest.mark.slow
def test_a_batch_that_the_devices_cannot_share_evenly_is_refused(jax):
    eight = start(0, None, {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}, prepare=50)
    [(code, _, ended, messages)] = finish(eight)
    assert code == 1, messages
    assert ended["error"] == "batch_size=50: expected a multiple of the run's 8 devices, such as 48 or 56."


@pytest.mark.slow
def test_a_killed_process_ends_the_run_which_resumes_where_it_was(alone, tmp_path):
    """The first one; the commands' tests kill the other, too."""
    saved = str(tmp_path / "saved.npz")
    _, (code, losses, ended, _) = finish(*run_two(({"at": 5, "signal": int(signal.SIGKILL)}, {"saved": saved})))
    assert code == 1
    assert "process 1 of 2 lost another process" in ended["error"]
    assert "start all of them again, resuming from the last checkpoint" in ended["error"]
    assert ended["step"] == 5

    (code, resumed, _, messages), _ = finish(*run_two(start=5, saved=saved))
    assert code == 0, messages
    assert_same_losses(losses + resumed, alone[0])


@pytest.mark.slow
def test_a_silent_process_ends_the_run_after_some_patience(jax, tmp_path):
    saved = str(tmp_path / "state.npz")
    first, silent = run_two(({"saved": saved, "patience": 10}, {"at": 5, "signal": int(signal.SIGSTOP)}))
    try:
        [(code, _, ended, _)] = finish(first)
    finally:
        silent.kill()
        silent.communicate()
    assert code == 1
    assert "process 0 of 2 heard nothing from another process for 10 seconds" in ended["error"]
    with np.load(saved) as state:
        assert state["step"] == 5


WHO = schedulers.who_is_who
TWO = ["node1:1234", "node2:1234"]
SLURM = {"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}
TORCHRUN = {"MASTER_ADDR": "n", "MASTER_PORT": "9", "RANK": "3", "WORLD_SIZE": "4"}


@pytest.mark.parametrize(
    ("hosts", "process_id", "variables", "expected"),
    [
        (TWO, 1, {}, ("node1:1234", 2, 1)),
        (TWO, 0, {"RANK": "1"}, ("node1:1234", 2, 0)),
        (TWO, None, SLURM, ("node1:1234", 2, 1)),
        (["[::1]:1234"], 0, {}, ("[::1]:1234", 1, 0)),
        (None, None, TORCHRUN, ("n:9", 4, 3)),
        (None, None, {**SLURM, **TORCHRUN}, ("n:9", 4, 3)),  # torchrun inside Slurm: the inner one counts
        (None, None, {"JAX_COORDINATOR_ADDRESS": "n:9", "SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, ("n:9", 8, 0)),
        (None, 2, {"JAX_COORDINATOR_ADDRESS": "n:9", "OMPI_COMM_WORLD_SIZE": "3"}, ("n:9", 3, 2)),
    ],
)
def test_who_is_who_is_what_is_given_then_what_the_scheduler_set(hosts, process_id, variables, expected):
    assert WHO(hosts, process_id, variables) == expected


def test_inside_a_batch_script_mpirun_counts_and_not_the_script():
    for rank in range(3):
        variables = {"SLURM_PROCID": "0", "OMPI_COMM_WORLD_RANK": str(rank), "OMPI_COMM_WORLD_SIZE": "3"}
        assert WHO([*TWO, "node3:1234"], None, variables) == ("node1:1234", 3, rank)


@pytest.mark.parametrize(
    ("hosts", "process_id", "variables", "message"),
    [
        (TWO, None, {}, r"process_id=None: give this process's place, from 0, or set one of JAX_PROCESS_ID, OMPI"),
        (TWO, 2, {}, "process_id=2: expected 0 to 1, one place for each of the 2 hosts"),
        (TWO, -1, {}, "process_id=-1: expected a whole number of at least 0"),
        (None, 0, {}, "hosts=None: no scheduler has said who they are. Give one host:port a process"),
        ([], 0, TORCHRUN, r"hosts=\[\]: expected one host:port for each process"),
        (["node1", "node2"], 0, {}, r"hosts: 'node1': expected host:port, such as 'node1:12321'"),
        (["node1:1", "node2:99999"], 0, {}, r"hosts: 'node2:99999': expected host:port"),
        (["::1:99"], 0, {}, r"hosts: '::1:99': expected host:port"),
        (["http://n:80"], 0, {}, r"hosts: 'http://n:80': expected host:port"),
        (None, 0, {**TORCHRUN, "MASTER_PORT": "x"}, r"meeting place: 'n:x': expected host:port"),
        (TWO, None, {"RANK": "first"}, "RANK='first': expected a whole number"),
        (TWO, None, {"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, "hosts: 2 of them, but by SLURM_PROCID's scheduler"),
    ],
)
def test_what_is_missing_or_wrong_is_named(hosts, process_id, variables, message):
    with pytest.raises(InputError, match=message):
        WHO(hosts, process_id, variables)


def test_only_jax_has_several_processes(backend):
    if backend == "jax":
        pytest.skip("not run: this is about the other backends")
    with pytest.raises(EngineError, match=f"backend='{backend}': several processes need 'jax'"):
        distribution.group(TWO, 0)
