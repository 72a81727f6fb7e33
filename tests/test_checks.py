"""The checks of arguments: what passes comes back as Python's own."""

import numpy as np
import pytest

from convlet.checks import nearest, number, one_of, pair, true_or_false, whole_number
from convlet.errors import InputError


def test_whole_numbers_come_back_as_pythons_own():
    assert type(whole_number("n", np.int64(3))) is int
    assert whole_number("n", 0, at_least=0) == 0
    with pytest.raises(InputError, match=r"^n=2: expected a whole number of at least 3\.$"):
        whole_number("n", 2, at_least=3)


def test_numbers_come_back_as_pythons_own_and_bounds_are_half_open():
    assert type(number("x", np.float32(0.5))) is float and type(number("x", 1)) is float
    assert number("x", 0, low=0, high=1) == 0
    for value, open_low in ((1, False), (0, True), (-1e-300, False)):
        with pytest.raises(InputError):
            number("x", value, low=0, high=1, open_low=open_low)
    with pytest.raises(InputError, match=r"^x=2: expected a finite number less than 1\.$"):
        number("x", 2, high=1)
    with pytest.raises(InputError, match=r"^x=1j: expected a number\.$"):
        number("x", 1j)


def test_truth_values_come_back_as_pythons_own():
    assert true_or_false("flag", np.True_) is True


def test_one_number_is_a_pair_of_it():
    assert pair("size", 3) == (3, 3) and pair("size", [2, np.int8(5)]) == (2, 5)


def test_a_name_far_from_all_others_gets_no_suggestion():
    assert nearest("xyz", ["filters", "padding"]) == ""
    assert nearest("PADING", ["filters", "Padding", None]) == " Did you mean 'Padding'?"
    with pytest.raises(InputError, match=r"^x=\['a'\]: expected one of 'a', none\."):
        one_of("x", ["a"], ("a", None))
