"""A header of int8: C computes what NumPy does in integers, bit for bit, and both nearly what the network does."""

import subprocess

import numpy as np
import pytest
from compiled import GCC, GXX, answers, built, needs_gcc, needs_gxx
from hypothesis import given
from hypothesis import strategies as st
from onnx_models import NETWORKS, drawn

import convlet as cl
from convlet.datasets.images import scaled
from convlet.descriptions.network import Sequential
from convlet.engines import engine
from convlet.exchange.c.int8 import calibrating, steps
from convlet.exchange.c.int8.calibrating import ranges
from convlet.exchange.c.int8.quantizing import answer, quantized
from convlet.exchange.c.int8.scales import Scale, multiplier, rounded, shifted
from convlet.exchange.c.simplifying import simplified
from convlet.exchange.c.writing import Header

NO_INTEGERS = "softmax"  # in the title of a network that has one inside
SOME = ("conv relu", "conv with", "conv leaky", "depthwise", "2D same", "global", "residual", "rescaling", "activation")
CHOSEN = {
    title: network
    for title, network in NETWORKS.items()
    if NO_INTEGERS not in title and (len(network.layers) > 1 or any(some in title for some in SOME))
}


def in_integers(network, *, uint8, images=6):
    """(steps, images as the steps take them, the network's own answers) of a network with weights drawn."""
    parameters, _ = drawn(network)
    pixels = np.random.default_rng(2).integers(0, 256, (images, *network.input_shape), np.uint8)
    simple = simplified(network, parameters)
    made = quantized(*simple, ranges(*simple, pixels), uint8=uint8)
    if not uint8:  # between the bytes, and beyond them
        pixels = np.random.default_rng(3).uniform(-0.1, 1.1, pixels.shape).astype(np.float32)
    exact = engine("numpy").compile(network, parameters).predict(pixels / np.float32(255) if uint8 else pixels)
    return made, pixels, exact.reshape(images, -1)


def test_scales_are_measured_of_no_more_images_at_a_time_than_there_is_room_for(monkeypatch):
    network = Sequential([cl.Conv2D(4, 3), cl.Flatten(), cl.Dense(3)], (6, 6, 1))  # 64, 64 and 3 numbers of an image
    simple, images = simplified(network, drawn(network)[0]), np.random.default_rng(2).random((20, 6, 6, 1), np.float32)
    whole, given = ranges(*simple, images), []
    monkeypatch.setattr(calibrating, "scaled", lambda some: given.append(len(some)) or scaled(some))
    for room, most in ((1000, 7), (130, 1)):
        given.clear()
        monkeypatch.setattr(calibrating, "ROOM", room)
        found = ranges(*simple, images)
        assert max(given) == most and sum(given) == 20
        np.testing.assert_allclose([found[name] for name in whole], list(whole.values()), rtol=1e-5)


def header_of(name, network, made, *, uint8):
    return Header(name, network, [step.call for step in made], numbers="int8", uint8=uint8)


@needs_gcc
def test_c_and_numpy_compute_the_same_bits_for_every_kind_of_layer(tmp_path):
    headers, images, expected, seen = [], [], [], set()
    for number, network in enumerate(CHOSEN.values()):
        uint8 = bool(number % 2)
        made, own, _ = in_integers(network, uint8=uint8)
        headers.append(header_of(f"n{number}", network, made, uint8=uint8))
        images.append(own)
        expected.append(answer(made, own))
        seen |= {type(step.work) for step in made}
    assert seen == {each for each in vars(steps).values() if hasattr(each, "compute") and "Work" not in each.__name__}
    for title, found, own in zip(CHOSEN, answers(headers, images, tmp_path), expected, strict=True):
        assert found.tobytes() == own.astype(np.float32).tobytes(), title


@needs_gxx
def test_a_header_of_integers_is_taken_by_cplusplus_too(tmp_path):
    network = NETWORKS["a residual network in small"]
    made, _, _ = in_integers(network, uint8=True)
    (tmp_path / "n.h").write_text(header_of("n", network, made, uint8=True).text)
    (tmp_path / "main.cpp").write_text('#include "n.h"\nint main() { return N_CLASSES - 3; }\n')
    built([GXX, "-std=c++11", "main.cpp"], tmp_path)


ROUNDING = """\
#include "n.h"
#include <stdio.h>

int main(void) {
    for (int32_t value = -40; value <= 40; value++)
        printf("%d %d ", n_shifted(value, 3, 1), n_rounded(value, 6, 1));
    return 0;
}
"""


