"""Muon: which parameters it moves, how far, and in which direction; against singular values, found another way."""

import numpy as np
import pytest
from comparing import ROUNDING, assert_agree
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam, Muon, optimizer_from_table, optimizer_to_table
from convlet.descriptions.optimizers.muon import orthogonal
from convlet.errors import InputError

NETWORK = Sequential(
    [Conv2D(4, 3), BatchNormalization(), Conv2D(1, 1), Flatten(), Dense(6), Dense(2, use_bias=False)], (5, 5, 2)
)


def stretched(singular_values):
    """What five iterations make of singular values of a matrix whose norm is 1."""
    for _ in range(5):
        singular_values = 3.4445 * singular_values - 4.7750 * singular_values**3 + 2.0315 * singular_values**5
    return singular_values


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99), st.floats(1e-3, 1e3))
def test_the_iteration_keeps_singular_vectors_and_brings_singular_values_near_one(rows, columns, seed, scale):
    matrix = scale * np.random.default_rng(seed).standard_normal((rows, columns))
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    expected = (u * stretched(s / np.sqrt((s**2).sum()))) @ v
    assert_agree(orthogonal(matrix), expected, ROUNDING._replace(absolute=1e-3 / scale if scale < 1 else 1e-5))


def test_singular_values_that_are_not_tiny_end_between_two_thirds_and_five_quarters():
    for s in np.geomspace(0.01, 1, 200):
        assert 0.66 < stretched(s) < 1.25


def test_nothing_is_made_of_no_gradient():
    assert (orthogonal(np.zeros((3, 4))) == 0).all()


def test_kernels_are_muons_and_all_else_adams():
    rules = Muon(0.02, weight_decay=0.1, rate_factors={"dense_1/*": 2.0}).update_rules(NETWORK)
    own = {name for name, rule in rules.items() if isinstance(rule.optimizer, Muon)}
    assert own == {"conv2d_1/kernel", "dense_1/kernel", "dense_2/kernel"}  # a convolution of one filter is a vector
    assert (rules["dense_1/kernel"].factor, rules["dense_2/kernel"].factor) == (2, 1)
    assert rules["dense_1/bias"].factor == 0.03 and rules["batch_normalization_1/gamma"].factor == 0.015
    for name in rules.keys() - own:
        assert rules[name].optimizer == Adam(0.02, 0.9, 0.95, 1e-8, 0.1)
    assert {name for name, rule in rules.items() if rule.decay} == own | {"conv2d_2/kernel"}


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize(("shape", "longer"), [((2, 2, 3, 5), 1), ((2, 5), np.sqrt(2.5)), ((6, 3), 1)])
def test_two_steps_of_a_kernel_by_singular_values(nesterov, shape, longer):
    """Of a direction u = U S Vᵀ, of gradients and their sum that momentum remembers; decay first."""
    generator = np.random.default_rng(0)
    weight, velocity, gradients = (generator.standard_normal(size) for size in (shape, shape, (2, *shape)))
    expected, remembered = weight.copy(), velocity.copy()
    optimizer = Muon(momentum=0.5, nesterov=nesterov, weight_decay=0.25)
    for step, gradient in enumerate(gradients, 1):
        optimizer.update(weight, gradient, {"velocity": velocity}, 0.1, step)
        remembered = 0.5 * remembered + gradient
        direction = gradient + 0.5 * remembered if nesterov else remembered
        u, s, v = np.linalg.svd(direction.reshape(-1, shape[-1]), full_matrices=False)
        moved = ((u * stretched(s / np.sqrt((s**2).sum()))) @ v).reshape(shape)
        expected = expected - 0.1 * 0.25 * expected - 0.1 * longer * moved
        assert_agree(velocity, remembered, ROUNDING)
        assert_agree(weight, expected, ROUNDING._replace(absolute=1e-5))


def test_muon_comes_back_from_its_table():
    optimizer = Muon(0.05, nesterov=False, others_rate=0.1, decays="all")
    assert optimizer_from_table(optimizer_to_table(optimizer)) == optimizer
    assert optimizer_to_table(Muon()) == {"type": "Muon", "learning_rate": 0.02}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Muon(momentum=1), "momentum=1: expected a finite number at least 0 and less than 1"),
        (lambda: Muon(momentum=0), "nesterov=True with momentum=0.0: give a momentum above 0, such as 0.95"),
        (lambda: Muon(others_rate=0), "others_rate=0: expected a finite number more than 0"),
        (lambda: Muon(beta_2=1), "beta_2=1: expected a finite number at least 0 and less than 1"),
        (lambda: Muon(weight_decay=-1), "weight_decay=-1: expected a finite number at least 0"),
    ],
)
def test_what_muon_cannot_be_given_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_other_optimizers_move_all_themselves():
    assert {rule.optimizer for rule in SGD(0.1).update_rules(NETWORK).values()} == {SGD(0.1)}
