"""What the options of a kernel make of its machine code."""

import numba
from numba import types

from convlet.engines.numba import compiling
from convlet.engines.numba.kernels import winograd


def test_a_kernel_counts_no_references_to_its_arrays():
    whole, floats = types.int64, types.float32[::1]
    compiled = numba.jit(**winograd.transform_kernels.targetoptions)(winograd.transform_kernels.py_func)
    compiled.compile((whole, whole, floats, floats, whole, whole, whole, floats))
    (llvm,) = compiled.inspect_llvm().values()
    assert "transform_kernels" in llvm and "NRT_incref" not in llvm and "NRT_decref" not in llvm


def test_a_numba_that_does_not_know_how_to_leave_counting_out_is_not_asked_to():
    assert compiling.OPTIONS["_nrt"] is False and compiling.EXACT["_nrt"] is True
    assert compiling._counting(False, type("OtherOptions", (), {})) == {}
