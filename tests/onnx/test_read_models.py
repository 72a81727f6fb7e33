"""A model of ONNX as a network of ours: what we write comes back the same, and what others write is computed alike."""

from pathlib import Path

import numpy as np
import pytest
from onnx_models import NETWORKS, compared, drawn, model_of, taken_in

import convlet as cl
from convlet.engines import engine

onnx = pytest.importorskip("onnx", reason="ONNX is an extra: make test-extras")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is an extra: make test-extras")

from convlet.exchange.onnx import onnx_model  # noqa: E402

OTHERS = Path(__file__).parents[1] / "fixtures" / "onnx"


def shape_of(graph):
    """A graph without its names: each node with what gives its inputs, by place, or what is in them."""
    given = {graph.input[0].name: "image"}
    arrays = {array.name: onnx.numpy_helper.to_array(array).tolist() for array in graph.initializer}
    rows = []
    for place, node in enumerate(graph.node):
        how = sorted((each.name, onnx.helper.get_attribute_value(each)) for each in node.attribute)
        rows.append((node.op_type, [given.get(name, arrays.get(name)) for name in node.input], how))
        given[node.output[0]] = place
    return rows


@pytest.mark.parametrize("title", NETWORKS)
def test_what_is_written_is_read_and_written_again_as_the_same_graph(title):
    network = NETWORKS[title]
    parameters, images = drawn(network)
    written = onnx_model(network, parameters)
    found = taken_in(written)
    expected = engine("numpy").compile(network, parameters).predict(images)
    outputs = engine("numpy").compile(found.network, found.parameters).predict(images)
    assert np.abs(outputs - expected).max() <= 1e-6 * max(1, np.abs(expected).max())
    again = onnx_model(found.network, found.parameters)
    if title not in ("flatten vectors", "dropout on images", "dropout on vectors", "dropout 0"):  # no node at all
        assert shape_of(again.graph) == shape_of(written.graph)


def test_bytes_are_read_as_images_from_0_to_1_and_softmax_is_left_out(tmp_path):
    network = NETWORKS["the seed's deep network in small"]
    parameters, _ = drawn(network)
    model = onnx_model(network, parameters, classes=("a", "b", "c"), softmax=True, uint8=True)
    onnx.save(model, tmp_path / "model.onnx")
    run = cl.onnx.load(tmp_path / "model.onnx", engine="numpy")
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    (expected,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"images": images})
    assert np.abs(run.predict(images) - expected).max() < 1e-6
    assert run.classes == ("a", "b", "c")
    assert [placed.layer.describe().split()[0] for placed in run.network] == [
        *("Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense")
    ]


@pytest.mark.parametrize("exporter", ["traced", "captured"])
@pytest.mark.parametrize("name", ["resnet", "lenet", "depthwise", "preprocessed"])
def test_networks_of_pytorch_answer_as_they_did_there(name, exporter):
    run = cl.onnx.load(OTHERS / f"{name}-{exporter}.onnx", engine="numpy")
    answers = np.load(OTHERS / "answers.npz")
    found = run.predict(answers[f"{name}/images"].transpose(0, 2, 3, 1))
    assert np.abs(found - answers[f"{name}/probabilities"]).max() < 1e-6


def test_a_network_of_pytorch_is_trained_on_with_its_names_and_blocks():
    run = cl.onnx.load(OTHERS / "resnet-traced.onnx", engine="numpy")
    blocks = [layer for layer in run.network.layers if isinstance(layer, cl.Residual)]
    assert [len(block.shortcut) for block in blocks] == [0, 2]
    assert "body_0_c1/kernel" in run.program.state().parameters
    images = np.random.default_rng(0).random((20, 8, 8, 3), np.float32)
    further = cl.fit(
        run,
        (images, np.arange(20) % 5),
        steps=50,
        batch_size=10,
        optimizer=cl.Adam(0.01),
        engine="numpy",
        progress=False,
    )
    assert further.history.losses[-1] < further.history.losses[0] / 2


