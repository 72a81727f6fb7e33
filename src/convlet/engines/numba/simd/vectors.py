"""SIMD vectors of any width as a Numba type: machine-speed kernels in plain Python.

Here is the article; the operations are in `vector_memory.py` and `vector_arithmetic.py`, the type in `vector_type.py`.

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
    `compiled_as` pairs two definitions. The body of each operation is its *meaning*, in NumPy, on arrays of `lanes`
    or (rows, lanes) elements; it is what runs when compilation is off (NUMBA_DISABLE_JIT=1), and it raises where
    it would leave the array. The decorator's argument writes the LLVM instructions that compiled code has instead.

Numerics
    `greater` is false for NaN and `maximum` keeps a NaN, as in NumPy. `total` adds in one fixed order.

What this is not: a general SIMD library. It has the operations that the kernels of this engine need, on
float32, int8 and masks, and no bounds checks: the buffer contract is in `buffers.py`.
"""

from convlet.engines.numba.simd.vector_arithmetic import (
    add,
    bits,
    div,
    either,
    either_nan,
    equal,
    fma,
    greater,
    lowest,
    maximum,
    mul,
    select,
    sqrt,
    sub,
    to_int8,
    total,
)
from convlet.engines.numba.simd.vector_memory import (
    add_rows,
    broadcast,
    broadcast_rows,
    element,
    load,
    load_rows,
    put,
    repeat,
    row_of,
    splat,
    store,
    store_rows,
)

__all__ = [
    "add",
    "add_rows",
    "bits",
    "broadcast",
    "broadcast_rows",
    "div",
    "either",
    "either_nan",
    "element",
    "equal",
    "fma",
    "greater",
    "load",
    "load_rows",
    "lowest",
    "maximum",
    "mul",
    "put",
    "repeat",
    "row_of",
    "select",
    "splat",
    "sqrt",
    "store",
    "store_rows",
    "sub",
    "to_int8",
    "total",
]
