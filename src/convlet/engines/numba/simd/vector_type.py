"""The type behind `vectors.py`: how Numba and LLVM see a Vector, and how an operation gets its two definitions."""

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import config, types
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic, models, register_model

I32, I64 = ir.IntType(32), ir.IntType(64)
ELEMENTS = {types.float32: ir.FloatType(), types.int8: ir.IntType(8), types.boolean: ir.IntType(1)}


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
    """Let compiled code use the instructions that `typed` generates, and uncompiled code the decorated function.

    `typed(typing context, *types of the arguments)` returns a signature and `generate(context, builder, signature,
    args)`, which writes LLVM instructions and returns the value they compute: what Numba calls an intrinsic.
    """

    def decorate(meaning: Callable[..., Any]) -> Callable[..., Any]:
        if config.DISABLE_JIT:
            return meaning
        operation = intrinsic(typed)
        functools.update_wrapper(operation, meaning, ("__module__", "__name__", "__qualname__", "__doc__"), ())
        return operation

    return decorate


def constant(value: types.Type) -> int:
    """The number that an argument is known to be when the kernel is compiled."""
    if not isinstance(value, types.IntegerLiteral):
        raise RequireLiteralValue("Lanes and rows must be constants of the kernel.")
    return int(value.literal_value)


def join(builder: ir.IRBuilder, pieces: list[ir.Value]) -> ir.Value:
    """The Vector of these pieces."""
    struct = ir.Constant(ir.LiteralStructType([piece.type for piece in pieces]), ir.Undefined)
    for i, piece in enumerate(pieces):
        struct = builder.insert_value(struct, piece, i)
    return struct


def split(builder: ir.IRBuilder, vector: ir.Value) -> list[ir.Value]:
    """The pieces of a Vector."""
    return [builder.extract_value(vector, i) for i in range(len(vector.type.elements))]


def splat_piece(builder: ir.IRBuilder, scalar: ir.Value, kind: ir.VectorType) -> ir.Value:
    """The piece with the scalar in every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))
