"""A Keras model as a run: what `to_keras` makes comes back, others' are computed as there, or named."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from onnx_models import NETWORKS, drawn
from roaming import examples
from strategies import networks

import convlet as cl
from convlet.engines import engine
from convlet.errors import InputError
from convlet.losses import softmax

IMAGES = np.random.default_rng(0).random((6, 8, 10, 3), np.float32)
README = Path(__file__).parents[3] / "README.md"
SOME = [*list(NETWORKS)[:120:6], *list(NETWORKS)[120:]]  # every sixth layer, and all that are more than one


@pytest.fixture(autouse=True, scope="module")
def with_keras(backend):
    """These tests name Keras's layers only where there is Keras."""


def answered(model, images):
    """What a Keras model gives for images, as an array."""
    import keras

    with warnings.catch_warnings(action="ignore"):  # Keras's, of its own code
        return keras.ops.convert_to_numpy(model(images, training=False))


def there_and_back(network):
    """What comes back of a network in Keras: it answers the same, there and here."""
    from convlet.exchange.graph.taking import imported
    from convlet.exchange.keras.reading import graph_of

    parameters, images = drawn(network)
    model = engine("keras").compile(network, parameters).model
    found = imported(graph_of(model), "model")
    expected = engine("numpy").compile(network, parameters).predict(images)
    outputs = engine("numpy").compile(found.network, found.parameters).predict(images)
    for answer in (answered(model, images), outputs):
        assert answer.shape == expected.shape
        assert np.abs(answer - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
    return found.network


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # Keras's, of one channel
@given(networks())
@examples(10)
def test_random_networks_answer_the_same_there_and_back(network):
    there_and_back(network)


@pytest.mark.parametrize("title", SOME)
def test_a_network_goes_to_keras_and_comes_back_as_it_was(title):
    network = NETWORKS[title]
    names = {placed.name: placed.layer for placed in there_and_back(network)}
    for placed in network:
        if placed.parameters:
            assert names[placed.name].trainable == placed.layer.trainable
            if isinstance(placed.layer, cl.BatchNormalization):
                assert (names[placed.name].scale, names[placed.name].center) == (
                    placed.layer.scale,
                    placed.layer.center,
                )


def test_readme_says_of_how_many_networks():
    assert f"all {len(SOME)} of these" in README.read_text("utf-8")


def built(*rows, last=True):
    """A Sequential of these layers, with other weights than those that would hide a mistake, such as a mean of 0."""
    import keras

    ends = [keras.layers.Flatten(), keras.layers.Dense(2)] if last else []
    model = keras.Sequential([keras.Input(IMAGES.shape[1:]), *rows, *ends])
    return shaken(model)


def shaken(model):
    generator = np.random.default_rng(1)
    for variable in model.variables:
        if "seed" not in variable.path:
            low, high = (0.5, 1.5) if "variance" in variable.path else (-0.6, 0.6)
            variable.assign(generator.uniform(low, high, variable.shape))
    return model


def compared(model, images=IMAGES, **options):
    """The run that a model becomes, which answers the same on these images."""
    run = cl.from_keras(model, engine="numpy", **options)
    expected = answered(model, images)
    logits = run.program.predict(images)
    assert logits.shape == expected.shape
    assert np.abs(logits - expected).max() < 1e-5 * max(1, np.abs(expected).max())
    return run


ROWS = {
    "convolutions": lambda k: [k.Conv2D(4, (3, 2), (2, 1), "same", activation="relu"), k.Conv2D(2, 3, use_bias=False)],
    "strides of an even image": lambda k: [k.Conv2D(4, 2, 3, "same")],
    "grouped as depthwise": lambda k: [k.Conv2D(3, 3, groups=3), k.DepthwiseConv2D(3, 2, "same", activation="gelu")],
    "separable": lambda k: [k.SeparableConv2D(5, 3, padding="same", activation="silu")],
    "dense at each pixel": lambda k: [k.Dense(4, "tanh")],
    "normalised": lambda k: [
        k.BatchNormalization(),
        k.BatchNormalization(scale=False),
        k.BatchNormalization(center=False),
    ],
    "by its own numbers": lambda k: [k.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 2.0, 1.0])],
    "rescaled": lambda k: [k.Rescaling(2.0, -1.0), k.Rescaling([0.5, 1.0, 2.0], [0.0, 1.0, -1.0])],
    "pooled": lambda k: [k.MaxPooling2D(3, 2, "same"), k.AveragePooling2D(2, padding="same"), k.AveragePooling2D(2, 1)],
    "global average": lambda k: [k.GlobalAveragePooling2D()],
    "global largest, axes kept": lambda k: [k.GlobalMaxPooling2D(keepdims=True), k.Conv2D(4, 1)],
    "padded": lambda k: [k.ZeroPadding2D(((1, 0), (0, 2))), k.Conv2D(2, 3), k.Identity(), k.Dropout(0.3)],
    "activations": lambda k: [
        *(k.ReLU(), k.ReLU(6.0), k.ReLU(negative_slope=0.3), k.LeakyReLU(), k.ELU(0.5), k.PReLU(shared_axes=[1, 2, 3])),
        *(k.Activation("hard_silu"), k.Activation("hard_sigmoid"), k.Activation("leaky_relu"), k.Softmax()),
    ],
    "rows": lambda k: [k.Reshape((240,)), k.BatchNormalization(), k.Dense(5, "elu"), k.Activation("relu6")],
}


