"""Every opset that is said to be read, in the words that it has for what later ones say otherwise."""

import numpy as np
import onnx_models
import pytest

pytest.importorskip("onnx", reason="ONNX is an extra: make test-extras")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is an extra: make test-extras")

from convlet.exchange.onnx.reading import OPSETS

STREAM = np.random.default_rng(4)
LAST = OPSETS[-1]


def some(*shape):
    return STREAM.uniform(-1, 1, shape).astype(np.float32)


def whole(*numbers):
    return np.array(numbers, np.int64)


LOW, HIGH = np.float32(-0.3), np.float32(0.4)
KERNEL = ("Conv", ["w"], {})
ROWS = ("MatMul", ["w"], {})
POOLED = ("GlobalAveragePool", [], {})
NETWORK = [
    ("Conv", ["w", "b"], {"pads": [1, 1, 1, 1]}),
    ("BatchNormalization", ["g", "e", "m", "v"], {"epsilon": 1e-3}),
    *(("Relu", [], {}), ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]})),
    *(("AveragePool", [], {"kernel_shape": [2, 2]}), ("Flatten", [], {}), ("Gemm", ["k", "c"], {"transB": 1})),
    *(("LeakyRelu", [], {"alpha": 0.1}), ("Elu", [], {}), ("Sigmoid", [], {}), ("Tanh", [], {})),
    *(("HardSigmoid", [], {}), ("Reshape", ["s"], {})),
]
WEIGHTS = {"w": some(4, 2, 3, 3), "b": some(4), "g": some(4), "e": some(4), "m": some(4), "v": some(4) ** 2}
WEIGHTS |= {"k": some(5, 36), "c": some(5), "s": whole(0, -1)}
FORMS = {  # title: (since which opset, until which, one image's axes, nodes, arrays)
    "a network": (9, LAST, (2, 8, 8), NETWORK, WEIGHTS),
    "bounds as attributes": (9, 10, (2, 5, 4), [("Clip", [], {"min": -0.3, "max": 0.4})], {}),
    "a bound above as attribute": (9, 10, (2, 5, 4), [("Clip", [], {"max": 0.4})], {}),
    "bounds as inputs": (11, LAST, (2, 5, 4), [("Clip", ["l", "h"], {})], {"l": LOW, "h": HIGH}),
    "padding as attribute": (9, 10, (2, 5, 4), [("Pad", [], {"pads": [0, 0, 2, 1, 0, 0, 0, 3]}), KERNEL], {}),
    "padding as input": (11, LAST, (2, 5, 4), [("Pad", ["p"], {}), KERNEL], {"p": whole(0, 0, 2, 1, 0, 0, 0, 3)}),
    "padding of some axes": (
        *(18, LAST, (2, 5, 4)),
        *([("Pad", ["p", "", "a"], {}), KERNEL], {"p": whole(2, 1, 0, 3), "a": whole(2, -1)}),
    ),
    "dropout's rate as attribute": (9, 11, (8,), [("Dropout", [], {"ratio": 0.3}), ROWS], {}),
    "dropout's rate as input": (12, LAST, (8,), [("Dropout", ["r"], {}), ROWS], {"r": HIGH}),
    "squeezed axes as attribute": (9, 12, (3, 4, 2), [POOLED, ("Squeeze", [], {"axes": [2, 3]}), ROWS], {}),
    "squeezed axes as input": (13, LAST, (3, 4, 2), [POOLED, ("Squeeze", ["a"], {}), ROWS], {"a": whole(2, 3)}),
    "means over axes as attribute": (9, 17, (3, 4, 2), [("ReduceMean", [], {"axes": [2, 3], "keepdims": 0})], {}),
    "means over axes as input": (18, LAST, (3, 4, 2), [("ReduceMean", ["a"], {"keepdims": 0})], {"a": whole(2, 3)}),
    "softmax over all that follows": (9, 12, (6,), [("Softmax", [], {}), ROWS], {}),
    "softmax over the last axis": (
        *(13, LAST, (3, 4, 2)),
        *([("Transpose", [], {"perm": [0, 2, 3, 1]}), ("Softmax", [], {}), ("Transpose", [], {"perm": [0, 3, 1, 2]})],),
        {},
    ),
    "hard swish": (14, LAST, (3, 4, 2), [("HardSwish", [], {})], {}),
    "gelu": (20, LAST, (3, 4, 2), [("Gelu", [], {})], {}),
}
CASES = [(title, opset) for title, (since, until, *_) in FORMS.items() for opset in range(since, until + 1)]


def kernel(dims, nodes):
    """The weights that a form's nodes ask for: of a convolution, or of rows."""
    return some(3, dims[0], 3, 3) if KERNEL in nodes else some(dims[0], 2)


@pytest.mark.parametrize(("title", "opset"), CASES)
def test_each_opsets_own_words_are_computed_as_onnx_runtime_does(title, opset):
    _, _, dims, nodes, arrays = FORMS[title]
    needed = {"w": kernel(dims, nodes), **arrays} if {"w"} & {name for _, more, _ in nodes for name in more} else arrays
    onnx_models.compared(onnx_models.model_of(dims, nodes, needed, opset=opset), dims)


def test_every_opset_that_is_read_is_tried():
    assert {opset for _, opset in CASES} == set(OPSETS)
