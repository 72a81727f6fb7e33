"""The reference engine's forward passes: by hand, against the naive loops, and by the laws they must obey."""

import itertools
import math

import numpy as np
import pytest
from cases import FIRST, LAYERS, Case, ids, naive_outputs
from comparing import ROUNDING, VALUE32, assert_agree, assert_same_bits
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.layers import AveragePooling2D, BatchNormalization, Conv2D, Dropout, MaxPooling2D
from convlet.descriptions.window import Window
from convlet.engines.numpy.activations import gelu, gelu_backward
from convlet.engines.numpy.convolution import convolution, convolution_backward
from convlet.engines.numpy.dense import dense
from convlet.engines.numpy.layer import forward, moving_averages
from convlet.engines.numpy.pooling import average_pooling, max_pooling
from convlet.engines.numpy.sections import add_sections, cut_sections, pad
from convlet.losses import softmax

each_layer = pytest.mark.parametrize("case", LAYERS + FIRST, ids=ids)


# ------------------------------------------------------------------------------------------------------- by hand


def test_a_convolution_computed_by_hand():
    """1 2 3     one kernel  1 −1    at the top left: 1·1 + 2·(−1) + 4·2 + 5·0 = 7, and so on;
    4 5 6  with             2  0    the gradient of each output is 1, 2, 3, 4 in reading order.
    7 8 9
    """
    images = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float64).reshape(1, 3, 3, 1)
    kernels = np.array([[1, -1], [2, 0]], np.float64).reshape(2, 2, 1, 1)
    window = Window(size=(2, 2), strides=(1, 1), positions=(2, 2), padding=((0, 0), (0, 0)))
    outputs, flattened_input = convolution(images, kernels, window)
    assert outputs[0, :, :, 0].tolist() == [[7, 9], [13, 15]]
    assert flattened_input.tolist() == [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]

    d_outputs = np.array([[1, 2], [3, 4]], np.float64).reshape(1, 2, 2, 1)
    d_images, d_kernels = convolution_backward(d_outputs, flattened_input, kernels, images.shape, window)
    # d_kernel[0,0] = 1·1 + 2·2 + 3·4 + 4·5 = 37; [0,1] = 1·2 + 2·3 + 3·5 + 4·6 = 47; the next row sees +3: +3·10
    assert d_kernels[:, :, 0, 0].tolist() == [[37, 47], [67, 77]]
    # pixel (1,0) lies under kernel[1,0] at the top left and under kernel[0,0] below it: 1·2 + 3·1 = 5
    assert d_images[0, :, :, 0].tolist() == [[1, 1, -2], [5, 5, -4], [6, 8, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_and_its_slope_are_exact_but_for_the_last_rounding(dtype):
    near, last = np.linspace(-12, 12, 5001), np.finfo(dtype).eps
    x = np.concatenate([near, np.arange(-40, 40) / 2048, [8.9999, -8.9999, 9.0001, -9.0001]]).astype(dtype)
    below = np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in x.tolist()])
    density = np.exp(-(x.astype(np.float64) ** 2) / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(gelu(x), x * below, rtol=0, atol=6 * last)
    np.testing.assert_allclose(gelu_backward(np.ones_like(x), x), below + x * density, rtol=0, atol=6 * last)
    far = np.array([np.nan, 1e30, -1e30, 0, np.inf], dtype)
    np.testing.assert_array_equal(gelu(far), np.array([np.nan, 1e30, 0, 0, np.inf], dtype))
    assert gelu(far).dtype == dtype and gelu(far[:0]).shape == (0,)


def test_same_padding_of_an_even_kernel_adds_its_odd_row_below_and_right():
    images = np.array([[1, 2], [3, 4]], np.float64).reshape(1, 2, 2, 1)
    kernels = np.array([[1, 10], [100, 1000]], np.float64).reshape(2, 2, 1, 1)
    window = Conv2D(1, 2, padding="same").window((2, 2, 1))
    assert window.padding == ((0, 1), (0, 1))
    assert convolution(images, kernels, window)[0][0, :, :, 0].tolist() == [[4321, 402], [43, 4]]


def test_average_pooling_does_not_count_padding():
    images = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float64).reshape(1, 3, 3, 1)
    window = AveragePooling2D(2, padding="same").window((3, 3, 1))
    assert average_pooling(images, window)[0, :, :, 0].tolist() == [[3, 4.5], [7.5, 9]]


def test_padding_never_wins_against_negative_pixels():
    images = np.full((1, 3, 3, 2), -5.0)
    outputs, _ = max_pooling(images, MaxPooling2D(2, padding="same").window((3, 3, 2)))
    assert (outputs == -5).all()