@pytest.mark.parametrize("title", ROWS)
def test_layers_of_keras_are_computed_as_there(title):
    from keras import layers

    compared(built(*ROWS[title](layers)))


def test_a_row_of_layers_has_our_layers_with_their_names():
    from keras import layers

    row = [
        layers.Conv2D(4, 3, activation="relu", name="seen"),
        layers.MaxPooling2D(2, name="pool"),
        layers.Dropout(0.25),
    ]
    model = built(*row)
    model.layers[0].trainable = False
    run = compared(model, classes=("cat", "dog"))
    assert [type(layer).__name__ for layer in run.network.layers] == [
        "Conv2D",
        "MaxPooling2D",
        "Dropout",
        "Flatten",
        "Dense",
    ]
    assert [layer.name for layer in run.network.layers[:2]] == ["seen", "pool"]
    assert (run.network.layers[0].trainable, run.network.layers[-1].trainable, run.classes) == (
        False,
        True,
        ("cat", "dog"),
    )


def functional():
    """Shortcuts, by a layer and by +, a model inside the model, and arithmetic around."""
    import keras
    from keras import layers

    images = keras.Input((8, 10, 3))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(images * 2.0 - 1.0)
    inner = keras.Sequential([layers.Conv2D(4, 3, padding="same", activation="relu"), layers.BatchNormalization()])
    x = layers.ReLU()(layers.Add()([inner(x), x]))
    shortcut = layers.Conv2D(6, 1, 2)(x)
    x = layers.Conv2D(6, 3, 2, "same")(x) + shortcut
    x = layers.GlobalAveragePooling2D()(layers.Activation("relu")(x))
    return keras.Model(images, layers.Dense(3, "softmax")(x))


def test_ways_that_part_and_meet_are_residual_blocks():

    model = shaken(functional())
    run = cl.from_keras(model, engine="numpy")
    blocks = [layer for layer in run.network.layers if isinstance(layer, cl.Residual)]
    assert [(len(block.layers), len(block.shortcut)) for block in blocks] == [(2, 0), (1, 1)]
    expected = answered(model, IMAGES)  # probabilities
    assert np.abs(run.predict(IMAGES) - expected).max() < 1e-6


@pytest.mark.parametrize(("scale", "offset", "left"), [(1 / 255, 0.0, []), (1 / 127.5, -1.0, ["Rescaling × 2 -1"])])
def test_a_model_that_divides_bytes_itself_answers_for_a_runs_images_as_it_did_for_bytes(scale, offset, left):
    from keras import layers

    model = built(layers.Rescaling(scale, offset), layers.Conv2D(4, 3))
    run = cl.from_keras(model, engine="numpy")
    assert [layer.describe() for layer in run.network.layers] == [*left, "Conv2D 4 × 3×3", "Flatten", "Dense 2"]
    images = np.random.default_rng(1).integers(0, 256, IMAGES.shape, np.uint8)
    expected = softmax(answered(model, images.astype(np.float32)))
    assert np.abs(run.predict(images) - expected).max() < 1e-5


