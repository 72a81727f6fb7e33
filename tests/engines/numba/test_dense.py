"""The dense kernels against NumPy in float64, on poisoned arrays, for any number of images, inputs and units."""

import numpy as np
import pytest
from guarded import check_guards, guarded, in_parts
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples

from convlet.engines.numba.assembly.layouts import dense_places
from convlet.engines.numba.kernels import dense, dense_gradients, updates
from convlet.engines.numba.kernels.activations import CODES, LINEAR, RELU

IMAGES = st.sampled_from([1, 2, 8, 9, 24, 33, 50, 64, 96])  # each further tile width is a kernel to compile
SIZES = {"N": IMAGES, "I": st.integers(1, 140), "U": st.integers(1, 60), "parts": st.integers(1, 3)}


def numbers(rng, *shape):
    """Eighths: sums of a few hundred products are exact in float32."""
    return rng.integers(-8, 9, shape) / 8


def stored(kernel, units):
    """A kernel (inputs, units) in the layout of the engine."""
    inputs = len(kernel)
    flat = np.zeros(dense.blocks(inputs) * units * dense.BLOCK)
    flat[dense_places((inputs,), inputs, units)] = kernel
    return flat


def arranged(x, parts=1):
    """(rows, columns) of inputs x (N, I)."""
    (N, I), L, S, P = x.shape, dense.lanes_for(len(x)), dense.stride_for(len(x)), dense.pitch_for(len(x))  # noqa: E741
    blocks = dense.blocks(I)
    rows, columns = guarded(blocks * N * P), guarded(blocks * dense.BLOCK * S)
    in_parts(dense.arrange, blocks, min(parts, blocks), guarded(x), rows, columns, N, I, L, S, P)
    return rows, columns


@examples(30)
@given(**SIZES, by_tiles=st.booleans(), seed=st.integers(0, 99))
def test_forward_is_inputs_times_kernel_plus_bias(N, I, U, parts, by_tiles, seed):  # noqa: E741
    rng = np.random.default_rng(seed)
    x, kernel, bias = numbers(rng, N, I), numbers(rng, I, U), numbers(rng, U)
    rows, columns = arranged(x, parts)
    S, sums = dense.stride_for(N), guarded(U * dense.stride_for(N))
    weights = guarded(stored(kernel, U))
    if N == 1:
        in_parts(dense.forward_one, U, min(parts, U), weights, guarded(bias), rows, sums, I, U, S)
    else:
        lanes, middle = dense.tiling(N)
        arguments = (weights, guarded(bias), columns, sums, I, U, S, middle, dense.lanes_for(N), int(by_tiles))
        items = dense.tiles(N) if by_tiles else U
        in_parts(dense.make_forward(lanes), items, min(parts, items), *arguments)
    check_guards()
    np.testing.assert_array_equal(sums.reshape(U, S)[:, :N].T, x @ kernel + bias)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", None])
@pytest.mark.parametrize("drops", [False, True])
def test_activation_and_dropout_finish_the_sums_and_begin_the_backward_pass(activation, drops):
    rng, N, U, scale = np.random.default_rng(0), 5, 21, np.float32(2 if drops else 1)
    S = 8
    sums, d_y = rng.normal(size=(N, U)), rng.normal(size=(N, U))
    keep = rng.random((N, U)) < 0.5 if drops else np.ones((N, U), bool)
    padded = np.full((U, S), np.nan)
    padded[:, :N] = sums.T
    kept = guarded(keep.astype(np.uint8), np.uint8) if drops else guarded(0, np.uint8)
    y, code = guarded(N * U), CODES[activation]
    in_parts(dense.finish, 2, 2, guarded(padded), y, kept, N, U, S, code, scale)
    functions = {
        "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
        "tanh": (np.tanh, lambda a: 1 - a * a),
        "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
        None: (lambda z: z, np.ones_like),
    }
    forward, slope = functions[activation]
    a = forward(sums)
    np.testing.assert_allclose(y.reshape(N, U), a * keep * scale, rtol=1e-5, atol=1e-6)

    d_sums, images = guarded(U * S), guarded(U * N, np.int32)
    counts, d_bias = guarded(U, np.int64), guarded(U)
    arguments = (guarded(d_y), y, kept, d_sums, images, counts, d_bias, N, U, S, code, scale, 0)
    in_parts(dense_gradients.collect, 2, 2, *arguments)
    check_guards()
    expected, found = d_y * slope(a) * keep * scale, np.zeros((N, U))
    for u in range(U):
        listed = images[u * N : u * N + counts[u]]
        found[listed, u] = d_sums[u * S + listed]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(d_sums.reshape(U, S)[:, :N], found.T)
    np.testing.assert_allclose(d_bias, expected.sum(0), rtol=1e-4, atol=1e-5)
    if activation == "relu":
        assert counts.sum() == np.count_nonzero(expected), "closed units must not be listed"


