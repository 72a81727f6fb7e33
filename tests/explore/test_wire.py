"""What Python writes for the page: a description in words and whole numbers, and a buffer of arrays."""

import json

import cases
import numpy as np
import pytest

from convlet.descriptions.layers import Dense, Flatten
from convlet.descriptions.network import IMAGE, Sequential
from convlet.errors import InputError
from convlet.explore.wire import ALIGNMENT, describe, pack, packet, weights

SMALL = Sequential([Flatten(), Dense(3, name="last")], (2, 2, 1))


def test_every_array_stands_where_the_description_says_little_endian():
    arrays = {
        "a": np.arange(3, dtype=np.uint8),
        "b": np.array([[1.5, -2.25]], np.float32),
        "c": np.array([7, -1], np.int32),
        "d": np.array([0.5], np.float16),
        "e": np.arange(4, dtype=">f4"),
    }
    places, buffer = pack(arrays)
    for name, array in arrays.items():
        place = places[name]
        dtype = np.dtype(place["dtype"]).newbyteorder("<")
        found = np.frombuffer(buffer, dtype, array.size, place["offset"]).reshape(place["shape"])
        assert place["offset"] % ALIGNMENT == 0
        assert place["dtype"] == array.dtype.name
        assert np.array_equal(found, array)


def test_arrays_of_a_kind_the_page_cannot_hold_are_refused_by_name():
    with pytest.raises(InputError, match=r"arrays\['x'\]: dtype float64; expected one of uint8, int32, float16"):
        pack({"x": np.zeros(2)})


def test_a_layer_is_described_with_its_input_shapes_window_parameters_and_costs():
    description = describe(cases.NETWORKS["normalised, strided, averaged"])
    assert description["image"] == [12, 11, 2]
    assert description["layers"][0] == {
        "name": "conv2d_1",
        "kind": "Conv2D",
        "inputs": [IMAGE],
        "output_shape": [6, 6, 4],
        "settings": {
            "filters": 4,
            "kernel_size": (3, 2),
            "strides": (2, 2),
            "padding": "same",
            "activation": None,
            "use_bias": False,
        },
        "window": {"size": (3, 2), "strides": (2, 2), "positions": (6, 6), "padding": ((0, 1), (0, 1))},
        "parameters": {"kernel": "conv2d_1/kernel"},
        "weights": 48,
        "uses": 36,
        "multiply_adds": 1728,
    }


def test_each_layer_names_the_one_it_reads_from():
    assert [layer["inputs"] for layer in describe(SMALL)["layers"]] == [[IMAGE], ["flatten_1"]]


@pytest.mark.parametrize("network", cases.NETWORKS.values(), ids=list(cases.NETWORKS))
def test_the_description_of_a_network_is_json_without_arrays(network):
    parameters = weights(network.initial_parameters(0))
    given = packet(network, parameters, classes=["a", "b", "c"])
    assert json.loads(json.dumps(given.description, allow_nan=False))["classes"] == ["a", "b", "c"]
    assert given.description["arrays"].keys() == parameters.keys()


def test_half_precision_is_used_but_for_arrays_with_numbers_too_large_for_it():
    parameters = {"a/kernel": np.array([1 / 3, 2.0]), "a/bias": np.array([1.0, 70_000.0])}
    halved = weights(parameters, half=True)
    assert halved["a/kernel"].dtype == np.float16
    assert halved["a/bias"].dtype == np.float32
    assert np.array_equal(halved["a/bias"], [1, 70_000])


def test_the_browser_reads_the_arrays_that_python_wrote(modules):
    arrays = {
        "uint8": np.array([0, 7, 255], np.uint8),
        "int32": np.array([-5, 2**31 - 1], np.int32),
        "float32": np.array([[0.1, -3.25e38], [np.inf, 1e-45]], np.float32).reshape(2, 2, 1),
    }
    found = modules.run("return arrays", packet(SMALL, {**arrays, **weights(SMALL.initial_parameters(0))}))
    for name, array in arrays.items():
        assert found[name]["shape"] == list(array.shape)
        assert found[name]["values"].dtype == array.dtype
        assert np.array_equal(found[name]["values"], array.reshape(-1))


def test_the_browser_reads_every_float16(modules):
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    given = packet(SMALL, {"halves": halves, **weights(SMALL.initial_parameters(0))})
    found = modules.run("return arrays.halves.values", given)
    assert np.array_equal(found, halves.astype(np.float32), equal_nan=True)


def test_the_browser_refuses_another_format(modules):
    code = """
        try { convlet.read({format: "convlet page 0"}, new ArrayBuffer(0)); } catch (error) { return error.message; }
    """
    assert modules.run(code) == "format convlet page 0: this page reads convlet page 1"
