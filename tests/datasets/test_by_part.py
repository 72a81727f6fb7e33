"""Data to evaluate on: nothing is held out, and all parts together are what each of them is."""

from dataclasses import replace

import numpy as np
import pytest

from convlet.datasets import Dataset
from convlet.datasets.by_part import part_of
from convlet.datasets.collections.preparation import Preparation
from convlet.datasets.sources import load_parts
from convlet.datasets.stored import StoredImages
from convlet.errors import DataError

BYTES = np.random.default_rng(0).integers(0, 256, (40, 5, 5, 1), np.uint8)
LABELS = np.arange(40) % 2


def test_of_arrays_nothing_is_held_out_and_what_has_no_parts_is_all_test(tmp_path):
    np.savez(tmp_path / "one.npz", x_train=BYTES, y_train=LABELS)
    np.savez(tmp_path / "two.npz", x_train=BYTES, y_train=LABELS, x_test=BYTES[:9], y_test=LABELS[:9])
    one, two = (load_parts(tmp_path / f"{name}.npz", Preparation()) for name in ("one", "two"))
    assert {name: len(part) for name, part in one.parts.items()} == {"test": 40}
    assert {name: len(part) for name, part in two.parts.items()} == {"train": 40, "test": 9}


def test_it_shows_what_is_in_each_part(tmp_path):
    np.savez(tmp_path / "two.npz", x_train=BYTES, y_train=LABELS, x_test=BYTES[:9], y_test=LABELS[:9])
    found = load_parts(tmp_path / "two.npz", Preparation())
    assert repr(found) == f"<{found.name!r} of 2 classes: train {found.parts['train']!r}, test {found.parts['test']!r}>"


def test_a_file_of_images_that_is_cut_short_meanwhile_is_said_to_be(tmp_path):
    (tmp_path / "a").write_bytes(BYTES.tobytes())
    stored = StoredImages(tmp_path / "a", (5, 5, 1), np.arange(40))
    (tmp_path / "a").write_bytes(BYTES[:30].tobytes())
    np.testing.assert_array_equal(stored[np.array([29])], BYTES[29:30])
    with pytest.raises(DataError, match="a: cut short meanwhile"):
        stored[np.array([30])]


def test_bytes_and_floats_together_are_on_one_scale():
    floats = (BYTES[:9] / 255).astype(np.float32)
    together = part_of(Dataset.from_arrays(BYTES, LABELS, test=(floats, LABELS[:9])), "all")
    images, _ = together.batch(slice(None))
    np.testing.assert_array_equal(images[40:], images[:9])
    assert len(together) == 49 and images.max() <= 1


@pytest.mark.parametrize("same", [True, False])
def test_pictures_in_files_are_together_those_of_each(tmp_path, same):
    for name, images in (("a", BYTES), ("b", 255 - BYTES)):
        (tmp_path / name).write_bytes(images.tobytes())
    first = StoredImages(tmp_path / "a", (5, 5, 1), np.arange(30))
    second = first.take(slice(5)) if same else StoredImages(tmp_path / "b", (5, 5, 1), np.arange(5))
    data = Dataset.from_arrays(BYTES[:30], LABELS[:30], test=(BYTES[:5], LABELS[:5]))
    data = replace(data, train=replace(data.train, images=first), test=replace(data.test, images=second))
    images, _ = part_of(data, "all").batch(slice(None))
    expected = BYTES[:5] if same else 255 - BYTES[:5]
    np.testing.assert_array_equal(np.rint(images * 255), np.concatenate([BYTES[:30], expected]))
