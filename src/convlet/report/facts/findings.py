"""What to fix first: what an evaluation shows to be wrong, in words, with what can be done, the worst first.

Each finding says about how many of the images it concerns. They are ordered by that, so advice comes first where most
is to be gained; what may be chance is not a finding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlet.report.facts.assessment import Assessment
from convlet.report.numbers import count, label, percent
from convlet.runs.evaluation import Evaluation, commonest
from convlet.statistics import mcnemar, wilson_interval

SIGNIFICANT = 0.05
SURE = 0.95  # of a mistake that may be a wrong label
OFF = 0.05  # calibration error
UNCERTAIN = 0.02  # of an accuracy, either way
GAP = 0.03  # between training and test
FEW = 0.5  # of the training images of the middle class
FEWEST, UNEVEN = 3, 1.5  # confusions of a pair, and times as many as an even spread would give it


@dataclass(frozen=True)
class Finding:
    """Something to fix: what it is, how it shows, what to do; and about how many images it concerns."""

    title: str
    shows: str
    remedy: str
    images: float

    def facts(self) -> dict[str, Any]:
        """The words, as `--json` prints them."""
        return {"title": self.title, "shows": self.shows, "remedy": self.remedy}


def findings(assessed: Assessment) -> list[Finding]:
    """All that there is to fix, the worst first."""
    kinds = (_useless, _confused, _weak, _doubtful, _by_heart, _unfinished, _badly_calibrated, _few)
    found = [finding for kind in kinds for finding in kind(assessed)]
    return sorted(found, key=lambda finding: -finding.images)


def _useless(assessed: Assessment) -> Iterator[Finding]:
    evaluation, linear = assessed.evaluation, assessed.linear
    images = len(evaluation.labels)
    if evaluation.accuracy_interval[0] <= commonest(evaluation.labels):
        always = percent(commonest(evaluation.labels))
        shows = f"{percent(evaluation.accuracy)} are right; by always naming one class it would be {always}."
        remedy = (
            "Look at the learning curves: does the loss fall? Try another learning rate (convlet train --find-rate)."
        )
        yield Finding("It has learnt nearly nothing", shows, remedy, 2 * images)
    elif linear is not None:
        ahead = evaluation.disagreements(linear)
        chance = mcnemar(*ahead) >= SIGNIFICANT
        if chance or ahead[0] < ahead[1]:
            shares = percent(linear.accuracy), percent(evaluation.accuracy)
            shows = f"A linear classifier of the pixels has {shares[0]} right, this network {shares[1]}"
            shows += f": {count(images)} images show no difference." if chance else "."
            title = "No better than a linear classifier" if chance else "Worse than a linear classifier"
            remedy = "Train longer, or another network; where images are few, augmentation may help most."
            yield Finding(title, shows, remedy, images)


def _confused(assessed: Assessment) -> Iterator[Finding]:
    """The two classes that are taken for each other most, where that is more than by an even spread."""
    confusion = assessed.evaluation.confusion
    pairs = len(confusion) * (len(confusion) - 1) / 2
    both = np.triu(confusion + confusion.T, 1)
    i, j = np.unravel_index(int(both.argmax()), both.shape)
    mistakes, times = _mistakes(assessed.evaluation), int(both[i, j])
    if times >= FEWEST and pairs > 1 and times >= UNEVEN * mistakes / pairs:
        one, other = (label(assessed.run.classes[k]) for k in (i, j))
        shows = f"{count(times)} of all {count(mistakes)} mistakes are between these two classes."
        remedy = (
            "Open their two cells of the matrix: are the labels right? Can you tell them apart yourself at this size? "
            "If you can, more images of these two help most."
        )
        yield Finding(f"{one} and {other} are taken for each other", shows, remedy, times)


def _weak(assessed: Assessment) -> Iterator[Finding]:
    """The class that is found least, where that is no chance."""
    evaluation = assessed.evaluation
    images = evaluation.confusion.sum(axis=1)
    if not (images > 0).any() or len(images) < 3:
        return
    k = int(np.nanargmin(evaluation.recall))
    found = int(evaluation.confusion[k, k])
    if wilson_interval(found, int(images[k]))[1] >= evaluation.accuracy:
        return
    name, missed = label(assessed.run.classes[k]), int(images[k]) - found
    share, of_all = percent(found / images[k]), percent(evaluation.accuracy)
    shows = f"{share} of its {count(int(images[k]))} images are found; of all images, {of_all}."
    counts = assessed.trained_counts
    if counts is not None and counts[k] < FEW * np.median(counts):
        middle = count(int(np.median(counts)))
        shows += f" It had {count(int(counts[k]))} training images; the class in the middle had {middle}."
        remedy = 'Collect more images of it; until then, class_weights = "balanced" lets all classes count alike.'
    else:
        remedy = "See in its row of the matrix what it is taken for, and whether its images show it clearly."
    yield Finding(f"{name} is found least", shows, remedy, 1.5 * missed)


def _doubtful(assessed: Assessment) -> Iterator[Finding]:
    evaluation = assessed.evaluation
    sure = ~evaluation.right & (evaluation.probabilities.max(axis=1) >= SURE)
    if times := int(sure.sum()):
        mistakes = _mistakes(evaluation)
        shows = f"Of {count(times)} of {count(mistakes)} mistakes it is at least {percent(SURE, 0)} sure."
        remedy = (
            "Look at these first: where a network is sure and wrong, often the label is. Correct it, or leave it out."
        )
        title = (
            f"{count(times)} mistakes that may be wrong labels" if times > 1 else "A mistake that may be a wrong label"
        )
        yield Finding(title, shows, remedy, times)


def _by_heart(assessed: Assessment) -> Iterator[Finding]:
    """Of what it was trained on it has more right than of what it never saw."""
    run, evaluation = assessed.run, assessed.evaluation
    if not run.history.steps or assessed.part == "train" or assessed.trained_counts is None:
        return
    trained = run.history.recent()[1]
    gap = trained - evaluation.accuracy_interval[1]
    if gap > GAP:
        seen, unseen = percent(trained), percent(evaluation.accuracy)
        shows = f"{seen} of the training images are right at the end, {unseen} of the {assessed.part} images."
        if assessed.recipe is not None and assessed.recipe.augmentation:
            remedy = "More images help most; then stronger augmentation, Dropout, weight decay, or fewer filters."
        else:
            remedy = (
                "It knows its images by heart. More of them help most; then augmentation, which varies those you have."
            )
        yield Finding("It does better on images it has seen", shows, remedy, gap * len(evaluation.labels))


def _unfinished(assessed: Assessment) -> Iterator[Finding]:
    """The last validation is the best one, and clearly better than the one at two thirds of the way.

    Of an ensemble that says nothing: its networks were trained one after the other, and the last validation is of all.
    """
    if assessed.recipe is not None and assessed.recipe.ensemble is not None:
        return
    validations = assessed.run.history.validations
    if len(validations) < 3 or assessed.run.history.best != validations[-1]:
        return
    before = validations[(2 * len(validations)) // 3 - 1][2]
    gain = validations[-1][2] - before
    if gain > 0.1 * (1 - before):
        last = percent(validations[-1][2])
        shows = f"In the last third of training, validation went from {percent(before)} to {last}, best at the end."
        remedy = "Train longer: give more steps or epochs, with a schedule that falls to the new end."
        yield Finding("It was still getting better", shows, remedy, gain * len(assessed.evaluation.labels))


def _badly_calibrated(assessed: Assessment) -> Iterator[Finding]:
    """It is less often right, or more often, than it is sure."""
    evaluation = assessed.evaluation
    sure, error = float(evaluation.probabilities.max(axis=1).mean(dtype=np.float64)), evaluation.calibration.error
    low, high = evaluation.accuracy_interval
    if error <= OFF or low <= sure <= high:  # of few images, bins are far off by chance
        return
    shows = (
        f"On average it is {percent(sure)} sure, and {percent(evaluation.accuracy)} are right "
        f"(calibration error {percent(error)})."
    )
    remedy = "Take its probabilities as an order, not at their word."
    smoothed = assessed.recipe is not None and assessed.recipe.training.label_smoothing
    if sure > evaluation.accuracy:
        more = "" if smoothed else " Label smoothing makes a network less sure."
        yield Finding("It is too sure", shows, remedy + more, error * _mistakes(evaluation))
    elif smoothed:
        yield Finding(
            "It is not sure enough",
            shows,
            f"{remedy} It comes of label smoothing.",
            0.1 * error * _mistakes(evaluation),
        )
    else:
        yield Finding("It is not sure enough", shows, remedy, 0.5 * error * _mistakes(evaluation))


def _mistakes(evaluation: Evaluation) -> int:
    return int((~evaluation.right).sum())


def _few(assessed: Assessment) -> Iterator[Finding]:
    low, high = assessed.evaluation.accuracy_interval
    if (high - low) / 2 > UNCERTAIN:
        images = len(assessed.evaluation.labels)
        shows = (
            f"From {count(images)} images its accuracy is known only to be between {percent(low)} and {percent(high)}."
        )
        remedy = "Set more images aside to test on: four times as many halve the uncertainty."
        yield Finding(f"Few {assessed.part} images", shows, remedy, 0.25 * (high - low) * images)
