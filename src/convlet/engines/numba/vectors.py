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

Rows
    A Vector may have several rows of lanes, as a small matrix in registers. `load_rows` takes them from memory a
    stride apart, and operations stretch a single row over many, as NumPy does. The heart of a matrix product,
    6 × 16 sums in registers, is one line, compiled to 12 multiply-adds, 2 loads and 6 broadcasts:

        sums = fma(broadcast_rows(6, 16, a, i, stride), load(16, b, j), sums)

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
from numba.core.errors import RequireLiteralValue, TypingError
from numba.extending import intrinsic, models, register_model

I32, I64 = ir.IntType(32), ir.IntType(64)
ELEMENTS = {types.float32: ir.FloatType(), types.int8: ir.IntType(8), types.boolean: ir.IntType(1)}


# ------------------------------------------------------------------------------------------------ the type
class Vector(types.Type):
    """rows × lanes elements of one type (float32, int8, or boolean: a mask), in registers."""

    def __init__(self, element: types.Type, lanes: int, rows: int = 1) -> None:
        self.element, self.lanes, self.rows = element, lanes, rows
        super().__init__(name=f"{element}x{lanes}" if rows == 1 else f"{element}x{rows}x{lanes}")

    def row_pieces(self) -> list[ir.VectorType]:
        """The LLVM vectors that a row consists of: the powers of two that sum to `lanes`, widest first."""
        widths = [1 << bit for bit in reversed(range(self.lanes.bit_length())) if self.lanes >> bit & 1]
        return [ir.VectorType(ELEMENTS[self.element], width) for width in widths]

    def pieces(self) -> list[ir.VectorType]:
        """The LLVM vectors it consists of, row by row."""
        return self.row_pieces() * self.rows


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
def _constant(value: types.Type) -> int:
    if not isinstance(value, types.IntegerLiteral):
        raise RequireLiteralValue("Lanes and rows must be constants of the kernel.")
    return int(value.literal_value)


def _join(builder: ir.IRBuilder, pieces: list[ir.Value]) -> ir.Value:
    struct = ir.Constant(ir.LiteralStructType([piece.type for piece in pieces]), ir.Undefined)
    for i, piece in enumerate(pieces):
        struct = builder.insert_value(struct, piece, i)
    return struct


def _split(builder: ir.IRBuilder, vector: ir.Value) -> list[ir.Value]:
    return [builder.extract_value(vector, i) for i in range(len(vector.type.elements))]


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
            operands = [_split(builder, vector) * (rows // kind.rows) for vector, kind in zip(args, kinds, strict=True)]
            return _join(builder, [piece_operation(builder, *pieces) for pieces in zip(*operands, strict=True)])

        return Vector(result_element or kinds[-1].element, kinds[0].lanes, rows)(*kinds), generate

    # Numba wants to see how many arguments an intrinsic takes.
    return {
        1: lambda typing, a: typed(typing, a),
        2: lambda typing, a, b: typed(typing, a, b),
        3: lambda typing, a, b, c: typed(typing, a, b, c),
    }[piece_operation.__code__.co_argcount - 1]


def _splat(builder: ir.IRBuilder, scalar: ir.Value, kind: ir.VectorType) -> ir.Value:
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))


def _pointer(context: Any, builder: ir.IRBuilder, array_type: Any, array: ir.Value, index: ir.Value) -> ir.Value:
    # Straight to the data: Numba's own indexing would first ask whether the index is negative.
    return builder.gep(cgutils.create_struct_proxy(array_type)(context, builder, value=array).data, [index])


def _row_pointers(builder: ir.IRBuilder, pointer: ir.Value, kind: Vector, stride: ir.Value) -> list[ir.Value]:
    return [builder.gep(pointer, [builder.mul(stride, ir.Constant(I64, row))]) for row in range(kind.rows)]


