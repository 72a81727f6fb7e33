"""Numbers as the page prints them: they add up as they stand, and a minus is a minus."""

import numpy as np
import pytest
from printed_numbers import number


def test_printed_terms_and_their_rounding_add_up_to_the_printed_total(modules):
    generator = np.random.default_rng(0)
    sums = [
        (generator.normal(size=count) * 10.0 ** generator.uniform(-6, 4)).tolist()
        for count in (1, 2, 5, 9, 25, 64, 800)
        for _ in range(40)
    ]
    code = "return sums.map((terms) => convlet.printSum(terms, terms.reduce((a, b) => a + b, 0)))"
    found = modules.run(code, sums=sums)
    for printed in found:
        terms = [number(text) for text in printed["terms"]]
        rounding = number(printed["rounding"]) if printed["rounding"] else 0
        assert sum(terms) + rounding == number(printed["total"])
    assert {bool(printed["rounding"]) for printed in found} == {True, False}


def test_one_or_two_more_digits_are_printed_where_they_make_a_sum_add_up(modules):
    found = modules.run("return convlet.printSum([0.125, 0.125], 0.25)")
    assert found == {"digits": 3, "terms": ["0.125", "0.125"], "rounding": None, "total": "0.250"}


def test_where_no_digits_help_a_rounding_term_says_how_much_is_missing(modules):
    thirds = modules.run("return convlet.printSum([1/3, 1/3, 1/3], 1)")
    assert thirds == {"digits": 2, "terms": ["0.33", "0.33", "0.33"], "rounding": "0.01", "total": "1.00"}


def test_digits_that_are_asked_for_are_kept(modules):
    found = modules.run("return convlet.printSum([0.125, 0.125], 0.25, {digits: 2})")
    assert found == {"digits": 2, "terms": ["0.13", "0.13"], "rounding": "−0.01", "total": "0.25"}


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-1.5, 2, "−1.50"),
        (-0.001, 2, "0.00"),
        (0.0, 3, "0.000"),
        (1234.5, 0, "1235"),
        (1e-9, 2, "0.00"),
    ],
)
def test_a_number_is_printed_with_a_true_minus_and_never_as_minus_zero(modules, value, digits, text):
    assert modules.run("return convlet.print(value, digits)", value=value, digits=digits) == text


def test_what_is_not_finite_is_printed_as_what_it_is(modules):
    assert modules.run("return [NaN, Infinity, -Infinity].map((x) => convlet.print(x, 2))") == ["NaN", "∞", "−∞"]
    assert modules.run("return convlet.printSum([NaN, 1], NaN)")["rounding"] is None


def test_the_decimal_mark_is_the_one_of_the_language(modules):
    assert modules.run("return convlet.printSum([0.5, -0.25], 0.25, {mark: ','})")["terms"] == ["0,50", "−0,25"]


@pytest.mark.parametrize(
    ("values", "digits"), [([0.5, 0.01], 2), ([0.04], 3), ([120.0], 2), ([3e-5, -2e-6], 6), ([0, 0], 2), ([], 2)]
)
def test_there_are_digits_enough_to_tell_the_largest_number(modules, values, digits):
    assert modules.run("return convlet.digitsFor(values)", values=values) == digits


def test_the_largest_numbers_stand_alone_and_the_rest_is_one_sum(modules):
    found = modules.run("return convlet.largest([1, -5, 2, 0.5, -3], 2)")
    assert found == {"indices": [1, 4], "rest": 3.5, "others": 3}
