"""Networks with weights and images, for what is written as ONNX and read back. Helpers; there are no tests here."""

import cases
import numpy as np

from convlet.descriptions.network import Sequential

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