def _piece_pointers(builder: ir.IRBuilder, pointer: ir.Value, kind: Vector, stride: ir.Value) -> list[ir.Value]:
    """Where in memory each piece is, for rows that are `stride` elements apart."""
    pointers = []
    for start in _row_pointers(builder, pointer, kind, stride):
        at = 0
        for piece in kind.row_pieces():
            pointers.append(builder.bitcast(builder.gep(start, [ir.Constant(I64, at)]), piece.as_pointer()))
            at += piece.count
    return pointers


def _load_pieces(builder: ir.IRBuilder, pointer: ir.Value, kind: Vector, stride: ir.Value) -> ir.Value:
    alignment = kind.element.bitwidth // 8  # all that is known of an address: it is that of an element
    pointers = _piece_pointers(builder, pointer, kind, stride)
    return _join(builder, [builder.load(pointer, align=alignment) for pointer in pointers])


def _store_pieces(builder: ir.IRBuilder, pointer: ir.Value, kind: Vector, stride: ir.Value, vector: ir.Value) -> None:
    for piece, target in zip(_split(builder, vector), _piece_pointers(builder, pointer, kind, stride), strict=True):
        builder.store(piece, target, align=kind.element.bitwidth // 8)


def _llvm(builder: ir.IRBuilder, name: str, *pieces: ir.Value) -> ir.Value:
    kind = pieces[0].type
    full = f"llvm.{name}.v{kind.count}f32"  # module.declare_intrinsic cannot name vector types
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * len(pieces)), full)
    return builder.call(function, pieces)


