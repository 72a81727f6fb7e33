"""Several runs as one: it answers the mean of their logits, and is a run like any other."""

import numpy as np
import pytest
import quick
import tiny
from comparing import assert_same_bits

import convlet as cl
from convlet.errors import InputError

LAYERS = [cl.Conv2D(3, 2, name="mine"), cl.Residual([cl.Conv2D(3, 1)]), cl.Flatten(), cl.Dense(3)]
OTHER = cl.Sequential(LAYERS, tiny.SHAPE)
IMAGES, _ = quick.DATA.test.batch(slice(None))


@pytest.fixture(scope="module")
def runs():
    """One network twice, with other weights, and another one; layers of all have the same names."""
    return [quick.fit(seed=0), quick.fit(OTHER, seed=1), quick.fit(OTHER, seed=2)]


def logits(run):
    return run.program.predict(IMAGES)


def weights(run):
    return run.program.state().parameters


@pytest.mark.parametrize("count", [2, 3])
def test_an_average_answers_the_mean_of_what_its_runs_answer(runs, count):
    whole = cl.average(runs[:count])
    expected = np.mean([logits(run) for run in runs[:count]], axis=0)
    np.testing.assert_allclose(logits(whole), expected, rtol=1e-5, atol=1e-6)
    assert whole.network.weights == sum(run.network.weights for run in runs[:count])
    assert whole.classes == runs[0].classes and whole.history.steps == 0


def test_an_average_is_saved_loaded_and_trained_further_as_any_run(runs, tmp_path):
    whole = cl.average(runs)
    whole.save(tmp_path / "whole.safetensors")
    again = cl.load(tmp_path / "whole.safetensors", engine="numpy")
    assert_same_bits(weights(again), weights(whole))
    assert again.evaluate(quick.DATA.test).accuracy == whole.evaluate(quick.DATA.test).accuracy
    tuned = quick.fit(again)
    assert tuned.network == whole.network and tuned.history.steps == 4
    assert not np.array_equal(weights(tuned)["dense_1/kernel"], weights(whole)["dense_1/kernel"])


def test_of_many_runs_few_blocks_are_in_each_other(runs):
    networks = {count: cl.average([runs[0]] * count).network for count in (3, 16, 17)}
    assert [max(len(placed.inside) for placed in network) for network in networks.values()] == [2, 4, 5]


def test_averages_of_averages_are_averages_of_all(runs):
    both = cl.average([cl.average(runs[:2]), cl.average(runs[:2])])
    np.testing.assert_allclose(logits(both), logits(cl.average(runs[:2])), rtol=1e-5, atol=1e-6)


def test_what_cannot_be_averaged_is_refused(runs):
    for wrong in (runs[:1], [], runs[0], [runs[0], "runs/b"]):
        with pytest.raises(InputError, match="expected a list of two runs or more"):
            cl.average(wrong)
    pair = (quick.DATA.train.images, np.array(["ant", "bee", "dog"])[quick.DATA.train.labels])
    other = quick.fit(data=pair)
    with pytest.raises(InputError, match=r"'ant', 'bee', 'cat', another of \(5, 4, 1\) for 'ant', 'bee', 'dog'"):
        cl.average([runs[0], other])
