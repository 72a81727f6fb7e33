"""SGD and Adam, step by hand; learning rates; and the optimizer on paper and back."""

import json
import math
import tomllib

import numpy as np
import pytest
import tomli_w
from comparing import ROUNDING, assert_agree
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam, AdamW, UpdateRule, optimizer_from_table, optimizer_to_table
from convlet.descriptions.schedules import Cosine, OneCycle, Steps
from convlet.engines import engine
from convlet.errors import InputError, RecipeError
from convlet.runs.recipe import Recipe, Training


def walked(optimizer, gradients, rate, start=1.0):
    """The weight after each gradient."""
    weight = np.array([start])
    slots = {name: np.zeros(1) for name in optimizer.slots}
    path = []
    for step, gradient in enumerate(gradients, start=1):
        optimizer.update(weight, np.array([gradient]), slots, rate, step)
        path.append(float(weight[0]))
    return np.array(path)


def test_plain_sgd_by_hand():
    assert_agree(walked(SGD(), [0.5, -2.0], rate=0.1), np.array([0.95, 1.15]), ROUNDING)


def test_momentum_by_hand():
    """v = −0.1, then 0.9 · −0.1 − 0.1 = −0.19, then 0.9 · −0.19 = −0.171."""
    assert_agree(walked(SGD(momentum=0.9), [1, 1, 0], rate=0.1), np.array([0.9, 0.71, 0.539]), ROUNDING)


def test_nesterov_by_hand():
    """v as above; the weight moves by 0.9 v − 0.1 gradient: −0.19, −0.271, and 0.9 · −0.171 = −0.1539."""
    path = walked(SGD(momentum=0.9, nesterov=True), [1, 1, 0], rate=0.1)
    assert_agree(path, np.array([0.81, 0.539, 0.3851]), ROUNDING)


@pytest.mark.parametrize("optimizer", [SGD(weight_decay=0.5), SGD(momentum=0.9, weight_decay=0.5)], ids=repr)
def test_weight_decay_first_takes_its_share_of_the_weight(optimizer):
    """2 − 0.1 · 0.5 · 2 − 0.1 · 1; it does not pass through the momentum: then 1.8 − 0.09, and the velocity."""
    path = walked(optimizer, [1, 0], rate=0.1, start=2.0)
    assert_agree(path, np.array([1.8, 1.71 - 0.1 * optimizer.momentum]), ROUNDING)


def test_adam_by_hand():
    """β₁ = 1/2, β₂ = 3/4, ε = 1: m = v = 1 and √(1 − 3/4) / (1 − 1/2) = 1, so 1 / (√1 + 1); then a gradient of 0."""
    path = walked(Adam(beta_1=0.5, beta_2=0.75, epsilon=1.0), [2, 0], rate=1.0)
    second = math.sqrt(1 - 9 / 16) / (1 - 1 / 4) * 0.5 / (math.sqrt(0.75) + 1)
    assert_agree(path, np.array([0.5, 0.5 - second]), ROUNDING)


def test_adams_epsilon_stands_outside_the_bias_correction():
    """With a gradient of 1e-8 at the first step: √v = √0.001 · 1e-8, and ε beside it, not beside 1e-8."""
    (after,) = walked(Adam(), [1e-8], rate=1.0, start=0.0)
    root = math.sqrt(0.001)
    assert after == pytest.approx(-root / 0.1 * 1e-9 / (root * 1e-8 + 1e-8), rel=1e-9)
    assert abs(after) < 0.04  # inside, it would be 0.5


def test_adams_weight_decay_is_decoupled():
    plain, decayed = walked(Adam(), [3], rate=0.1, start=2.0), walked(Adam(weight_decay=0.5), [3], rate=0.1, start=2.0)
    assert_agree(decayed, plain - 0.1 * 0.5 * 2.0, ROUNDING)


@given(st.floats(1e-3, 1e3), st.floats(1e-4, 1.0))
def test_adams_first_step_is_the_rate_whatever_the_gradient(gradient, rate):
    assert_agree(walked(Adam(), [gradient], rate, start=0.0), np.array([-rate]), ROUNDING._replace(relative=1e-3))


@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), Adam()], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_update_happens_in_place_keeps_the_type_and_leaves_the_gradient(optimizer, dtype):
    weight, gradient = np.ones((2, 3), dtype), np.full((2, 3), 0.5, dtype)
    slots = {name: np.zeros((2, 3), dtype) for name in optimizer.slots}
    kept = dict(slots)
    optimizer.update(weight, gradient, slots, 0.1, 1)
    assert (weight < 1).all() and (gradient == 0.5).all()
    assert weight.dtype == dtype and all(slots[name] is kept[name] and slots[name].any() for name in slots)