# ------------------------------------------------------------------------------------------ memory ↔ registers
def _load(typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    kind = Vector(array.dtype, _constant(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return _load_pieces(builder, _pointer(context, builder, array, args[1], args[2]), kind, ir.Constant(I64, 0))

    return kind(lanes, array, types.intp), generate


@compiled_as(_load)
def load(lanes: int, array: np.ndarray, index: int) -> Any:
    """The vector array[index : index + lanes]."""
    _within(array, index, lanes)
    return array[index : index + lanes].copy()


def _load_rows(typing: Any, rows: Any, lanes: Any, array: Any, index: Any, stride: Any) -> Any:
    kind = Vector(array.dtype, _constant(lanes), _constant(rows))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return _load_pieces(builder, _pointer(context, builder, array, args[2], args[3]), kind, args[4])

    return kind(rows, lanes, array, types.intp, types.intp), generate


@compiled_as(_load_rows)
def load_rows(rows: int, lanes: int, array: np.ndarray, index: int, stride: int) -> Any:
    """Several rows of lanes: row r is array[index + r × stride : …]."""
    return np.stack([load(lanes, array, index + row * stride) for row in range(rows)])


def _store(typing: Any, array: Any, index: Any, vector: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointer = _pointer(context, builder, array, args[0], args[1])
        _store_pieces(builder, pointer, vector, ir.Constant(I64, 0), args[2])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@compiled_as(_store)
def store(array: np.ndarray, index: int, vector: Any) -> None:
    """array[index : index + lanes] = vector, of one row."""
    _within(array, index, len(vector))
    array[index : index + len(vector)] = vector


def _store_rows(typing: Any, array: Any, index: Any, stride: Any, vector: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointer = _pointer(context, builder, array, args[0], args[1])
        _store_pieces(builder, pointer, vector, args[2], args[3])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vector), generate


@compiled_as(_store_rows)
def store_rows(array: np.ndarray, index: int, stride: int, vector: Any) -> None:
    """Store row r of the vector at array[index + r × stride : …], the first row first."""
    for row, values in enumerate(vector):
        store(array, index + row * stride, values)


def _add_rows(typing: Any, array: Any, index: Any, stride: Any, vector: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointers = _piece_pointers(builder, _pointer(context, builder, array, args[0], args[1]), vector, args[2])
        for piece, target in zip(_split(builder, args[3]), pointers, strict=True):
            builder.store(builder.fadd(builder.load(target, align=4), piece), target, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vector), generate


@compiled_as(_add_rows)
def add_rows(array: np.ndarray, index: int, stride: int, vector: Any) -> None:
    """Add row r of the vector to array[index + r × stride : …], one after the other: they may overlap."""
    for row, values in enumerate(vector):
        store(array, index + row * stride, load(len(values), array, index + row * stride) + values)


def _broadcast(typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    kind = Vector(array.dtype, _constant(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        scalar = builder.load(_pointer(context, builder, array, args[1], args[2]))
        return _join(builder, [_splat(builder, scalar, piece) for piece in kind.pieces()])

    return kind(lanes, array, types.intp), generate


@compiled_as(_broadcast)
def broadcast(lanes: int, array: np.ndarray, index: int) -> Any:
    """array[index] in every lane."""
    return np.full(lanes, element(array, index))


def _broadcast_rows(typing: Any, rows: Any, lanes: Any, array: Any, index: Any, stride: Any) -> Any:
    kind = Vector(array.dtype, _constant(lanes), _constant(rows))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        first = _pointer(context, builder, array, args[2], args[3])
        scalars = [builder.load(pointer) for pointer in _row_pointers(builder, first, kind, args[4])]
        return _join(builder, [_splat(builder, scalar, piece) for scalar in scalars for piece in kind.row_pieces()])

    return kind(rows, lanes, array, types.intp, types.intp), generate


@compiled_as(_broadcast_rows)
def broadcast_rows(rows: int, lanes: int, array: np.ndarray, index: int, stride: int) -> Any:
    """Several rows of equal lanes: array[index + r × stride] in every lane of row r."""
    return np.stack([broadcast(lanes, array, index + row * stride) for row in range(rows)])


def _element(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.load(_pointer(context, builder, array, args[0], args[1]))

    return array.dtype(array, types.intp), generate


@compiled_as(_element)
def element(array: np.ndarray, index: int) -> Any:
    """array[index] as a scalar, without the question whether index is negative."""
    _within(array, index, 1)
    return array[index]


def _put(typing: Any, array: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        builder.store(args[2], _pointer(context, builder, array, args[0], args[1]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


@compiled_as(_put)
def put(array: np.ndarray, index: int, value: Any) -> None:
    """array[index] = value."""
    _within(array, index, 1)
    array[index] = value


def _within(array: np.ndarray, index: int, lanes: int) -> None:
    if not 0 <= index <= len(array) - lanes:
        raise IndexError(f"{lanes} lanes at {index} of an array of {len(array)}")


# ------------------------------------------------------------------------------------------------------- rows
def _splat_scalar(typing: Any, lanes: Any, value: Any) -> Any:
    kind = Vector(value, _constant(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return _join(builder, [_splat(builder, args[1], piece) for piece in kind.pieces()])

    return kind(lanes, value), generate


@compiled_as(_splat_scalar)
def splat(lanes: int, value: Any) -> Any:
    """value (np.float32 or np.int8) in every lane."""
    return np.full(lanes, value)


def _repeat(typing: Any, rows: Any, vector: Any) -> Any:
    kind = Vector(vector.element, vector.lanes, _constant(rows))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return _join(builder, _split(builder, args[1]) * kind.rows)

    return kind(rows, vector), generate


@compiled_as(_repeat)
def repeat(rows: int, vector: Any) -> Any:
    """A vector of one row as every row of many."""
    return np.stack([vector] * rows)


def _row(typing: Any, vector: Any, index: Any) -> Any:
    kind, position = Vector(vector.element, vector.lanes), _constant(index)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        count = len(kind.pieces())
        return _join(builder, _split(builder, args[0])[position * count : (position + 1) * count])

    return kind(vector, index), generate


@compiled_as(_row)
def row_of(vector: Any, index: int) -> Any:
    """One row of several."""
    return vector[index]


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


@compiled_as(_elementwise(lambda builder, a, b, c: _llvm(builder, "fma", a, b, c)))
def fma(a: Any, b: Any, c: Any) -> Any:
    """a × b + c, rounded once."""
    return a * b + c


@compiled_as(_elementwise(lambda builder, a: _llvm(builder, "sqrt", a)))
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
