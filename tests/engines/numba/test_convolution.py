"""The convolution kernels against sums over taps in float64, on poisoned arrays, whatever the parts of the work.

Rows that the sparse kernels are specialised on come from a short list, so that few specialisations are compiled.
"""

import mmap
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from comparing import assert_same_bits
from guarded import check_guards, guarded, in_parts
from hypothesis import given, settings
from hypothesis import strategies as st

from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.kernels import convolution, convolution_gradients, sparse_convolution, winograd
from convlet.engines.numba.kernels.activations import RELU
from convlet.engines.numba.kernels.finishing import CLOSED

NO_RESERVE = 0x4000  # Linux's MAP_NORESERVE, which Python has no name for before 3.13
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

    def pooled(self):
        """Outputs after ReLU and pooling, and the winners."""
        g = self.g
        windows = self.outputs().reshape(self.N, g.H, g.P, g.W, g.P, self.F).transpose(0, 1, 3, 2, 4, 5)
        windows = windows.reshape(self.N, g.H, g.W, g.P * g.P, self.F)
        best = windows.max(3)
        return np.maximum(best, 0), np.where(best > 0, windows.argmax(3), CLOSED)

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


# ------------------------------------------------------------------------------------------------------- forward
@settings(max_examples=25)
@given(cases(pool=st.just(1)), st.integers(1, 3), st.booleans())
def test_forward_is_the_sum_over_taps(case, parts, relu):
    g = case.g
    y, winners = guarded(case.framed(np.nan)), guarded(case.d_y.size, np.int8)
    arguments = guarded(case.x), case.x_frame, case.packed(), y, case.y_frame, winners, g, int(relu)
    in_parts(convolution.make_forward(case.lanes), case.N * g.H, parts, *arguments)
    expected, which = case.pooled()
    assert_exactly(y, case.framed(expected if relu else case.outputs()))
    if relu:
        assert_exactly(winners, which)
    check_guards()


@settings(max_examples=25)
@given(cases(pool=st.just(2)), st.integers(1, 3))
def test_forward_pool_keeps_the_first_maximum(case, parts):
    g = case.g
    y, winners = guarded(case.framed(np.nan)), guarded(case.d_y.size, np.int8)
    arguments = guarded(case.x), case.x_frame, case.packed(), y, case.y_frame, winners, g
    in_parts(convolution.make_forward_pool(case.lanes), case.N * g.H, parts, *arguments)
    expected, which = case.pooled()
    assert_exactly(y, case.framed(expected))
    assert_exactly(winners, which)
    check_guards()


