"""Networks with weights and images, for what is written as ONNX and read back. Helpers; there are no tests here."""

import cases
import numpy as np

from convlet.descriptions.network import Sequential
from convlet.engines import engine

ALONE = {case.title: Sequential([case.layer], case.input_shape) for case in cases.LAYERS + cases.BLOCKS + cases.FIRST}
NETWORKS = ALONE | cases.NETWORKS | cases.FROZEN


def drawn(network, images=3):
    """(parameters, images) of a network, in float32."""
    generator = np.random.default_rng(1)
    parameters = {
        f"{placed.name}/{name}": array.astype(np.float32)
        for placed in network
        for name, array in cases.draw_weights(placed, generator).items()
    }
    return parameters, cases.draw_inputs((images, *network.input_shape), generator).astype(np.float32)


def model_of(dims, nodes, arrays, opset=17, **graph):
    """A model of nodes in a row, each (operator, further inputs, attributes), of images or rows of these axes."""
    from onnx import TensorProto, helper, numpy_helper

    row = [
        helper.make_node(kind, [f"v{place}" if place else "x", *more], [f"v{place + 1}"], f"node{place}", **how)
        for place, (kind, more, how) in enumerate(nodes)
    ]
    given = helper.make_tensor_value_info("x", graph.pop("type", TensorProto.FLOAT), ["N", *dims])
    made = helper.make_tensor_value_info(f"v{len(nodes)}", TensorProto.FLOAT, None)
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    whole = helper.make_graph(row, "graph", [given], [made], weights)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **graph)


def taken_in(model):
    """The network of a model, as `convlet import` takes it."""
    from convlet.exchange.graph.taking import imported
    from convlet.exchange.onnx.reading import parsed

    return imported(parsed(model.SerializeToString(), "model"), "model")


def compared(model, dims):
    """Assert that ours computes what ONNX Runtime does, on images of these axes."""
    import onnxruntime

    images = np.random.default_rng(1).uniform(-1, 1, (2, *dims)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": images})
    found = taken_in(model)
    ours = images.transpose(0, 2, 3, 1) if found.images.image else images.reshape(len(images), -1)
    outputs = engine("numpy").compile(found.network, found.parameters).predict(ours)
    outputs = outputs.transpose(0, 3, 1, 2) if found.output.image else outputs.reshape(expected.shape)
    assert outputs.shape == expected.shape
    assert np.abs(outputs - expected).max() < 1e-5
