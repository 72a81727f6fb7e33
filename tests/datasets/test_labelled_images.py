"""The door for images and labels: what it takes, the one form it gives, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlet import datasets
from convlet.datasets import Dataset, Examples
from convlet.errors import DataError, InputError

BYTES = np.arange(6 * 5 * 4 * 2).astype(np.uint8).reshape(6, 5, 4, 2)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def six(images=BYTES, labels=LABELS, classes=3):
    return Examples.from_arrays(images, labels, classes=classes)


# The one form


def test_images_without_a_channel_axis_get_one():
    assert six(BYTES[..., 0]).images.shape == (6, 5, 4, 1)
    assert six(BYTES[..., 0]).image_shape == (5, 4, 1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f8"])
def test_float_images_become_float32(dtype):
    found = six((BYTES / 512).astype(dtype)).images
    assert found.dtype == np.float32 and found.dtype.isnative
    assert np.array_equal(found, (BYTES / 512).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.uint64, ">i4"])
def test_labels_of_any_integer_type_become_int64(dtype):
    found = six(labels=LABELS.astype(dtype)).labels
    assert found.dtype == np.int64 and found.dtype.isnative
    assert np.array_equal(found, LABELS)


def test_lists_are_taken():
    found = Examples.from_arrays([[[0.5, 1.0]]], [1], classes=2)
    assert found.images.shape == (1, 1, 2, 1) and len(found) == 1


def test_the_arrays_are_read_only_and_the_callers_own_stays_writeable():
    images = BYTES.copy()
    found = six(images)
    assert np.shares_memory(found.images, images) and images.flags.writeable
    for array in (found.images, found.labels, found.take([0]).images, found.take(slice(2)).labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_float_images_a_little_outside_zero_to_one_are_taken_as_they_are():
    overshooting = np.linspace(-0.2, 1.2, 6 * 5 * 4).reshape(6, 5, 4)
    assert np.array_equal(six(overshooting).images[..., 0], overshooting.astype(np.float32))


def test_float_images_of_only_zeros_and_ones_are_taken():
    assert six((BYTES > 99).astype(float)).images.max() == 1


# Batches and parts


def test_a_batch_of_bytes_is_divided_by_255_in_float32():
    images, labels = six().batch([4, 0, 4])
    assert np.array_equal(images, BYTES[[4, 0, 4]].astype(np.float32) / np.float32(255))
    assert labels.tolist() == [1, 0, 1]
    assert (images.dtype, labels.dtype) == (np.float32, np.int64)
    assert six(np.full((6, 1, 1), 255, np.uint8)).batch([0])[0].item() == 1


def test_a_batch_of_floats_stays_as_it_is():
    floats = np.random.default_rng(0).random((6, 5, 4, 2), np.float32)
    assert np.array_equal(six(floats).batch(slice(2, 4))[0], floats[2:4])


@pytest.mark.parametrize("images", [BYTES, (BYTES / 256).astype(np.float32), np.asfortranarray(BYTES), BYTES[:, ::-1]])
@pytest.mark.parametrize("indices", [slice(3), slice(None), np.array([2, 1]), [5], LABELS == 1, np.uint8([1])])
def test_a_batch_is_fresh_and_contiguous(images, indices):
    part = six(images)
    batch, labels = part.batch(indices)
    assert batch.flags.c_contiguous and labels.flags.c_contiguous
    assert batch.flags.writeable and labels.flags.writeable
    batch[:], labels[:] = 7, 7
    assert np.array_equal(part.images, images) and np.array_equal(part.labels, LABELS)


@given(st.lists(st.integers(-6, 5)))
def test_a_batch_of_a_part_is_the_batch_of_its_indices(indices):
    whole = six()
    images, labels = whole.batch(np.array(indices, dtype=int))
    assert images.shape == (len(indices), 5, 4, 2)
    if indices:
        part_images, part_labels = whole.take(indices).batch(slice(None))
        assert np.array_equal(images, part_images) and np.array_equal(labels, part_labels)


def test_a_part_by_slice_shares_memory_and_is_examples_again():
    part = six().take(slice(4))
    assert isinstance(part, Examples) and len(part) == 4
    assert np.shares_memory(part.images, BYTES)


BAD_INDICES = {
    "too large": ([0, 6], "from 0 to 6; allowed"),
    "too small": ([-7], "from -7 to -7; allowed"),
    "one number": (3, r"shape \(\)"),
    "two axes": ([[1, 2]], r"shape \(1, 2\)"),
    "floats": ([1.0], "type float64"),
    "a mask too short": ([True, False], "a mask of 2 booleans"),
}


@pytest.mark.parametrize("name", BAD_INDICES)
def test_bad_indices_are_refused_with_what_is_allowed(name):
    indices, message = BAD_INDICES[name]
    for method in (six().batch, six().take):
        with pytest.raises(InputError, match=f"^indices: .*{message}"):
            method(indices)


@pytest.mark.parametrize("indices", [slice(0), np.array([], int), np.zeros(6, bool)])
def test_a_part_without_examples_is_refused(indices):
    with pytest.raises(InputError, match="none of the 6 examples"):
        six().take(indices)


# What is refused


def with_pixel(value, dtype=np.float32):
    images = (BYTES / 256).astype(dtype)
    images[3, 2, 1, 0] = value
    return images


BAD_IMAGES = {
    "NaN": (with_pixel(np.nan), r"^images: pixel \(3, 2, 1, 0\) is nan, 1 such in all"),
    "infinite": (with_pixel(-np.inf, np.float64), r"^images: pixel \(3, 2, 1, 0\) is -inf"),
    "infinite in float32": (with_pixel(1e300, np.float64), r"^images: pixel \(3, 2, 1, 0\) is 1e\+300"),
    "unscaled": (BYTES.astype(np.float32), "float pixels from 0 to 239.*images / 255"),
    "integers": (BYTES.astype(np.int64), r"^images: type int64; .*astype\(np.uint8\)"),
    "booleans": (BYTES > 3, "^images: type bool"),
    "complex": (BYTES * 1j, "^images: type complex128"),
    "objects": (BYTES.astype(object), "^images: type object"),
    "text": ([[["a"]]] * 6, "^images: type <U1"),
    "flat": (BYTES.reshape(6, -1), r"^images: shape \(6, 40\); allowed: \(N, H, W\)"),
    "five axes": (BYTES[..., None], r"^images: shape \(6, 5, 4, 2, 1\)"),
    "channels-first": (np.zeros((6, 3, 32, 32), np.uint8), "channels-first.*transpose"),
    "ragged": ([[[1]], [[1, 2]]], "^images: not an array"),
    "empty": (np.zeros((0, 5, 4), np.uint8), r"^images: empty \(shape \(0, 5, 4\)\)"),
    "no width": (np.zeros((6, 5, 0), np.uint8), "^images: empty"),
    "one too few": (BYTES[:5], "^images and labels: 5 and 6. Give one label for each image"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_bad_images_are_refused_with_what_to_do(name):
    images, message = BAD_IMAGES[name]
    with pytest.raises(DataError, match=message):
        six(images)


BAD_LABELS = {
    "too large": ([0, 1, 2, 3, 1, 2], "^labels: from 0 to 3; allowed: 0 to 2, for 3 classes"),
    "negative": ([0, 1, 2, -1, 1, 2], "^labels: from -1 to 2"),
    "larger than int64": (np.array([0, 1, 2, 2**64 - 1, 1, 2], np.uint64), "^labels: from 0 to 18446744073709551615"),
    "floats": (LABELS * 1.0, r"^labels: type float64; .*astype"),
    "booleans": (LABELS > 0, "^labels: type bool"),
    "a column": (LABELS[:, None], r"^labels: shape \(6, 1\); allowed: \(N,\). Use labels.reshape\(-1\)"),
    "one-hot": (np.eye(3, dtype=int)[LABELS], r"argmax\(axis=1\) for one-hot"),
    "one number": (3, r"^labels: shape \(\)"),
    "empty": ([], "^labels: empty"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_bad_labels_are_refused_with_what_to_do(name):
    labels, message = BAD_LABELS[name]
    with pytest.raises(DataError, match=message):
        six(labels=labels)


def test_no_classes_are_refused():
    with pytest.raises(InputError, match="classes: 0; allowed: 1 or more"):
        six(classes=0)


# Datasets


def test_a_dataset_knows_its_image_shape_and_may_lack_validation_and_test():
    dataset = Dataset("six", ("a", "b", "c"), six())
    assert dataset.image_shape == (5, 4, 2)
    assert dataset.validation is None and dataset.test is None


def test_parts_with_different_image_shapes_are_refused():
    with pytest.raises(DataError, match=r"six: the test images have the shape \(5, 4, 1\).*\(5, 4, 2\)"):
        Dataset("six", ("a", "b", "c"), six(), None, six(BYTES[..., 0]))


def test_labels_beyond_the_named_classes_are_refused():
    with pytest.raises(DataError, match="six: the train labels: from 0 to 2; allowed: 0 to 1"):
        Dataset("six", ("a", "b"), six())


def test_a_fingerprint_is_of_all_that_training_sees_and_of_nothing_else():
    base, names = six(), ("a", "b", "c")
    other_image, other_label = BYTES.copy(), np.roll(six().labels, 1)
    other_image[-1, -1, -1, -1] ^= 1
    changed = [six(other_image), Examples(base.images, other_label)]
    fingerprints = {Dataset("x", names, base, base).sha256, Dataset("x", names, base).sha256}
    for part in changed:
        fingerprints |= {Dataset("x", names, part, base).sha256, Dataset("x", names, base, part).sha256}
        assert Dataset("y", names, base, base, part).sha256 == Dataset("x", names, base, base).sha256
    assert len(fingerprints) == 6


def test_no_module_stands_where_a_function_was():
    assert not hasattr(datasets, "examples")
