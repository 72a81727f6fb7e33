"""The loop: which images each step sees, that runs repeat and continue to the last bit, and how a run ends."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.layers import Activation, Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.descriptions.schedules import Steps
from convlet.engines import Batch, State, engine
from convlet.errors import DataError, InputError, NumericsError, RecipeError
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.recipe import Training
from convlet.runs.run import load
from convlet.training.batches import batch_indices

IMAGES, BATCH = 23, 4  # an epoch ends within steps 6, 12, 18, and with step 23

pytestmark = pytest.mark.usefixtures("no_flushing")


# --- batches ----------------------------------------------------------------------------------------------------------


@given(images=st.integers(1, 40), batch_size=st.integers(1, 100), seed=st.integers(0, 2**63 - 1))
def test_every_epoch_holds_every_image_once_and_a_batch_is_completed_from_the_next(images, batch_size, seed):
    epochs = 3
    steps = -(-images * epochs // batch_size)
    row = np.concatenate([batch_indices(images, batch_size, seed, step) for step in range(steps)])
    assert len(row) == steps * batch_size
    for epoch in range(epochs):
        assert sorted(row[epoch * images : (epoch + 1) * images]) == list(range(images))


def test_each_epoch_has_an_order_of_its_own_and_each_seed_too():
    first, second = (batch_indices(100, 100, 0, step) for step in (0, 1))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, batch_indices(100, 100, 1, 0))
    assert len({tuple(batch_indices(100, 100, 0, epoch)) for epoch in range(20)}) == 20


def test_a_batch_is_a_function_of_its_step_alone():
    alone = batch_indices(IMAGES, BATCH, 7, 5).copy()
    for step in (900, 3, 17, 5):
        again = batch_indices(IMAGES, BATCH, 7, step)
    assert np.array_equal(alone, again)
    again[:] = -1  # what the caller does with it is his own affair
    assert np.array_equal(alone, batch_indices(IMAGES, BATCH, 7, 5))


def test_batches_do_not_change_from_version_to_version():
    """A run saved by an older version continues: its order of images is part of the format."""
    assert batch_indices(10, 12, 0, 0).tolist() == FIRST_BATCH


FIRST_BATCH = [9, 4, 2, 1, 0, 7, 8, 5, 3, 6, 9, 4]


@given(images=st.integers(1, 60), batch_size=st.integers(1, 70), epochs=st.integers(1, 5), every=st.integers(1, 3))
def test_validations_stand_where_epochs_end(images, batch_size, epochs, every):
    plan = Training(batch_size, epochs=epochs, validate_every=every)
    steps = plan.total_steps(images)
    assert (steps - 1) * batch_size < images * epochs <= steps * batch_size
    seen = [step * batch_size // images // every for step in range(steps + 1)]
    assert [plan.validates_after(s, images) for s in range(1, steps + 1)] == [
        now > before for before, now in pairwise(seen)
    ]


# --- the same run again -----------------------------------------------------------------------------------------------

FRESH_RUN = """
import json, sys, tiny
run = tiny.train(steps=int(sys.argv[1]), seed=int(sys.argv[2]))
*shas, step, history = tiny.fingerprint(run)
print(json.dumps([shas, step, history.losses, history.correct, history.validations, history.reports]))
"""


def test_two_processes_with_one_seed_train_the_same_weights_to_the_last_bit():
    first, second = (tiny.in_new_process(FRESH_RUN, 20, 3) for _ in range(2))
    assert first == second
    run = tiny.train(steps=20, seed=3)
    assert json.loads(first)[0] == list(tiny.fingerprint(run)[:2])


def test_another_seed_trains_other_weights():
    assert tiny.fingerprint(tiny.train(steps=3, seed=1))[0] != tiny.fingerprint(tiny.train(steps=3, seed=2))[0]


def test_a_run_takes_the_steps_it_was_asked_for():
    assert tiny.train(steps=7).history.steps == 7
    assert tiny.train(epochs=2).history.steps == 12  # 46 images, 4 at a time
    assert tiny.train(epochs=1, batch_size=50).history.steps == 1


def test_training_learns_and_the_validation_is_of_the_validation_examples():
    run = tiny.train(network=Sequential([Flatten(), Dense(3)], tiny.SHAPE), steps=300, optimizer=Adam(0.01))
    assert run.history.recent(50)[1] > 0.9
    step, loss, accuracy = run.history.validations[-1]
    again = run.evaluate(tiny.dataset().validation)
    assert (step, loss, accuracy) == (300, again.loss, again.accuracy)


def test_reports_are_of_the_coming_batch_without_dropout():
    data = tiny.dataset()
    run = tiny.train(data, steps=1, report_every=1)
    program = engine("numpy").compile(tiny.NETWORK, tiny.NETWORK.initial_parameters(0))
    pixels, labels = data.train.batch(batch_indices(IMAGES, BATCH, 0, 0))
    assert run.history.reports == [(0, float((program.predict(pixels).argmax(1) == labels).mean()))]
    assert [step for step, _ in tiny.train(steps=12, report_every=5).history.reports] == [0, 5, 10]


def test_every_step_has_the_batch_the_masks_and_the_rate_of_its_own_number():
    """The loop as a user of the engine would write it, on the same numbers."""
    data, optimizer, steps = tiny.dataset(), Adam(Steps(0.1, factor=0.5, drops=8)), 9
    program = engine("numpy").compile(tiny.NETWORK, tiny.NETWORK.initial_parameters(5), optimizer)
    for step in range(steps):
        pixels, labels = data.train.batch(batch_indices(IMAGES, BATCH, 5, step))
        program.step(Batch(pixels, labels, tiny.NETWORK.dropout_masks(BATCH, 5, step)), 0.1 * 0.5**step)
    run = tiny.train(data, steps=steps, optimizer=optimizer, seed=5)
    assert_same_bits(run.program.state().parameters, program.state().parameters)
    assert_same_bits(run.program.state().slots, program.state().slots)


# --- patience ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "patience", "validations", "best"),
    [
        ([0.5, 0.4, 0.3, 0.9], 2, 3, 1),
        ([0.5, 0.4, 0.6, 0.5, 0.5, 0.9], 2, 5, 3),
        ([0.5, 0.5, 0.5, 0.9], 2, 3, 1),  # an equal one is no better
        ([0.1, 0.2, 0.3, 0.4], 1, 4, 4),
        ([0.3, 0.2, 0.9], 1, 2, 1),
    ],
)
def test_patience_ends_a_run_and_gives_back_its_best_weights(
    monkeypatch, tmp_path, script, patience, validations, best
):
    states = []
    tiny.accuracies(monkeypatch, script)
    run = tiny.train(
        batch_size=IMAGES,
        steps=len(script),
        patience=patience,
        run_dir=tmp_path / "r",
        watch=lambda run: states.append(run.program.state()),
    )
    assert len(run.history.validations) == validations
    assert run.program.state().step == best == run.history.best[0]
    wanted = next(state for state in states if state.step == best)
    assert_same_bits(run.program.state().parameters, wanted.parameters)
    assert_same_bits(load(tmp_path / "r", engine="numpy").program.state().parameters, wanted.parameters)


def test_a_lower_loss_breaks_a_tie():
    run = tiny.train(steps=1)
    history = replace(run.history, validations=[(6, 1.0, 0.5), (12, 0.9, 0.5), (18, 0.9, 0.5), (23, 0.1, 0.4)])
    assert history.best == (12, 0.9, 0.5)
    assert history.waited() == 2


def test_without_patience_the_last_weights_stay_and_the_best_are_kept_beside_them(monkeypatch, tmp_path):
    tiny.accuracies(monkeypatch, [0.9, 0.1, 0.2])
    run = tiny.train(batch_size=IMAGES, steps=3, run_dir=tmp_path / "r")
    assert run.program.state().step == 3
    assert load_checkpoint(tmp_path / "r" / "best.safetensors").state.step == 1
    assert load(tmp_path / "r", engine="numpy").program.state().step == 3


def test_patience_needs_validation_examples(tmp_path):
    with pytest.raises(InputError, match="patience=2: tiny has no validation examples"):
        tiny.train(tiny.dataset(validation=0), steps=2, patience=2, run_dir=tmp_path / "r")
    assert not (tmp_path / "r").exists()


# --- numbers going wrong ----------------------------------------------------------------------------------------------

PLAIN = Sequential([Flatten(), Dense(4, name="first"), Activation("relu"), Dense(3, name="last")], tiny.SHAPE)


@pytest.mark.parametrize("optimizer", [SGD(1e30), Adam(1e30)], ids=["SGD", "Adam"])
def test_a_loss_that_is_no_number_stops_the_run_within_a_step_and_names_layer_and_step(tmp_path, optimizer):
    with pytest.raises(NumericsError, match=r"step 2: the loss is nan; layer '(first|last)' .* lower learning rate\.$"):
        tiny.train(network=PLAIN, steps=9, optimizer=optimizer, run_dir=tmp_path / "r")
    assert {path.name for path in (tmp_path / "r").iterdir()} == {"recipe.toml", "environment.json"}


def test_an_infinite_loss_stops_the_run_as_nan_does():
    """One pixel alone counts, so that logits stay finite, and only their difference is too large."""

    def poison(run):
        if run.history.steps == 3 and run.clock.taken:
            parameters = {name: np.zeros_like(array) for name, array in run.program.state().parameters.items()}
            parameters["last/kernel"][0] = 3e38, -3e38, -3e38
            run.program.restore(State(parameters, step=3))

    network = Sequential([Flatten(), Dense(3, name="last")], tiny.SHAPE)
    with pytest.raises(NumericsError, match=r"^step \d: the loss is inf; its logits are far too large"):
        tiny.train(network=network, steps=9, watch=poison)


@pytest.mark.parametrize("layer", ["first", "last"])
def test_the_layer_that_made_the_nan_is_named_and_the_last_good_checkpoint_stays(tmp_path, layer):
    def poison(run):
        if run.history.steps == 7 and run.clock.taken:
            state = run.program.state()
            state.parameters[f"{layer}/kernel"][0, 0] = np.nan
            run.program.restore(state)

    with pytest.raises(NumericsError) as caught:
        tiny.train(network=PLAIN, steps=9, run_dir=tmp_path / "r", watch=poison)
    last = tmp_path / "r" / "last.safetensors"
    assert f"step 8: the loss is nan; layer '{layer}' is the first" in str(caught.value)
    assert f"{last} holds the last good weights." in str(caught.value)
    assert load_checkpoint(last).state.step == 6
    whole = tiny.fingerprint(tiny.train(network=PLAIN, steps=9))
    assert tiny.fingerprint(tiny.train(network=PLAIN, steps=9, run_dir=tmp_path / "r", resume=True)) == whole


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_went_wrong_in_the_last_step_are_not_saved(tmp_path, bad):
    def poison(run):
        if run.history.steps == 3 and run.clock.taken:
            state = run.program.state()
            state.parameters["last/bias"][:] = bad
            run.program.restore(state)

    for data in (tiny.dataset(), tiny.dataset(validation=0)):
        with pytest.raises(NumericsError, match="step 3: "):
            tiny.train(data, network=PLAIN, steps=3, run_dir=tmp_path / str(id(data)), watch=poison)
        assert not list(tmp_path.rglob("*.safetensors"))


def test_an_evaluation_of_broken_weights_is_refused():
    run = tiny.train(network=PLAIN, steps=1)
    state = run.program.state()
    run.program.restore(State({**state.parameters, "last/kernel": np.full((4, 3), np.inf, np.float32)}))
    with pytest.raises(NumericsError, match="layer 'last'"):
        run.evaluate(tiny.dataset().test)


@pytest.mark.parametrize("weight", [np.nan, np.inf, 3e38])
def test_a_prediction_is_never_nan_but_an_error_that_names_image_and_layer(weight):
    run = tiny.train(network=PLAIN, steps=1)
    images = np.zeros((3, *tiny.SHAPE), np.uint8)
    images[1] = 255  # a large weight hurts only what it meets
    parameters = run.program.state().parameters
    run.program.restore(State({**parameters, "first/kernel": np.full_like(parameters["first/kernel"], weight)}))
    with pytest.raises(NumericsError) as caught:
        run.predict(images)
    image = 1 if weight == 3e38 else 0
    assert f"the probabilities of image {image} are NaN; layer 'first' is the first" in str(caught.value)


# --- what is refused before anything is trained -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"network": Sequential([Flatten(), Dense(3)], (5, 5, 1))}, DataError, "input_shape = [5, 4, 1]"),
        ({"network": Sequential([Flatten(), Dense(3)], (4, 1, 5))}, DataError, "images.transpose(0, 2, 3, 1)"),
        ({"network": Sequential([Flatten(), Dense(4)], tiny.SHAPE)}, DataError, "Dense(3)"),
        ({"network": Sequential([Conv2D(3, 3)], tiny.SHAPE)}, InputError, "Flatten()"),
        ({"network": Sequential([Flatten(), Dense(3, "softmax")], tiny.SHAPE)}, InputError, "softmax"),
        ({"network": "deep"}, RecipeError, "network='deep': expected a Sequential"),
        ({"optimizer": "adam"}, RecipeError, "optimizer='adam'"),
        ({"data": "mnist"}, InputError, "data=str: expected a Dataset"),
        ({"steps": None}, InputError, "exactly one"),
        ({"epochs": 3}, InputError, "exactly one"),
        ({"steps": 0}, InputError, "steps=0"),
        ({"steps": 2.5}, InputError, "steps=2.5"),
        ({"batch_size": 0}, InputError, "batch_size=0"),
        ({"seed": -1}, InputError, "seed=-1"),
        ({"patience": 0}, InputError, "patience=0"),
        ({"report_every": 0}, InputError, "report_every=0"),
        ({"network": Sequential([Flatten(), Dense(10**15), Dense(3)], tiny.SHAPE)}, InputError, "too large"),
    ],
)
def test_a_run_that_cannot_work_is_refused_and_leaves_no_folder(tmp_path, options, error, says):
    with pytest.raises(error) as caught:
        tiny.train(**{"steps": 2, "run_dir": tmp_path / "r", **options})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "r").exists()


def test_a_schedule_of_ones_own_trains_but_is_not_written_down(tmp_path):
    class Mine:
        def at(self, progress):
            return 0.01

    tiny.train(steps=2, optimizer=SGD(Mine()))
    with pytest.raises(RecipeError, match="cannot be written as a recipe"):
        tiny.train(steps=2, optimizer=SGD(Mine()), run_dir=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_run_goes_on_only_with_the_data_it_began_with(tmp_path):
    tiny.train(steps=5, run_dir=tmp_path / "r")
    with pytest.raises(InputError, match=r"not those that the run in .* began"):
        tiny.train(tiny.dataset(train=24), steps=9, run_dir=tmp_path / "r", resume=True)