def test_slots_are_what_the_rule_remembers():
    assert (SGD().slots, SGD(momentum=0.5).slots, Adam().slots) == ((), ("velocity",), ("m", "v"))


def test_defaults_are_as_documented():
    assert SGD() == SGD(0.01, 0.0, False, 0.0)
    assert Adam() == Adam(0.001, 0.9, 0.999, 1e-8, 0.0)


# --------------------------------------------------------------------------------------------- a whole network's moves

NETWORK = Sequential([Conv2D(2, 3), BatchNormalization(), Flatten(), Dense(3, trainable=False), Dense(2)], (5, 5, 1))


def test_each_parameter_that_is_trained_is_moved_by_the_rule_at_its_own_rate():
    optimizer = Adam(0.1, rate_factors={"*/beta": 64, "conv2d_1/*": 0.5, "*/bias": 3})
    rules = optimizer.update_rules(NETWORK)
    assert {name: rule.factor for name, rule in rules.items()} == {
        "conv2d_1/kernel": 0.5,
        "conv2d_1/bias": 1.5,
        "batch_normalization_1/gamma": 1,
        "batch_normalization_1/beta": 64,
        "dense_2/kernel": 1,
        "dense_2/bias": 3,
    }
    assert all(rule.optimizer is optimizer for rule in rules.values())
    moved, alone = np.ones(1), np.ones(1)
    rules["batch_normalization_1/beta"].update(moved, np.ones(1), {"m": np.zeros(1), "v": np.zeros(1)}, 0.01, 1)
    optimizer.update(alone, np.ones(1), {"m": np.zeros(1), "v": np.zeros(1)}, 0.64, 1)
    assert moved == alone


@pytest.mark.parametrize("optimizer", [AdamW(), SGD(weight_decay=0.01, decays="kernels")], ids=repr)
def test_decay_of_kernels_leaves_biases_and_normalisation_alone(optimizer):
    decays = {name for name, rule in optimizer.update_rules(NETWORK).items() if rule.decay}
    assert decays == {"conv2d_1/kernel", "dense_2/kernel"}
    for decaying in (True, False):
        rule = UpdateRule(optimizer, decays=decaying)
        weight = np.full(1, 2.0)
        rule.update(weight, np.zeros(1), {slot: np.zeros(1) for slot in optimizer.slots}, 0.5, 1)
        assert weight == (2 - 0.5 * 0.01 * 2 if decaying else 2)


def test_decay_is_of_all_weights_unless_said_otherwise():
    assert {rule.decay for rule in Adam(weight_decay=0.25).update_rules(NETWORK).values()} == {0.25}


def test_adamw_is_adam_with_decay_of_kernels():
    assert walked(AdamW(), [3, 1], 0.1).tolist() == walked(Adam(weight_decay=0.01), [3, 1], 0.1).tolist()
    assert (AdamW().weight_decay, AdamW().decays) == (0.01, "kernels")


def test_a_pattern_that_matches_nothing_is_refused_before_anything_is_trained():
    message = r"rate_factors: '\*/gama' matches no parameter that is learnt: 'conv2d_1/kernel', .* Mend the pattern"
    optimizer = SGD(rate_factors={"*/gama": 2})
    with pytest.raises(InputError, match=message):
        optimizer.update_rules(NETWORK)
    with pytest.raises(InputError, match="matches no parameter that is learnt"):
        SGD(rate_factors={"*/moving_mean": 2}).update_rules(NETWORK)
    with pytest.raises(RecipeError, match=message):
        Recipe("r", NETWORK, Training(steps=1), optimizer)
    for name in ("numpy", "numba"):
        with pytest.raises(InputError, match=message):
            engine(name).compile(NETWORK, NETWORK.initial_parameters(0), optimizer)


def test_a_pattern_of_a_frozen_layer_is_no_mistake():
    assert "dense_1/kernel" not in SGD(rate_factors={"dense_1/*": 2}).update_rules(NETWORK)


def test_gradients_are_clipped_by_the_norm_of_all_together():
    gradients = [np.array([[3.0]]), np.array([4.0, 12.0])]  # their norm is 13
    assert SGD(clip_norm=6.5).clipping(gradients) == 0.5
    assert SGD(clip_norm=13).clipping(gradients) == SGD(clip_norm=20).clipping(gradients) == 1
    assert SGD().clipping(gradients) == 1
    assert SGD(clip_norm=1e-3).clipping([np.zeros(2)]) == 1


# -------------------------------------------------------------------------------------------------------- the rate


