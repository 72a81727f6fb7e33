"""Arithmetic, comparisons and masks of vectors, lane by lane: see `vectors.py`."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError

from convlet.engines.numba.simd.vector_type import I32, I64, Vector, compiled_as, join, split


def _elementwise(piece_operation: Callable[..., ir.Value], result_element: types.Type | None = None) -> Any:
    """The typing of an operation that applies `piece_operation(builder, *pieces)` to each piece of its operands.

    All have the same lanes; those of one row are repeated for every row of the others. The result has the elements
    of the last operand, unless told otherwise.
    """

    def typed(typing: Any, *kinds: Any) -> Any:
        rows = max(kind.rows for kind in kinds)
        if any(kind.lanes != kinds[0].lanes or kind.rows not in (1, rows) for kind in kinds):
            raise TypingError(f"Vectors of different shapes: {', '.join(map(str, kinds))}")

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            operands = [split(builder, vector) * (rows // kind.rows) for vector, kind in zip(args, kinds, strict=True)]
            return join(builder, [piece_operation(builder, *pieces) for pieces in zip(*operands, strict=True)])

        return Vector(result_element or kinds[-1].element, kinds[0].lanes, rows)(*kinds), generate

    # Numba wants to see how many arguments an intrinsic takes.
    return {
        1: lambda typing, a: typed(typing, a),
        2: lambda typing, a, b: typed(typing, a, b),
        3: lambda typing, a, b, c: typed(typing, a, b, c),
    }[piece_operation.__code__.co_argcount - 1]


def llvm(builder: ir.IRBuilder, name: str, *pieces: ir.Value) -> ir.Value:
    kind = pieces[0].type
    full = f"llvm.{name}.v{kind.count}f32"  # module.declare_intrinsic cannot name vector types
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * len(pieces)), full)
    return builder.call(function, pieces)


# ------------------------------------------------------------------------------------------------ arithmetic
@compiled_as(_elementwise(lambda builder, a, b: builder.fadd(a, b)))
def add(a: Any, b: Any) -> Any:
    """a + b."""
    return a + b


@compiled_as(_elementwise(lambda builder, a, b: builder.fsub(a, b)))
def sub(a: Any, b: Any) -> Any:
    """a − b."""
    return a - b


@compiled_as(_elementwise(lambda builder, a, b: builder.fmul(a, b)))
def mul(a: Any, b: Any) -> Any:
    """a × b."""
    return a * b


@compiled_as(_elementwise(lambda builder, a, b: builder.fdiv(a, b)))
def div(a: Any, b: Any) -> Any:
    """a / b."""
    return a / b


@compiled_as(_elementwise(lambda builder, a, b, c: llvm(builder, "fma", a, b, c)))
def fma(a: Any, b: Any, c: Any) -> Any:
    """a × b + c, rounded once."""
    return a * b + c


@compiled_as(_elementwise(lambda builder, a: llvm(builder, "sqrt", a)))
def sqrt(a: Any) -> Any:
    """√a."""
    return np.sqrt(a)


def _maximum_piece(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    # "b unless a > b" keeps a NaN in b; where a itself is NaN, the second select keeps that.
    larger = builder.select(builder.fcmp_ordered(">", a, b), a, b)
    return builder.select(builder.fcmp_unordered("uno", a, a), a, larger)


@compiled_as(_elementwise(_maximum_piece))
def maximum(a: Any, b: Any) -> Any:
    """The larger of a and b; NaN where either is NaN."""
    return np.maximum(a, b)


def _small_integers(builder: ir.IRBuilder, a: ir.Value) -> ir.Value:
    return builder.fptosi(a, ir.VectorType(ir.IntType(8), a.type.count))


@compiled_as(_elementwise(_small_integers, types.int8))
def to_int8(a: Any) -> Any:
    """Floats that are whole numbers from −128 to 127, as int8."""
    return np.asarray(a).astype(np.int8)


def _total(typing: Any, a: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        sums = [_halved(builder, piece) for piece in split(builder, args[0])]
        return functools.reduce(builder.fadd, sums)

    return types.float32(a), generate


def _halved(builder: ir.IRBuilder, piece: ir.Value) -> ir.Value:
    n = piece.type.count
    while n > 1:
        n //= 2
        low = ir.Constant(ir.VectorType(I32, n), list(range(n)))
        high = ir.Constant(ir.VectorType(I32, n), list(range(n, 2 * n)))
        piece = builder.fadd(builder.shuffle_vector(piece, piece, low), builder.shuffle_vector(piece, piece, high))
    return builder.extract_element(piece, ir.Constant(I32, 0))


@compiled_as(_total)
def total(a: Any) -> Any:
    """The sum of all lanes: the upper half is added to the lower until one lane is left, then piece to piece."""
    return a.sum(dtype=np.float32)


# -------------------------------------------------------------------------------------------------- masks
@compiled_as(_elementwise(lambda builder, a, b: builder.fcmp_ordered(">", a, b), types.boolean))
def greater(a: Any, b: Any) -> Any:
    """The mask a > b of two float vectors: false where either is NaN."""
    return a > b


@compiled_as(_elementwise(lambda builder, a, b: builder.fcmp_unordered("uno", a, b), types.boolean))
def either_nan(a: Any, b: Any) -> Any:
    """The mask of lanes where a or b is NaN."""
    return np.isnan(a) | np.isnan(b)


@compiled_as(_elementwise(lambda builder, a, b: builder.icmp_signed("==", a, b), types.boolean))
def equal(a: Any, b: Any) -> Any:
    """The mask a == b of two int8 vectors."""
    return a == b


@compiled_as(_elementwise(lambda builder, a, b: builder.or_(a, b)))
def either(a: Any, b: Any) -> Any:
    """The mask a or b."""
    return a | b


@compiled_as(_elementwise(lambda builder, mask, a, b: builder.select(mask, a, b)))
def select(mask: Any, a: Any, b: Any) -> Any:
    """a where mask, b elsewhere."""
    return np.where(mask, a, b)


def _bits(typing: Any, mask: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        word, shift = ir.Constant(I64, 0), 0
        for piece in split(builder, args[0]):
            part = builder.bitcast(piece, ir.IntType(piece.type.count))
            part = part if piece.type.count == 64 else builder.zext(part, I64)
            word = builder.or_(word, builder.shl(part, ir.Constant(I64, shift)))
            shift += piece.type.count
        return word

    return types.int64(mask), generate


@compiled_as(_bits)
def bits(mask: Any) -> Any:
    """A mask of at most 64 lanes as an integer: bit i is lane i. To walk over the set lanes:

    rest = bits(mask)
    while rest != 0:
        lane = lowest(rest)
        rest &= rest - 1
    """
    return sum(1 << i for i, lane in enumerate(mask) if lane)


def _lowest(typing: Any, word: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@compiled_as(_lowest)
def lowest(word: Any) -> Any:
    """The position of the lowest set bit of a word that is not 0."""
    return (word & -word).bit_length() - 1
