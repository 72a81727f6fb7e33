"""SIMD vectors of any width as a Numba type: machine-speed kernels in plain Python.

The idea
    A processor core has a few wide registers, and instructions that do the same arithmetic on all their lanes
    at once. Compilers find such instructions in simple loops, but not in a convolution, where a result must stay
    in registers while three nested loops add to it. So we say what we want: `load(64, x, i)` is *one value* of
    64 floats, `fma(a, b, c)` multiplies and adds 64 lanes, `store(y, i, a)` writes them. Between load and store
    the value lives in registers.

Why any width
    The width is chosen for the arithmetic, not for the machine. LLVM, the compiler behind Numba, cuts a
    `<64 x float>` into the registers it finds: 8 of AVX2's (8 lanes), 4 of AVX-512's (16 lanes), 16 of NEON's
    (4 lanes). Wide vectors are therefore register blocking without unrolling by hand. A fused multiply-add
    takes 4 cycles, and 2 start every cycle, so 8 independent registers must be in flight to keep a core busy:
    64 lanes on AVX2, whatever the source of those lanes is (one 64, or 4 positions × 16 filters).

Widths that are no power of two
    LLVM widens `<80 x float>` to 128 lanes and computes the waste, 4 times slower. So a Vector here is a struct
    of power-of-two pieces, widest first: 80 = 64 + 16, 6 = 4 + 2. Struct and pieces dissolve into registers.

How it is built
    `compiled_as` pairs two definitions. The body of each operation below is its *meaning*, in NumPy, on arrays
    of `lanes` elements; it is what runs when JIT compilation is off (NUMBA_DISABLE_JIT=1), where slices that end
    too early raise, so reading past a buffer is found. The decorator's argument writes the LLVM instructions
    that Numba puts in its place otherwise.

Numerics
    `greater` is false for NaN and `maximum` keeps a NaN, as in NumPy. `total` adds in one fixed order.

What this is not: a general SIMD library. It has the operations that the kernels of this engine need, on
float32, int8 and masks, and no bounds checks: the buffer contract is in `buffers.py`.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic, models, register_model

I32, I64 = ir.IntType(32), ir.IntType(64)
ELEMENTS = {types.float32: ir.FloatType(), types.int8: ir.IntType(8), types.boolean: ir.IntType(1)}


# ------------------------------------------------------------------------------------------------ the type
class Vector(types.Type):
    """`lanes` elements of one type (float32, int8, or boolean: a mask), in registers."""

    def __init__(self, element: types.Type, lanes: int) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(name=f"{element}x{lanes}")

    def pieces(self) -> list[ir.VectorType]:
        """The LLVM vectors it consists of: the powers of two that sum to `lanes`, widest first."""
        widths = [1 << bit for bit in reversed(range(self.lanes.bit_length())) if self.lanes >> bit & 1]
        return [ir.VectorType(ELEMENTS[self.element], width) for width in widths]


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """Tells Numba how LLVM represents a Vector."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.LiteralStructType(kind.pieces()))


def compiled_as(typed: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let compiled code use the instructions that `typed` generates, and uncompiled code the decorated function."""

    def decorate(meaning: Callable[..., Any]) -> Callable[..., Any]:
        if config.DISABLE_JIT:
            return meaning
        operation = intrinsic(typed)
        functools.update_wrapper(operation, meaning, ("__module__", "__name__", "__qualname__", "__doc__"), ())
        return operation

    return decorate


# ------------------------------------------------------------------------------------------- building blocks
def _width(lanes: types.Type) -> int:
    if not isinstance(lanes, types.IntegerLiteral):
        raise RequireLiteralValue("The number of lanes must be a constant of the kernel.")
    return int(lanes.literal_value)


def _join(builder: ir.IRBuilder, pieces: list[ir.Value]) -> ir.Value:
    struct = ir.Constant(ir.LiteralStructType([piece.type for piece in pieces]), ir.Undefined)
    for i, piece in enumerate(pieces):
        struct = builder.insert_value(struct, piece, i)
    return struct


def _split(builder: ir.IRBuilder, vector: ir.Value) -> list[ir.Value]:
    return [builder.extract_value(vector, i) for i in range(len(vector.type.elements))]


def _piecewise(piece_operation: Callable[..., ir.Value]) -> Callable[..., ir.Value]:
    """A generator of code that applies `piece_operation(builder, *pieces)` to each piece of its vectors."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        columns = zip(*(_split(builder, vector) for vector in args), strict=True)
        return _join(builder, [piece_operation(builder, *pieces) for pieces in columns])

    return generate


def _splat(builder: ir.IRBuilder, scalar: ir.Value, kind: ir.VectorType) -> ir.Value:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))


