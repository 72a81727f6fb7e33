"""Receptive fields, as the browser says them: exactly where a changed number changes the output."""

import numpy as np
import pytest

from convlet.descriptions.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from convlet.descriptions.network import IMAGE, Sequential
from convlet.engines import engine
from convlet.engines.numpy.layer import forward
from convlet.explore.wire import packet, weights

# Only layers that hand on every growth of an input: all weights are positive, and what is added is large.
STACKS = {
    "convolutions, same": [Conv2D(2, 3, padding="same"), Conv2D(3, (5, 2), padding="same")],
    "convolutions, valid": [Conv2D(2, 3), Conv2D(2, (2, 4)), MaxPooling2D(2)],
    "strides, same": [Conv2D(2, 3, 2, "same"), AveragePooling2D(2, padding="same"), Conv2D(2, 3, padding="same")],
    "strides beyond the kernel": [Conv2D(2, 2, 3), Conv2D(2, 2)],
    "overlapping pools": [
        MaxPooling2D(3, 1, "same"),
        Conv2D(2, (3, 1), (2, 1), "same"),
        AveragePooling2D(3, 2, "same"),
    ],
    "normalised, dropped": [Conv2D(2, 3, padding="same"), BatchNormalization(), Dropout(0.5), MaxPooling2D((3, 2))],
    "flat": [Conv2D(2, 3, padding="same"), MaxPooling2D(3), Flatten()],
    "dense": [Conv2D(2, 3), Flatten(), Dense(3)],
    "averaged": [Conv2D(2, 3, 4, "same"), GlobalAveragePooling2D()],
}
SHAPE = (11, 10, 2)


def positive(network):
    generator = np.random.default_rng(0)
    return {
        name: generator.uniform(0.5, 1, parameter.shape).astype(np.float32)
        for name, parameter in network.parameters.items()
    }


