"""The contact sheet: augmented images, exactly as training sees them."""

import numpy as np
import pytest
import tiny

from convlet import History
from convlet.datasets import Examples
from convlet.descriptions.augmentation import Flip, Rotation, Shift
from convlet.report.figures.augmentation import augmented_images
from convlet.report.figures.run import draw_run
from convlet.report.figures.style import to_bytes
from convlet.runs.recipe import Recipe, Training
from convlet.training.batches import batch_indices, batch_of_step

VIETNAMESE = ("áo thun", "quần dài", "váy $5 và $6")


def pixels(count, channels=1):
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, channels), np.uint8)


def recipe(augmentation=(), **training):
    return Recipe("a run", tiny.NETWORK, Training(**{"steps": 1, **training}), augmentation=augmentation)


def test_augmented_images_are_shown_as_they_are_and_as_training_sees_them_in_its_first_epochs():
    kinds, labels = (Shift(0.2), Rotation(20), Flip(alternating=True)), [2, 2, 0, 1, 0, 1, 2]
    examples = Examples.from_arrays(pixels(7), labels, classes=3)
    figure = augmented_images(kinds, examples, VIETNAMESE, seed=5)
    shown = np.array([axes.images[0].get_array() for axes in figure.axes]).reshape(6, 9, 8, 8)
    chosen = [2, 3, 0, 1, 4, 5]
    assert np.array_equal(shown[:, 0], examples.batch(chosen)[0][..., 0])
    assert [axes.get_ylabel() for axes in figure.axes[::9]] == [VIETNAMESE[labels[i]] for i in chosen]
    run = recipe(kinds, batch_size=7, steps=8, seed=5)
    for epoch in range(8):
        batch = batch_of_step(run, examples, epoch, engine="numpy").images[..., 0]
        in_order = batch[np.argsort(batch_indices(7, 7, 5, epoch))]
        np.testing.assert_allclose(shown[:, epoch + 1], in_order[chosen])
    assert "Shift 0.2 · Rotation 20 · Flip alternating" in [text.get_text() for text in figure.texts]
    assert [axes.get_title() for axes in figure.axes[:9]] == ["original", *(f"epoch {i}" for i in range(1, 9))]


@pytest.mark.parametrize(("images", "channels"), [(1, 1), (2, 3), (9, 4), (3, 2)])
def test_a_contact_sheet_of_few_images_and_of_any_channels_can_be_drawn(images, channels):
    examples = Examples.from_arrays(pixels(images, channels), np.zeros(images, int), classes=1)
    figure = augmented_images([Shift(0.2)], examples, ("$5",), seed=0)
    assert len(figure.axes) == 9 * min(images, 6)
    assert to_bytes(figure, "png")


def test_a_run_has_a_contact_sheet_where_its_images_were_augmented(tmp_path):
    paths = draw_run(
        tmp_path,
        history=History(50),
        network=tiny.NETWORK,
        parameters=tiny.NETWORK.initial_parameters(0),
        classes=VIETNAMESE,
        recipe=recipe([Shift(0.1)]),
        trained_on=Examples.from_arrays(pixels(3), [0, 1, 2], classes=3),
    )
    assert "augmentation.png" in {path.name for path in paths}
