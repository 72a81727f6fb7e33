"""A network as a C99 header: it compiles without a warning, and computes what the numpy engine does."""

import io
import re
import subprocess
from contextlib import redirect_stdout
from math import prod
from pathlib import Path

import numpy as np
import pytest
from compiled import GCC, GXX, answers, built, needs_gcc, needs_gxx
from hypothesis import given
from hypothesis import strategies as st
from onnx_models import NETWORKS, drawn

import convlet as cl
from convlet.descriptions.network import IMAGE, Sequential
from convlet.engines import engine
from convlet.exchange.c.calls import Call, places
from convlet.exchange.c.float32 import calls
from convlet.exchange.c.simplifying import simplified
from convlet.exchange.c.text import identifier, number, string
from convlet.exchange.c.writing import Header
from convlet.losses import softmax

SEEN = re.compile("(conv|dense) (leaky_relu|elu|silu|gelu|hard_swish|tanh|sigmoid|softmax)|frozen")  # in others too
SMALL = Sequential([cl.Conv2D(2, 3, activation="relu"), cl.MaxPooling2D(2), cl.Flatten(), cl.Dense(3)], (8, 6, 1))


def header_of(name, network, parameters, *, uint8=False, **options):
    return Header(name, network, calls(*simplified(network, parameters), uint8=uint8), uint8=uint8, **options)


def close(found, expected):
    return np.abs(found - expected.reshape(found.shape)).max() <= 1e-5 * max(1, np.abs(expected).max())


def test_a_simplified_network_computes_the_same_with_no_more_layers():
    fewer = 0
    for title, network in NETWORKS.items():
        parameters, images = drawn(network)
        simple, theirs = simplified(network, parameters)
        found = engine("numpy").compile(simple, theirs).predict(images)
        assert close(found, engine("numpy").compile(network, parameters).predict(images)), title
        assert not any(getattr(placed.layer, "activation", None) for placed in simple if placed.weights), title
        fewer += sum(placed.weights > 0 for placed in simple) < sum(placed.weights > 0 for placed in network)
    assert fewer >= 5  # those with a normalisation right behind a convolution


@pytest.mark.parametrize("by", [cl.BatchNormalization(), cl.BatchNormalization(scale=False), cl.Rescaling(0.5, -0.2)])
@pytest.mark.parametrize(
    "layer",
    [
        cl.Conv2D(3, 2, padding="same"),
        cl.Conv2D(2, 1, use_bias=False),
        cl.DepthwiseConv2D(2, 2),
        cl.DepthwiseConv2D((1, 2), use_bias=False),
        cl.Dense(4),
        cl.Dense(5, use_bias=False),
    ],
)
def test_what_scales_the_sums_of_a_layer_becomes_a_part_of_its_weights(layer, by):
    network = Sequential([layer, by, by, cl.Activation("tanh"), by], (6,) if isinstance(layer, cl.Dense) else (4, 4, 3))
    parameters, images = drawn(network)
    simple, theirs = simplified(network, parameters)
    assert [type(each) for each in simple.layers] == [type(layer), cl.Activation, type(by)]
    expected = engine("numpy").compile(network, parameters).predict(images)
    assert close(engine("numpy").compile(simple, theirs).predict(images), expected)


def test_a_normalisation_that_is_not_right_behind_a_layer_stays_where_it_is():
    body = [cl.BatchNormalization(), cl.Conv2D(2, 1, activation="relu"), cl.BatchNormalization()]
    network = Sequential([cl.Conv2D(2, 1), cl.Residual(body, shortcut=[cl.BatchNormalization()])], (3, 3, 1))
    simple, _ = simplified(network, drawn(network)[0])
    assert sum(isinstance(placed.layer, cl.BatchNormalization) for placed in simple) == 3


@needs_gcc
def test_c_computes_what_the_numpy_engine_does_for_every_kind_of_layer(tmp_path):
    given = {title: drawn(network) for title, network in NETWORKS.items() if not SEEN.match(title)}
    headers = [header_of(f"n{i}", NETWORKS[title], given[title][0]) for i, title in enumerate(given)]
    found = answers(headers, [images for _, images in given.values()], tmp_path)
    for (title, (parameters, images)), answer in zip(given.items(), found, strict=True):
        assert close(answer, engine("numpy").compile(NETWORKS[title], parameters).predict(images)), title