def reached(network, parameters):
    """For each pixel of the image, which outputs of each layer change with it: {layer: bool (H, W, *output shape)}."""
    height, width, _ = network.input_shape
    images = np.ones((height * width + 1, *network.input_shape), np.float32)
    for pixel in range(height * width):
        images[pixel, pixel // width, pixel % width] += 100
    changed = {}
    values = images
    for placed in network:
        own = {name.rpartition("/")[2]: parameters[name] for name in placed.parameters}
        values, _ = forward(placed, own, values, masks=None)
        changed[placed.name] = (values[:-1] != values[-1:]).reshape(height, width, *placed.output_shape)
    return changed


@pytest.mark.parametrize("stack", STACKS)
def test_a_receptive_field_is_the_smallest_box_around_the_pixels_that_matter(modules, stack):
    network = Sequential(STACKS[stack], SHAPE)
    parameters = positive(network)
    last = list(network)[-1]
    code = """
        const layer = network.layers.at(-1);
        return Array.from({length: convlet.size(layer.outputShape)}, (_, i) =>
            convlet.receptiveField(network, layer.name, convlet.regionOf(convlet.position(layer.outputShape, i))));
    """
    fields = modules.run(code, packet(network, weights(parameters)))
    changed = reached(network, parameters)[last.name].reshape(*SHAPE[:2], -1)
    for i, field in enumerate(fields):
        rows, columns = np.nonzero(changed[..., i])
        expected = [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1]
        assert [field["image"][side] for side in ("top", "bottom", "left", "right")] == expected
        assert field["layers"][IMAGE] == field["image"]
        assert field["uncut"]["top"] <= field["image"]["top"]
        assert field["uncut"]["bottom"] >= field["image"]["bottom"]


def test_a_field_at_a_corner_is_cut_by_the_border_and_the_uncut_one_is_not(modules):
    network = Sequential([Conv2D(1, 5, padding="same"), MaxPooling2D(2), Conv2D(1, 5, padding="same")], (28, 28, 1))
    code = """
        const corner = {top: 0, bottom: 1, left: 13, right: 14, first: 0, last: 1};
        return convlet.receptiveField(network, "conv2d_2", corner);
    """
    field = modules.run(code, packet(network, positive(network)))
    # two rows of pooling outputs to each side are four of the image, and the first kernel adds two more to each side
    assert field["uncut"] == {"top": -6, "bottom": 8, "left": 20, "right": 34, "first": 0, "last": 1}
    assert field["image"] == {"top": 0, "bottom": 8, "left": 20, "right": 28, "first": 0, "last": 1}
    assert field["layers"]["max_pooling2d_1"] == {"top": 0, "bottom": 3, "left": 11, "right": 14, "first": 0, "last": 1}


def test_a_field_is_the_same_for_a_layer_and_for_the_region_that_it_covers_there(modules):
    network = Sequential(STACKS["convolutions, same"], SHAPE)
    code = """
        const whole = convlet.everywhere(network.layers[1].outputShape);
        return convlet.receptiveField(network, network.layers[1].name, whole).image;
    """
    found = modules.run(code, packet(network, positive(network)))
    assert found == {"top": 0, "bottom": 11, "left": 0, "right": 10, "first": 0, "last": 2}


@pytest.mark.parametrize("name", [IMAGE, "conv2d_1", "max_pooling2d_1", "flatten_1"])
def test_with_another_number_the_classes_say_what_the_rest_of_the_network_makes_of_it(modules, name):
    stack = [Conv2D(3, 3, padding="same", activation="relu"), MaxPooling2D(2), Conv2D(2, 3, activation="tanh")]
    network = Sequential([*stack, Flatten(), Dense(4)], (8, 7, 1))
    parameters = network.initial_parameters(seed=2)
    image = np.random.default_rng(1).random((1, 8, 7, 1), np.float32)
    position = {"row": 0, "column": 0, "channel": 0}
    code = """
        const outputs = convlet.forward(network, arrays.images.values);
        return convlet.logits(network, convlet.without(network, outputs, name, position, 5));
    """
    found = modules.run(code, packet(network, {**parameters, "images": image}), name=name, position=position)
    outputs = {IMAGE: image, **engine("numpy").compile(network, parameters).activations(image)}
    values = outputs[name].copy()
    values.reshape(-1)[0] = 5
    names = [IMAGE, *(placed.name for placed in network)]
    for placed in list(network)[names.index(name) :]:
        own = {parameter.rpartition("/")[2]: parameters[parameter] for parameter in placed.parameters}
        values, _ = forward(placed, own, values, masks=None)
    assert np.allclose(found, values[0], rtol=0, atol=1e-6)
    assert not np.allclose(found, outputs["dense_1"][0], rtol=0, atol=1e-6)


def test_layers_are_computed_from_what_they_name_not_from_what_stands_before_them(modules):
    network = Sequential([Conv2D(1, 3, padding="same", name="first"), Conv2D(1, (1, 3), padding="same")], (5, 6, 1))
    parameters = positive(network)
    image = np.random.default_rng(0).random((1, 5, 6, 1), np.float32)
    given = packet(network, {**parameters, "images": image})
    given.description["network"]["layers"][1]["inputs"] = [IMAGE]
    code = """
        const outputs = convlet.forward(network, arrays.images.values);
        const corner = {row: 0, column: 0, channel: 0};
        return {
            outputs,
            section: convlet.explain(network, outputs, "conv2d_2", corner).sections[0].layer,
            readers: convlet.usesOf(network, outputs, convlet.IMAGE, corner).map(({layer}) => layer),
            field: convlet.receptiveField(network, "conv2d_2", convlet.regionOf(corner)),
        };
    """
    found = modules.run(code, given)
    [beside] = Sequential([network.layers[1]], network.input_shape)
    own = {name.rpartition("/")[2]: parameters[name] for name in beside.parameters}
    expected, _ = forward(beside, own, image, masks=None)
    assert np.allclose(found["outputs"]["conv2d_2"]["values"], expected.reshape(-1), rtol=0, atol=1e-6)
    assert found["section"] == IMAGE
    assert found["readers"] == ["first", "conv2d_2"]
    assert found["field"]["image"] == {"top": 0, "bottom": 1, "left": 0, "right": 2, "first": 0, "last": 1}
    assert "first" not in found["field"]["layers"]
