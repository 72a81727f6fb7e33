"""Convolutions of exact numbers, what comes out of them in float64, and their arrays as kernels want them.

Rows that the sparse kernels are specialised on come from a short list, so that few specialisations are compiled.
"""

from dataclasses import dataclass

import numpy as np
from guarded import guarded, in_parts
from hypothesis import strategies as st

from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.kernels import convolution, sparse_convolution
from convlet.engines.numba.kernels.finishing import CLOSED

ROWS = [(8, 1), (8, 3), (3, 3), (24, 5)]  # (C, KW): one piece of 8, 24 and 9 lanes, and two of 60


@dataclass
class Case:
    """A convolution [+ ReLU [+ pooling]] with random integers /8 as numbers: sums are exact, ties happen."""

    N: int
    C: int
    F: int
    g: Geometry
    x_frame: Frame
    y_frame: Frame
    seed: int

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        g, self.taps = self.g, self.g.KH * self.g.KW * self.C
        self.lanes = convolution.lanes_for(self.F)
        self.x = self.numbers(rng, self.N, self.x_frame.rows, self.x_frame.columns, self.C)
        self.weights = self.numbers(rng, self.taps + 1, self.F)
        self.d_y = self.numbers(rng, self.N, g.H, g.W, self.F)

    def numbers(self, rng, *shape):
        return rng.integers(-8, 9, shape) / 8

    # ------------------------------------------------------------------------ what should come out, in float64
    def taps_of(self, x):
        """For each tap, its place in the kernel and the view of x that it meets: (N, H × P, W × P, C)."""
        g = self.g
        for i in range(g.KH):
            for j in range(g.KW):
                rows = slice(i, i + (g.H * g.P - 1) * g.SH + 1, g.SH)
                columns = slice(j, j + (g.W * g.P - 1) * g.SW + 1, g.SW)
                yield i, j, x[:, rows, columns]

    @property
    def kernels(self):
        return self.weights[:-1].reshape(self.g.KH, self.g.KW, self.C, self.F)

    def outputs(self):
        return sum(v @ self.kernels[i, j] for i, j, v in self.taps_of(self.x)) + self.weights[-1]

    def pooled(self, floor=0):
        """Outputs after ReLU (a floor of 0; none without one) and pooling, and the winners."""
        g = self.g
        windows = self.outputs().reshape(self.N, g.H, g.P, g.W, g.P, self.F).transpose(0, 1, 3, 2, 4, 5)
        windows = windows.reshape(self.N, g.H, g.W, g.P * g.P, self.F)
        best = windows.max(3)
        return np.maximum(best, floor), np.where(best > floor, windows.argmax(3), CLOSED)

    def gradients(self, d_outputs):
        """Gradients of weights (taps + 1, F) and of x."""
        d_weights, d_x = np.zeros_like(self.kernels), np.zeros_like(self.x)
        for (i, j, v), (_, _, d_v) in zip(self.taps_of(self.x), self.taps_of(d_x), strict=True):
            d_weights[i, j] = np.einsum("nhwc,nhwf->cf", v, d_outputs)
            d_v += d_outputs @ self.kernels[i, j].T
        return np.vstack([d_weights.reshape(-1, self.F), d_outputs.sum((0, 1, 2))]), d_x

    def unpooled(self, winners):
        """The gradients d_y of pooled outputs, put back to where the winners came from."""
        g = self.g
        here = (winners[..., None] == np.arange(g.P * g.P)) * self.d_y[..., None]  # (N, H, W, F, P * P)
        here = here.reshape(*here.shape[:4], g.P, g.P).transpose(0, 1, 4, 2, 5, 3)
        return here.reshape(self.N, g.H * g.P, g.W * g.P, self.F)

    # ------------------------------------------------------------------------------- arrays as kernels want them
    def framed(self, inner):
        """`inner` (N, H, W, F) in the frame y_frame, whose borders hold 99."""
        whole = np.full((self.N, self.y_frame.rows, self.y_frame.columns, self.F), 99.0)
        self.inner(whole)[:] = inner
        return whole

    def inner(self, whole):
        whole = whole.reshape(self.N, self.y_frame.rows, self.y_frame.columns, self.F)
        top, left = self.y_frame.top, self.y_frame.left
        return whole[:, top : top + self.g.H, left : left + self.g.W]

    def packed(self):
        packed = guarded(self.weights.size)
        blocks = self.F // self.lanes
        in_parts(convolution.pack, blocks, 2, guarded(self.weights), packed, self.taps + 1, self.F, self.lanes)
        return packed

    def rows(self, wide):
        rows = guarded(self.taps * self.F)
        R = self.g.KW * self.C
        in_parts(sparse_convolution.pack_rows, self.g.KH, 2, guarded(self.weights), rows, R, self.F, wide)
        return rows


any_rows = st.tuples(st.integers(1, 9), st.integers(1, 4))
any_pool = st.integers(1, 2)


@st.composite
def cases(draw, rows=any_rows, pool=any_pool, kernel=None, stride=2):
    """Cases of rows (C, KW), pooling P, kernels of kernel × kernel if given, and strides of at most `stride`."""
    C, KW = draw(rows)
    KH = kernel or draw(st.integers(1, 3))
    g = Geometry(
        draw(st.integers(1, 6)), draw(st.integers(1, 6)), KH, kernel or KW,
        draw(st.integers(1, stride)), draw(st.integers(1, stride)), draw(pool),
    )  # fmt: skip
    height, width = (g.H * g.P - 1) * g.SH + g.KH, (g.W * g.P - 1) * g.SW + g.KW  # what the sections cover
    x_frame = Frame(height + draw(st.integers(0, 2)), width + draw(st.integers(0, 2)), C)
    top, left = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    F = 8 * draw(st.integers(1, 4))
    y_frame = Frame(g.H + top + draw(st.integers(0, 2)), g.W + left + draw(st.integers(0, 2)), F, top, left)
    return Case(draw(st.integers(1, 3)), C, F, g, x_frame, y_frame, draw(st.integers(0, 1000)))


def assert_exactly(actual, expected):
    np.testing.assert_array_equal(np.reshape(actual, np.shape(expected)), expected)
