"""A run with averaged weights: they are validated, saved and loaded, and it goes on from its raw ones."""

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits

from convlet import load
from convlet.descriptions.optimizers import EMA, Adam, Lookahead
from convlet.engines import engine
from convlet.errors import InputError, NumericsError
from convlet.runs.checkpoint import load_checkpoint

each_average = pytest.mark.parametrize("average", [EMA(0.9), Lookahead(4)], ids=repr)


@each_average
def test_what_is_validated_and_saved_are_the_averages(average, tmp_path):
    data = tiny.dataset()
    run = tiny.train(data, steps=9, optimizer=Adam(0.01, average=average), run_dir=tmp_path)
    last, best = load_checkpoint(tmp_path / "last.safetensors"), load_checkpoint(tmp_path / "best.safetensors")
    parameters = run.program.state().parameters
    assert_same_bits(last.state.parameters, parameters)
    assert not np.array_equal(last.state.slots["dense_1/kernel/raw"], parameters["dense_1/kernel"])
    assert not best.state.slots
    alone = engine("numpy").compile(tiny.NETWORK, parameters)
    assert_same_bits(
        load(tmp_path, engine="numpy").program.predict(np.ones((2, *tiny.SHAPE))),
        alone.predict(np.ones((2, *tiny.SHAPE))),
    )
    assert run.history.validations[-1][1:] == (
        run.evaluate(data.validation).loss,
        run.evaluate(data.validation).accuracy,
    )


@each_average
@pytest.mark.parametrize("stop", [3, 8])
def test_a_resumed_run_is_the_one_that_never_stopped(average, stop, tmp_path):
    options = {"steps": 13, "optimizer": Adam(0.01, average=average)}
    whole = tiny.train(**options)
    with pytest.raises(KeyboardInterrupt):
        tiny.train(run_dir=tmp_path / "run", watch=interrupted_after(stop), **options)
    resumed = tiny.train(run_dir=tmp_path / "run", resume=True, **options)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(whole)
    with pytest.raises(InputError, match=r"optimizer.average=None: the run in .* has"):
        tiny.train(run_dir=tmp_path / "run", resume=True, steps=13, optimizer=Adam(0.01))


def interrupted_after(steps):
    def watch(run):
        if run.history.steps == steps:
            raise KeyboardInterrupt

    return watch


def test_raw_weights_that_are_no_numbers_are_not_saved(tmp_path):
    run = tiny.train(steps=2, optimizer=Adam(0.01, average=Lookahead(5)))
    state = run.program.state()
    state.slots["dense_1/kernel/raw"][0, 0] = np.nan
    run.program.restore(state)
    with pytest.raises(NumericsError, match="dense_1/kernel/raw has a weight that is NaN"):
        run.save(tmp_path / "w.safetensors")