@needs_gcc
def test_c_rounds_halves_away_from_zero_as_numpy_does(tmp_path):
    network = Sequential([cl.Conv2D(2, 1), cl.AveragePooling2D(2), cl.Flatten()], (2, 2, 1))
    made, _, _ = in_integers(network, uint8=True)
    (tmp_path / "n.h").write_text(header_of("n", network, made, uint8=True).text)
    (tmp_path / "main.c").write_text(ROUNDING)
    built([GCC, "-std=c99", "main.c", "-lm"], tmp_path)
    said = subprocess.run(["./a.out"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    found, values = np.array(said.split(), int).reshape(-1, 2), np.arange(-40, 41)
    assert found[:, 0].tolist() == shifted(values, 3, 1).tolist()
    assert found[:, 1].tolist() == rounded(values, np.int64(6), 1).tolist()


AROUND = Sequential(  # what a ReLU is given goes around it, too
    [cl.Conv2D(3, 2), cl.Residual([cl.Activation("relu"), cl.Conv2D(3, 1)]), cl.Flatten(), cl.Dense(3)], (4, 4, 1)
)


@pytest.mark.parametrize(
    "network",
    [NETWORKS["the seed's deep network in small"], NETWORKS["a residual network in small"], AROUND],
    ids=["the seed's", "residual", "around a ReLU"],
)
def test_in_integers_a_network_answers_nearly_the_same(network):
    made, images, exact = in_integers(network, uint8=True, images=50)
    assert np.abs(answer(made, images) - exact).max() < 0.05 * np.abs(exact).max()


def test_a_channel_of_nothing_but_bias_keeps_it_and_one_of_tiny_weights_does_too():
    network = Sequential([cl.Conv2D(3, 1), cl.Conv2D(3, 1, activation="relu"), cl.Flatten(), cl.Dense(2)], (2, 2, 1))
    parameters, _ = drawn(network)
    for name in ("conv2d_1/kernel", "conv2d_2/kernel"):
        parameters[name][..., 0], parameters[name][..., 1] = 0, 1e-12
    for name in ("conv2d_1/bias", "conv2d_2/bias"):
        parameters[name][:] = 0.5, 0.75, 0.0
    pixels = np.random.default_rng(0).integers(0, 256, (9, 2, 2, 1), np.uint8)
    simple = simplified(network, parameters)
    found = answer(quantized(*simple, ranges(*simple, pixels), uint8=True), pixels)
    exact = engine("numpy").compile(network, parameters).predict(pixels / np.float32(255))
    assert np.abs(found - exact).max() < 0.02 * np.abs(exact).max()


def test_a_layer_that_integers_cannot_hold_is_refused_by_name():
    soft = Sequential([cl.Dense(3, "softmax"), cl.Dense(2)], (4,))
    with pytest.raises(cl.errors.InputError, match="layer 'dense_1-softmax': a softmax inside a network"):
        quantized(*simplified(soft, drawn(soft)[0]), {"dense_1": (0, 1)}, uint8=True)
    wide = Sequential([cl.Dense(1, name="wide")], (70_000,))
    parameters = {"wide/kernel": np.ones((70_000, 1), np.float32), "wide/bias": np.zeros(1, np.float32)}
    with pytest.raises(
        cl.errors.InputError, match="layer 'wide': a sum of 70,000 products can be too large for 32 bits"
    ):
        quantized(wide, parameters, {"wide": (0, 70_000)}, uint8=True)


@given(st.floats(1e-9, 1e6), st.integers(-(2**31), 2**31 - 1))
def test_a_multiplier_and_a_shift_are_a_factor_rounded_to_the_nearest(factor, value):
    by, shift = multiplier(factor)
    assert 0 <= by < 2**31 and 1 <= shift <= 62 and by / 2**shift == pytest.approx(factor, rel=2**-30)
    exact = value * by / 2**shift
    for found in (
        shifted(np.array([value * by]), shift, 3),
        rounded(np.array([value * by]), np.array([1 << shift]), 3),
    ):
        assert (
            found.dtype == np.int8
            and (found == np.clip(np.trunc(exact + np.copysign(0.5, exact)) + 3, -128, 127)).all()
        )


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_on_a_scale_zero_is_exact_and_what_lies_between_its_ends_is_half_a_step_off_at_most(first, second):
    low, high = min(first, second), max(first, second)
    scale = Scale.over(low, high)
    assert -128 <= scale.zero <= 127 and scale.numbers(scale.integers(np.zeros(1)))[0] == 0
    between = np.linspace(low, high, 101)
    assert np.abs(scale.numbers(scale.integers(between)) - between).max() <= scale.size * 1.0001
