"""The convolution kernels' outputs against sums over taps in float64, on poisoned arrays, whatever the parts."""

import numpy as np
import pytest
from convolutions import Case, assert_exactly, cases
from guarded import check_guards, guarded, in_parts
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples

from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.kernels import convolution
from convlet.engines.numba.kernels.activations import RELU


@examples(25)
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


@examples(25)
@given(cases(pool=st.just(2)), st.integers(1, 3), st.booleans())
def test_forward_pool_keeps_the_first_maximum(case, parts, relu):
    g = case.g
    y, winners = guarded(case.framed(np.nan)), guarded(case.d_y.size, np.int8)
    arguments = guarded(case.x), case.x_frame, case.packed(), y, case.y_frame, winners, g, int(relu)
    in_parts(convolution.make_forward_pool(case.lanes), case.N * g.H, parts, *arguments)
    expected, which = case.pooled(0 if relu else -np.inf)
    assert_exactly(y, case.framed(expected))
    assert_exactly(winners, which)
    check_guards()


@pytest.mark.parametrize("pool", [1, 2])
def test_nan_reaches_every_output_over_it_and_no_other(pool):
    g = Geometry(4 // pool, 6 // pool, 3, 3, 1, 1, pool)
    case = Case(1, 8, 16, g, Frame(6, 8, 8), Frame(g.H, g.W, 16), 0)
    case.x[0, 3, 4, 5] = np.nan
    y, winners = guarded(case.d_y.size), guarded(case.d_y.size, np.int8)
    arguments = guarded(case.x), case.x_frame, case.packed(), y, case.y_frame, winners, g, RELU
    if pool == 2:
        convolution.make_forward_pool(16)(0, g.H, *arguments)
    else:
        convolution.make_forward(16)(0, g.H, *arguments)
    assert_exactly(y, case.pooled()[0])
    assert np.isnan(y).any()
    assert not np.isnan(y).all()


def test_inference_needs_no_winners():
    nobody = np.zeros(0, np.int8)
    for pool in (1, 2):
        g = Geometry(2, 3, 3, 3, 1, 1, pool)
        case = Case(2, 8, 16, g, Frame(2 * pool + 2, 3 * pool + 2, 8), Frame(2, 3, 16), 0)
        y = guarded(case.d_y.size)
        arguments = guarded(case.x), case.x_frame, case.packed(), y, case.y_frame, nobody, g, RELU
        if pool == 2:
            convolution.make_forward_pool(16)(0, 4, *arguments)
        else:
            convolution.make_forward(16)(0, 4, *arguments)
        assert_exactly(y, case.pooled()[0])
