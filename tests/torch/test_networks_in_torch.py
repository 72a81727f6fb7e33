"""A network as a module of PyTorch's and back: the same numbers both ways, the same layers, frozen where they were."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from onnx_models import NETWORKS, drawn
from roaming import examples
from strategies import networks

import convlet as cl
from convlet.descriptions.network import Sequential
from convlet.engines import engine

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make test-torch")

from convlet.exchange.graph.taking import imported  # noqa: E402
from convlet.exchange.torch import torch_module  # noqa: E402
from convlet.exchange.torch.reading import graph_of  # noqa: E402

OWN_WORDS = ("name", "padding", "strides", "layers", "shortcut")  # what may be said in another way, or is elsewhere


def answered(module, images):
    """What a module gives for our images or rows, in our order of axes."""
    first = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images
    with torch.no_grad():
        outputs = module(torch.from_numpy(np.ascontiguousarray(first))).numpy()
    return outputs.transpose(0, 2, 3, 1) if outputs.ndim == 4 else outputs


def computed(network, parameters, images):
    return engine("numpy").compile(network, parameters).predict(images)


def close(found, expected):
    return found.shape == expected.shape and np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


def facts(network):
    """All that each layer is, but for its name and how its weights began; where a window goes rather than how that is
    said.
    """
    rows = []
    for placed in network:
        names = [each.name for each in fields(placed.layer)]
        told = {
            name: getattr(placed.layer, name) for name in names if name not in OWN_WORDS and "initializer" not in name
        }
        window = placed.layer.window(placed.input_shape) if hasattr(placed.layer, "window") else None
        if placed.layer.branches:
            told.clear()  # a block is frozen where all in it is
        rows.append((type(placed.layer).__name__, told, window, placed.output_shape, len(placed.inside)))
    return rows


def back_and_forth(network, parameters, images):
    """Assert that a network is the same in PyTorch, and comes back as it was."""
    expected = computed(network, parameters, images)
    module = torch_module(network, parameters)
    assert close(answered(module, images), expected)
    found = imported(graph_of(module, network.input_shape, "module"), "module")
    assert close(computed(found.network, found.parameters, images), expected)
    return found.network


@pytest.mark.parametrize("title", NETWORKS)
def test_a_network_goes_to_pytorch_and_comes_back_as_it_was(title):
    network = NETWORKS[title]
    found = back_and_forth(network, *drawn(network))
    if title != "flatten vectors":  # which is nothing
        assert facts(found) == facts(network)


@given(networks())
@examples(25)
def test_random_networks_answer_the_same_there_and_back(network):
    back_and_forth(network, *drawn(network))


def test_what_stands_in_a_row_of_a_flattened_image_is_found_again_whatever_comes_between():
    between = [cl.Dropout(0.5), cl.BatchNormalization(), cl.Activation("tanh"), cl.Rescaling(2.0)]
    network = Sequential([cl.Conv2D(3, 2), cl.Flatten(), *between, cl.Dense(4), cl.Dense(2)], (4, 5, 2))
    back_and_forth(network, *drawn(network))
    module = torch_module(network, drawn(network)[0])
    assert all(type(each).__module__.startswith("torch.nn") for each in module if "Rescaling" not in repr(each))


@pytest.mark.parametrize(
    "layers",
    [
        [cl.Flatten()],
        [cl.Flatten(), cl.Activation("relu")],
        [cl.Residual([cl.Flatten(), cl.Dense(40)], shortcut=[cl.Flatten()]), cl.Dense(2)],
        [cl.Flatten(), cl.Residual([cl.Dense(7), cl.Dense(40)]), cl.Dense(2)],
    ],
)
def test_a_flattened_image_that_no_dense_layer_takes_keeps_our_order(layers):
    network = Sequential(layers, (4, 5, 2))
    back_and_forth(network, *drawn(network))


@pytest.mark.parametrize("kind", [cl.MaxPooling2D, cl.AveragePooling2D])
def test_a_pool_with_more_pixels_around_than_pytorch_has_goes_there_and_back(kind):
    """PyTorch's own padding is at most half of a window."""
    network = Sequential([kind(3, 2, ((2, 2), (2, 2))), kind(2, 1, ((1, 1), (1, 1)))], (5, 6, 2))
    assert facts(back_and_forth(network, *drawn(network))) == facts(network)


def test_a_module_has_our_names_and_no_more_to_learn_than_ours():
    layers = [
        cl.Conv2D(2, 3, activation="relu", name="forward", trainable=False),
        cl.BatchNormalization(0.9, scale=False, name="norm"),
        cl.Flatten(),
        cl.Dense(3, name="last"),
    ]
    network = Sequential(layers, (4, 4, 1))
    module = torch_module(network, drawn(network)[0])
    assert not module.training
    learnt = {name for name, weight in module.named_parameters() if weight.requires_grad}
    assert learnt == {"norm.bias", "last.weight", "last.bias"}
    assert {"forward_.weight", "norm.running_mean"} < set(module.state_dict())  # a module has a forward of its own
    assert module.norm.momentum == 0.1


def test_a_run_is_a_module_that_answers_as_it_does_and_a_run_again():
    images = np.random.default_rng(0).random((20, 6, 5, 2), np.float32)
    layers = [cl.Residual([cl.Conv2D(2, 3, padding="same", activation="relu")]), cl.Flatten(), cl.Dense(2)]
    network = Sequential(layers, (6, 5, 2))
    run = cl.fit(network, (images, np.arange(20) % 2), steps=3, batch_size=10, engine="numpy", progress=False)
    module = run.to_torch()
    assert close(answered(module, images), run.program.predict(images))
    again = cl.from_torch(module, (6, 5, 2), classes=run.classes, engine="numpy")
    assert (again.classes, again.history.steps) == (("0", "1"), 0)
    assert np.abs(again.predict(images) - run.predict(images)).max() < 1e-6