def test_two_models_inside_with_layers_of_one_name_keep_their_own_weights():
    import keras
    from keras import layers

    def part(name):
        return keras.Sequential([layers.Conv2D(3, 3, padding="same", name="same")], name=name)

    run = compared(built(part("first"), part("second")))
    assert [layer.name for layer in run.network.layers[:2]] == ["first_same", "second_same"]


def test_a_pixels_row_may_become_an_image_of_one_channel():
    import keras
    from keras import layers

    row = [keras.Input((48,)), layers.Reshape((6, 8, 1)), layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(2)]
    run = cl.from_keras(shaken(keras.Sequential(row)), engine="numpy")
    assert run.network.input_shape == (6, 8, 1)


def test_dropout_of_channels_is_taken_with_a_warning():
    from keras import layers

    with pytest.warns(UserWarning, match=r"\(SpatialDropout2D\): in training it drops whole channels; Dropout\(0.2\)"):
        compared(built(layers.SpatialDropout2D(0.2)))


def test_a_model_is_trained_on():
    from keras import layers

    run = compared(built(layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()))
    data = IMAGES, np.arange(6) % 2
    further = cl.fit(run, data, steps=40, batch_size=6, optimizer=cl.Adam(0.01), engine="numpy", progress=False)
    assert further.history.losses[-1] < further.history.losses[0] / 2


REFUSED = {
    "gaps": (lambda k: [k.Conv2D(3, 3, dilation_rate=2)], r"layer '.*' \(Conv2D\): dilation_rate=\(2, 2\): expected 1"),
    "groups": (lambda k: [k.Conv2D(6, 3, groups=3)], "group=3, a kernel for 1 channels, images of 3"),
    "multiplied": (lambda k: [k.DepthwiseConv2D(3, depth_multiplier=2)], "depth_multiplier=2: expected 1"),
    "channels first": (lambda k: [k.MaxPooling2D(2, data_format="channels_first")], "expected 'channels_last'"),
    "unknown": (lambda k: [k.UpSampling2D()], r"\(UpSampling2D\): no layer of convlet does what it does"),
    "another curve": (lambda k: [k.Conv2D(3, 3, activation="selu")], "activation 'selu': no layer of convlet"),
    "a curve's name": (lambda k: [k.Activation(named_relu)], "activation 'relu': no layer of convlet"),
    "another axis": (lambda k: [k.BatchNormalization(axis=1)], "axis=1: expected -1"),
    "softmax of rows": (lambda k: [k.Softmax(axis=1)], "axis=1: expected -1"),
    "threshold": (lambda k: [k.ReLU(threshold=0.5)], "threshold=0.5: expected 0"),
    "slopes": (lambda k: [k.PReLU()], "a slope of shape"),
    "reshaped": (lambda k: [k.Reshape((8, 5, 6))], r"target_shape=\(8, 5, 6\): expected a row"),
}


def named_relu(values):
    return values + 1


named_relu.__name__ = "relu"


@pytest.mark.parametrize("title", REFUSED)
def test_what_no_layer_does_is_named_with_its_layer(title):
    from keras import layers

    rows, says = REFUSED[title]
    with pytest.raises(InputError, match=says):
        cl.from_keras(built(*rows(layers)), engine="numpy")


def test_models_of_no_known_order_or_of_several_ends_are_named():
    import keras
    from keras import layers

    images = keras.Input((4,))
    two = keras.Model(images, [layers.Dense(2)(images), layers.Dense(3)(images)])
    whole = keras.Sequential([keras.Input((4,), dtype="int32"), layers.Rescaling(0.5), layers.Dense(2)])
    for model, says in (
        (keras.Sequential([layers.Dense(2)]), r"no order that Keras knows.* model\.build"),
        (two, "1 inputs, 2 outputs; expected one of each"),
        (keras.Sequential([keras.Input((None, 8, 3)), layers.Conv2D(2, 3)]), "expected .* all known"),
        (whole, "input of dtype 'int32': expected floats"),
        (built(layers.ReLU(), last=False), r"it gives \(8, 10, 3\) an image; expected one number a class"),
        ("model.keras", "model: str; expected a Keras model"),
    ):
        with pytest.raises(InputError, match=says):
            cl.from_keras(model, engine="numpy")