STREAM = np.random.default_rng(3)


def some(*shape):
    return STREAM.uniform(-1, 1, shape).astype(np.float32)


def whole(*numbers):
    return np.array(numbers, np.int64)


KERNEL = ("Conv", ["w"], {"pads": [1, 1, 1, 1]})
GRAPHS = {  # title: (one image's axes, nodes as (operator, further inputs, attributes), arrays)
    "rounded up": ((2, 7, 8), [("MaxPool", [], {"kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": 1})], {}),
    "averages rounded up": (
        (2, 7, 8),
        [("AveragePool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 0], "ceil_mode": 1})],
        {},
    ),
    "averages that count padding": (
        (3, 6, 5),
        [("AveragePool", [], {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "count_include_pad": 1})],
        {},
    ),
    "averages that count the padding that they work out": (
        (3, 9, 5),
        [
            ("AveragePool", [], {"kernel_shape": [3, 2], "auto_pad": auto, "strides": [2, 1], "count_include_pad": 1})
            for auto in ("SAME_UPPER", "SAME_LOWER", "VALID")
        ],
        {},
    ),
    "odd pixel first": (
        (2, 6, 7),
        [("Conv", ["w"], {"auto_pad": "SAME_LOWER", "strides": [2, 2]})],
        {"w": some(3, 2, 2, 3)},
    ),
    "odd pixel last": (
        (2, 6, 7),
        [("Conv", ["w"], {"auto_pad": "SAME_UPPER", "strides": [2, 2]})],
        {"w": some(3, 2, 2, 3)},
    ),
    "bias behind a convolution": ((2, 5, 4), [KERNEL, ("Add", ["b"], {})], {"w": some(3, 2, 3, 3), "b": some(3, 1, 1)}),
    "padding of its own": (
        (2, 5, 4),
        [("Pad", ["p"], {}), ("Conv", ["w"], {})],
        {"p": whole(0, 0, 2, 1, 0, 0, 0, 3), "w": some(3, 2, 3, 3)},
    ),
    "padding before a pool": (
        (2, 5, 4),
        [("Pad", ["p"], {}), ("MaxPool", [], {"kernel_shape": [2, 2]})],
        {"p": whole(0, 0, 1, 0, 0, 0, 1, 0)},
    ),
    "rows of a flattened image, every channel's together": (
        (3, 4, 2),
        [("Flatten", [], {}), ("Relu", [], {}), ("Gemm", ["w", "b"], {"transB": 1, "alpha": 0.5, "beta": 2.0})],
        {"w": some(5, 24), "b": some(5)},
    ),
    "normalised behind flattening": (
        (3, 4, 2),
        [
            ("Reshape", ["s"], {}),
            ("BatchNormalization", [*"gbmv"], {}),
            ("MatMul", ["w"], {}),
            ("Add", ["c"], {}),
        ],
        {"s": whole(-1, 24), "w": some(24, 4), "c": some(4)}
        | {"g": some(24), "b": some(24), "m": some(24), "v": some(24) + np.float32(1.5)},
    ),
    "a number for each place of a flattened image": (
        (3, 4, 2),
        [("Flatten", [], {}), ("Mul", ["a"], {}), ("Sub", ["b"], {}), ("MatMul", ["w"], {})],
        {"a": some(24), "b": some(1, 24), "w": some(24, 2)},
    ),
    "channels last and back": (
        (3, 4, 2),
        [("Transpose", [], {"perm": [0, 2, 3, 1]}), ("Mul", ["a"], {}), ("Flatten", [], {}), ("MatMul", ["w"], {})],
        {"a": some(3), "w": some(24, 2)},
    ),
    "means, and a convolution as dense layer": (
        (3, 4, 2),
        [("GlobalAveragePool", [], {}), ("Conv", ["w", "b"], {}), ("Relu", [], {}), ("Squeeze", ["a"], {})],
        {"w": some(4, 3, 1, 1), "b": some(4), "a": whole(2, 3)},
    ),
    "means over axes": ((3, 4, 2), [("ReduceMean", [], {"axes": [-1, 2], "keepdims": 0})], {}),
    "slopes": (
        (3, 4, 2),
        [("PRelu", ["s"], {}), ("LeakyRelu", [], {"alpha": 0.2}), ("Elu", [], {"alpha": 0.7}), ("HardSigmoid", [], {})],
        {"s": np.float32([0.3]).reshape(1, 1, 1)},
    ),
    "bounds": ((3, 4, 2), [("Clip", ["l", "h"], {})], {"l": np.float32(-0.3), "h": np.float32(0.4)}),
    "a bound above": ((3, 4, 2), [KERNEL, ("Clip", ["", "h"], {})], {"h": np.float32(0.4), "w": some(2, 3, 3, 3)}),
    "a bound below": ((3, 4, 2), [("Clip", ["l"], {})], {"l": np.float32(-0.3)}),
    "bounds that cross": ((3, 4, 2), [("Clip", ["l", "h"], {})], {"l": np.float32(0.5), "h": np.float32(-0.4)}),
    "a bound that is float32's lowest": (
        (3, 4, 2),
        [("Clip", ["l", "h"], {}), ("Clip", ["l"], {})],
        {"l": np.finfo(np.float32).min, "h": np.float32(0.4)},
    ),
    "a bound that is float32's largest": (
        (3, 4, 2),
        [("Clip", ["l", "h"], {}), ("Clip", ["", "h"], {})],
        {"l": np.float32(-0.3), "h": np.finfo(np.float32).max},
    ),
    "a bound far above": ((3, 4, 2), [("Clip", ["l", "h"], {})], {"l": np.float32(-0.3), "h": np.float32(1e9)}),
    "arithmetic alone": (
        (3, 4, 2),
        [("Neg", [], {}), ("Add", ["a"], {}), ("Div", ["b"], {})],
        {"a": some(1), "b": some(3, 1, 1)},
    ),
}


@pytest.mark.parametrize("title", GRAPHS)
def test_what_others_write_is_computed_as_onnx_runtime_does(title):
    dims, nodes, arrays = GRAPHS[title]
    compared(model_of(dims, nodes, arrays), dims)


FOLDED = {  # title: (the operator, its inputs, attributes, how many numbers come out)
    "steps without axes": ("Slice", ["table", "starts", "ends", "", "steps"], {}, (2, 2)),
    "axes without steps": ("Slice", ["table", "starts", "ends", "axes"], {}, (3, 2)),
    "a part of a shape": ("Shape", ["deep"], {"start": 1, "end": -1}, (2,)),
    "whole quotients of numbers below 0": ("Div", ["whole", "by"], {}, (4,)),
    "all axes of one number": ("Squeeze", ["deep"], {}, (3, 4)),
}


@pytest.mark.parametrize("title", FOLDED)
def test_what_is_worked_out_of_a_models_own_arrays_is_as_onnx_runtime_does(title):
    operator, inputs, how, dims = FOLDED[title]
    arrays = {
        "table": whole(*range(15)).reshape(3, 5),
        "starts": whole(1, 0),
        "ends": whole(3, 4),
        "steps": whole(1, 2),
        "axes": whole(1, 0),
        "deep": whole(*range(12)).reshape(3, 1, 4, 1),
        "whole": whole(-7, 7, -8, 7),
        "by": whole(2, -2, 2, 2),
    }
    arrays = {name: array for name, array in arrays.items() if name in inputs}
    model = model_of(dims, [("Add", ["floats"], {})], arrays)
    rest = list(model.graph.node)
    del model.graph.node[:]
    node = onnx.helper.make_node
    model.graph.node.extend([node(operator, inputs, ["folded"], **how), node("Cast", ["folded"], ["floats"], to=1)])
    model.graph.node.extend(rest)
    compared(model, dims)
