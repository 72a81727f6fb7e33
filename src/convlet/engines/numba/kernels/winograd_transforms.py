"""What Winograd convolutions are made of: the small matrices B, G and A, there and back, on 8 channels at a time.

See `winograd.py` for what they are. Forward, a tile of inputs goes through Bᵀ, a kernel through G, and products come
back through Aᵀ. The kernels' gradient is the same chain, transposed: gradients of outputs go through A, and products
come back through Gᵀ.
"""

from typing import NamedTuple

import numpy as np

from convlet.engines.numba.compiling import inlined
from convlet.engines.numba.simd.vectors import add, fma, load, load_rows, mul, row_of, splat, store, sub

POINTS = 36
GAP = 16  # floats behind each point's tiles: without, points lie whole kilobytes apart, in few sets of a cache


class Region(NamedTuple):
    """A part of each stored image, H × W at (top, left), outside of which there is 0. Tiles begin at (−up, −before)."""

    H: int
    W: int
    top: int = 0
    left: int = 0
    up: int = 0
    before: int = 0


def tile(K: int) -> int:
    """M of the M × M outputs that a tile of 6 × 6 inputs gives with kernels of K × K."""
    return 7 - K


# -------------------------------------------------------------------------------------------------- forward
@inlined
def input_points(a, b, c, d, e, f):
    """Bᵀ times six inputs."""
    two, four, minus_four = splat(8, np.float32(2)), splat(8, np.float32(4)), splat(8, np.float32(-4))
    minus_five = splat(8, np.float32(-5))
    even, odd = fma(minus_four, c, e), fma(minus_four, b, d)
    even2, odd2 = sub(e, c), mul(two, sub(d, b))
    first, last = fma(four, a, fma(minus_five, c, e)), fma(four, b, fma(minus_five, d, f))
    return first, add(even, odd), sub(even, odd), add(even2, odd2), sub(even2, odd2), last


@inlined
def kernel_points(a, b, c, d, e, last):
    """G times five weights (of three weights, the last two are 0), and the last one once more."""
    sixth, negative_sixth = splat(8, np.float32(1 / 6)), splat(8, np.float32(-1 / 6))
    two, four, quarter = splat(8, np.float32(2)), splat(8, np.float32(4)), splat(8, np.float32(0.25))
    even, odd = add(add(a, c), e), add(b, d)
    even2, odd2 = fma(four, fma(four, e, c), a), mul(two, fma(four, d, b))
    first, one, minus_one = mul(quarter, a), mul(negative_sixth, add(even, odd)), mul(negative_sixth, sub(even, odd))
    twenty_fourth = mul(sixth, quarter)
    return first, one, minus_one, mul(twenty_fourth, add(even2, odd2)), mul(twenty_fourth, sub(even2, odd2)), last


@inlined
def two_outputs(p):
    """Aᵀ times six products, for tiles of two outputs."""
    two = splat(8, np.float32(2))
    return add(add(p[0], add(p[1], p[2])), add(p[3], p[4])), fma(two, sub(p[3], p[4]), add(sub(p[1], p[2]), p[5]))


@inlined
def four_outputs(p):
    """Aᵀ times six products, for tiles of four outputs."""
    two, four, eight = splat(8, np.float32(2)), splat(8, np.float32(4)), splat(8, np.float32(8))
    even, odd, even2, odd2 = add(p[1], p[2]), sub(p[1], p[2]), add(p[3], p[4]), sub(p[3], p[4])
    return add(p[0], add(even, even2)), fma(two, odd2, odd), fma(four, even2, even), fma(eight, odd2, add(odd, p[5]))


@inlined
def load_six(array, i, stride):
    """Six vectors, `stride` apart."""
    six = load_rows(6, 8, array, i, stride)
    return row_of(six, 0), row_of(six, 1), row_of(six, 2), row_of(six, 3), row_of(six, 4), row_of(six, 5)


@inlined
def store_six(array, i, stride, six):
    """Store six vectors, `stride` apart."""
    store(array, i, six[0])
    store(array, i + stride, six[1])
    store(array, i + 2 * stride, six[2])
    store(array, i + 3 * stride, six[3])
    store(array, i + 4 * stride, six[4])
    store(array, i + 5 * stride, six[5])


@inlined
def transform_inputs(x, corner, row, step, C, v, o, stride, half):
    """Bᵀ x B of C channels of 6 × 6 inputs, (row, step) apart from x[corner] on, to v[o:], points `stride` apart."""
    for c in range(0, C, 8):
        for j in range(6):
            a, b, d, e, f, g = load_six(x, corner + j * step + c, row)
            store_six(half, j * 8, 48, input_points(a, b, d, e, f, g))
        for i in range(6):
            a, b, d, e, f, g = load_six(half, i * 48, 8)
            store_six(v, o + i * 6 * stride + c, stride, input_points(a, b, d, e, f, g))


