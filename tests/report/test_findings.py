"""What to fix first: each fault that is put in is found, and where there is none, nothing is."""

from dataclasses import replace

import numpy as np
import pytest
import quick
import tiny

from convlet.descriptions.augmentation import Shift
from convlet.report.facts.assessment import Assessment
from convlet.report.facts.findings import findings
from convlet.runs.evaluation import Evaluation
from convlet.runs.history import History

CLASSES = tiny.CLASSES
IMAGES = 3000


def answers(wrong=(), sure=0.9, images=IMAGES):
    """Images of three classes in turn, all right with that certainty, but for `wrong`: (class, taken for, how many)."""
    labels = np.arange(images) % 3
    said = labels.copy()
    for label, other, count in wrong:
        said[np.flatnonzero((labels == label) & (said == label))[:count]] = other
    chances = np.full((images, 3), (1 - sure) / 2)
    chances[np.arange(images), said] = sure
    return Evaluation(np.log(chances), labels)


@pytest.fixture(scope="module")
def run():
    return quick.fit(data=tiny.dataset(train=40))


def assessed(run, evaluation, **more):
    return Assessment(run, None, tiny.dataset(train=40), "test", evaluation, **more)


def titles(*arguments, **more):
    return [finding.title for finding in findings(assessed(*arguments, **more))]


def learnt(run, accuracy, validations=()):
    """The run, as if that share of the training images had been right at its end."""
    history = History(1000, [0.1] * 200, [round(1000 * accuracy)] * 200, list(validations))
    return replace(run, history=history)


def test_where_nothing_is_wrong_nothing_is_found(run):
    evenly = [(i, j, 17) for i in range(3) for j in range(3) if i != j]
    assert titles(learnt(run, 0.97), answers(evenly, sure=0.94)) == []
    assert titles(learnt(run, 1.0), answers(sure=0.999)) == []


def test_two_classes_that_are_taken_for_each_other_are_named(run):
    assert "ant and cat are taken for each other" in titles(
        run, answers([(0, 2, 30), (2, 0, 20), (1, 0, 3)], sure=0.94)
    )


def test_the_class_that_is_found_least_is_named_where_it_is_no_chance(run):
    assert "bee is found least" in titles(run, answers([(1, 0, 150), (1, 2, 150), (0, 2, 20)], sure=0.8))
    assert "bee is found least" not in titles(run, answers([(1, 0, 3), (0, 2, 2), (2, 1, 2)], sure=0.94))


def test_a_class_with_few_training_images_is_told_so(run):
    few = assessed(run, answers([(1, 0, 300)], sure=0.85))
    object.__setattr__(few, "trained_counts", np.array([500, 20, 500]))
    (found,) = (finding for finding in findings(few) if finding.title == "bee is found least")
    assert "It had 20 training images; the class in the middle had 500." in found.shows
    assert 'class_weights = "balanced"' in found.remedy


def test_mistakes_of_which_it_is_sure_may_be_wrong_labels(run):
    shown = answers([(0, 1, 9), (1, 2, 7), (2, 0, 8)], sure=0.99)
    assert "24 mistakes that may be wrong labels" in titles(run, shown)
    assert not [title for title in titles(run, answers([(0, 1, 9)], sure=0.94)) if "labels" in title]


def test_what_is_known_by_heart_is_told_so_and_how_to_mend_it(run):
    shown = answers([(0, 1, 100), (1, 2, 100), (2, 0, 100)], sure=0.9)
    (found,) = (
        f for f in findings(assessed(learnt(run, 0.999), shown)) if f.title == "It does better on images it has seen"
    )
    assert "99.9 % of the training images" in found.shows and "90.0 % of the test images" in found.shows
    assert "augmentation" in found.remedy
    recipe = quick.cl.Recipe("r", tiny.NETWORK, quick.cl.Training(steps=1), augmentation=(Shift(0.1),))
    stronger = replace(assessed(learnt(run, 0.999), shown), recipe=recipe)
    assert any("stronger augmentation" in finding.remedy for finding in findings(stronger))
    assert "It does better on images it has seen" not in titles(learnt(run, 0.92), shown)


def test_a_run_that_was_still_getting_better_is_told_to_go_on(run):
    rising = [(i, 1.0, 0.5 + 0.05 * i) for i in range(1, 8)]
    level = [*rising[:3], *((i, 1.0, 0.65) for i in range(4, 8))]
    assert "It was still getting better" in titles(learnt(run, 0.9, rising), answers(sure=0.99))
    assert "It was still getting better" not in titles(learnt(run, 0.9, level), answers(sure=0.99))
    assert "It was still getting better" not in titles(learnt(run, 0.9, rising[::-1]), answers(sure=0.99))


def test_certainty_that_is_too_high_or_too_low_is_named(run):
    wrong = [(0, 1, 150), (1, 2, 150), (2, 0, 150)]
    assert "It is too sure" in titles(run, answers(wrong, sure=0.94))
    assert "It is not sure enough" in titles(run, answers(wrong, sure=0.6))
    assert not [title for title in titles(run, answers(wrong, sure=0.85)) if "sure" in title]


def test_what_few_images_say_of_certainty_is_no_finding(run):
    """Bins of one or two images are far off, though the mean is not."""
    few = answers([(0, 1, 3), (1, 2, 3)], sure=0.8, images=27)
    mixed = Evaluation(few.logits * np.linspace(0.2, 3, 27)[:, None], few.labels)
    assert mixed.calibration.error > 0.1
    assert not [title for title in titles(run, mixed) if title in ("It is too sure", "It is not sure enough")]


def test_few_images_say_little(run):
    assert "Few test images" in titles(run, answers([(0, 1, 10)], images=90))
    assert "Few test images" not in titles(run, answers([(0, 1, 10)]))


def test_what_is_no_better_than_chance_or_than_a_line_comes_first(run):
    always = Evaluation(np.tile([1.0, 0, 0], (IMAGES, 1)), np.arange(IMAGES) % 3)
    assert titles(run, always)[0] == "It has learnt nearly nothing"
    wrong = [(0, 1, 150), (1, 2, 150), (2, 0, 150)]
    assert titles(run, answers(wrong), linear=answers(wrong))[0] == "No better than a linear classifier"
    assert not [title for title in titles(run, answers(), linear=answers(wrong)) if "linear" in title]
    assert titles(run, answers(wrong), linear=answers())[0] == "Worse than a linear classifier"


def test_the_worst_comes_first(run):
    found = findings(assessed(learnt(run, 1.0), answers([(1, 0, 400), (0, 2, 20)], sure=0.97)))
    assert len(found) >= 4
    assert [finding.images for finding in found] == sorted((f.images for f in found), reverse=True)
