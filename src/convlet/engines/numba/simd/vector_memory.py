"""Vectors from memory to registers and back, and by themselves: see `vectors.py`."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from convlet.engines.numba.simd.vector_type import I64, Vector, compiled_as, constant, join, splat_piece, split


def pointer_to(context: Any, builder: ir.IRBuilder, array_type: Any, array: ir.Value, index: ir.Value) -> ir.Value:
    """Where array[index] is: straight there. Numba's own indexing would first ask whether the index is negative."""
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
    return join(builder, [builder.load(pointer, align=alignment) for pointer in pointers])


def _store_pieces(builder: ir.IRBuilder, pointer: ir.Value, kind: Vector, stride: ir.Value, vector: ir.Value) -> None:
    for piece, target in zip(split(builder, vector), _piece_pointers(builder, pointer, kind, stride), strict=True):
        builder.store(piece, target, align=kind.element.bitwidth // 8)


def _load(typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    kind = Vector(array.dtype, constant(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return _load_pieces(builder, pointer_to(context, builder, array, args[1], args[2]), kind, ir.Constant(I64, 0))

    return kind(lanes, array, types.intp), generate


@compiled_as(_load)
def load(lanes: int, array: np.ndarray, index: int) -> Any:
    """The vector array[index : index + lanes]."""
    _within(array, index, lanes)
    return array[index : index + lanes].copy()


def _load_rows(typing: Any, rows: Any, lanes: Any, array: Any, index: Any, stride: Any) -> Any:
    kind = Vector(array.dtype, constant(lanes), constant(rows))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return _load_pieces(builder, pointer_to(context, builder, array, args[2], args[3]), kind, args[4])

    return kind(rows, lanes, array, types.intp, types.intp), generate


@compiled_as(_load_rows)
def load_rows(rows: int, lanes: int, array: np.ndarray, index: int, stride: int) -> Any:
    """Several rows of lanes: row r is array[index + r × stride : …]."""
    return np.stack([load(lanes, array, index + row * stride) for row in range(rows)])


def _store(typing: Any, array: Any, index: Any, vector: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointer = pointer_to(context, builder, array, args[0], args[1])
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
        pointer = pointer_to(context, builder, array, args[0], args[1])
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
        pointers = _piece_pointers(builder, pointer_to(context, builder, array, args[0], args[1]), vector, args[2])
        for piece, target in zip(split(builder, args[3]), pointers, strict=True):
            builder.store(builder.fadd(builder.load(target, align=4), piece), target, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vector), generate


@compiled_as(_add_rows)
def add_rows(array: np.ndarray, index: int, stride: int, vector: Any) -> None:
    """Add row r of the vector to array[index + r × stride : …], one after the other: they may overlap."""
    for row, values in enumerate(vector):
        store(array, index + row * stride, load(len(values), array, index + row * stride) + values)


def _broadcast(typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    kind = Vector(array.dtype, constant(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        scalar = builder.load(pointer_to(context, builder, array, args[1], args[2]))
        return join(builder, [splat_piece(builder, scalar, piece) for piece in kind.pieces()])

    return kind(lanes, array, types.intp), generate


@compiled_as(_broadcast)
def broadcast(lanes: int, array: np.ndarray, index: int) -> Any:
    """array[index] in every lane."""
    return np.full(lanes, element(array, index))


def _broadcast_rows(typing: Any, rows: Any, lanes: Any, array: Any, index: Any, stride: Any) -> Any:
    kind = Vector(array.dtype, constant(lanes), constant(rows))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        first = pointer_to(context, builder, array, args[2], args[3])
        scalars = [builder.load(pointer) for pointer in _row_pointers(builder, first, kind, args[4])]
        return join(builder, [splat_piece(builder, scalar, piece) for scalar in scalars for piece in kind.row_pieces()])

    return kind(rows, lanes, array, types.intp, types.intp), generate


@compiled_as(_broadcast_rows)
def broadcast_rows(rows: int, lanes: int, array: np.ndarray, index: int, stride: int) -> Any:
    """Several rows of equal lanes: array[index + r × stride] in every lane of row r."""
    return np.stack([broadcast(lanes, array, index + row * stride) for row in range(rows)])


def _element(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.load(pointer_to(context, builder, array, args[0], args[1]))

    return array.dtype(array, types.intp), generate


@compiled_as(_element)
def element(array: np.ndarray, index: int) -> Any:
    """array[index] as a scalar, without the question whether index is negative."""
    _within(array, index, 1)
    return array[index]


def _put(typing: Any, array: Any, index: Any, value: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        builder.store(args[2], pointer_to(context, builder, array, args[0], args[1]))
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


# ---------------------------------------------------------------------------------------------- without memory
def _splat_scalar(typing: Any, lanes: Any, value: Any) -> Any:
    kind = Vector(value, constant(lanes))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return join(builder, [splat_piece(builder, args[1], piece) for piece in kind.pieces()])

    return kind(lanes, value), generate


@compiled_as(_splat_scalar)
def splat(lanes: int, value: Any) -> Any:
    """value (np.float32 or np.int8) in every lane."""
    return np.full(lanes, value)


def _repeat(typing: Any, rows: Any, vector: Any) -> Any:
    kind = Vector(vector.element, vector.lanes, constant(rows))

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return join(builder, split(builder, args[1]) * kind.rows)

    return kind(rows, vector), generate


@compiled_as(_repeat)
def repeat(rows: int, vector: Any) -> Any:
    """A vector of one row as every row of many."""
    return np.stack([vector] * rows)


def _row(typing: Any, vector: Any, index: Any) -> Any:
    kind, position = Vector(vector.element, vector.lanes), constant(index)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        count = len(kind.pieces())
        return join(builder, split(builder, args[0])[position * count : (position + 1) * count])

    return kind(vector, index), generate


@compiled_as(_row)
def row_of(vector: Any, index: int) -> Any:
    """One row of several."""
    return vector[index]
