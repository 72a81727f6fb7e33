"""A network in integers of 8 bits, for devices where floats are slow or weights too many.

A number x is an integer q by a scale of its value: x ≈ size × (q − zero). Weights have a size for each output and the
zero 0. Sums are of 32 bits, and become the next integers by a multiplication and a shift: all of it can be computed
bit for bit the same anywhere, here by NumPy.
Source: Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
CVPR 2018, section 2; a scale for each output is TensorFlow Lite's.

    scales.py       scales, and how sums become integers of 8 bits again
    calibrating.py  which numbers occur, on images
    steps.py        each kind of layer in integers: what it computes, and how C is asked for it
    quantizing.py   a network as such steps
"""
