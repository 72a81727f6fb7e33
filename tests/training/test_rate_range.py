"""The range test: rates that grow by a factor, the losses they meet, when it ends, and what it suggests."""

import re
from dataclasses import replace

import numpy as np
import pytest
import tiny

from convlet import find_rate
from convlet.descriptions.optimizers import EMA, SGD, Adam
from convlet.engines import State, engine
from convlet.errors import DataError, InputError
from convlet.runs.recipe import Recipe, Training
from convlet.training.batches import batch_of_step
from convlet.training.rate_range import RateCurve, try_rates

RECIPE = Recipe("r", tiny.NETWORK, Training(batch_size=4, steps=3, label_smoothing=0.1), SGD(momentum=0.9))


def curve(losses, diverged=False):
    return RateCurve(tuple(np.geomspace(1e-4, 1e-4 * 2 ** (len(losses) - 1), len(losses))), tuple(losses), diverged)


def test_each_loss_is_of_the_batch_after_a_step_at_its_rate_and_rates_grow_by_a_factor():
    data, program = (
        tiny.dataset(),
        engine("numpy").compile(tiny.NETWORK, tiny.NETWORK.initial_parameters(0), SGD(momentum=0.9)),
    )
    found = try_rates(RECIPE, data, engine="numpy", steps=12, between=(1e-3, 1e-1))
    assert found.rates == pytest.approx([1e-3 * 100 ** (i / 11) for i in range(12)])
    losses = [
        program.step(batch_of_step(RECIPE, data.train, step, engine="numpy"), (*found.rates, 1)[step])[0]
        for step in range(13)
    ]
    assert list(found.losses) == losses[1:] and not found.diverged


def test_it_ends_where_the_loss_diverges_and_suggests_well_below():
    heard = []
    found = try_rates(
        replace(RECIPE, optimizer=Adam()), tiny.dataset(), engine="numpy", steps=60, between=(1e-4, 1e4),
        watch=lambda *what: heard.append(what),
    )  # fmt: skip
    assert found.diverged and 10 < len(found.rates) < 60
    assert heard == [(i, rate, loss) for i, (rate, loss) in enumerate(zip(found.rates, found.losses, strict=True), 1)]
    assert found.suggestion == pytest.approx(found.best / 10, rel=0.05)


def test_the_best_rate_is_that_of_the_lowest_smooth_loss():
    """One lucky batch is no low loss."""
    falling = [2.0] * 5 + [1.0] * 20 + [0.5] * 20 + [3.0]
    falling[10] = 0.3
    found = curve(falling, diverged=True)
    assert found.best == found.rates[44] and found.suggestion == float(f"{found.rates[44] / 10:.1e}")
    assert re.fullmatch(
        r"The smooth loss was lowest at \S+, and from \S+ on it diverged; the suggestion is .*", found.reason
    )
    assert found.smooth[:2] == pytest.approx((2, 2))


def test_where_the_loss_never_fell_there_is_no_suggestion():
    found = curve([2.0, 2.01, 1.99, 2.0, 2.3])
    assert found.suggestion is None and "hardly fell" in found.reason
    assert "no suggestion" in repr(found)


def test_the_network_and_the_next_run_know_nothing_of_it():
    data = tiny.dataset()
    alone = tiny.train(data, steps=5)
    find_rate(tiny.NETWORK, data, optimizer=Adam(average=EMA()), batch_size=4, steps=10, engine="numpy")
    assert tiny.fingerprint(tiny.train(data, steps=5)) == tiny.fingerprint(alone)


def test_it_starts_from_the_weights_it_is_given():
    given = {name: array + 0.5 for name, array in tiny.NETWORK.initial_parameters(0).items()}
    kept = State({name: array.copy() for name, array in given.items()})
    options = {"engine": "numpy", "steps": 10}
    fresh, other = (try_rates(RECIPE, tiny.dataset(), initial=initial, **options) for initial in (None, given))
    assert fresh.losses != other.losses
    assert all((given[name] == array).all() for name, array in kept.parameters.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 9}, "steps=9: expected a whole number of at least 10"),
        ({"between": (1, 0.1)}, r"between=\(1, 0.1\): expected the lowest rate before the highest"),
        ({"between": (0, 1)}, "between=0: expected a finite number more than 0"),
        ({"between": 3}, "between=3: expected two rates"),
        ({"class_weights": {"dog": 2}}, "class_weights: 'dog' is none of the classes"),
        ({"optimizer": SGD(rate_factors={"*/gama": 2})}, r"rate_factors: '\*/gama' matches no parameter"),
    ],
)
def test_what_cannot_be_tried_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        find_rate(tiny.NETWORK, tiny.dataset(), engine="numpy", **options)


def test_data_that_does_not_fit_is_refused():
    with pytest.raises(DataError, match="has images of shape"):
        find_rate(tiny.NETWORK, (np.zeros((4, 9, 9)), [0, 1, 2, 0]), engine="numpy")
