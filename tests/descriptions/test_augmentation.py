"""Descriptions of augmentation: their canonical forms, what is refused, what a list of them must be."""

import pytest

from convlet.descriptions.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    Brightness,
    Contrast,
    Crop,
    Elastic,
    Erasing,
    Flip,
    Mixup,
    Rotation,
    Scale,
    Shear,
    Shift,
    border_of,
    checked,
)
from convlet.descriptions.tables import from_table, to_table
from convlet.errors import InputError, RecipeError

ALL = [
    *(Shift(0.1, border="edge"), Rotation(10), Scale(0.2), Shear(5), Flip(alternating=True), Crop(2), Elastic(0.05, 3)),
    *(Brightness(0.1), Contrast(0.2), Erasing(0.3, 0.1, 0.2, 2, 0.5), Mixup(0.5)),
]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shift(0), "amount=0: expected a finite number more than 0 and less than 1"),
        (lambda: Shift(1), "amount=1: expected"),
        (lambda: Shift(0.1, border="wrap"), "border='wrap': expected one of 'reflect', 'edge', 'constant', none"),
        (lambda: Rotation("10"), "degrees='10': expected a number"),
        (lambda: Rotation(-5), "degrees=-5: expected"),
        (lambda: Scale(4), "amount=4: expected"),
        (lambda: Shear(90), "degrees=90: expected a finite number more than 0 and less than 80"),
        (lambda: Crop(1.5), "padding=1.5: expected a whole number of at least 1"),
        (lambda: Flip(1), "alternating=1: expected True or False"),
        (lambda: Flip(insist="yes"), "insist='yes': expected True or False"),
        (lambda: Elastic(cells=0), "cells=0: expected a whole number"),
        (lambda: Elastic(cells=65), "cells=65: expected a whole number of at least 1, at most 64"),
        (lambda: Brightness(1), "amount=1: expected"),
        (lambda: Contrast(float("nan")), "amount=nan: expected"),
        (lambda: Erasing(0), "probability=0: expected"),
        (lambda: Erasing(1.5), "probability=1.5: expected at most 1"),
        (lambda: Erasing(smallest=0.5), "smallest=0.5: expected no more than largest=0.4"),
        (lambda: Erasing(aspect=0.5), "aspect=0.5: expected"),
        (lambda: Erasing(fill="black"), "fill='black': expected 'noise', or a number from 0 .black. to 1"),
        (lambda: Mixup(0), "alpha=0: expected"),
        (lambda: Erasing(fill=2), "fill=2: expected at most 1"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(InputError, match=f"^{message}"):
        make()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Flip(), "augmentation=Flip(.*): expected a list of them"),
        ("Flip", "augmentation='Flip': expected a list of them"),
        (None, "augmentation=None: expected a list"),
        ([Flip], "augmentation: Flip, a class; expected Shift, .*, such as Shift"),
        (["Flip"], "augmentation: 'Flip'; expected Shift, "),
        ([Augmentation()], r"augmentation: Augmentation\(\); expected Shift, "),
        ([Shift(0.1), Flip(), Shift(0.2)], "augmentation: Shift stands there twice; expected each kind once"),
        (
            [Shift(0.1, border="edge"), Crop(1), Rotation(1, border="reflect")],
            "augmentation: Shift has border='edge', Rotation has border='reflect'; they become one map",
        ),
    ],
)
def test_a_list_that_cannot_be_is_refused(given, message):
    with pytest.raises(InputError, match=f"^{message}"):
        checked(given)


def test_a_list_becomes_a_tuple_and_has_one_border():
    assert checked(iter([Flip(), Crop(1)])) == (Flip(), Crop(1))
    assert border_of([Flip(), Crop(1), Brightness(0.1)]) == "reflect"
    assert border_of([Crop(1), Shift(0.1, border="edge"), Rotation(1, border="edge")]) == "edge"


def test_the_examples_are_of_every_kind():
    assert [type(each).__name__ for each in ALL] == list(AUGMENTATIONS)


@pytest.mark.parametrize("each", ALL, ids=lambda each: type(each).__name__)
def test_a_description_is_written_as_a_table_and_read_again(each):
    assert from_table(to_table(each), AUGMENTATIONS, "x") == each
    assert isinstance(hash(each), int)


def test_an_unknown_kind_or_key_is_refused_with_the_nearest_known_one():
    with pytest.raises(RecipeError, match=r"unknown type 'Rotate'.* Did you mean 'Rotation'"):
        from_table({"type": "Rotate"}, AUGMENTATIONS, "x")
    with pytest.raises(RecipeError, match=r"unknown key 'degree'\. Did you mean 'degrees'"):
        from_table({"type": "Rotation", "degree": 3}, AUGMENTATIONS, "x")


def test_a_description_says_what_it_is():
    assert Shift(0.07).describe() == "Shift 0.07"
    assert Flip(alternating=True).describe() == "Flip alternating"
    assert Erasing().describe() == "Erasing"
    assert Shift(0.1, border="edge").describe() == "Shift edge 0.1"
