"""`convlet train --hosts`: two real processes on loopback train one network, are stopped, killed and resumed."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import several
import tiny

from convlet.runs.checkpoint import load_checkpoint

RECIPE = """
data = {{ source = "{source}" }}
network = {{ input_shape = [5, 4, 1], layers = [
  {{ type = "Conv2D", filters = 2, kernel_size = 3 }}, {{ type = "Flatten" }}, {{ type = "Dropout", rate = 0.5 }},
  {{ type = "Dense", units = 3 }} ] }}
optimizer = {{ type = "Adam", learning_rate = 0.003 }}
training = {{ batch_size = 4, steps = {steps}, validate_every = 2 }}
"""
GLOO = "[Gloo] Rank 1 is connected to 1 peer ranks. Expected number of connected peer ranks is : 1\n"
LONG = 100_000  # steps; nobody waits for them


@pytest.fixture(scope="module")
def shop(jax, tmp_path_factory):
    """A folder with a tiny data set and recipes for it."""
    folder = tmp_path_factory.mktemp("shop")
    data = tiny.save_npz(folder / "data.npz", tiny.dataset(train=60))
    for name, steps in {"short": 600, "long": LONG}.items():
        (folder / f"{name}.toml").write_text(RECIPE.format(source=data, steps=steps), "utf-8")
    return folder


def start(*arguments, **environment):
    command = [sys.executable, "-m", "convlet", "train", *arguments, "--json"]
    return several.start(command, **{**tiny.environment(), **environment})


def start_two(*arguments, own=((), ())):
    """Two processes of one run. The second is told who it is as a scheduler would do it."""
    port = several.free_port()
    hosts = ("--hosts", f"127.0.0.1:{port},127.0.0.1:1")
    scheduled = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "RANK": "1"}
    first = start(*arguments, *own[0], *hosts, "--process-id", 0)
    return first, start(*arguments, *own[1], "--hosts", "auto", **scheduled)


def finish(*processes):
    """[(exit code, the printed object, messages), …]."""
    ended = several.finish_all(*processes)
    assert not any("Traceback" in messages for _, _, messages in ended), ended
    return [(code, json.loads(results) if results else None, messages) for code, results, messages in ended]


def losses(folder):
    return np.array(load_checkpoint(folder / "last.safetensors").history.losses)


def wait_for_steps(folder, process):
    """Until the run has saved something."""
    deadline = time.monotonic() + several.SECONDS
    while not (folder / "last.safetensors").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def together(shop):
    """The short run by two processes: what the first printed, and the folder."""
    two = finish(*start_two(shop / "short.toml", "--run-dir", shop / "together"))
    (code, printed, messages), (other_code, nothing, silence) = two
    assert (code, other_code, nothing) == (0, 0, None), two
    assert silence.replace(GLOO, "") == "Process 1 of 2: waiting for the others.\n"
    assert "2 processes" in messages
    return printed, shop / "together"


@pytest.mark.slow
def test_two_processes_train_as_one_does_and_one_folder_is_kept(shop, together):
    printed, folder = together
    [(code, alone, messages)] = finish(start(shop / "short.toml", "--backend", "jax", "--run-dir", shop / "alone"))
    assert code == 0, messages
    np.testing.assert_allclose(losses(folder), losses(shop / "alone"), rtol=1e-3, atol=1e-4)
    assert (printed["processes"], alone["processes"]) == (2, 1)
    assert printed["test_accuracy"] == alone["test_accuracy"]
    kept = {path.name for path in (shop / "alone").iterdir()}
    assert {path.name for path in folder.iterdir()} == kept
    assert {path.name for path in shop.iterdir()} == {"data.npz", "short.toml", "long.toml", "alone", "together"}


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_run_goes_on_to_where_it_would_have_come(shop, together, tmp_path, killed):
    run = tmp_path / "run"
    processes = start_two(shop / "long.toml", "--run-dir", run)
    wait_for_steps(run, processes[0])
    processes[killed].send_signal(signal.SIGKILL)
    processes[killed].communicate()
    [(code, printed, messages)] = finish(processes[1 - killed])
    assert (code, printed) == (1, None)
    assert f"process {1 - killed} of 2 lost another process, or the network to it" in messages
    assert (f"Stopped and saved. Go on with:\n  convlet train --resume {run} --hosts" in messages) == (killed == 1)

    # On another machine the run's folder is not there: what is needed of it comes from the first process.
    went = load_checkpoint(run / "last.safetensors").state.step
    assert 0 < went < LONG
    further = went + 30
    resumed = start_two("--steps", further, own=[("--resume", run), ("--resume", tmp_path / "elsewhere")])
    (code, printed, messages), (other_code, _, other_messages) = finish(*resumed)
    assert (code, other_code) == (0, 0), messages + other_messages
    assert printed["steps"] == further
    assert not (tmp_path / "elsewhere").exists()
    both = min(further, 600)  # steps that this run and the one that was never killed have in common
    np.testing.assert_array_equal(losses(run)[:both], losses(together[1])[:both])


@pytest.mark.slow
def test_a_run_whose_processes_are_all_told_to_stop_has_saved(shop, tmp_path):
    processes = start_two(shop / "long.toml", "--run-dir", tmp_path / "run")
    wait_for_steps(tmp_path / "run", processes[0])
    for process in reversed(processes):
        process.send_signal(signal.SIGTERM)
    (code, _, messages), (other_code, _, _) = finish(*processes)
    assert (code, other_code) == (128 + signal.SIGTERM, 128 + signal.SIGTERM)
    assert "Stopped and saved." in messages
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").state.step > 0


@pytest.mark.slow
def test_a_run_that_is_told_to_stop_does_not_wait_for_a_silent_process(shop, tmp_path):
    """A scheduler kills half a minute after it has asked."""
    first, silent = start_two(shop / "long.toml", "--run-dir", tmp_path / "run")
    wait_for_steps(tmp_path / "run", first)
    silent.send_signal(signal.SIGSTOP)
    try:
        time.sleep(1)
        asked = time.monotonic()
        first.send_signal(signal.SIGTERM)
        [(code, _, messages)] = finish(first)
    finally:
        silent.kill()
        silent.communicate()
    assert code == 128 + signal.SIGTERM
    assert time.monotonic() - asked < 30
    assert "Stopped and saved." in messages


@pytest.mark.slow
def test_other_data_in_one_process_are_found_before_anything_is_trained(shop, tmp_path):
    """Even where the run was killed before it saved anything: its folder holds the recipe alone."""
    run, places = tmp_path / "run", [tmp_path / "0", tmp_path / "1"]
    for seed, place in enumerate(places):
        place.mkdir()
        tiny.save_npz(place / "data.npz", tiny.dataset(train=60, seed=seed))
    run.mkdir()
    (run / "recipe.toml").write_text(RECIPE.format(source="data.npz", steps=600), "utf-8")
    port = several.free_port()
    hosts = ("--hosts", f"127.0.0.1:{port},127.0.0.1:1")
    command = [sys.executable, "-m", "convlet", "train", "--resume", run, *hosts, "--process-id"]
    two = [["env", "-C", place, *command, number] for number, place in enumerate(places)]
    (code, _, messages), (other_code, _, other_messages) = finish(
        *(several.start(one, **tiny.environment()) for one in two)
    )
    assert (code, other_code) == (1, 1)
    assert "process 1: data (sha256): " in messages and "all must have the same" in other_messages
    assert [path.name for path in run.iterdir()] == ["recipe.toml"]


@pytest.mark.slow
def test_a_process_that_cannot_begin_tells_the_other(shop, tmp_path):
    (code, _, messages), (other_code, _, other_messages) = finish(*start_two("--resume", tmp_path / "nowhere"))
    assert (code, other_code) == (1, 1)
    assert "Expected the folder of a run" in messages
    assert "\nconvlet: process 0: " in other_messages and "Expected the folder of a run" in other_messages


@pytest.mark.slow
def test_processes_that_were_started_differently_are_both_told(shop, tmp_path):
    run = tmp_path / "run"
    for code, _, messages in finish(*start_two(shop / "short.toml", "--run-dir", run, own=[(), ("--seed", 7)])):
        assert code == 2
        assert "\nconvlet: recipe (sha256): process 1 has " in messages
    assert not run.exists()


@pytest.mark.slow
def test_a_batch_that_two_cannot_share_is_refused_and_leaves_no_folder(shop, tmp_path):
    run = tmp_path / "run"
    for code, _, messages in finish(*start_two(shop / "short.toml", "--batch-size", 5, "--run-dir", run)):
        assert code == 2
        assert "batch_size=5: expected a multiple of the run's 2 devices, such as 4 or 6." in messages
    assert not run.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--process-id", "1"], "--process-id=1 without --hosts: say with --hosts who the others are"),
        (["--hosts", "a:1,b:1", "--engine", "numba"], "--hosts with --engine=numba: several processes need"),
        (["--hosts", "a:1,b:1", "--backend", "torch"], "--hosts with --backend=torch: several processes need"),
        (["--hosts", "a:1,b:1"], "process_id=None: give this process's place"),
        (["--hosts", "a,b", "--process-id", "0"], "hosts: 'a': expected host:port"),
        (["--hosts", "auto", "--process-id", "0"], "hosts=None: no scheduler has said who they are"),
        (["--hosts", "a:1,b:1", "--process-id", "2"], "process_id=2: expected 0 to 1"),
    ],
)
def test_what_is_missing_or_wrong_is_said_before_anybody_is_waited_for(jax, monkeypatch, arguments, says):
    from click.testing import CliRunner

    from convlet.cli import main

    for name in os.environ.keys() - several.without_scheduler().keys():
        monkeypatch.delenv(name)
    result = CliRunner().invoke(main, ["train", *arguments])
    assert result.exit_code == 2, result.stderr
    assert says in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_commands_of_the_page_work_as_written(jax, tmp_path):
    page = (tiny.ROOT / "docs" / "scaling.md").read_text("utf-8")
    commands = page.partition("```bash\n")[2].partition("```")[0]
    assert commands.count("convlet train") == 2 and "12321" in commands
    commands = commands.replace("12321", str(several.free_port()))
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # noqa: PTH120
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=tmp_path,
        env=tiny.environment(PATH=path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stderr and "test accuracy" in done.stdout
    assert load_checkpoint(tmp_path / "runs" / "two" / "last.safetensors").state.step == 100
