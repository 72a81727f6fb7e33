"""The browser's forward pass is the numpy engine's: every layer kind in every form, and the built-in networks."""

import cases
import numpy as np
import pytest

from convlet import datasets
from convlet.descriptions.network import Sequential
from convlet.engines import engine
from convlet.engines.numpy.layer import forward
from convlet.explore.wire import packet, weights
from convlet.runs.recipe import built_in, load_recipe
from convlet.training.initial import initial_parameters

RELATIVE = 1e-5  # of the largest value of the layer's output

ALL_OUTPUTS = """
    const count = arrays.images.shape[0];
    const length = arrays.images.values.length / count;
    return Array.from({length: count}, (_, i) =>
        convlet.forward(network, Float32Array.from(arrays.images.values.subarray(i * length, (i + 1) * length))));
"""


def browser_outputs(modules, network, parameters, images):
    """Every layer's output (N, *shape) as the browser computes it."""
    given = packet(network, {**weights(parameters), "images": images})
    answers = modules.run(ALL_OUTPUTS, given)
    return {
        placed.name: np.stack([answer[placed.name]["values"].reshape(placed.output_shape) for answer in answers])
        for placed in network
    }


def assert_close(outputs, expected):
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        assert outputs[name].dtype == np.float32
        assert np.abs(outputs[name] - values).max() <= RELATIVE * np.abs(values).max(), name


@pytest.mark.parametrize("case", cases.LAYERS, ids=cases.ids)
def test_a_layer_of_any_form_computes_in_the_browser_what_the_numpy_engine_computes(modules, case):
    own, inputs, _ = case.arrays(dtype=np.float32)
    placed = case.placed
    parameters = {f"{placed.name}/{name}": array for name, array in own.items()}
    expected, _ = forward(placed, own, inputs, masks=None)
    outputs = browser_outputs(modules, Sequential([case.layer], case.input_shape), parameters, inputs)
    assert_close(outputs, {placed.name: expected})


@pytest.mark.parametrize("name", cases.NETWORKS)
def test_small_networks_compute_the_same_in_every_layer(modules, name):
    network = cases.NETWORKS[name]
    parameters, images, _, _ = cases.network_arrays(network)
    parameters = {name: array.astype(np.float32) for name, array in parameters.items()}
    images = images.astype(np.float32)
    expected = engine("numpy").compile(network, parameters).activations(images)
    assert_close(browser_outputs(modules, network, parameters, images), expected)


@pytest.mark.parametrize("recipe", built_in())
def test_the_built_in_networks_compute_the_same_in_every_layer(modules, recipe):
    network = load_recipe(recipe).network
    parameters = initial_parameters(network, datasets.mnist(), seed=1)
    images = datasets.pixels(datasets.mnist().test.images[:3])
    expected = engine("numpy").compile(network, parameters).activations(images)
    assert_close(browser_outputs(modules, network, parameters, images), expected)


def test_a_kind_of_layer_that_the_page_does_not_know_is_said_by_name(modules):
    code = """
        try { convlet.kindOf({kind: "Conv9D", name: "conv9d_1"}); }
        catch (error) { return [error.name, error.message]; }
    """
    expected = ["RangeError", "layer conv9d_1: this page does not know a layer of the kind Conv9D"]
    assert modules.run(code) == expected


CHANGES = {
    "silenced kernels": {"silenced": [{"layer": "conv2d_1", "channel": 1}], "edited": []},
    "a silenced unit": {"silenced": [{"layer": "dense_1", "channel": 4}], "edited": []},
    "an edited weight": {
        "silenced": [],
        "edited": [{"layer": "conv2d_2", "parameter": "kernel", "index": 7, "value": 2.5}],
    },
    "several changes": {
        "silenced": [{"layer": "conv2d_2", "channel": 0}, {"layer": "conv2d_2", "channel": 3}],
        "edited": [{"layer": "dense_2", "parameter": "bias", "index": 1, "value": -1.5}],
    },
}


