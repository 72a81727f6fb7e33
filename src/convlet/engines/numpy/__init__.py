"""The reference engine: the definition of correct, written to be read. It computes with NumPy alone.

Read it in this order:

1. `sections.py`        cutting every section out of a batch of images, and adding sections back where they were cut
2. `convolution.py`     sections → expanded input → flattened input → one matrix product → kernel output
   `depthwise.py`       the same with a kernel of its own for each channel
3. `dense.py`           one linear layer, and dropout
4. `activations.py`     relu, those like it, tanh, sigmoid, softmax
5. `pooling.py`         the largest or the mean of each section
6. `normalization.py`   batch normalisation
7. `program.py`         the layers after each other, with shortcuts: forward, backward, and one step of training

A forward function is followed by its backward function. What backward needs, forward returns beside its outputs. A
gradient has the name of what it is a gradient by, with `d_` in front: `d_kernels` has the shape of `kernels`, and is
the derivative of the batch's mean loss. Dimension letters are those of `convlet.descriptions.layers`.
"""

from convlet.engines.numpy.program import compile

__all__ = ["compile"]