@needs_gcc
def test_of_bytes_and_of_probabilities_c_makes_what_the_engine_does(tmp_path):
    parameters, _ = drawn(SMALL)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 1), np.uint8)
    nothing = Sequential([cl.Flatten()], (2, 1, 2))
    headers = [header_of("small", SMALL, parameters, uint8=True), header_of("nothing", nothing, {}, uint8=True)]
    found, shares = answers(headers, [images, images[:, :2, :1].repeat(2, 3)], tmp_path, "predict")
    logits = engine("numpy").compile(SMALL, parameters).predict(images / np.float32(255))
    assert np.abs(found - softmax(logits)).max() < 1e-6
    assert np.abs(shares.sum(axis=1) - 1).max() < 1e-6


def test_a_header_is_not_called_as_what_stdint_names_macros_by():
    for taken in ("int8", "UINT8", "size", "int"):
        assert identifier(taken, "model") == f"model_{taken}"
    assert identifier("sizes", "model") == "sizes"


def test_an_activation_gets_a_name_that_no_layer_has():
    row = [cl.Dense(3, "relu", name="a"), cl.Dense(3, "relu", name="a-relu"), cl.Dense(2, name="a-relu_")]
    network = Sequential(row, (4,))
    simple, _ = simplified(network, drawn(network)[0])
    assert [placed.name for placed in simple] == ["a", "a-relu__", "a-relu", "a-relu-relu", "a-relu_"]


TIED = """\
#include "one.h"
#include <stdio.h>

int main(void) {
    static float image[ONE_INPUTS], scratch[ONE_SCRATCH], probabilities[ONE_CLASSES];
    const int best = one_predict(image, probabilities, scratch);
    printf("%d %d", best, probabilities[0] < probabilities[1]);
    return 0;
}
"""