@inlined
def section_of(x, frame, image, region, h, w, size, c0, C, patch):
    """Where to read size × size pixels of channels [c0, c0 + C), from (h, w) of a region on.

    (array, place, floats from row to row, floats from pixel to pixel): in the image itself where they are inside the
    region, otherwise in `patch`, as a copy with zeros around it.
    """
    step = frame.channels
    row = frame.columns * step
    place = ((image * frame.rows + region.top + h) * frame.columns + region.left + w) * step + c0
    if h >= 0 and w >= 0 and h + size <= region.H and w + size <= region.W:
        return x, place, row, step
    for i in range(size):
        for j in range(size):
            here, o = 0 <= h + i < region.H and 0 <= w + j < region.W, (i * size + j) * C
            for c in range(0, C, 8):
                store(patch, o + c, load(8, x, place + i * row + j * step + c) if here else splat(8, np.float32(0)))
    return patch, 0, size * C, C


@inlined
def take_tile(x, frame, image, region, h, w, c0, C, v, o, stride, half, patch):
    """The points of channels [c0, c0 + C) of the 6 × 6 inputs for outputs from (h, w) on, to v[o:], `stride` apart."""
    source, corner, row, step = section_of(x, frame, image, region, h - region.up, w - region.before, 6, c0, C, patch)
    transform_inputs(source, corner, row, step, C, v, o, stride, half)


# ------------------------------------------------------------------------------------------------- backward
@inlined
def _points_of_two(a, b):
    """A times the gradients of two outputs."""
    two = splat(8, np.float32(2))
    return a, add(a, b), sub(a, b), fma(two, b, a), sub(a, mul(two, b)), b


@inlined
def _points_of_four(a, b, c, d):
    """A times the gradients of four outputs."""
    two, four = splat(8, np.float32(2)), splat(8, np.float32(4))
    even, odd = add(a, c), add(b, d)
    even2, odd2 = fma(four, c, a), mul(two, fma(four, d, b))
    return a, add(even, odd), sub(even, odd), add(even2, odd2), sub(even2, odd2), d


@inlined
def weights_of(p):
    """Gᵀ times six sums, for five weights; of three, the third is that without p[5], and p[5] (see G)."""
    sixth, quarter = splat(8, np.float32(1 / 6)), splat(8, np.float32(0.25))
    twelfth, two_thirds = splat(8, np.float32(1 / 12)), splat(8, np.float32(2 / 3))
    even, odd = mul(sixth, add(p[1], p[2])), mul(sixth, sub(p[1], p[2]))
    even2, odd2 = add(p[3], p[4]), sub(p[3], p[4])
    first = fma(quarter, p[0], sub(mul(mul(quarter, sixth), even2), even))
    second, third = sub(mul(twelfth, odd2), odd), sub(mul(sixth, even2), even)
    fourth, fifth = sub(mul(add(sixth, sixth), odd2), odd), add(sub(mul(two_thirds, even2), even), p[5])
    return first, second, third, fourth, fifth


@inlined
def transform_gradients2(d, corner, row, step, F, z, o, stride, half):
    """A d Aᵀ of 2 × 2 gradients, (row, step) apart from d[corner] on, to z[o:], points `stride` apart."""
    for f in range(0, F, 8):
        for j in range(2):
            i = corner + j * step + f
            store_six(half, j * 8, 16, _points_of_two(load(8, d, i), load(8, d, i + row)))
        for i in range(6):
            points = _points_of_two(load(8, half, i * 16), load(8, half, i * 16 + 8))
            store_six(z, o + i * 6 * stride + f, stride, points)


@inlined
def transform_gradients4(d, corner, row, step, F, z, o, stride, half):
    """The same of 4 × 4 gradients."""
    for f in range(0, F, 8):
        for j in range(4):
            four = load_rows(4, 8, d, corner + j * step + f, row)
            points = _points_of_four(row_of(four, 0), row_of(four, 1), row_of(four, 2), row_of(four, 3))
            store_six(half, j * 8, 32, points)
        for i in range(6):
            four = load_rows(4, 8, half, i * 32, 8)
            points = _points_of_four(row_of(four, 0), row_of(four, 1), row_of(four, 2), row_of(four, 3))
            store_six(z, o + i * 6 * stride + f, stride, points)
