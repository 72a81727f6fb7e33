"""The convolution kernels' gradients against sums over taps in float64, on poisoned arrays, whatever the parts."""

import mmap
import sys

import numpy as np
import pytest
from comparing import assert_same_bits
from convolutions import ROWS, Case, assert_exactly, cases
from guarded import check_guards, guarded, in_parts
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples

from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.kernels import convolution_gradients, sparse_convolution
from convlet.engines.numba.kernels.finishing import CLOSED

NO_RESERVE = 0x4000  # Linux's MAP_NORESERVE, which Python has no name for before 3.13


def sums_of(case, partial, parts):
    """The kernel gradients of all parts, added up."""
    size = (case.taps + 1) * case.F
    total = guarded(size)
    in_parts(convolution_gradients.sum_parts, size // 8, 2, partial, parts, size, total)
    return total


@examples(25)
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


@examples(25)
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


@examples(25)
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
