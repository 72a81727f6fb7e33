"""The SIMD type: every operation means what its NumPy body says, at widths of one and of several registers."""

import numpy as np
import pytest
from comparing import assert_same_bits
from guarded import check_guards, guarded
from numba import config
from numba.core.errors import TypingError

from convlet.engines.numba.compiling import kernel
from convlet.engines.numba.simd.vectors import (
    add,
    add_rows,
    bits,
    broadcast,
    broadcast_rows,
    div,
    either,
    either_nan,
    element,
    equal,
    fma,
    greater,
    load,
    load_rows,
    lowest,
    maximum,
    mul,
    put,
    repeat,
    row_of,
    select,
    splat,
    sqrt,
    store,
    store_rows,
    sub,
    to_int8,
    total,
)

WIDTHS = [1, 8, 13, 80]  # one lane, one register, pieces of 8 + 4 + 1, and 64 + 16


def arithmetic_of(lanes):
    @kernel
    def arithmetic(a, b, out):
        x, y = load(lanes, a, 1), load(lanes, b, 2)
        store(out, 0 * lanes, add(x, y))
        store(out, 1 * lanes, sub(x, y))
        store(out, 2 * lanes, mul(x, y))
        store(out, 3 * lanes, div(x, y))
        store(out, 4 * lanes, sqrt(mul(x, x)))
        store(out, 5 * lanes, maximum(x, y))
        store(out, 6 * lanes, select(greater(x, y), x, splat(lanes, np.float32(7))))
        store(out, 7 * lanes, select(either(either_nan(x, y), greater(y, x)), y, broadcast(lanes, a, 0)))
        store(out, 8 * lanes, fma(x, y, x))

    return arithmetic


@pytest.mark.parametrize("lanes", WIDTHS)
def test_operations_are_those_of_numpy(lanes):
    rng = np.random.default_rng(lanes)
    a, b = guarded(rng.standard_normal(lanes + 1)), guarded(rng.standard_normal(lanes + 2))
    a[lanes // 2 + 1] = np.nan
    out = guarded(9 * lanes)
    arithmetic_of(lanes)(a, b, out)
    x, y = a[1:], b[2:]
    with np.errstate(invalid="ignore"):
        expected = [
            x + y, x - y, x * y, x / y, np.sqrt(x * x), np.maximum(x, y), np.where(x > y, x, np.float32(7)),
            np.where(np.isnan(x) | (y > x), y, a[0]),
        ]  # fmt: skip
    assert_same_bits(np.isnan(out[: 8 * lanes]), np.isnan(np.concatenate(expected)))
    np.testing.assert_array_equal(out[: 8 * lanes], np.concatenate(expected))
    np.testing.assert_allclose(out[8 * lanes :], x * y + x, rtol=1e-5, atol=1e-6)
    check_guards()


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NumPy rounds twice")
def test_fma_rounds_once():
    @kernel
    def square_less_one(a, out):
        x = load(8, a, 0)
        store(out, 0, fma(x, x, splat(8, np.float32(-1))))

    epsilon = np.float32(2**-12)
    a, out = guarded(np.full(8, 1 + epsilon)), guarded(8)
    square_less_one(a, out)
    assert (out == np.float64(1 + epsilon) ** 2 - 1).all()  # 2⁻²⁴ would be lost in a product rounded to float32


@pytest.mark.parametrize("lanes", WIDTHS)
def test_total_sums_all_lanes(lanes):
    @kernel
    def sum_lanes(a):
        return total(load(lanes, a, 0))

    assert sum_lanes(guarded(np.arange(lanes))) == lanes * (lanes - 1) // 2


def walk_of(lanes):
    @kernel
    def walk(a, value, out):
        n = 0
        rest = bits(equal(load(lanes, a, 0), splat(lanes, value)))
        while rest != 0:
            put(out, n, np.int8(lowest(rest)))
            n += 1
            rest &= rest - 1
        return n

    return walk


@pytest.mark.parametrize("lanes", [1, 8, 13, 64])
def test_bits_name_the_lanes_of_a_mask_from_the_lowest(lanes):
    a = guarded(np.random.default_rng(lanes).integers(0, 2, lanes), np.int8)
    for value in (0, 1, 2):
        out = guarded(lanes, np.int8)
        n = walk_of(lanes)(a, np.int8(value), out)
        np.testing.assert_array_equal(out[:n], np.flatnonzero(a == value))
    check_guards()


def test_elements_are_read_and_written_where_they_are():
    @kernel
    def double(a, i):
        put(a, i, np.float32(2) * element(a, i))

    a = guarded([1, 2, 3])
    double(a, 2)
    np.testing.assert_array_equal(a, [1, 2, 6])
    check_guards()


@pytest.mark.skipif(not config.DISABLE_JIT, reason="compiled code does not check")
def test_uncompiled_operations_refuse_to_leave_the_array():
    a = np.zeros(8, np.float32)
    for wrong in (lambda: load(8, a, 1), lambda: store(a, -1, a), lambda: element(a, 8), lambda: put(a, -1, 0)):
        with pytest.raises(IndexError):
            wrong()


def test_rows_are_a_stride_apart_and_a_single_row_stretches_over_many():
    @kernel
    def multiply(a, b, out):
        sums = repeat(3, load(5, b, 0))
        for i in range(4):
            sums = fma(broadcast_rows(3, 5, a, i, 4), load(5, b, 5 * i), sums)
        store_rows(out, 0, 6, sums)
        store(out, 18, row_of(load_rows(3, 5, out, 0, 6), 2))

    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, (3, 4)), rng.integers(-9, 9, (4, 5))
    out = guarded(np.zeros(23))
    multiply(guarded(a), guarded(b), out)
    expected = np.zeros((3, 6))
    expected[:, :5] = a @ b + b[0]
    np.testing.assert_array_equal(out[:18].reshape(3, 6), expected)
    np.testing.assert_array_equal(out[18:], expected[2, :5])
    check_guards()


def test_rows_that_overlap_are_added_one_after_the_other():
    @kernel
    def add_ones(out):
        add_rows(out, 1, 2, repeat(3, splat(4, np.float32(1))))

    out = guarded(np.zeros(10))
    add_ones(out)
    np.testing.assert_array_equal(out, [0, 1, 1, 2, 2, 2, 2, 1, 1, 0])
    check_guards()


def test_whole_numbers_become_int8():
    @kernel
    def convert(a, out):
        store(out, 0, to_int8(load(12, a, 0)))

    out = guarded(12, np.int8)
    convert(guarded(np.arange(-6, 6)), out)
    np.testing.assert_array_equal(out, np.arange(-6, 6))
    check_guards()


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NumPy has its own rules")
def test_vectors_of_different_widths_do_not_mix():
    @kernel
    def mix(a):
        store(a, 0, add(load(8, a, 0), load(4, a, 0)))

    with pytest.raises(TypingError, match="different shapes"):
        mix(guarded(8))
