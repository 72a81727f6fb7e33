"""Winograd's convolution against the sums over taps in float64, within the error that its method has."""

import numpy as np
import pytest
from comparing import assert_same_bits
from convolutions import Case, assert_exactly, cases
from guarded import check_guards, guarded, in_parts
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples

from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.kernels import winograd, winograd_gradients
from convlet.engines.numba.kernels.activations import LINEAR
from convlet.engines.numba.kernels.winograd_transforms import GAP, POINTS, Region

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
    where = guarded(case.weights), points, case.C, case.F, K, guarded(winograd.HALF_KERNELS)
    in_parts(winograd.transform_kernels, -(-case.F // 16), 2, *where)
    y, winners = guarded(case.framed(np.nan)), guarded(case.d_y.size, np.int8)
    where = guarded(x), Frame(rows, columns, case.C), Region(rows, columns)
    arguments = *where, points, y, case.y_frame, winners, g, activation
    units = case.N * -(-g.H // (winograd.tile(K) // g.P))
    in_parts(FORWARD[K, g.P], units, parts, *arguments, guarded(winograd.scratch_size(case.C)))
    check_guards()
    return y, winners


@examples(20)
@given(
    st.sampled_from([3, 5]).flatmap(
        lambda K: cases(rows=st.tuples(st.sampled_from([8, 16]), st.just(K)), kernel=K, stride=1)
    ),
    st.integers(1, 3),
    st.booleans(),
)
def test_winograd_agrees_with_the_sum_over_taps(case, parts, relu):
    y, winners = winograd_outputs(case, parts, int(relu))
    outputs, (expected, which) = case.outputs(), case.pooled(0 if relu else -np.inf)
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


# ---------------------------------------------------------------------------------------------------- gradients
def winograd_gradients_of(case, parts, sums):
    """Gradients of weights (taps + 1, F) and of x, for gradients d_y in their frame, whose borders hold 99."""
    g, C, F, K = case.g, case.C, case.F, case.g.KH
    d_y, N = guarded(case.framed(case.d_y)), case.N
    outputs, inputs = (
        Region(g.H, g.W, case.y_frame.top, case.y_frame.left),
        Region(case.x_frame.rows, case.x_frame.columns),
    )
    partial, total = guarded(sums * (POINTS * C + 1) * F), guarded((case.taps + 1) * F)
    in_parts(
        winograd_gradients.make_d_kernels(K, case.lanes), sums * winograd_gradients.blocks_for(C), parts,
        guarded(case.x), case.x_frame, inputs, d_y, case.y_frame, outputs, partial, N, sums,
        5, guarded(POINTS * (5 * (C + F) + 2 * GAP + 8 + C + F)),
    )  # fmt: skip
    half = guarded(winograd_gradients.HALF_SUMS)
    in_parts(winograd_gradients.d_kernels_of_sums, C + 1, parts, partial, sums, total, C, F, K, half)
    turned, points = guarded(np.zeros((K * K * F + 1) * C)), guarded(np.zeros(winograd.points_size(F, C)))
    in_parts(winograd.turn_kernels, K, parts, guarded(case.weights), turned, C, F, K)
    half = guarded(winograd.HALF_KERNELS)
    in_parts(winograd.transform_kernels, -(-C // 16), parts, turned, points, F, C, K, half)
    images, d_x = Geometry(case.x_frame.rows, case.x_frame.columns, K, K), guarded(case.x.size)
    in_parts(
        FORWARD[K, 1], N * -(-images.H // winograd.tile(K)), parts,
        d_y, case.y_frame, outputs._replace(up=K - 1, before=K - 1), points, d_x, case.x_frame,
        np.zeros(0, np.int8), images, LINEAR, guarded(winograd.scratch_size(F)),
    )  # fmt: skip
    check_guards()
    return total, d_x


@examples(20)
@given(
    st.sampled_from([3, 5]).flatmap(
        lambda K: cases(rows=st.tuples(st.sampled_from([8, 16, 72]), st.just(K)), pool=st.just(1), kernel=K, stride=1)
    ),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_winograd_gradients_are_the_sums_over_taps(case, parts, sums):
    for ours, expected in zip(
        winograd_gradients_of(case, parts, min(sums, case.N)), case.gradients(case.d_y), strict=True
    ):
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(ours.reshape(expected.shape), expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("K", [3, 5])
def test_winograd_gradients_are_the_same_whatever_the_parts(K):
    g = Geometry(5, 7, K, K)
    case = Case(3, 72, 24, g, Frame(4 + K, 6 + K, 72), Frame(6, 8, 24, 1, 1), 1)
    case.x *= np.random.default_rng(0).random(case.x.shape)
    once = winograd_gradients_of(case, 1, 2)
    for parts in (2, 4, 9):
        for ours, expected in zip(winograd_gradients_of(case, parts, 2), once, strict=True):
            assert_same_bits(ours, expected)


@pytest.mark.parametrize(("K", "C"), [(3, 64), (5, 32)])
def test_winograd_gradients_err_by_less_than_a_fifth_of_what_gradients_may(K, C):
    rng = np.random.default_rng(0)
    case = Case(6, C, 16, Geometry(16, 16, K, K), Frame(15 + K, 15 + K, C), Frame(16, 16, 16), 0)
    case.x = np.float32(np.maximum(rng.standard_normal(case.x.shape), 0)).astype(np.float64)
    case.d_y = np.float32(0.01 * rng.standard_normal(case.d_y.shape)).astype(np.float64)
    case.weights = np.float32(0.1 * rng.standard_normal(case.weights.shape)).astype(np.float64)
    for ours, expected in zip(winograd_gradients_of(case, 1, 2), case.gradients(case.d_y), strict=True):
        assert np.abs(ours.reshape(expected.shape) - expected).max() < 2e-5 * np.abs(expected).max()
