"""Averages of weights, step by hand; whose they are; and on paper and back."""

import numpy as np
import pytest

from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import (
    EMA,
    SGD,
    Adam,
    Lookahead,
    follow,
    optimizer_from_table,
    optimizer_to_table,
)
from convlet.errors import InputError, RecipeError

NETWORK = Sequential([Conv2D(2, 3), BatchNormalization(), Flatten(), Dense(3, trainable=False), Dense(2)], (5, 5, 1))


def walked(kind, raw):
    """The average, and the raw weight it leaves, after each of these moves of a weight that starts at 0."""
    average, weight, path = np.zeros(1), np.zeros(1), []
    for step, move in enumerate(raw, 1):
        weight += move
        follow(average, weight, kind.pull(step))
        path.append((float(average[0]), float(weight[0])))
    return path


def test_a_moving_average_by_hand():
    """Decays of 2/11 and 3/12, then 1/4, the most."""
    first = 9 / 11
    second = first + 0.75 * (3 - first)
    assert np.allclose(walked(EMA(0.25), [1, 2, 0]), [(first, 1), (second, 3), (second + 0.75 * (3 - second), 3)])


def test_slow_weights_by_hand():
    """Of 2 + 4 the half, 3, from where it goes on: 3 + 1 + 1."""
    assert walked(Lookahead(2, 0.5), [2, 4, 1, 1, 5]) == [(0, 2), (3, 3), (3, 4), (4, 4), (4, 9)]


@pytest.mark.parametrize("kind", [EMA(0.9), Lookahead(1, 0.3)], ids=repr)
def test_what_does_not_move_stays_to_the_bit(kind):
    average = np.full(3, 0.1, np.float32)
    raw = average.copy()
    for step in range(1, 20):
        follow(average, raw, kind.pull(step))
    assert (average == np.float32(0.1)).all() and (raw == average).all()


def test_all_of_a_layer_that_is_trained_is_averaged_its_statistics_too():
    averaged = Adam(average=EMA()).averaged(NETWORK)
    layers = {"conv2d_1": ("kernel", "bias"), "dense_2": ("kernel", "bias")}
    layers["batch_normalization_1"] = ("gamma", "beta", "moving_mean", "moving_variance")
    assert set(averaged) == {f"{layer}/{name}" for layer, names in layers.items() for name in names}
    assert Adam().averaged(NETWORK) == ()


def test_what_is_remembered_is_named_by_parameter_and_slot():
    remembered = SGD(momentum=0.9, average=Lookahead()).remembered(NETWORK)
    assert remembered["conv2d_1/kernel/velocity"] == remembered["conv2d_1/kernel/raw"] == "conv2d_1/kernel"
    assert "batch_normalization_1/moving_mean/raw" in remembered
    assert "batch_normalization_1/moving_mean/velocity" not in remembered


@pytest.mark.parametrize("average", [EMA(), EMA(0.5), Lookahead(), Lookahead(7, 0.8)], ids=repr)
def test_an_average_comes_back_from_its_table(average):
    optimizer = Adam(0.1, average=average)
    table = optimizer_to_table(optimizer)
    assert table["average"]["type"] == type(average).__name__
    assert optimizer_from_table(table) == optimizer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EMA(0), "decay=0: expected a finite number more than 0 and less than 1"),
        (lambda: EMA(1.0), "decay=1.0: expected a finite number more than 0 and less than 1"),
        (lambda: Lookahead(0), "every=0: expected a whole number of at least 1"),
        (lambda: Lookahead(5, 1.0), "share=1.0: expected a finite number more than 0 and less than 1"),
        (lambda: Adam(average=0.9), r"average=0.9: expected an average, such as EMA\(0.999\) or Lookahead\(5\)"),
        (lambda: Adam(average=EMA), "average=<class .*EMA'>: expected an average"),
    ],
)
def test_averages_that_cannot_be_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_an_unknown_average_in_a_recipe_is_refused_with_the_nearest():
    with pytest.raises(
        RecipeError, match=r"optimizer.average: unknown type 'LookAhead'; .* Did you mean 'Lookahead'\?"
    ):
        optimizer_from_table({"type": "Adam", "average": {"type": "LookAhead"}})
