"""The linear baseline: as good as softmax regression is known to be, the same each time, kept with its run."""

import numpy as np
import pytest
import tiny

from convlet.datasets import mnist
from convlet.fitting import fit
from convlet.runs.checkpoint import checkpoint_bytes
from convlet.runs.run import load
from convlet.training.baseline import FILE, baseline_of, linear_baseline


def weights(run):
    return run.program.state().parameters


def run_in(folder, data=None):
    return fit(
        tiny.NETWORK, data or tiny.dataset(), steps=2, batch_size=4, engine="numpy", progress=False, run_dir=folder
    )


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr("convlet.experiment.draw_run", lambda *_, **__: None)


def test_it_reaches_on_mnist_what_softmax_regression_does():
    """92 %, says the tutorial for beginners of the network that convlet began with."""
    data = mnist()
    assert 0.92 < linear_baseline(data, seed=0).evaluate(data.test).accuracy < 0.935


def test_it_is_the_same_each_time_and_another_with_another_seed():
    data = tiny.dataset()
    first, again, other = (linear_baseline(data, seed) for seed in (3, 3, 4))
    for name, array in weights(first).items():
        np.testing.assert_array_equal(array, weights(again)[name])
    assert not np.array_equal(weights(first)["dense_1/kernel"], weights(other)["dense_1/kernel"])


def test_a_few_images_are_seen_often_and_many_not_all(monkeypatch):
    assert linear_baseline(tiny.dataset(train=32), 0).total_steps == 60  # 30 epochs of two batches
    monkeypatch.setattr("convlet.training.baseline.PIXELS", 20 * 64)
    assert linear_baseline(tiny.dataset(train=32), 0).total_steps == 4


def test_a_run_keeps_its_baseline_and_has_it_for_other_data_then(tmp_path, undrawn, monkeypatch):
    data, other = tiny.dataset(), tiny.dataset(seed=1)
    run = run_in(tmp_path / "r", data)
    assert baseline_of(run, other) is None
    assert baseline_of(run, data) is not None and not (tmp_path / "r" / FILE).exists()  # who only looks, writes nothing
    made = baseline_of(run, data, keep=True)
    monkeypatch.setattr("convlet.training.baseline.linear_baseline", None)
    for kept in (baseline_of(run, data), baseline_of(load(tmp_path / "r", engine="numpy"), other)):
        np.testing.assert_array_equal(weights(kept)["dense_1/kernel"], weights(made)["dense_1/kernel"])


def test_a_baseline_of_other_data_or_a_damaged_one_is_made_again(tmp_path, undrawn):
    run, data = run_in(tmp_path / "r"), tiny.dataset()
    for wrong in (checkpoint_bytes(linear_baseline(tiny.dataset(seed=1), 0).checkpoint()), b"nothing"):
        (tmp_path / "r" / FILE).write_bytes(wrong)
        assert baseline_of(run, data, keep=True).data.sha256 == data.sha256
        assert load(tmp_path / "r" / FILE, engine="numpy").data.sha256 == data.sha256


def test_nothing_is_written_beside_a_checkpoint_that_lies_alone(tmp_path, undrawn):
    run = run_in(tmp_path / "r")
    run.save(tmp_path / "alone.safetensors")
    alone = load(tmp_path / "alone.safetensors", engine="numpy")
    assert baseline_of(alone, tiny.dataset(), keep=True) is not None
    assert not (tmp_path / FILE).exists()