@pytest.mark.parametrize("pool", [1, 2])
def test_nan_reaches_every_output_over_it_and_no_other(pool):
    g = Geometry(4 // pool, 6 // pool, 3, 3, 1, 1, pool)
    case = Case(1, 8, 16, g, Frame(6, 8, 8), Frame(g.H, g.W, 16), 0)
    case.x[0, 3, 4, 5] = np.nan
    y, winners = guarded(case.d_y.size), guarded(case.d_y.size, np.int8)
    arguments = guarded(case.x), case.x_frame, case.packed(), y, case.y_frame, winners, g
    if pool == 2:
        convolution.make_forward_pool(16)(0, g.H, *arguments)
    else:
        convolution.make_forward(16)(0, g.H, *arguments, RELU)
    assert_exactly(y, case.pooled()[0])
    assert np.isnan(y).any()
    assert not np.isnan(y).all()


def test_inference_needs_no_winners():
    nobody = np.zeros(0, np.int8)
    for pool in (1, 2):
        g = Geometry(2, 3, 3, 3, 1, 1, pool)
        case = Case(2, 8, 16, g, Frame(2 * pool + 2, 3 * pool + 2, 8), Frame(2, 3, 16), 0)
        y = guarded(case.d_y.size)
        arguments = guarded(case.x), case.x_frame, case.packed(), y, case.y_frame, nobody, g
        if pool == 2:
            convolution.make_forward_pool(16)(0, 4, *arguments)
        else:
            convolution.make_forward(16)(0, 4, *arguments, RELU)
        assert_exactly(y, case.pooled()[0])


# ------------------------------------------------------------------------------------------------------ Winograd
FORWARD = {
    (5, 1): winograd.forward5,
    (5, 2): winograd.forward5_pool,
    (3, 1): winograd.forward3,
    (3, 2): winograd.forward3_pool,
}


def winograd_outputs(case, parts, activation):
    """Outputs in their frame and winners, from a stored image with zeros up to the end of the last tile."""
    g, K = case.g, case.g.KH
    rows, columns = winograd.stored(g.H * g.P, K), winograd.stored(g.W * g.P, K)
    x = np.zeros((case.N, rows, columns, case.C))
    x[:, : case.x_frame.rows, : case.x_frame.columns] = case.x[:, :rows, :columns]
    points = guarded(np.zeros(winograd.points_size(case.C, case.F)))
    in_parts(winograd.transform_kernels, -(-case.F // 16), 2, guarded(case.weights), points, case.C, case.F, K)
    y, winners = guarded(case.framed(np.nan)), guarded(case.d_y.size, np.int8)
    arguments = guarded(x), Frame(rows, columns, case.C), points, y, case.y_frame, winners, g, activation
    units = case.N * -(-g.H // (winograd.tile(K) // g.P))
    in_parts(FORWARD[K, g.P], units, parts, *arguments, guarded(winograd.scratch_size(case.C)))
    check_guards()
    return y, winners


@settings(max_examples=20)
@given(
    st.sampled_from([3, 5]).flatmap(
        lambda K: cases(rows=st.tuples(st.sampled_from([8, 16]), st.just(K)), kernel=K, stride=1)
    ),
    st.integers(1, 3),
    st.booleans(),
)
def test_winograd_agrees_with_the_sum_over_taps(case, parts, relu):
    y, winners = winograd_outputs(case, parts, int(relu or case.g.P == 2))
    outputs, (expected, which) = case.outputs(), case.pooled()
    if not relu and case.g.P == 1:
        expected = outputs
    scale = max(1, np.abs(outputs).max())
    np.testing.assert_allclose(np.reshape(y, case.framed(0).shape), case.framed(expected), rtol=0, atol=1e-5 * scale)
    if relu and case.g.P == 1:  # where outputs are clear of 0, so that rounding cannot decide
        clear = np.abs(outputs) > 1e-4 * scale
        np.testing.assert_array_equal(winners.reshape(which.shape)[clear], which[clear])


@pytest.mark.parametrize("K", [3, 5])
def test_winograd_is_the_same_whatever_the_parts(K):
    g = Geometry(5, 7, K, K, 1, 1, 2)
    case = Case(3, 8, 24, g, Frame(9 + K, 13 + K, 8), Frame(5, 7, 24), 1)
    case.x *= np.random.default_rng(0).random(case.x.shape)
    once, winners = winograd_outputs(case, 1, 1)
    for parts in (2, 4, 9):
        again, winners_again = winograd_outputs(case, parts, 1)
        assert_same_bits(again, once)
        assert_same_bits(winners_again, winners)


@pytest.mark.parametrize("K", [3, 5])
def test_winograd_winners_point_at_the_output(K):
    g = Geometry(4, 4, K, K, 1, 1, 2)
    case = Case(2, 16, 16, g, Frame(7 + K, 7 + K, 16), Frame(4, 4, 16), 2)
    case.x += np.random.default_rng(0).random(case.x.shape)  # no ties
    assert_exactly(winograd_outputs(case, 1, 1)[1], case.pooled()[1])


@pytest.mark.parametrize(("K", "C"), [(3, 64), (5, 32)])
def test_winograd_errs_by_less_than_a_hundred_thousandth_of_the_scale(K, C):
    rng = np.random.default_rng(0)
    g = Geometry(8, 8, K, K)
    case = Case(1, C, 16, g, Frame(7 + K, 7 + K, C), Frame(8, 8, 16), 0)
    case.x = np.float32(np.maximum(rng.standard_normal(case.x.shape), 0)).astype(np.float64)
    case.weights = np.float32(0.1 * rng.standard_normal(case.weights.shape)).astype(np.float64)
    y, _ = winograd_outputs(case, 1, 0)
    error = np.abs(y.reshape(case.d_y.shape) - case.outputs())
    assert error.max() < 1e-5 * np.abs(case.outputs()).max()


# ------------------------------------------------------------------------------------------------------ backward
def sums_of(case, partial, parts):
    """The kernel gradients of all parts, added up."""
    size = (case.taps + 1) * case.F
    total = guarded(size)
    in_parts(convolution_gradients.sum_parts, size // 8, 2, partial, parts, size, total)
    return total


@settings(max_examples=25)
@given(cases(rows=st.sampled_from(ROWS)), st.integers(1, 3), st.integers(1, 3))
def test_sparse_gradients_are_those_of_the_winners(case, parts, sums):
    g = case.g
    winners = np.random.default_rng(case.seed).choice([*range(g.P * g.P), CLOSED], case.d_y.shape)
    d_weights, d_x = case.gradients(case.unpooled(winners))
    wide = sparse_convolution.width(g.KW * case.C)
    sums = min(sums, case.N)
    x, w, d_y = guarded(case.x), guarded(winners, np.int8), guarded(case.framed(case.d_y))

    floats, integers = sparse_convolution.d_kernels_scratch(case.taps, case.F, g)
    partial = guarded(sums * (case.taps + 1) * case.F)
    in_parts(
        sparse_convolution.make_d_kernels(wide), sums * case.F // 8, parts,
        x, case.x_frame, w, d_y, case.y_frame, partial, case.N, sums, g, guarded(floats), guarded(integers, np.int32),
    )  # fmt: skip
    assert_exactly(sums_of(case, partial, sums), d_weights)

    floats, integers = sparse_convolution.d_images_scratch(case.F, g)
    ours = guarded(d_x.size)
    in_parts(
        sparse_convolution.make_d_images(wide), case.N, parts,
        case.rows(wide), w, d_y, case.y_frame, ours, case.x_frame, g, guarded(floats), guarded(integers, np.int32),
    )  # fmt: skip
    assert_exactly(ours, d_x)
    check_guards()


@settings(max_examples=25)
@given(cases(), st.integers(1, 3), st.integers(1, 3))
def test_dense_kernel_gradients_are_those_of_the_winners(case, parts, sums):
    g = case.g
    winners = np.random.default_rng(case.seed).choice([*range(g.P * g.P), CLOSED], case.d_y.shape)
    d_weights, _ = case.gradients(case.unpooled(winners))
    sums = min(sums, case.N)
    partial = guarded(sums * (case.taps + 1) * case.F)
    in_parts(
        convolution_gradients.make_d_kernels(case.lanes), sums * case.F // case.lanes, parts,
        guarded(case.x), case.x_frame, guarded(winners, np.int8), guarded(case.framed(case.d_y)), case.y_frame, partial,
        case.N, sums, g, guarded(convolution_gradients.d_kernels_scratch(g)),
    )  # fmt: skip
    assert_exactly(sums_of(case, partial, sums), d_weights)
    check_guards()


@settings(max_examples=25)
@given(cases(pool=st.just(1)), st.integers(1, 3), st.integers(1, 3))
def test_dense_gradients_are_the_sums_over_taps(case, parts, sums):
    g = case.g
    d_weights, d_x = case.gradients(case.d_y)
    sums = min(sums, case.N)
    x, d_y = guarded(case.x), guarded(case.framed(case.d_y))
    partial = guarded(sums * (case.taps + 1) * case.F)
    in_parts(
        convolution_gradients.make_d_kernels(case.lanes), sums * case.F // case.lanes, parts,
        x, case.x_frame, np.zeros(0, np.int8), d_y, case.y_frame, partial,
        case.N, sums, g, guarded(convolution_gradients.d_kernels_scratch(g)),
    )  # fmt: skip
    assert_exactly(sums_of(case, partial, sums), d_weights)
    ours = guarded(d_x.size)
    in_parts(
        convolution_gradients.d_images, case.N, parts, case.rows(convolution_gradients.BLOCK), d_y, case.y_frame, ours,
        case.x_frame, g,
    )  # fmt: skip
    assert_exactly(ours, d_x)
    check_guards()


def test_the_gradient_of_relu_is_zero_where_it_was_closed():
    g = Geometry(3, 4, 1, 1)
    case = Case(2, 8, 16, g, Frame(3, 4, 8), Frame(5, 6, 16, 1, 2), 0)
    winners = np.random.default_rng(0).choice([0, CLOSED], case.d_y.shape)
    d_y = guarded(case.framed(case.d_y))
    in_parts(convolution_gradients.relu_gradient, 6, 4, guarded(winners, np.int8), d_y, case.y_frame, g)
    assert_exactly(d_y, case.framed(case.d_y * (winners == 0)))
    check_guards()


@pytest.mark.skipif(sys.platform != "linux", reason="needs memory that is not there until it is used")
def test_a_batch_of_more_than_two_billion_floats():
    """Images are so far apart that the second begins beyond int32; only a few pages of them are ever touched."""
    g, rows = Geometry(2, 2, 3, 3), 2**31 // 64
    x_frame, y_frame, taps = Frame(rows, 8, 8), Frame(2, 2, 8), 72
    try:
        memory = mmap.mmap(-1, 4 * (2**31 + 4 * 64), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE)
    except OSError:
        pytest.skip("not so much address space")
    x = np.frombuffer(memory, np.float32)
    rng = np.random.default_rng(0)
    x[2**31 :] = rng.standard_normal(4 * 64)
    d_y = rng.standard_normal((2, 2, 2, 8)).astype(np.float32)
    winners = guarded(np.repeat([CLOSED, 0], d_y.size // 2), np.int8)
    floats, integers = sparse_convolution.d_kernels_scratch(taps, 8, g)
    partial = guarded((taps + 1) * 8)
    sparse_convolution.make_d_kernels(24)(
        0, 1, x, x_frame, winners, guarded(d_y), y_frame, partial, 2, 1, g, guarded(floats), guarded(integers, np.int32)
    )
    image = x[2**31 :].reshape(4, 8, 8)
    sections = np.lib.stride_tricks.sliding_window_view(image, (3, 3), (0, 1))[:, :2]  # (2, 2, C, KH, KW)
    expected = np.einsum("hwcij,hwf->ijcf", sections, d_y[1]).reshape(taps, 8)
    np.testing.assert_allclose(partial.reshape(taps + 1, 8)[:taps], expected, rtol=1e-4, atol=1e-4)
    check_guards()


def test_gradients_are_the_same_whatever_the_parts():
    rng = np.random.default_rng(0)
    g = Geometry(3, 5, 3, 3, 1, 1, 2)
    case = Case(5, 8, 40, g, Frame(9, 13, 8), Frame(3, 5, 40), 0)
    case.x, case.d_y = rng.standard_normal(case.x.shape), rng.standard_normal(case.d_y.shape)
    case.weights = rng.standard_normal(case.weights.shape)
    winners = guarded(rng.integers(0, 5, case.d_y.shape), np.int8)
    x, d_y = guarded(case.x), guarded(case.d_y)
    floats, integers = sparse_convolution.d_kernels_scratch(case.taps, case.F, g)
    scratch, offsets = guarded(floats), guarded(integers, np.int32)
    dense_scratch = guarded(convolution_gradients.d_kernels_scratch(g))

    def gradients(parts):
        outs = [guarded(2 * (case.taps + 1) * case.F) for _ in range(2)] + [guarded(case.x.size)]
        in_parts(
            sparse_convolution.make_d_kernels(24), 2 * 5, parts,
            x, case.x_frame, winners, d_y, case.y_frame, outs[0], case.N, 2, g, scratch, offsets,
        )  # fmt: skip
        in_parts(
            convolution_gradients.make_d_kernels(8), 2 * 5, parts,
            x, case.x_frame, winners, d_y, case.y_frame, outs[1], case.N, 2, g, dense_scratch,
        )  # fmt: skip
        in_parts(
            sparse_convolution.make_d_images(24), 5, parts,
            case.rows(24), winners, d_y, case.y_frame, outs[2], case.x_frame, g, scratch, offsets,
        )  # fmt: skip
        return np.concatenate(outs)

    once = gradients(1)
    for parts in (2, 3, 4):
        assert_same_bits(gradients(parts), once)