def test_dropout_doubles_what_half_of_it_keeps():
    case = Case("", Dropout(0.5), (4,), images=1)
    keep = np.array([[True, False, True, False]])
    outputs, _ = forward(case.placed, {}, np.array([[1.0, 2.0, 3.0, 4.0]]), {case.placed.name: keep})
    assert outputs.tolist() == [[2, 0, 6, 0]]


def test_dropout_does_nothing_when_predicting():
    case = Case("", Dropout(0.5), (4,))
    inputs = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert forward(case.placed, {}, inputs, None)[0].tolist() == inputs.tolist()


def test_batch_normalisation_by_hand():
    """Channel 0 holds 1 and 3: mean 2, biased variance 1, so −1/√(1 + 3) = −0.5 and 0.5, times 4, plus 10."""
    case = Case("", BatchNormalization(momentum=0.75, epsilon=3.0), (1,))
    weights = {
        "gamma": np.array([4.0]),
        "beta": np.array([10.0]),
        "moving_mean": np.array([4.0]),
        "moving_variance": np.array([13.0]),
    }
    inputs = np.array([[1.0], [3.0]])
    outputs, memory = forward(case.placed, weights, inputs, masks={})
    assert outputs.tolist() == [[8], [12]]
    # 0.75 · 4 + 0.25 · 2 = 3.5 and 0.75 · 13 + 0.25 · 1 = 10
    averages = moving_averages(case.placed, weights, memory)
    assert {name: array.tolist() for name, array in averages.items()} == {"moving_mean": [3.5], "moving_variance": [10]}
    # predicting: (x − 4) / √(13 + 3) · 4 + 10 = x + 6
    assert forward(case.placed, weights, inputs, masks=None)[0].tolist() == [[7], [9]]


# --------------------------------------------------------------------------------------- against the naive loops


@each_layer
@pytest.mark.parametrize("training", [True, False], ids=["training", "predicting"])
def test_a_layer_agrees_with_the_naive_loops(case, training):
    weights, inputs, masks = case.arrays(seed=2)
    masks = masks if training else None
    outputs, _ = forward(case.placed, weights, inputs, masks)
    assert outputs.shape == (case.images, *case.placed.output_shape)
    assert_agree(outputs, naive_outputs(case.placed, weights, inputs, masks), ROUNDING, case.title)


@each_layer
def test_a_layer_keeps_float32_and_agrees_with_the_naive_loops(case):
    weights, inputs, masks = case.arrays(seed=3, dtype=np.float32)
    outputs, _ = forward(case.placed, weights, inputs, masks)
    assert outputs.dtype == np.float32
    assert_agree(outputs.astype(np.float64), naive_outputs(case.placed, weights, inputs, masks), VALUE32, case.title)


@each_layer
def test_a_layer_takes_inputs_that_are_not_contiguous_or_cannot_be_written(case):
    weights, inputs, masks = case.arrays()
    expected, _ = forward(case.placed, weights, inputs, masks)
    wide = np.repeat(inputs, 2, axis=-1)
    strided = wide[..., ::2]
    strided.flags.writeable = False
    assert_agree(forward(case.placed, weights, strided, masks)[0], expected, ROUNDING)
    assert_agree(forward(case.placed, weights, np.asfortranarray(inputs), masks)[0], expected, ROUNDING)


GEOMETRY = list(itertools.product((4, 5, 7), (3, 6), ((1, 1), (2, 3), (3, 2), (4, 1)), (1, 2, 3), ("valid", "same")))