@examples(30)
@given(
    **SIZES, seed=st.integers(0, 99), backwards=st.booleans(), alive=st.sampled_from([0.2, 0.8]),
    wanted=st.sampled_from([(True, True), (True, False), (False, True)]),
)  # fmt: skip
def test_backward_is_the_wanted_products_whether_few_units_live_or_many(N, I, U, parts, seed, backwards, alive, wanted):  # noqa: E741
    """What is not wanted has no memory either."""
    inputs, moves = wanted
    rng = np.random.default_rng(seed)
    x, kernel, d_sums = numbers(rng, N, I), numbers(rng, I, U), numbers(rng, N, U) * (rng.random((N, U)) < alive)
    rows, _ = arranged(x)
    S, P = dense.stride_for(N), dense.pitch_for(N)
    lists = guarded(U * S), guarded(U * N, np.int32), guarded(U, np.int64)
    nothing = guarded(0, np.uint8)
    made = guarded(d_sums), guarded(d_sums)
    dense_gradients.collect(0, -(-U // 16), *made, nothing, *lists, guarded(U), N, U, S, LINEAR, 1.0, 0)
    d_x, blocks = guarded(inputs * N * I), dense.blocks(I)
    d_weights, empty, sweep = guarded(moves * blocks * U * dense.BLOCK), guarded(0), guarded([int(backwards)], np.int64)
    arguments = (updates.NONE, empty, d_weights, empty, sweep, N, I, U, S, P, guarded(inputs * N * P))
    backward = dense_gradients.make_backward(d_inputs=inputs, d_weights=moves)
    weights = guarded(stored(kernel, U))
    in_parts(backward, blocks, min(parts, blocks), weights, rows if moves else guarded(0), *lists, d_x, *arguments)
    check_guards()
    if inputs:
        np.testing.assert_array_equal(d_x.reshape(N, I), d_sums @ kernel.T)
    if moves:
        np.testing.assert_array_equal(d_weights, stored(x.T @ d_sums, U))


def test_tiles_cover_every_batch_with_little_waste():
    for images in range(1, 300):
        L = dense.lanes_for(images)
        lanes, middle = dense.tiling(images)
        assert images <= L < images + 8 and 0 < middle <= L and lanes <= 40
        assert middle % lanes == 0 and (L - middle) % max(lanes - 8, 8) == 0
        assert dense.tiles(images) == middle // lanes + (L - middle) // max(lanes - 8, 8)


@pytest.mark.parametrize("images", [1, 50, 64, 65, 128, 256, 1000])
def test_what_is_read_down_a_column_is_spread_over_the_sets_of_a_cache(images):
    """Of 64 sets of a cache's lines, 48 rows that lie one stride apart must not all begin in the same eight."""
    for stride in (dense.stride_for(images), dense.pitch_for(images)):
        if images > 64:
            assert len({row * stride * 4 // 64 % 64 for row in range(48)}) > 8


def test_nan_passes_relu():
    y = guarded(1)
    dense.finish(0, 1, guarded([np.nan] * 8), y, guarded(0, np.uint8), 1, 1, 8, RELU, np.float32(1))
    assert np.isnan(y[0])
