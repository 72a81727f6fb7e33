"""The nearest points are those that a comparison of every pair finds."""

import numpy as np
import pytest

from convlet.inspection import neighbours
from convlet.inspection.neighbours import nearest


def every_pair(queries, points, count):
    distances = np.sqrt(((queries[:, np.newaxis].astype(np.float64) - points[np.newaxis]) ** 2).sum(axis=2))
    order = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(distances, order, axis=1), order


@pytest.mark.parametrize(
    ("queries", "points", "count", "columns"),
    [(1, 1, 1, 4096), (3, 2, 2, 4096), (70, 33, 10, 4096), (300, 1000, 6, 128), (40, 129, 128, 64)],
)
def test_they_are_those_of_a_comparison_of_every_pair(monkeypatch, queries, points, count, columns):
    monkeypatch.setattr(neighbours, "COLUMNS", columns)
    rng = np.random.default_rng(queries)
    asked, given = (rng.normal(size=(n, 7)).astype(np.float32) for n in (queries, points))
    distances, places = nearest(asked, given, count)
    expected, order = every_pair(asked, given, count)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)
    assert (places == order).all()


def test_there_are_no_more_neighbours_than_points():
    distances, places = nearest(np.zeros((2, 3), np.float32), np.ones((4, 3), np.float32), 10)
    assert distances.shape == places.shape == (2, 4) and sorted(places[0]) == [0, 1, 2, 3]


def test_a_point_that_is_asked_about_is_its_own_nearest():
    points = np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32) + 100
    distances, places = nearest(points, points, 2)
    assert (places[:, 0] == np.arange(500)).all() and (distances[:, 0] == 0).all() and (distances[:, 1] > 0).all()
