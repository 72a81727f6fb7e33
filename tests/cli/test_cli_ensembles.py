"""Several networks that answer together are one run for every command."""

import json
from pathlib import Path

from commands import RECIPE, convlet

from convlet.processes.group import Alone


def test_several_networks_are_one_run_for_every_command(shop, tmp_path, undrawn):
    run, numpy = tmp_path / "run", ("--engine", "numpy")
    shown = convlet("train", "--data", shop / "data.npz", "--steps", "2", "--run-dir", run, *numpy)
    assert f"convlet runs {run}" in shown.stdout
    assert [line for line in shown.stderr.splitlines() if line.startswith("Network ")] == [
        f"Network {number} of 4." for number in range(1, 5)
    ]
    convlet("evaluate", run, *numpy)
    listed = json.loads(convlet("runs", run, "--json").stdout)["runs"]
    assert {Path(row["run"]).name for row in listed} == {f"network-{i}" for i in range(1, 5)}
    assert all("peak" in str(row["differs"]) for row in listed)
    whole = json.loads(convlet("runs", tmp_path, "--json").stdout)["runs"]
    assert [(row["steps"], row["weights"]) for row in whole] == [(8, 3 * listed[0]["weights"])]
    summary = json.loads(convlet("summary", run, "--json").stdout)
    assert summary["weights"] == 3 * listed[0]["weights"]
    again = json.loads(convlet("train", "--resume", run, "--json", *numpy).stdout)
    assert again["steps"] == 8 and again["validation_accuracy"] is not None
    tuned = json.loads(
        convlet("train", "--from", run, "--steps", "1", "--run-dir", tmp_path / "t", "--json", *numpy).stdout
    )
    assert tuned["steps"] == 1
    refused = convlet("train", run / "recipe.toml", "--from", run, code=2).stderr
    assert "with an ensemble: from another run's weights one network is trained" in refused


def test_several_processes_train_no_ensemble_and_all_of_them_hear_of_it(shop, tmp_path, monkeypatch):
    told = []

    class Two(Alone):
        count = 2

        def refuse(self, reason):
            told.append(reason)

    monkeypatch.setattr("convlet.cli.train._group", lambda *options: Two())
    said = convlet("train", "--data", shop / "data.npz", "--run-dir", tmp_path / "r", code=2).stderr
    assert "ensemble with --hosts: only a single process" in said
    assert len(told) == 1 and not (tmp_path / "r").exists()
    (tmp_path / "r").mkdir()
    recipe = RECIPE.format(source=shop / "data.npz", shape=[6, 6, 1], units=3, batch=4, steps=2)
    (tmp_path / "r/recipe.toml").write_text(recipe + "ensemble = { seeds = 2 }")
    assert "ensemble with --hosts" in convlet("train", "--resume", tmp_path / "r", code=2).stderr
    assert len(told) == 2
