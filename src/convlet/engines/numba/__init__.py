"""The fast engine: compiled kernels, written in Python.

Read it in this order:

1. `vectors.py`        SIMD vectors of any width as a Numba type; `compiling.py`: how functions are compiled;
                       `cache.py`: what is kept of that on disk
2. `buffers.py`        how arrays lie in memory
3. the kernels         forward and backward: `convolution.py`, `convolution_gradients.py`, `sparse_convolution.py`,
                       `finishing.py`; `winograd_transforms.py`, `winograd.py`, `winograd_gradients.py`; `dense.py`,
                       `dense_gradients.py`; `pooling.py`; `normalization.py`, `normalization_gradients.py`;
                       `activations.py`, `elementwise.py`; `head.py`; `updates.py`
4. `lowering.py`       layers → blocks (`blocks.py`), fused where that saves memory or arithmetic
5. `assembly/`         a block → jobs: kernels with their arguments; `layouts.py` and `weights.py`: where everything is
6. `worklist.py`       the jobs of a whole step, which threads work through without Python; `entries.py`, `threads.py`,
                       `forks.py`
7. `passes.py`, `program.py`   worklists and memory for any number of images; the engine's side of the door;
                       `profiling.py`: where the time of a step goes
"""

from convlet.engines.numba.assembly.lowering import plan
from convlet.engines.numba.program import compile
from convlet.engines.numba.running.threads import set_threads

__all__ = ["compile", "plan", "set_threads"]
