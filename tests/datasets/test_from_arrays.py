"""A data set from arrays: classes by what is there, a validation share of each class, and one scale for all pixels."""

import re

import numpy as np
import pytest

from convlet.datasets import Dataset, Examples, load, pixels
from convlet.errors import DataError, InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 5, 4), np.uint8)
TENS = np.array([10, 20, 30] * 20)


# Classes


@pytest.mark.parametrize("labels", [TENS, TENS.astype(np.uint8), -TENS[::-1], np.array([1, 2, 7] * 20)])
def test_whole_numbers_become_the_classes_that_are_there(labels):
    data = Dataset.from_arrays(IMAGES, labels)
    assert data.classes == tuple(str(label) for label in sorted(set(labels.tolist())))
    assert [data.classes[number] for number in data.train.labels] == [str(label) for label in labels]


def test_labels_from_0_keep_their_numbers():
    labels = np.arange(60) % 12  # "10" comes before "2" in the alphabet
    data = Dataset.from_arrays(IMAGES, labels)
    assert data.classes == tuple(map(str, range(12))) and np.array_equal(data.train.labels, labels)


@pytest.mark.parametrize("kind", [list, np.array, lambda texts: np.array(texts, object)])
def test_texts_are_classes_in_the_order_of_the_alphabet_or_of_the_names_given(kind):
    texts = kind(["cat", "ant", "bee"] * 20)
    assert Dataset.from_arrays(IMAGES, texts).train.labels[:3].tolist() == [2, 0, 1]
    named = Dataset.from_arrays(IMAGES, texts, classes=("cat", "bee", "ant"))
    assert named.classes == ("cat", "bee", "ant") and named.train.labels[:3].tolist() == [0, 2, 1]


def test_labels_that_are_too_many_to_be_classes_are_refused():
    with pytest.raises(DataError, match="labels: 10,001 different ones; allowed: up to 10,000"):
        Dataset.from_arrays(np.zeros((10_001, 1, 1), np.uint8), np.arange(10_001))


