"""Pictures of networks whose layers are not one row: what each is given is what is drawn."""

import matplotlib.pyplot as plt
import numpy as np

from convlet.descriptions.layers import Activation, Conv2D, Dense, DepthwiseConv2D, Flatten, Residual
from convlet.descriptions.network import Sequential
from convlet.engines import engine
from convlet.report.facts.network import summary_json
from convlet.report.figures.kernels import kernels
from convlet.report.figures.maps import feature_maps
from convlet.report.figures.network import network_figure

NETWORK = Sequential(
    [
        DepthwiseConv2D(3, padding="same"),
        Residual([Conv2D(3, 3, 2, "same"), Flatten(), Dense(4)], shortcut=[Flatten(), Dense(4)]),
        *(Activation("relu"), Dense(3)),
    ],
    (6, 5, 2),
)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_drawing_names_what_a_layer_is_given_where_it_is_not_what_is_drawn_before():
    found = texts(network_figure(NETWORK))
    assert "depthwise_conv2d_1" in found  # before the shortcut's first layer
    assert "dense_1 +\ndense_2" in found
    plt.close("all")


def test_kernels_and_maps_of_a_network_with_shortcuts_are_drawn():
    parameters = NETWORK.initial_parameters(0)
    assert kernels(NETWORK, parameters) is not None
    image = np.random.default_rng(0).random((1, *NETWORK.input_shape)).astype(np.float32)
    outputs = engine("numpy").compile(NETWORK, parameters).activations(image)
    assert feature_maps(NETWORK, outputs, image[0, ..., :1], ["a", "b", "c"], "") is not None
    plt.close("all")


def test_facts_say_what_each_layer_is_given_and_what_it_is_inside():
    rows = {row["name"]: row for row in summary_json(NETWORK, None)["layers"]}
    assert rows["flatten_2"]["inputs"] == ["depthwise_conv2d_1"] and rows["flatten_2"]["inside"] == ["residual_1"]
    assert rows["residual_1"]["inputs"] == ["dense_1", "dense_2"] and rows["residual_1"]["inside"] == []