def _pointer(context: Any, builder: ir.IRBuilder, array_type: Any, array: ir.Value, index: ir.Value) -> ir.Value:
    # Straight to the data: Numba's own indexing would first ask whether the index is negative.
    return builder.gep(cgutils.create_struct_proxy(array_type)(context, builder, value=array).data, [index])


def _piece_pointers(builder: ir.IRBuilder, pointer: ir.Value, kind: Vector) -> list[tuple[ir.Value, int]]:
    """Where each piece starts in memory, and the alignment promised there: that of one element."""
    starts, bytes_each = 0, max(1, kind.element.bitwidth // 8)
    pointers = []
    for piece in kind.pieces():
        address = builder.gep(pointer, [ir.Constant(I64, starts)])
        pointers.append((builder.bitcast(address, piece.as_pointer()), bytes_each))
        starts += piece.count
    return pointers


def _llvm(builder: ir.IRBuilder, name: str, *pieces: ir.Value) -> ir.Value:
    kind = pieces[0].type
    full = f"llvm.{name}.v{kind.count}f32"  # module.declare_intrinsic cannot name vector types
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * len(pieces)), full)
    return builder.call(function, pieces)


# ------------------------------------------------------------------------------------------ memory ↔ registers
def _load(typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    kind = Vector(array.dtype, _width(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointer = _pointer(context, builder, array, args[1], args[2])
        return _join(builder, [builder.load(p, align=a) for p, a in _piece_pointers(builder, pointer, kind)])

    return kind(lanes, array, types.intp), generate


@compiled_as(_load)
def load(lanes: int, array: np.ndarray, index: int) -> Any:
    """The vector array[index : index + lanes]."""
    if not 0 <= index <= len(array) - lanes:
        raise IndexError(f"load of {lanes} lanes at {index} of {len(array)}")
    return array[index : index + lanes].copy()


def _store(typing: Any, array: Any, index: Any, vector: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointer = _pointer(context, builder, array, args[0], args[1])
        targets = _piece_pointers(builder, pointer, vector)
        for piece, (target, alignment) in zip(_split(builder, args[2]), targets, strict=True):
            builder.store(piece, target, align=alignment)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@compiled_as(_store)
def store(array: np.ndarray, index: int, vector: Any) -> None:
    """array[index : index + lanes] = vector."""
    if not 0 <= index <= len(array) - len(vector):
        raise IndexError(f"store of {len(vector)} lanes at {index} of {len(array)}")
    array[index : index + len(vector)] = vector


def _broadcast(typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    kind = Vector(array.dtype, _width(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        scalar = builder.load(_pointer(context, builder, array, args[1], args[2]))
        return _join(builder, [_splat(builder, scalar, piece) for piece in kind.pieces()])

    return kind(lanes, array, types.intp), generate


@compiled_as(_broadcast)
def broadcast(lanes: int, array: np.ndarray, index: int) -> Any:
    """array[index] in every lane."""
    return np.full(lanes, element(array, index))


def _element(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.load(_pointer(context, builder, array, args[0], args[1]))

    return array.dtype(array, types.intp), generate


@compiled_as(_element)
def element(array: np.ndarray, index: int) -> Any:
    """array[index] as a scalar, without the question whether index is negative."""
    if not 0 <= index < len(array):
        raise IndexError(f"element {index} of {len(array)}")
    return array[index]


def _put(typing: Any, array: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        builder.store(args[2], _pointer(context, builder, array, args[0], args[1]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


@compiled_as(_put)
def put(array: np.ndarray, index: int, value: Any) -> None:
    """array[index] = value."""
    if not 0 <= index < len(array):
        raise IndexError(f"put at {index} of {len(array)}")
    array[index] = value


# ---------------------------------------------------------------------------------------------- constants
def _splat_scalar(typing: Any, lanes: Any, value: Any) -> Any:
    kind = Vector(value, _width(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return _join(builder, [_splat(builder, args[1], piece) for piece in kind.pieces()])

    return kind(lanes, value), generate


@compiled_as(_splat_scalar)
def splat(lanes: int, value: Any) -> Any:
    """value (np.float32 or np.int8) in every lane."""
    return np.full(lanes, value)


# ------------------------------------------------------------------------------------------------ arithmetic
def _same(operation: Callable[..., ir.Value]) -> Callable[..., Any]:
    """The typing of operations whose operands and result are all the same kind of vector, by number of operands."""

    def one(typing: Any, a: Any) -> Any:
        return a(a), _piecewise(operation)

    def two(typing: Any, a: Any, b: Any) -> Any:
        return a(a, b), _piecewise(operation)

    def three(typing: Any, a: Any, b: Any, c: Any) -> Any:
        return a(a, b, c), _piecewise(operation)

    return {2: one, 3: two, 4: three}[operation.__code__.co_argcount]


@compiled_as(_same(lambda builder, a, b: builder.fadd(a, b)))
def add(a: Any, b: Any) -> Any:
    """a + b."""
    return a + b


@compiled_as(_same(lambda builder, a, b: builder.fsub(a, b)))
def sub(a: Any, b: Any) -> Any:
    """a − b."""
    return a - b


@compiled_as(_same(lambda builder, a, b: builder.fmul(a, b)))
def mul(a: Any, b: Any) -> Any:
    """a × b."""
    return a * b


@compiled_as(_same(lambda builder, a, b: builder.fdiv(a, b)))
def div(a: Any, b: Any) -> Any:
    """a / b."""
    return a / b


@compiled_as(_same(lambda builder, a, b, c: _llvm(builder, "fma", a, b, c)))
def fma(a: Any, b: Any, c: Any) -> Any:
    """a × b + c, rounded once."""
    return a * b + c


@compiled_as(_same(lambda builder, a: _llvm(builder, "sqrt", a)))
def sqrt(a: Any) -> Any:
    """√a."""
    return np.sqrt(a)


def _maximum_piece(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    # "b unless a > b" keeps a NaN in b; where a itself is NaN, the second select keeps that.
    larger = builder.select(builder.fcmp_ordered(">", a, b), a, b)
    return builder.select(builder.fcmp_unordered("uno", a, a), a, larger)


@compiled_as(_same(_maximum_piece))
def maximum(a: Any, b: Any) -> Any:
    """The larger of a and b; NaN where either is NaN."""
    return np.maximum(a, b)


def _total(typing: Any, a: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        sums = [_halved(builder, piece) for piece in _split(builder, args[0])]
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
    """The sum of the lanes: the upper half is added to the lower until one lane is left, then piece to piece."""
    return a.sum(dtype=np.float32)


# -------------------------------------------------------------------------------------------------- masks
def _comparison(piece_operation: Callable[..., ir.Value]) -> Callable[..., Any]:
    def typed(typing: Any, a: Any, b: Any) -> Any:
        return Vector(types.boolean, a.lanes)(a, b), _piecewise(piece_operation)

    return typed


@compiled_as(_comparison(lambda builder, a, b: builder.fcmp_ordered(">", a, b)))
def greater(a: Any, b: Any) -> Any:
    """The mask a > b of two float vectors: false where either is NaN."""
    return a > b


@compiled_as(_comparison(lambda builder, a, b: builder.fcmp_unordered("uno", a, b)))
def either_nan(a: Any, b: Any) -> Any:
    """The mask of lanes where a or b is NaN."""
    return np.isnan(a) | np.isnan(b)


@compiled_as(_comparison(lambda builder, a, b: builder.icmp_signed("==", a, b)))
def equal(a: Any, b: Any) -> Any:
    """The mask a == b of two int8 vectors."""
    return a == b


@compiled_as(_same(lambda builder, a, b: builder.or_(a, b)))
def either(a: Any, b: Any) -> Any:
    """The mask a or b."""
    return a | b


def _select(typing: Any, mask: Any, a: Any, b: Any) -> Any:
    return a(mask, a, b), _piecewise(lambda builder, m, x, y: builder.select(m, x, y))


@compiled_as(_select)
def select(mask: Any, a: Any, b: Any) -> Any:
    """a where mask, b elsewhere."""
    return np.where(mask, a, b)


def _bits(typing: Any, mask: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        word, shift = ir.Constant(I64, 0), 0
        for piece in _split(builder, args[0]):
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
