"""Ruled lines are painted over, and strokes are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from convlet.datasets.digits.rules import level_lines, slanted_sums, without_rules


def drawn(*lines, size=(300, 200), width=2):
    picture = Image.new("L", size)
    for line in lines:
        ImageDraw.Draw(picture).line(line, fill=255, width=width)
    return np.asarray(picture) / 255


@pytest.mark.parametrize(
    "line", [(0, 90, 300, 90), (0, 60, 300, 95), (0, 120, 300, 70), (90, 0, 90, 200), (80, 0, 110, 200)]
)
@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_line_from_border_to_border_is_painted_over(line, width):
    assert without_rules(drawn(line, width=width), 0.1).max() < 0.3


def test_a_stroke_that_crosses_a_rule_stays_whole():
    stroke = drawn((100, 30, 150, 170), width=9)
    rules = drawn(*[(0, y, 300, y) for y in range(12, 200, 20)], width=2)
    left = without_rules(np.maximum(stroke, 0.6 * rules), 0.1)
    assert left[stroke > 0.5].mean() > 0.95
    assert (left[stroke == 0] > 0.3).mean() < 0.002


@pytest.mark.parametrize("line", [(60, 90, 240, 90), (0, 90, 150, 90), (10, 10, 290, 190)])
def test_a_line_that_does_not_reach_both_sides_or_is_steep_stays(line):
    ink = drawn(line)
    np.testing.assert_array_equal(without_rules(ink, 0.1), ink)


def test_a_thick_bar_is_no_rule():
    assert level_lines(drawn((0, 90, 300, 90), width=30) > 0.5) == []


def test_every_line_is_summed_along_its_way():
    mask = np.zeros((40, 64), bool)
    mask[10:14] = True  # four level lines, and the slanted ones that fit
    sums = slanted_sums(mask)
    assert sums[0, 10] == 64 and sums[0, 9] == 0 and sums[3, 10] == 64 and 32 <= sums[7, 10] < 40
