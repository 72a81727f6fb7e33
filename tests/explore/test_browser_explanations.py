"""Why a number is that number, as the browser says it: recomputed here from the weights, term by term."""

import math

import cases
import numpy as np
import pytest
from printed_numbers import assert_holds, number

from convlet.descriptions.network import IMAGE, Sequential
from convlet.engines.numpy.layer import forward
from convlet.engines.numpy.sections import cut_sections, pad
from convlet.explore.wire import packet, weights

POSITIONS = 1000  # for each kind of layer, over all its forms
CLOSE = 1e-5  # of the largest value

KINDS = sorted({type(case.layer).__name__ for case in cases.LAYERS})
DONE = []  # the forms that were explained, to be sure that all are

EXPLAIN = """
    const outputs = convlet.forward(network, arrays.images.values);
    return positions.map((position) => {
        const explanation = convlet.explain(network, outputs, name, position);
        const printed = [".", ","].map((mark) => convlet.printed(explanation, {mark, shown}));
        return {...explanation, printed};
    });
"""


def explanations(modules, case, count, generator):
    """(own weights, one image, its output, explanations of `count` numbers of it)."""
    own, inputs, _ = case.arrays(dtype=np.float32)
    placed, image = case.placed, inputs[:1]
    outputs, _ = forward(placed, own, image, masks=None)
    shape = (1, 1, *placed.output_shape)[-3:]
    positions = [
        {"row": int(row), "column": int(column), "channel": int(channel)}
        for row, column, channel in zip(*(generator.integers(side, size=count) for side in shape), strict=True)
    ]
    parameters = {f"{placed.name}/{name}": array for name, array in own.items()}
    given = packet(Sequential([case.layer], case.input_shape), {**weights(parameters), "images": image})
    found = modules.run(EXPLAIN, given, name=placed.name, positions=positions, shown=6)
    return own, image, outputs.reshape(shape), found


@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_numbers_of_each_kind_are_what_the_explanation_computes_them_to_be(modules, kind):
    forms = [case for case in cases.LAYERS if type(case.layer).__name__ == kind]
    generator = np.random.default_rng(0)
    for case in forms:
        own, image, outputs, found = explanations(modules, case, math.ceil(POSITIONS / len(forms)), generator)
        largest = float(np.abs(outputs).max())
        for explanation in found:
            value = float(outputs[place(explanation["position"])])
            assert explanation["value"] == pytest.approx(value, rel=0, abs=CLOSE * largest), case.title
            assert explanation["result"] == pytest.approx(value, rel=0, abs=CLOSE * largest), case.title
            CHECKS[explanation["form"]](case, own, image[0].astype(np.float64), explanation)
            for equations, mark in zip(explanation["printed"], ".,", strict=True):
                for equation in equations:
                    assert_holds(equation, mark)


def place(position):
    return position["row"], position["column"], position["channel"]


def check_products(case, own, image, explanation):
    """Each term is one number of the section times one of the kernel; they are a row and a column of the matrices."""
    row, column, channel = place(explanation["position"])
    values, kernel, matrix = (
        np.array([term["value"] for term in explanation["terms"]]),
        own["kernel"],
        explanation["matrix"],
    )
    expanded = expanded_input(case, image)[matrix["row"]]
    if type(case.layer).__name__ == "DepthwiseConv2D":  # each channel sees itself alone
        kernel, expanded = kernel.swapaxes(2, 3), expanded.reshape(-1, image.shape[-1])[:, channel]
    assert np.array_equal(values, expanded)
    assert np.array_equal(
        [term["weight"] for term in explanation["terms"]], kernel.reshape(-1, kernel.shape[-1])[:, channel]
    )
    assert matrix["row"] == row * (case.placed.output_shape[1] if kernel.ndim == 4 else 1) + column
    assert (matrix["column"], matrix["columns"], matrix["length"]) == (channel, kernel.shape[-1], len(values))
    for term in explanation["terms"]:
        assert term["value"] == at(image, term)
    products = values * kernel.reshape(-1, kernel.shape[-1])[:, channel].astype(np.float64)
    bias = own["bias"][channel] if "bias" in own else None
    assert explanation["bias"] == bias
    assert [term["product"] for term in explanation["terms"]] == pytest.approx(products, abs=1e-12)
    by_channel = products.reshape(-1, kernel.shape[-2]).sum(axis=0)
    assert explanation["channelSums"] == pytest.approx(by_channel, abs=1e-12)
    assert explanation["sum"] == pytest.approx(products.sum() + (bias or 0), abs=1e-12)
    assert explanation["sections"] == [{"layer": IMAGE, "region": section(case, explanation["position"])}]
    check_step(case, explanation["activation"], explanation["sum"])
    check_printed_products(explanation)