def test_named_classes_may_have_no_training_image():
    data = Dataset.from_arrays(IMAGES, TENS // 10 - 1, classes=("a", "b", "c", "d"))
    assert data.classes == ("a", "b", "c", "d") and np.array_equal(data.train.labels, TENS // 10 - 1)


def test_every_part_has_the_numbers_of_the_training_part():
    data = Dataset.from_arrays(IMAGES, TENS, validation=(IMAGES[:2], [30, 20]), test=(IMAGES[:1], [30]))
    assert (data.validation.labels.tolist(), data.test.labels.tolist()) == ([2, 1], [2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": (IMAGES[:1], [40])}, "^test labels: '40' is none of the classes: '10', '20', '30'"),
        ({"classes": ("a", "b", "c")}, "^train labels: from 10 to 30; allowed: 0 to 2"),
        ({"validation": (IMAGES[:1], ["ten"])}, "^validation labels: 'ten' is none"),
        ({"test": (IMAGES[:1] * 300.0, [10])}, "^test images: float pixels"),
        ({"validation": (IMAGES[:2, :4], [10, 20])}, r"the validation images have the shape \(4, 4, 1\)"),
    ],
)
def test_what_does_not_suit_is_refused_with_its_part(options, message):
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(IMAGES, TENS, **options)


@pytest.mark.parametrize("classes", ["abc", (), ("a", 2, "c"), ("a", "b", "a"), True])
def test_classes_without_a_name_of_their_own_are_refused(classes):
    with pytest.raises(InputError, match="classes"):
        Dataset.from_arrays(IMAGES, np.arange(60) % 3, classes=classes)


@pytest.mark.parametrize("pair", [IMAGES, (IMAGES,), "mnist"])
def test_a_part_that_is_no_pair_is_refused(pair):
    with pytest.raises(InputError, match=r"^test: .*expected a pair of arrays, \(images, labels\)"):
        Dataset.from_arrays(IMAGES, TENS, test=pair)


def test_an_npz_has_the_classes_that_are_there(tmp_path):
    np.savez(tmp_path / "tens.npz", x_train=IMAGES, y_train=TENS)
    data = load(tmp_path / "tens.npz")
    assert data.classes == ("10", "20", "30") and set(data.train.labels.tolist()) == {0, 1, 2}


# A share for validation


def test_a_share_holds_out_as_much_of_every_class_and_always_the_same():
    labels = np.repeat([0, 1, 2], [40, 15, 5])
    data, again = (Dataset.from_arrays(IMAGES, labels, validation=0.2) for _ in range(2))
    assert np.bincount(data.validation.labels).tolist() == [8, 3, 1]
    assert np.array_equal(data.validation.images, again.validation.images) and data.sha256 == again.sha256
    both = np.concatenate([data.train.images, data.validation.images])
    assert np.array_equal(np.unique(both, axis=0), np.unique(IMAGES[..., None], axis=0)) and len(both) == 60


def test_a_share_is_chosen_at_random():
    held = Dataset.from_arrays(IMAGES, np.zeros(60, int), validation=0.5).validation.images
    assert not np.array_equal(held[..., 0], IMAGES[:30]) and not np.array_equal(held[..., 0], IMAGES[::2])


def test_both_sides_of_a_share_have_every_class():
    labels = np.repeat([0, 1], [58, 2])
    for share in (0.001, 0.999):
        data = Dataset.from_arrays(IMAGES, labels, validation=share)
        assert set(data.train.labels.tolist()) == set(data.validation.labels.tolist()) == {0, 1}


@pytest.mark.parametrize("share", [0, 1.0, -0.5, 5, True])
def test_a_share_is_between_0_and_1(share):
    with pytest.raises(InputError, match="validation="):
        Dataset.from_arrays(IMAGES, TENS, validation=share)


def test_a_class_of_one_image_cannot_be_divided():
    with pytest.raises(InputError, match="class '2' has one image only"):
        Dataset.from_arrays(IMAGES, [0, 1] * 29 + [0, 2], validation=0.5)


# The same class by whatever number


def test_examples_of_another_data_set_are_renumbered_by_the_names_of_their_classes():
    bees = Dataset.from_arrays(IMAGES[:2], ["cat", "bee"]).train
    assert bees.labelled_by(("ant", "bee", "cat")).labels.tolist() == [2, 1]
    assert bees.labelled_by(("bee", "cat")) is bees
    with pytest.raises(DataError, match="class 'cat' is none of the classes: 'ant', 'bee'"):
        bees.labelled_by(("ant", "bee"))


def test_classes_that_are_only_numbered_keep_their_places_among_names():
    plain = Examples.from_arrays(IMAGES[:2], [1, 0], classes=2)
    assert plain.labelled_by(("ant", "bee", "cat")).labels.tolist() == [1, 0]
    with pytest.raises(DataError, match="class '0' is none of the classes"):
        plain.labelled_by(("1", "2", "3"))


# One scale


WHITE = {1: "", 16: "images / 16", 255: "images / 255", 4095: "images / 4095", 65535: "images / 65535"}
GREY = np.random.default_rng(1).random((6, 5, 4)) ** 2
GREY.flat[:2] = 0, 1


@pytest.mark.parametrize("white", WHITE)
def test_floats_on_another_scale_are_refused_with_what_brings_them_to_0_to_1(white):
    given = GREY * white
    if white == 1:
        assert np.array_equal(pixels(given)[..., 0], given.astype(np.float32))
        return
    with pytest.raises(DataError, match="allowed: uint8 in 0–255, or float from 0") as refused:
        pixels(given)
    advice = str(refused.value).partition("Use ")[2].partition(",")[0]
    assert advice == WHITE[white]
    np.testing.assert_allclose(eval(advice, {"images": given, "np": np}), GREY, atol=1e-6)


NEGATIVE = {
    "from -1 to 1": (GREY * 2 - 1, GREY),
    "lessened by a half": (GREY - 0.5, GREY),
    "by mean and deviation": ((GREY - 0.1307) / 0.3081, GREY),
    "from 0 to 1 but for a few": (np.where(GREY == 1, 1.4, np.where(GREY == 0, -0.1, GREY)), GREY),
    "overshooting": (np.where(GREY > 0.9, 1.02, GREY) * 255 - 3, None),
}


@pytest.mark.parametrize("name", NEGATIVE)
def test_floats_below_0_are_refused_with_advice_that_mends_them(name):
    given, wanted = NEGATIVE[name]
    with pytest.raises(DataError, match="allowed: uint8 in 0–255, or float from 0") as refused:
        pixels(given)
    advice = re.search(r"[Uu]se (.*?), (?:if|with) ", str(refused.value))[1]
    mended = eval(advice, {"images": given, "np": np})
    assert mended.min() + 1e-4 >= 0 and mended.max() <= 1 + 1e-4
    if wanted is not None:
        np.testing.assert_allclose(mended, wanted, atol=1e-4)
    pixels(mended)


@pytest.mark.parametrize(("high", "advice"), [(255, r"astype\(np.uint8\)"), (4095, "images / 4095")])
def test_whole_numbers_of_another_type_are_refused_with_advice_for_their_range(high, advice):
    with pytest.raises(DataError, match=f"type int64.*{advice}"):
        pixels((GREY * high).astype(np.int64))


@pytest.mark.parametrize("white", [1, 16])
def test_training_images_of_bytes_that_are_nearly_black_are_refused(white):
    dark = (IMAGES % (white + 1)).astype(np.uint8)
    with pytest.raises(DataError, match=f"uint8 up to {white}, nearly black.*images / {white}"):
        Dataset.from_arrays(dark, TENS)
    assert Dataset.from_arrays(dark / white, TENS).train.images.max() == 1
    assert len(Examples.from_arrays(dark, TENS, classes=("10", "20", "30"))) == 60  # one picture may well be dark


@pytest.mark.parametrize("white", [1 / 255, 16 / 255])
def test_training_images_of_floats_that_are_nearly_black_are_refused(white):
    dark = GREY * white
    with pytest.raises(DataError, match=f"float pixels up to {white:g}, nearly black; white is 1") as refused:
        Dataset.from_arrays(dark, TENS[:6])
    mended = eval(re.search(r"use (images / .*)\.$", str(refused.value))[1], {"images": dark})
    np.testing.assert_allclose(Dataset.from_arrays(mended, TENS[:6]).train.images[..., 0], GREY, atol=1e-5)
    assert pixels(dark).max() < 0.1  # one picture may well be dark


BLACK_GROUND = np.where(GREY > 0.8, GREY, 0)  # as MNIST's: mostly black, so that its mean is near


def test_training_images_that_are_lessened_by_their_mean_are_refused_with_what_to_do():
    lessened = BLACK_GROUND - BLACK_GROUND.mean()
    assert lessened.min() > -0.25 and lessened.max() < 1.25  # each image might be one of ours
    with pytest.raises(DataError, match=r"They look lessened by their mean.*Normalization") as refused:
        Dataset.from_arrays(lessened, TENS[:6])
    mended = eval(re.search(r"perhaps with (.*?),", str(refused.value))[1], {"images": lessened})
    np.testing.assert_allclose(Dataset.from_arrays(mended, TENS[:6]).train.images[..., 0], BLACK_GROUND, atol=1e-5)


def test_training_images_that_a_resizer_or_noise_brought_below_0_are_taken_as_they_are():
    noise = np.random.default_rng(2).normal(0, 0.05, GREY.shape)
    for given in (BLACK_GROUND + noise, np.where(BLACK_GROUND == 0, -0.03, BLACK_GROUND)):
        assert np.array_equal(Dataset.from_arrays(given, TENS[:6]).train.images[..., 0], given.astype(np.float32))


def test_signed_bytes_are_refused_with_what_brings_them_to_0_to_1():
    given = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16)
    with pytest.raises(DataError, match="type int8") as refused:
        pixels(given)
    mended = eval(re.search(r"Use (.*?), if", str(refused.value))[1], {"images": given})
    assert (pixels(mended).min(), pixels(mended).max()) == (0, 1)


@pytest.mark.parametrize("shape", [(6, 3, 32, 32), (6, 1, 28, 20), (6, 3, 24, 48)])
def test_channels_first_is_recognised_square_or_not(shape):
    with pytest.raises(DataError, match=r"channels-first.*transpose\(0, 2, 3, 1\)"):
        pixels(np.zeros(shape, np.uint8))


def test_channels_last_behind_one_row_are_taken_and_the_way_round_is_named():
    assert pixels(np.zeros((6, 1, 20, 8), np.uint8)).shape == (6, 1, 20, 8)
    with pytest.raises(DataError, match=r"or images\.transpose\(0, 2, 1, 3\), if the last axis is the channels"):
        pixels(long := np.zeros((6, 1, 50, 64), np.uint8))
    assert pixels(long.transpose(0, 2, 1, 3)).shape == (6, 50, 1, 64)


def test_nearly_black_training_images_are_refused_by_the_data_set_itself():
    dark = Examples.from_arrays(np.ones((4, 5, 4), np.uint8), [0, 1, 0, 1], classes=2)
    with pytest.raises(DataError, match="uint8 up to 1, nearly black"):
        Dataset("dark", ("0", "1"), dark)


def test_parts_of_a_data_set_are_numbered_by_the_names_of_their_classes():
    train = Examples.from_arrays(IMAGES[:2], ["cat", "bee"], classes=("cat", "bee"))
    test = Examples.from_arrays(IMAGES[:2], ["cat", "bee"], classes=("bee", "cat"))
    data = Dataset("animals", ("cat", "bee"), train, None, test)
    assert data.test.labels.tolist() == data.train.labels.tolist() == [0, 1]
    with pytest.raises(DataError, match="animals: the test labels: class 'bee' is none of the classes: 'cat', 'ant'"):
        Dataset("animals", ("cat", "ant"), train.take([0]), None, test)


def test_texts_are_not_the_places_of_classes_that_are_only_numbered():
    animals = Examples.from_arrays(IMAGES[:2], ["cat", "bee"], classes=("bee", "cat"))
    with pytest.raises(DataError, match="class 'bee' is none of the classes: '0', '1'"):
        animals.labelled_by(("0", "1"))


def test_numbers_of_numpy_are_numbers():
    assert Examples.from_arrays(IMAGES[:2], [0, 1], classes=np.int64(2)).classes == ("0", "1")
    wanted = Dataset.from_arrays(IMAGES, TENS, validation=0.5).validation
    assert np.array_equal(
        Dataset.from_arrays(IMAGES, TENS, validation=np.float32(0.5)).validation.images, wanted.images
    )


def test_names_that_are_one_number_are_refused():
    with pytest.raises(InputError, match="classes: '1' and '01' are the same number"):
        Examples.from_arrays(IMAGES[:2], [1, 1], classes=("1", "01"))
