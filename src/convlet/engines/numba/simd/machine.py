"""What Numba has no name for: atomic counters, waiting, how a core treats denormals, and calls by address.

Each is written as in `vectors.py`: the body says what it means to uncompiled code, the decorator's argument which
LLVM instructions compiled code has instead.
"""

import ctypes
import platform
import sys
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils

from convlet.engines.numba.simd.vector_memory import pointer_to
from convlet.engines.numba.simd.vector_type import compiled_as

I32, I64 = ir.IntType(32), ir.IntType(64)
X86 = platform.machine().lower() in ("x86_64", "amd64")
ARM = platform.machine().lower() in ("aarch64", "arm64")

# What flushes denormals to zero: bits 15 (results) and 6 (operands) of MXCSR on x86, bit 24 of FPCR on ARM.
FLUSH = (1 << 15 | 1 << 6) if X86 else 1 << 24


def _declare(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)


# --------------------------------------------------------------------------------------------------- counters
def _fetch_add(typing: Any, counters: Any, index: Any, amount: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointer = pointer_to(context, builder, counters, args[0], args[1])
        return builder.atomic_rmw("add", pointer, args[2], "seq_cst")

    return types.int64(counters, types.intp, types.int64), generate


@compiled_as(_fetch_add)
def fetch_add(counters: np.ndarray, index: int, amount: int) -> int:
    """Add to an int64 counter in one indivisible step, and return what it was before."""
    before = int(counters[index])
    counters[index] += amount
    return before


def _peek(typing: Any, counters: Any, index: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.load_atomic(pointer_to(context, builder, counters, args[0], args[1]), "seq_cst", 8)

    return types.int64(counters, types.intp), generate


@compiled_as(_peek)
def peek(counters: np.ndarray, index: int) -> int:
    """An int64 counter as it is now; whatever its writer wrote before it is visible afterwards."""
    return int(counters[index])


# ---------------------------------------------------------------------------------------------------- the core
def _pause(typing: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        if X86:
            builder.call(_declare(builder, "llvm.x86.sse2.pause", ir.VoidType()), [])
        elif ARM:
            builder.call(_declare(builder, "llvm.aarch64.hint", ir.VoidType(), I32), [ir.Constant(I32, 1)])
        return context.get_dummy_value()

    return types.void(), generate


@compiled_as(_pause)
def pause() -> None:
    """Tell the core that this thread is waiting for another: a few dozen cycles without work."""


def _prefetch(typing: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        byte = ir.IntType(8).as_pointer()
        function = _declare(builder, "llvm.prefetch.p0", ir.VoidType(), byte, I32, I32, I32)
        pointer = builder.bitcast(pointer_to(context, builder, array, args[0], args[1]), byte)
        builder.call(function, [pointer, *(ir.Constant(I32, n) for n in (0, 3, 1))])  # to read, keep, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@compiled_as(_prefetch)
def prefetch(array: np.ndarray, index: int) -> None:
    """Ask for the cache line of array[index] to be brought near, without waiting for it. Any index will do."""


# The system's own functions, under names that compiled code finds them by: also what an earlier process compiled.
if sys.platform == "win32":
    _system = ctypes.WinDLL("kernel32")
    _yield_core, _sleep, NAP = _system.SwitchToThread, _system.Sleep, 1  # ms
else:
    _system = ctypes.CDLL(None)
    _yield_core, _sleep, NAP = _system.sched_yield, _system.usleep, 500  # µs
binding.add_symbol("convlet_yield_core", ctypes.cast(_yield_core, ctypes.c_void_p).value)
binding.add_symbol("convlet_sleep", ctypes.cast(_sleep, ctypes.c_void_p).value)


def _let_others_run(typing: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        builder.call(_declare(builder, "convlet_yield_core", I32), [])
        return context.get_dummy_value()

    return types.void(), generate


@compiled_as(_let_others_run)
def let_others_run() -> None:
    """Give the core to a thread that waits for one, if there is any."""


def _nap(typing: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        builder.call(_declare(builder, "convlet_sleep", I32, I32), [ir.Constant(I32, NAP)])
        return context.get_dummy_value()

    return types.void(), generate


@compiled_as(_nap)
def nap() -> None:
    """Sleep for about a millisecond."""


def _get_float_mode(typing: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        if X86:
            slot = cgutils.alloca_once(builder, I32)
            builder.call(_declare(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), slot.type), [slot])
            return builder.zext(builder.load(slot), I64)
        if ARM:
            return builder.call(_declare(builder, "llvm.aarch64.get.fpcr", I64), [])
        return ir.Constant(I64, 0)

    return types.int64(), generate


@compiled_as(_get_float_mode)
def get_float_mode() -> int:
    """This thread's register that says how floats round and whether denormals are flushed."""
    return 0


def _set_float_mode(typing: Any, mode: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        if X86:
            slot = cgutils.alloca_once(builder, I32)
            builder.store(builder.trunc(args[0], I32), slot)
            builder.call(_declare(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), slot.type), [slot])
        elif ARM:
            builder.call(_declare(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), I64), [args[0]])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@compiled_as(_set_float_mode)
def set_float_mode(mode: int) -> None:
    """Set that register. A kernel called by address cannot be moved across this by the compiler."""


# ------------------------------------------------------------------------------------------------------- calls
ENTRY = ir.FunctionType(I32, [I64, I64, I64, I64.as_pointer()])  # (low, high, thread, words) → 0, 1 or 2


def _call(typing: Any, address: Any, low: Any, high: Any, thread: Any, words: Any, start: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        entry = builder.inttoptr(args[0], ENTRY.as_pointer())
        pointer = pointer_to(context, builder, words, args[4], args[5])
        return builder.sext(builder.call(entry, [*args[1:4], pointer]), I64)

    six = (types.int64, types.int64, types.int64, types.int64, words, types.intp)
    return types.int64(*six), generate


@compiled_as(_call)
def call(address: int, low: int, high: int, thread: int, words: np.ndarray, start: int) -> int:
    """Call the entry (`entries.py`) at this address, with the arguments at words[start:]; returns what it returns."""
    raise NotImplementedError("entries exist only where kernels are compiled")