def check_printed_products(explanation):
    """The sum that is printed is the sum's, and what is printed as activated is what was printed as summed."""
    first, *others = explanation["printed"][0]
    assert float(number(first["result"])) == pytest.approx(explanation["sum"], abs=0.0051)
    shown = [term for term in first["terms"] if term["what"] in ("input", "channel")]
    assert len(shown) <= 6
    for term in shown:
        of = explanation["channelSums"] if term["what"] == "channel" else [t["product"] for t in explanation["terms"]]
        assert float(number(term["text"])) == pytest.approx(of[term["at"]], abs=0.0051)
    if others and others[0]["operation"] == "activation":
        assert others[0]["before"] == first["result"]


def check_step(case, step, before):
    """An activation's steps: softmax divides by the sum over the channels, the others look at one number."""
    if step is None:
        assert case.layer.activation is None
        return
    assert step["before"] == before
    if step["name"] == "softmax":
        powers = np.exp(np.array(step["softmax"]["inputs"]) - max(step["softmax"]["inputs"]))
        assert step["softmax"]["powers"] == pytest.approx(powers)
        assert step["softmax"]["total"] == pytest.approx(powers.sum())
        assert step["after"] == pytest.approx(np.exp(before - max(step["softmax"]["inputs"])) / powers.sum(), rel=1e-5)
        return
    assert step["after"] == pytest.approx(cases.naive.ACTIVATIONS[step["name"]](before), abs=1e-12)


def check_largest(case, _, image, explanation):
    candidates = expanded_input(case, image, -np.inf)[section_index(case, explanation["position"])]
    candidates = candidates.reshape(-1, image.shape[2])[:, explanation["position"]["channel"]]
    assert [part["value"] if part["inside"] else -np.inf for part in explanation["parts"]] == candidates.tolist()
    assert explanation["winner"] == candidates.argmax()
    assert explanation["sections"][0]["region"] == section(case, explanation["position"])


def check_mean(case, _, image, explanation):
    channel = explanation["position"]["channel"]
    if getattr(case.layer, "window", None):
        parts = expanded_input(case, image, np.nan)[section_index(case, explanation["position"])]
        parts = parts.reshape(-1, image.shape[2])[:, channel]
    else:
        parts = image[..., channel].reshape(-1)
    found = [part["value"] if part["inside"] else np.nan for part in explanation["parts"]]
    assert np.array_equal(found, parts, equal_nan=True)
    assert explanation["count"] == np.isfinite(parts).sum()
    assert explanation["sum"] == pytest.approx(np.nansum(parts), abs=1e-12)
    assert explanation["result"] == pytest.approx(np.nanmean(parts), abs=1e-12)


def check_same(case, _, image, explanation):
    part = explanation["part"]
    assert part["value"] == explanation["value"] == at(image, part)
    flat = np.ravel_multi_index(place(part), (1, 1, *image.shape)[-3:])
    assert flat == np.ravel_multi_index(place(explanation["position"]), (1, 1, *case.placed.output_shape)[-3:])