@needs_gcc
def test_of_two_classes_with_one_probability_that_with_the_larger_logit_is_returned(tmp_path):
    network = Sequential([cl.Dense(2)], (3,))
    parameters = {"dense_1/kernel": np.zeros((3, 2), np.float32), "dense_1/bias": np.float32([0, 1e-9])}
    (tmp_path / "one.h").write_text(header_of("one", network, parameters).text)
    (tmp_path / "main.c").write_text(TIED)
    built([GCC, "-std=c99", "main.c", "-lm"], tmp_path)
    assert subprocess.run(["./a.out"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "1 0"


PROGRAM = """\
#include "one.h"
#include "two.h"
#include "one.h"
#include <stdio.h>
#include <string.h>

int other(const float *image);

int main(void) {
    static float image[ONE_INPUTS], scratch[ONE_SCRATCH], probabilities[ONE_CLASSES];
    static const unsigned char odd[] = {%s, 0};
    const int best = one_predict(image, probabilities, scratch);
    printf("%%d %%d %%d %%d %%s", ONE_HEIGHT, ONE_WIDTH, ONE_CHANNELS, best == other(image), two_classes[1]);
    return strcmp(one_classes[0], (const char *)odd);
}
"""
OTHER = """\
#include "one.h"

int other(const float *image);
int other(const float *image) {
    float scratch[ONE_SCRATCH], probabilities[ONE_CLASSES];
    return one_predict(image, probabilities, scratch);
}
"""
ODD = 'a "b"\\\n??/ %s é 数\t0 NAME_x {x}'  # whatever C may make something of


@needs_gcc
def test_several_headers_live_in_one_program_and_names_of_classes_come_through(tmp_path):
    layers = [cl.Conv2D(2, 3, name="NAME_one"), cl.Dropout(0.5), cl.Flatten(name="one"), cl.Dense(3, name="one_one")]
    network = Sequential([*layers, cl.Dense(3, name="NAME")], SMALL.input_shape)
    parameters, _ = drawn(network)
    for name, classes in (("one", (ODD, "*/", "c")), ("two", ("d", "e", "f"))):
        text = header_of(name, network, parameters, classes=classes, facts=["*/ #error ??/", "é"]).text
        (tmp_path / f"{name}.h").write_text(text, "ascii")
    (tmp_path / "main.c").write_text(PROGRAM % ", ".join(str(byte) for byte in ODD.encode()))
    (tmp_path / "other.c").write_text(OTHER)
    built([GCC, "-std=c99", "main.c", "other.c", "-lm"], tmp_path)
    done = subprocess.run(["./a.out"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "8 6 1 1 e"


@needs_gxx
@pytest.mark.parametrize("standard", ["c++11", "c++20"])
def test_a_header_is_taken_by_cplusplus_too(tmp_path, standard):
    layers = [cl.Conv2D(2, 3, activation=each, padding="same") for each in ("relu", "gelu", "elu", "hard_swish")]
    network = Sequential([cl.Residual(layers), cl.AveragePooling2D(2), cl.Flatten(), cl.Dense(3, "silu")], (4, 4, 2))
    (tmp_path / "one.h").write_text(header_of("one", network, drawn(network)[0]).text)
    (tmp_path / "other.cpp").write_text(OTHER)
    built([GXX, f"-std={standard}", "-c", "other.cpp"], tmp_path)


def test_numbers_are_written_so_that_the_same_float32_is_read():
    values = np.random.default_rng(0).integers(0, 2**32, 20_000, np.uint32).view(np.float32)
    values = [*values[np.isfinite(values)], *np.float32([0, -0.0, 1, 3e38, 1e-45, 16777216])]
    for value in values:
        text = number(value)
        assert text.endswith("f") and set(text) & set(".e")
        assert np.float32(text[:-1]).tobytes() == value.tobytes()


def test_a_string_is_one_line_of_plain_ascii_without_trigraphs():
    for character in map(chr, (*range(0x500), 0x2028, 0xD800, 0x1F41D)):
        made = string(f"{character}7")
        assert made.isascii() and made.isprintable() and "?" not in made and made[1:-1].count('"') == 0


@st.composite
def rows_of_calls(draw):
    """Calls that are given values made before: the one made last, so that none is idle, and perhaps another."""
    made, row = [IMAGE], []
    for place in range(draw(st.integers(1, 12))):
        inputs = (made[-1], *draw(st.lists(st.sampled_from(made), max_size=1)))
        sizes = {row[int(name[1:])].size if name != IMAGE else 9 for name in inputs}
        in_place = len(sizes) == 1 and draw(st.booleans())
        size = sizes.pop() if in_place else draw(st.integers(1, 9))
        row.append(Call("f", inputs, f"v{place}", size, in_place=in_place))
        made.append(f"v{place}")
    return row


@given(rows_of_calls())
def test_what_is_needed_later_is_never_written_over(row):
    """Each call writes its own number wherever its value lies; where it is needed, it is all still there."""
    where, size = places(row)
    memory = np.zeros(size, int)
    for place, call in enumerate(row):
        for name in call.inputs:
            if name != IMAGE:
                wrote = int(name[1:]) + 1
                assert (memory[where[name] : where[name] + row[wrote - 1].size] == wrote).all()
        if place < len(row) - 1:
            at = slice(where[call.output], where[call.output] + call.size)
            assert call.in_place or not set(memory[at]) & {int(name[1:]) + 1 for name in call.inputs if name != IMAGE}
            memory[at] = place + 1


def test_a_network_in_a_row_needs_no_more_memory_than_its_two_largest_neighbours():
    layers = [cl.Conv2D(4, 3, padding="same", activation="relu"), cl.Conv2D(8, 3, padding="same", activation="relu")]
    network = Sequential([*layers, cl.MaxPooling2D(2), cl.Flatten(), cl.Dense(3)], (6, 6, 1))
    assert header_of("m", network, drawn(network)[0]).scratch_bytes == 4 * 6 * 6 * (4 + 8)
    assert prod(network.input_shape) == 36


DOCS = (Path(__file__).parents[2] / "docs" / "devices.md").read_text("utf-8")


SEVENS = Sequential([cl.MaxPooling2D(4), cl.Flatten(), cl.Dense(10)], (28, 28, 1))


@needs_gcc
def test_the_programs_of_the_docs_run_as_they_are_and_name_a_picture_the_same(tmp_path, monkeypatch):
    (python,) = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    (program,) = re.findall(r"^```c\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("docs").symlink_to(Path(__file__).parents[2] / "docs")
    made = cl.fit(SEVENS, "mnist", steps=5, batch_size=20, engine="numpy", progress=False)
    monkeypatch.setattr(cl, "load", lambda folder: made)
    said = io.StringIO()
    with redirect_stdout(said):
        exec(python, {})
    Path("main.c").write_text(program)
    built([GCC, "-std=c99", "main.c", "-lm"], tmp_path)
    done = subprocess.run(["./a.out"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d: \d+ %\n", done.stdout) and done.stdout[0] == said.getvalue()[0]