@pytest.fixture(scope="module")
def tutorial():
    """The tutorial's deep network in small, with its parameters and an image."""
    network = cases.NETWORKS["the seed's deep network in small"]
    parameters, images, _, _ = cases.network_arrays(network)
    parameters = {name: array.astype(np.float32) for name, array in parameters.items()}
    return network, parameters, images[:1].astype(np.float32)


@pytest.mark.parametrize("change", CHANGES)
def test_an_ablation_computes_what_a_network_with_other_weights_computes(modules, tutorial, change):
    network, parameters, images = tutorial
    given = packet(network, {**weights(parameters), "images": images})
    code = """
        const before = {network, outputs: convlet.forward(network, arrays.images.values)};
        return convlet.forwardAgain(convlet.ablate(network, change), before);
    """
    outputs = modules.run(code, given, change=CHANGES[change])
    changed = {name: array.copy() for name, array in parameters.items()}
    for edit in CHANGES[change]["edited"]:
        changed[f"{edit['layer']}/{edit['parameter']}"].reshape(-1)[edit["index"]] = edit["value"]
    for silenced in CHANGES[change]["silenced"]:
        changed[f"{silenced['layer']}/kernel"][..., silenced["channel"]] = 0
        changed[f"{silenced['layer']}/bias"][silenced["channel"]] = 0
    expected = engine("numpy").compile(network, changed).activations(images)
    assert_close({name: outputs[name]["values"].reshape(1, *expected[name].shape[1:]) for name in expected}, expected)


def test_after_a_change_only_what_follows_is_computed_again(modules, tutorial):
    network, parameters, images = tutorial
    given = packet(network, {**weights(parameters), "images": images})
    code = """
        const before = {network, outputs: convlet.forward(network, arrays.images.values)};
        const after = convlet.forwardAgain(convlet.ablate(network, change), before);
        return [...after.keys()].filter((name) => after.get(name) === before.outputs.get(name));
    """
    kept = modules.run(code, given, change=CHANGES["an edited weight"])
    assert kept == ["@image", "conv2d_1", "max_pooling2d_1"]


@pytest.mark.parametrize("bytes_kept", [0, 10_000, 2**20])
def test_images_seen_again_by_changed_networks_are_computed_as_if_seen_anew(modules, tutorial, bytes_kept):
    network, parameters, _ = tutorial
    images = np.random.default_rng(0).random((5, *network.input_shape), np.float32)
    given = packet(network, {**weights(parameters), "images": images})
    code = """
        const images = Array.from({length: 5}, (_, i) => arrays.images.values.slice(64 * i, 64 * (i + 1)));
        const memory = new convlet.Memory(network, most);
        const networks = [network, ...changes.map((change) => convlet.ablate(network, change)), network];
        const ways = [(each, image) => memory.outputs(each, image), convlet.forward];
        return networks.map((each) => images.map((image) =>
            ways.map((way) => convlet.logits(each, way(each, image)))));
    """
    for of_network in modules.run(code, given, changes=list(CHANGES.values()), most=bytes_kept):
        for again, anew in of_network:
            assert np.allclose(again, anew, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"silenced": [{"layer": "conv", "channel": 1}], "edited": []}, "layer conv: there is none"),
        (
            {"silenced": [{"layer": "flatten_1", "channel": 3}], "edited": []},
            "layer flatten_1 has no kernels to silence",
        ),
        (
            {"silenced": [{"layer": "conv2d_1", "channel": 3}], "edited": []},
            "channel of layer conv2d_1: 3 is not one of 3",
        ),
        (
            {"silenced": [], "edited": [{"layer": "dense_2", "parameter": "bias", "index": 3, "value": 0}]},
            "index in dense_2/bias: 3 is not one of 3",
        ),
    ],
)
def test_an_ablation_of_what_is_not_there_is_refused(modules, tutorial, change, complaint):
    network, parameters, _ = tutorial
    code = "try { convlet.ablate(network, change); } catch (error) { return error.message; }"
    assert modules.run(code, packet(network, weights(parameters)), change=change) == complaint
