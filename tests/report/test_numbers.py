"""How numbers are written: at the edges, where a unit or a digit changes."""

import pytest

from convlet.report import numbers


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((0, "0"), (999, "999"), (1000, "1.00 k"), (9994, "9.99 k"), (9996, "10.0 k"), (999_499, "999 k")),
        *((999_600, "1.00 M"), (3_274_634, "3.27 M"), (13_883_904, "13.9 M"), (10**19, "10000 P")),
    ],
)
def test_short_numbers_keep_three_digits(number, text):
    assert numbers.short(number) == text


def test_bytes_have_a_unit_without_a_gap():
    assert [numbers.size(n) for n in (0, 40, 100_352, 39_295_608)] == ["0 B", "40 B", "100 kB", "39.3 MB"]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *((0, "0.0 %"), (0.0004, "< 0.1 %"), (0.0005001, "0.1 %"), (0.5, "50.0 %"), (0.9994, "99.9 %")),
        *((0.9999, "> 99.9 %"), (1, "100.0 %"), (float("nan"), "–")),
    ],
)
def test_only_all_is_a_hundred_per_cent_and_only_none_is_zero(share, text):
    assert numbers.percent(share) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0 ms"), (0.9996, "1.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (119.7, "2 min 00 s")),
        *((3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"), (7199.9, "2 h 00 min"), (float("nan"), "–")),
    ],
)
def test_durations_never_show_sixty_of_a_unit(seconds, text):
    assert numbers.duration(seconds) == text


def test_a_file_name_cannot_drive_the_terminal():
    assert numbers.visible("a\x1b[2J\r\nb\u202e.png") == "a?[2J??b?.png"
    assert numbers.visible("áo × 3") == "áo × 3"


def test_a_class_name_becomes_one_short_visible_line():
    assert numbers.label("two\nlines\x1b[31m") == "two lines [31m"
    assert numbers.label("\u200b ") == "(no name)"
    assert numbers.label("ủng") == "ủng"
    assert len(numbers.label("x" * 100)) == 24