def check_normalization(case, own, image, explanation):
    channel = explanation["position"]["channel"]
    usual = {"gamma": getattr(case.layer, "scale", True), "beta": getattr(case.layer, "offset", 0.0)}
    usual |= {"moving_mean": 0.0, "moving_variance": 1.0}  # of a Rescaling, which is explained alike
    epsilon = getattr(case.layer, "epsilon", 0)
    mean, variance, gamma, beta = (
        float(own[name][channel] if name in own else usual[name])
        for name in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    gamma = 1.0 if getattr(case.layer, "scale", True) is False else gamma
    found = [explanation[name] for name in ("mean", "variance", "gamma", "beta", "epsilon")]
    assert found == [mean, variance, gamma, beta, epsilon]
    value = at(image, explanation["position"])
    assert explanation["centred"] == value - mean
    assert explanation["normalized"] == pytest.approx((value - mean) / math.sqrt(variance + epsilon), abs=1e-12)
    assert explanation["scaled"] == pytest.approx(gamma * explanation["normalized"], abs=1e-12)
    assert explanation["result"] == pytest.approx(explanation["scaled"] + beta, abs=1e-12)


def check_activation(case, _, image, explanation):
    check_step(case, explanation["activation"], at(image, explanation["position"]))


CHECKS = {
    "products": check_products,
    "largest": check_largest,
    "mean": check_mean,
    "same": check_same,
    "normalization": check_normalization,
    "activation": check_activation,
}


def at(image, position):
    """The image's number at a place, 0 in the padding."""
    image = image.reshape((1, 1, *image.shape)[-3:])
    row, column, channel = place(position)
    inside = 0 <= row < image.shape[0] and 0 <= column < image.shape[1]
    return image[row, column, channel] if inside else 0


def expanded_input(case, image, padding=0.0):
    """(OH*OW, KH*KW*C) by the numpy engine; of a dense layer (1, inputs)."""
    if image.ndim == 1:
        return image[None]
    window = case.layer.window(case.input_shape)
    sections = cut_sections(pad(image[None], window, padding), window)
    return sections.reshape(math.prod(window.positions), -1)


def section_index(case, position):
    return position["row"] * case.layer.window(case.input_shape).positions[1] + position["column"]


def section(case, position):
    """Where a layer with a window looks: each pixel of its section, from the first to the last."""
    if len(case.input_shape) == 1:
        return {"top": 0, "bottom": 1, "left": 0, "right": 1, "first": 0, "last": case.input_shape[0]}
    window = case.layer.window(case.input_shape)
    top = position["row"] * window.strides[0] - window.padding[0][0]
    left = position["column"] * window.strides[1] - window.padding[1][0]
    own = hasattr(case.layer, "filters")
    return {
        "top": top,
        "bottom": top + window.size[0],
        "left": left,
        "right": left + window.size[1],
        "first": 0 if own else position["channel"],
        "last": case.input_shape[2] if own else position["channel"] + 1,
    }


@pytest.mark.parametrize("case", cases.LAYERS, ids=cases.ids)
def test_what_all_inputs_are_said_to_give_to_a_number_adds_up_to_it(modules, case):
    own, inputs, _ = case.arrays(dtype=np.float32)
    placed = case.placed
    parameters = {f"{placed.name}/{name}": array for name, array in own.items()}
    given = packet(Sequential([case.layer], case.input_shape), {**weights(parameters), "images": inputs[:1]})
    code = """
        const outputs = convlet.forward(network, arrays.images.values);
        const output = outputs.get(name);
        const totals = new Float64Array(output.values.length);
        for (let i = 0; i < arrays.images.values.length; i++) {
            const position = convlet.position(network.imageShape, i);
            const [{uses}] = convlet.usesOf(network, outputs, convlet.IMAGE, position);
            for (const use of uses) totals[convlet.index(output.shape, use)] += use.share;
        }
        return totals;
    """
    totals = modules.run(code, given, name=placed.name).reshape(placed.output_shape)
    if type(case.layer).__name__ == "Activation":
        count = placed.output_shape[-1] if case.layer.activation == "softmax" else 1
        expected = count * forward(placed, own, inputs[:1], masks=None)[0][0]
    elif type(case.layer).__name__ in ("BatchNormalization", "Rescaling"):
        constant = forward(placed, own, np.zeros_like(inputs[:1]), masks=None)[0][0]
        expected = forward(placed, own, inputs[:1], masks=None)[0][0] - constant
    elif "kernel" in own:
        bare = type(case.layer)(**{**vars(case.layer), "activation": None})
        linear = next(iter(Sequential([bare], case.input_shape)))
        expected = forward(linear, own, inputs[:1], masks=None)[0][0] - own.get("bias", 0)
    else:
        expected = forward(placed, own, inputs[:1], masks=None)[0][0]
    assert np.allclose(totals, expected, rtol=0, atol=1e-5)


def test_an_explanation_says_what_a_silenced_kernel_would_have_computed(modules):
    network = Sequential([cases.Conv2D(2, 3, activation="relu")], (4, 4, 1))
    parameters = network.initial_parameters(seed=3)
    image = np.ones(network.input_shape, np.float32)
    code = """
        const ablated = convlet.ablate(network, {silenced: [{layer: "conv2d_1", channel: 1}], edited: []});
        const position = {row: 1, column: 0, channel: 1};
        return [network, ablated].map((each) =>
            convlet.explain(each, convlet.forward(each, arrays.images.values), "conv2d_1", position));
    """
    before, after = modules.run(code, packet(network, {**parameters, "images": image}))
    assert (before["silenced"], after["silenced"]) == (False, True)
    assert (before["sum"], before["result"]) == (after["sum"], after["result"])
    assert after["value"] == 0


def test_of_equal_numbers_the_first_in_reading_order_wins_and_never_the_padding(modules):
    network = Sequential([cases.MaxPooling2D(3, 1, "same")], (2, 2, 1))
    code = """
        const outputs = convlet.forward(network, new Float32Array(4));
        const corner = {row: 0, column: 0, channel: 0};
        const [{uses}] = convlet.usesOf(network, outputs, convlet.IMAGE, corner);
        return [convlet.explain(network, outputs, "max_pooling2d_1", corner), uses];
    """
    explanation, uses = modules.run(code, packet(network, {}))
    assert explanation["winner"] == 4
    assert explanation["parts"][4] == {"row": 0, "column": 0, "channel": 0, "inside": True, "value": 0}
    assert [use["weight"] for use in uses] == [1, 1, 1, 1]