@pytest.mark.parametrize("kind", ["conv", "max", "average"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_geometry_agrees_with_the_naive_loops_for_odd_and_even_sizes(kind, channels):
    for height, width, size, stride, padding in GEOMETRY:
        if padding == "valid" and (size[0] > height or size[1] > width):
            continue
        layer = {
            "conv": Conv2D(2, size, stride, padding),
            "max": MaxPooling2D(size, stride, padding),
            "average": AveragePooling2D(size, stride, padding),
        }[kind]
        case = Case(f"{layer} on {height} × {width}", layer, (height, width, channels), images=1)
        weights, inputs, _ = case.arrays()
        expected = naive_outputs(case.placed, weights, inputs, None)
        assert_agree(forward(case.placed, weights, inputs, None)[0], expected, ROUNDING, case.title)


sizes = st.integers(1, 4)


@st.composite
def convolutions(draw):
    """A Conv2D somewhere: any small geometry that fits."""
    size, strides = (draw(sizes), draw(sizes)), (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    padding = draw(st.sampled_from(["valid", "same"]))
    smallest = size if padding == "valid" else (1, 1)
    height, width = draw(st.integers(smallest[0], 7)), draw(st.integers(smallest[1], 7))
    layer = Conv2D(draw(st.integers(1, 3)), size, strides, padding)
    return Case("drawn", layer, (height, width, draw(st.integers(1, 5))), images=draw(st.integers(1, 3)))


seeds = st.integers(0, 2**16)


@given(convolutions(), seeds)
def test_any_convolution_agrees_with_the_naive_loops(case, seed):
    weights, inputs, _ = case.arrays(seed)
    outputs, _ = forward(case.placed, weights, inputs, None)
    assert outputs.shape == (case.images, *case.placed.output_shape)
    assert_agree(outputs, naive_outputs(case.placed, weights, inputs, None), ROUNDING)


# ------------------------------------------------------------------------------------------------------- by law


@given(convolutions(), seeds)
def test_a_convolution_is_a_dense_layer_on_every_section(case, seed):
    weights, images, _ = case.arrays(seed)
    kernels, window = weights["kernel"], case.layer.window(case.input_shape)
    outputs, _ = convolution(images, kernels, window)
    (kh, kw), (sh, sw), padded = window.size, window.strides, pad(images, window)
    for row, column in np.ndindex(window.positions):
        section = padded[:, row * sh : row * sh + kh, column * sw : column * sw + kw]
        expected = dense(section.reshape(case.images, -1), kernels.reshape(-1, case.layer.filters))
        assert_agree(outputs[:, row, column], expected, ROUNDING)


@given(convolutions(), seeds, st.floats(-3, 3), st.floats(-3, 3))
def test_a_convolution_is_linear_in_images_and_in_kernels(case, seed, a, b):
    (first, images, _), (second, others, _) = case.arrays(seed), case.arrays(seed + 1)
    window, kernels, rivals = case.layer.window(case.input_shape), first["kernel"], second["kernel"]

    def outputs(images, kernels):
        return convolution(images, kernels, window)[0]

    mixed = a * outputs(images, kernels) + b * outputs(others, kernels)
    assert_agree(outputs(a * images + b * others, kernels), mixed, ROUNDING)
    mixed = a * outputs(images, kernels) + b * outputs(images, rivals)
    assert_agree(outputs(images, a * kernels + b * rivals), mixed, ROUNDING)


@given(convolutions(), seeds)
def test_adding_sections_is_the_transpose_of_cutting_them(case, seed):
    """⟨cut(x), y⟩ = ⟨x, add(y)⟩ for all x and y: what a backward pass is."""
    window = case.layer.window(case.input_shape)
    generator = np.random.default_rng(seed)
    images = generator.uniform(-1, 1, (case.images, *case.input_shape))
    cut = cut_sections(pad(images, window), window)
    sections = generator.uniform(-1, 1, cut.shape)
    added = add_sections(sections, images.shape, window)
    assert_agree((cut * sections).sum(), (images * added).sum(), ROUNDING)


@each_layer
def test_permuting_the_batch_permutes_the_outputs(case):
    weights, inputs, masks = case.arrays()
    inputs, masks = np.concatenate([inputs, -inputs[:1], inputs / 2]), None
    order = np.random.default_rng(0).permutation(len(inputs))
    outputs, _ = forward(case.placed, weights, inputs, masks)
    assert_agree(forward(case.placed, weights, inputs[order], masks)[0], outputs[order], ROUNDING)


@pytest.mark.parametrize("pool", [max_pooling, average_pooling])
@pytest.mark.parametrize("padding", ["valid", "same"])
@given(value=st.floats(-1e6, 1e6), size=st.tuples(sizes, sizes), strides=st.tuples(sizes, sizes))
def test_pooling_a_constant_gives_the_constant(pool, padding, value, size, strides):
    window = Window.over((5, 6, 2), size, strides, padding)
    outputs = pool(np.full((1, 5, 6, 2), value), window)
    outputs = outputs[0] if isinstance(outputs, tuple) else outputs
    assert_agree(outputs, np.full((1, *window.positions, 2), value), ROUNDING)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=6), st.floats(-1e3, 1e3))
def test_softmax_does_not_change_when_all_logits_shift(logits, shift):
    row = np.array([logits])
    assert_agree(softmax(row + shift), softmax(row), ROUNDING._replace(absolute=1e-11))


@each_layer
def test_the_same_layer_twice_gives_the_same_bits(case):
    weights, inputs, masks = case.arrays()
    first, _ = forward(case.placed, weights, inputs, masks)
    assert_same_bits(forward(case.placed, weights, inputs, masks)[0], first)


@each_layer
@pytest.mark.parametrize("training", [True, False], ids=["training", "predicting"])
def test_a_nan_is_never_swallowed(case, training):
    """Else a network that went wrong could look healthy: np.maximum keeps NaN, a comparison would not."""
    weights, inputs, masks = case.arrays()
    outputs, _ = forward(case.placed, weights, np.full_like(inputs, np.nan), masks if training else None)
    assert np.isnan(outputs).all()
