"""A contact sheet of augmented images: what a network is given in place of each, in its first epochs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from convlet.datasets import Examples
from convlet.datasets.augmentation import Choices, pictures
from convlet.descriptions.augmentation import Augmentation
from convlet.report import numbers
from convlet.report.figures.mistakes import GREYS, bare, viewable
from convlet.report.figures.style import BLUE, QUIET, blank, style
from convlet.runs.history import Array

IMAGES = 6  # of as many classes, where there are so many
EPOCHS = 8
TILE = 0.98  # inches


def augmented_images(
    augmentations: Sequence[Augmentation], examples: Examples, classes: Sequence[str], seed: int
) -> Figure:
    """A few training images, a row each: as they are, and as a run of this seed sees them in its first epochs."""
    chosen = _of_each_class(examples)
    originals, labels = examples.batch(chosen)
    columns = [originals, *(_in_epoch(augmentations, examples, chosen, epoch, seed) for epoch in range(EPOCHS))]
    heading = " · ".join(each.describe() for each in augmentations)
    with style():
        figure = blank(TILE * (EPOCHS + 1) + 0.7, TILE * len(chosen) + 0.2, "Augmentation", heading, compressed=True)
        grid = figure.subplots(len(chosen), EPOCHS + 1, squeeze=False)
        for column, images in enumerate(columns):
            for axes, image in zip(grid[:, column], images, strict=True):
                axes.imshow(viewable(image), cmap=GREYS, vmin=0, vmax=1)
                bare(axes)
            words = f"epoch {column}" if column else "original"
            grid[0, column].set_title(words, fontsize=8.5, fontweight="normal", color=QUIET, loc="center")
        for row, label in zip(grid, labels, strict=True):
            row[0].set_ylabel(numbers.label(classes[label], 12), fontsize=9)
            row[0].spines[:].set(color=BLUE, linewidth=1.4)
    return figure


def _of_each_class(examples: Examples) -> Array:
    """The numbers of the first image of each of the first classes; of the first images, where there are few classes."""
    first = np.unique(examples.labels, return_index=True)[1][:IMAGES]
    others = np.setdiff1d(np.arange(min(len(examples), IMAGES)), first)
    return np.concatenate([first, others])[:IMAGES]


def _in_epoch(augmentations: Sequence[Augmentation], examples: Examples, chosen: Array, epoch: int, seed: int) -> Array:
    return pictures(examples, augmentations, Choices(seed, np.full(len(chosen), epoch), chosen))[0]