def test_a_number_is_the_constant_schedule():
    assert [SGD(0.5).rate(step, 10) for step in (0, 9)] == [0.5, 0.5]


def test_a_schedule_is_asked_by_the_share_of_steps_done():
    assert Adam(Cosine(1.0)).rate(5, 10) == Cosine(1.0).at(0.5) == pytest.approx(0.5)


def test_a_cosines_values():
    """1 + cos of 0°, 60°, 90° and 180° are 2, 3/2, 1 and 0."""
    values = [Cosine(1.0, 0.2).at(progress) for progress in (0, 1 / 3, 0.5, 1)]
    assert values == pytest.approx([1.0, 0.8, 0.6, 0.2])


def test_a_one_cycles_values():
    values = [OneCycle(1.0, warmup=0.4).at(progress) for progress in (0, 0.2, 0.4, 0.7, 1)]
    assert values == pytest.approx([1 / 25, (1 + 1 / 25) / 2, 1.0, (1 + 1e-4) / 2, 1e-4])


def test_a_one_cycle_without_warmup_begins_at_its_peak():
    assert OneCycle(0.5, warmup=0).at(0.0) == 0.5


def test_steps_values():
    values = [Steps(0.8, factor=0.5).at(progress) for progress in (0, 0.33, 0.34, 0.66, 0.67, 0.999)]
    assert values == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.2])


def test_steps_drop_exactly_at_their_step_however_the_share_is_rounded():
    for drops in range(1, 100):
        for part in range(drops + 1):
            at, before = 7 * part, 7 * part - 1
            rates = SGD(Steps(1.0, 0.5, drops))
            assert rates.rate(at, 7 * (drops + 1)) == 0.5**part, (drops, part)
            assert not part or rates.rate(before, 7 * (drops + 1)) == 0.5 ** (part - 1), (drops, part)


rates = st.floats(1e-6, 10)
schedules = st.one_of(
    st.builds(Cosine, rates, rates),
    st.builds(OneCycle, rates, st.floats(0, 0.99)),
    st.builds(Steps, rates, st.floats(0.01, 1), st.integers(1, 9)),
)


@given(schedules, st.floats(0, 1, exclude_max=True))
def test_a_schedule_stays_between_its_ends(schedule, progress):
    ends = {
        Cosine: lambda s: sorted((s.start, s.end)),
        OneCycle: lambda s: (s.peak / 10_000, s.peak),
        Steps: lambda s: (s.start * s.factor**s.drops, s.start),
    }[type(schedule)](schedule)
    rate = schedule.at(progress)
    assert type(rate) is float and ends[0] * (1 - 1e-9) <= rate <= ends[1] * (1 + 1e-9)


# -------------------------------------------------------------------------------------------- on paper and back

optimizers = st.one_of(
    st.builds(SGD, st.one_of(rates, schedules), st.floats(0, 0.99), st.just(False), st.floats(0, 1)),
    st.builds(SGD, st.one_of(rates, schedules), st.floats(0.01, 0.99), st.booleans()),
    st.builds(Adam, st.one_of(rates, schedules), st.floats(0, 0.99), st.floats(0, 0.999), rates, st.floats(0, 1)),
    st.builds(
        AdamW,
        rates,
        decays=st.sampled_from(["all", "kernels"]),
        rate_factors=st.dictionaries(st.text("*/aé[]", max_size=4), rates, max_size=2),
        clip_norm=st.none() | rates,
    ),
)


@given(optimizers)
def test_any_optimizer_comes_back_equal_from_json_and_toml(optimizer):
    table = optimizer_to_table(optimizer)
    assert optimizer_from_table(json.loads(json.dumps(table, allow_nan=False))) == optimizer
    assert optimizer_from_table(tomllib.loads(tomli_w.dumps(table))) == optimizer


def test_a_table_always_names_the_learning_rate():
    assert optimizer_to_table(Adam()) == {"type": "Adam", "learning_rate": 0.001}
    assert optimizer_to_table(SGD(Cosine(0.1), momentum=0.9)) == {
        "type": "SGD",
        "learning_rate": {"type": "Cosine", "start": 0.1},
        "momentum": 0.9,
    }


@pytest.mark.parametrize("scalar", [np.float32, np.float64])
def test_numpys_floats_become_pythons(scalar):
    optimizer = Adam(scalar(0.5), scalar(0.25), scalar(0.5), scalar(0.125), scalar(0))
    assert {type(value) for value in vars(optimizer).values()} == {float, str, dict, type(None)}
    assert optimizer.rate(0, 1) == 0.5
    assert {type(value) for value in vars(OneCycle(scalar(0.5), scalar(0.25))).values()} == {float}
