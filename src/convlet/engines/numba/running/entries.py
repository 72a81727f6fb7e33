"""Entries: small functions that let compiled code call any kernel, with arguments that are written down as words.

A kernel's arguments differ in number and type from every other kernel's, so nothing compiled can call kernels one
after the other, unless they all look alike. `entry` makes, for a kernel and the types of its arguments, a function of
four whole numbers: (low, high, thread, address of words). It reads the arguments from those 64-bit words and calls the
kernel, at its address. It returns 0; or 1 where the kernel failed, or 2 where it returned True. It is made with LLVM
alone, in a few milliseconds, and so needs no cache.

What this is not: a general way to call Numba functions. Arguments are flat arrays, whole numbers, np.float32 and
np.float64, NamedTuples of whole numbers, and Scratch.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core import cgutils, compiler_lock, registry
from numba.np.numpy_support import from_dtype

from convlet.engines.numba.simd.machine import ENTRY, I32, I64

Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Scratch:
    """An argument: memory that each thread has for itself, `size` elements. What it holds is unspecified."""

    size: int
    dtype: type[np.generic] = np.float32


def argument_type(argument: Any) -> Any:
    """The Numba type of a kernel's argument."""
    return (
        types.Array(from_dtype(np.dtype(argument.dtype)), 1, "C") if isinstance(argument, Scratch) else typeof(argument)
    )


def argument_types(arguments: Sequence[Any]) -> tuple[Any, ...]:
    """The Numba types of (low, high, *arguments)."""
    return (types.int64, types.int64, *map(argument_type, arguments))


def argument_words(argument: Any) -> list[int]:
    """The argument as 64-bit words, as `_value` reads them; an array as (address, size, bytes between threads)."""
    if isinstance(argument, np.ndarray):
        if argument.ndim != 1 or not argument.flags.c_contiguous or not argument.flags.writeable:
            raise TypeError(f"array of shape {argument.shape}: a job takes flat, contiguous, writeable arrays")
        return [argument.ctypes.data, argument.size, 0]
    if isinstance(argument, Scratch):
        return [0, argument.size, 0]  # the worklist fills them in
    if isinstance(argument, tuple):
        return [word for item in argument for word in argument_words(item)]
    if isinstance(argument, np.float32 | np.float64):
        return [int(argument.view(np.int32 if argument.itemsize == 4 else np.int64))]
    return [int(argument)]


_entries: dict[tuple[Any, ...], tuple[int, Any]] = {}  # the address, and what must live as long as it is used

_numbers = itertools.count()  # no name is used twice, also after an interrupt


def entry(kernel: Kernel, arguments: Sequence[Any]) -> int:
    """The address of the function (low, high, thread, words) that calls this kernel with arguments of these types."""
    kinds = argument_types(arguments)
    if (kernel, kinds) not in _entries:
        with compiler_lock.global_compiler_lock:
            if (kernel, kinds) not in _entries:  # another thread may have made it meanwhile
                kernel.compile(kinds)
                _entries[kernel, kinds] = _build(kernel.overloads[kinds], kinds)
    return _entries[kernel, kinds][0]


def _build(compiled: Any, kinds: tuple[Any, ...]) -> tuple[int, Any]:
    context = registry.cpu_target.target_context
    library = context.codegen().create_library("convlet.entry")
    module = library.create_ir_module("convlet.entry")
    function = ir.Function(module, ENTRY, f"convlet.entry.{next(_numbers)}")
    builder = ir.IRBuilder(function.append_basic_block())
    low, high, thread, words = function.args
    reader = _Reader(builder, words, thread)
    values = [low, high, *(_value(context, builder, kind, reader) for kind in kinds[2:])]
    result, convention = compiled.signature.return_type, context.call_conv
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    kind = convention.get_function_type(result, kinds)
    callee = builder.inttoptr(ir.Constant(I64, address), kind.as_pointer())
    status, returned = convention.call_function(builder, callee, result, kinds, values)
    stop = builder.zext(returned, I32) if result == types.boolean else ir.Constant(I32, 0)
    builder.ret(builder.select(status.is_error, ir.Constant(I32, 1), builder.shl(stop, ir.Constant(I32, 1))))
    library.add_ir_module(module)
    library.finalize()
    return library.get_pointer_to_function(function.name), (library, compiled)


class _Reader:
    """Reads words one after the other."""

    def __init__(self, builder: ir.IRBuilder, words: ir.Value, thread: ir.Value) -> None:
        self.builder, self.words, self.thread, self.position = builder, words, thread, 0

    def next(self) -> ir.Value:
        pointer = self.builder.gep(self.words, [ir.Constant(I64, self.position)])
        self.position += 1
        return self.builder.load(pointer)


def _value(context: Any, builder: ir.IRBuilder, kind: Any, words: _Reader) -> ir.Value:
    """LLVM code that makes a value of the Numba type `kind` from the next words."""
    if isinstance(kind, types.Array):
        return _array(context, builder, kind, words)
    if isinstance(kind, types.BaseTuple):
        return context.make_tuple(builder, kind, [_value(context, builder, item, words) for item in kind])
    word = words.next()
    if kind == types.float32:
        return builder.bitcast(builder.trunc(word, ir.IntType(32)), ir.FloatType())
    if kind == types.float64:
        return builder.bitcast(word, ir.DoubleType())
    return word


def _array(context: Any, builder: ir.IRBuilder, kind: Any, words: _Reader) -> ir.Value:
    first, size, stride = words.next(), words.next(), words.next()
    address = builder.add(first, builder.mul(stride, words.thread))
    element = context.get_data_type(kind.dtype)
    array = cgutils.create_struct_proxy(kind)(context, builder)  # no owner: whoever made the words holds the array
    array.data, array.nitems = builder.inttoptr(address, element.as_pointer()), size
    array.itemsize = ir.Constant(I64, context.get_abi_sizeof(element))
    array.shape, array.strides = cgutils.pack_array(builder, [size]), cgutils.pack_array(builder, [array.itemsize])
    return array._getvalue()
