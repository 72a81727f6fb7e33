"""The nearest of many points to each of many, exactly: by blocked matrix products, on all processors.

Letters: Q queries, N points, D numbers of each, K neighbours.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from convlet.environment import chosen_threads
from convlet.inspection.views import Array

ROWS, COLUMNS = 256, 4096  # of a block of products: 4 MB, which stay in the cache
MEMBERS = 32  # columns of which only the best is remembered at first
FAR = 1e30  # from everything: what fills the last block


def nearest(queries: Array, points: Array, count: int) -> tuple[Array, NDArray[np.int64]]:
    """The distances (Q, K) and places (Q, K) of the nearest points, the nearest first; K is `count`, or N if that is
    less.

    A point that is also a query is its own nearest. Only the best of every 32 columns is kept of the products: the K
    nearest are among the columns of the K best.
    """
    count = min(count, len(points))
    panels = _panels(points)

    def some(start: int) -> tuple[Array, NDArray[np.int64]]:
        rows = np.ascontiguousarray(queries[start : start + ROWS])
        return _nearest_of(rows, points, _candidates(rows, panels, len(points), count), count)

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(chosen_threads()) as pool:
        found = list(pool.map(some, range(0, len(queries), ROWS)))
    return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


def _panels(points: Array) -> list[Array]:
    """The points as panels (D + 1, COLUMNS), such that (q, 1) @ panel is 2 q·x - x·x: the larger, the nearer to q."""
    N, D = points.shape
    columns = min(COLUMNS, -(-N // MEMBERS) * MEMBERS)
    filled = np.zeros((D + 1, -(-N // columns) * columns), np.float32)
    filled[:D, :N] = 2 * points.T
    filled[D] = -FAR
    filled[D, :N] = -np.square(points).sum(axis=1)
    return [np.ascontiguousarray(filled[:, i : i + columns]) for i in range(0, filled.shape[1], columns)]


def _candidates(rows: Array, panels: list[Array], points: int, count: int) -> NDArray[np.int64]:
    """For each row, places among which its nearest are: (rows, MEMBERS × groups)."""
    columns = panels[0].shape[1]
    groups = columns // MEMBERS  # column m · groups + g of a panel belongs to its group g
    one_more = np.concatenate([rows, np.ones((len(rows), 1), np.float32)], axis=1)
    best = np.empty((len(rows), len(panels), groups), np.float32)
    products = np.empty((len(rows), columns), np.float32)
    for i, panel in enumerate(panels):
        np.dot(one_more, panel, out=products)
        products.reshape(len(rows), MEMBERS, groups).max(axis=1, out=best[:, i])
    best = best.reshape(len(rows), -1)
    chosen = min(count, best.shape[1])
    panel, group = np.divmod(np.argpartition(best, -chosen, axis=1)[:, -chosen:], groups)
    places = (panel * columns + group)[:, :, np.newaxis] + np.arange(MEMBERS) * groups
    return np.where(places < points, places, -1).reshape(len(rows), -1)


def _nearest_of(rows: Array, points: Array, places: NDArray[np.int64], count: int) -> tuple[Array, NDArray[np.int64]]:
    """The nearest of these candidates (rows, candidates) to each row, by exact distances; -1 is none."""
    distances = np.empty(places.shape, np.float32)
    for i, row in enumerate(rows):
        difference = points[places[i]] - row
        np.einsum("nd,nd->n", difference, difference, out=distances[i])
    distances[places < 0] = FAR
    order = np.argsort(distances, axis=1, kind="stable")[:, :count]
    found = np.take_along_axis(distances, order, axis=1), np.take_along_axis(places, order, axis=1)
    return np.sqrt(found[0]), found[1]
