"""What happened during training, as numbers: sums, the best, what is written and read again."""

import math

import numpy as np
import pytest

from convlet.errors import InputError
from convlet.runs.history import History


def history(validations=()):
    losses, correct = [3.0, 2.0, 1.0, 0.5, 0.25], [1, 2, 3, 4, 4]
    return History(4, losses, correct, list(validations), [(0, 0.25), (3, 1.0)])


def test_recording_counts_steps():
    written = History(4)
    assert written.steps == 0
    written.record(2.5, 3)
    written.report(np.array([True, False, True, True]))
    assert (written.steps, written.losses, written.correct, written.reports) == (1, [2.5], [3], [(1, 0.75)])


def test_the_recent_mean_is_of_the_last_steps_and_of_as_many_as_there_are():
    assert history().recent(2) == (0.375, 8 / 8)
    assert history().recent(100) == (6.75 / 5, 14 / 20)
    assert all(math.isnan(value) for value in History(4).recent())


def test_intervals_cover_every_step_once_and_the_last_is_as_long_as_it_is():
    assert list(history().intervals(2)) == [(2, 2.5, 3 / 8), (4, 0.75, 7 / 8), (5, 0.25, 1.0)]
    assert list(History(4).intervals()) == []


@pytest.mark.parametrize(
    ("validations", "best", "waited"),
    [
        ([], None, 0),
        ([(5, 1.0, 0.5)], 0, 0),
        ([(5, 1.0, 0.5), (9, 0.1, 0.4), (12, 0.2, 0.3)], 0, 2),
        ([(5, 1.0, 0.5), (9, 2.0, 0.6)], 1, 0),
        ([(5, 1.0, 0.5), (9, 0.9, 0.5)], 1, 0),
        ([(5, 1.0, 0.5), (9, 1.1, 0.5)], 0, 1),
        ([(5, 1.0, 0.5), (9, 1.0, 0.5)], 0, 1),
    ],
)
def test_the_best_is_of_the_highest_accuracy_then_of_the_lowest_loss_then_the_first(validations, best, waited):
    written = history(validations)
    assert written.best == (None if best is None else validations[best])
    assert written.waited() == waited


@pytest.mark.parametrize("written", [History(1), history(), history([(5, 1.0, 0.5), (9, 0.1, 0.4)])])
def test_arrays_give_the_history_back(written):
    assert History.from_arrays(written.to_arrays(), written.batch_size) == written


def test_arrays_of_another_kind_are_refused():
    arrays = history().to_arrays()
    for name in arrays:
        with pytest.raises(InputError, match=name):
            History.from_arrays({**arrays, name: arrays[name].astype(np.float32)}, 4)
    with pytest.raises(InputError, match="5 losses, but 4"):
        History.from_arrays({**arrays, "correct": arrays["correct"][:4]}, 4)
