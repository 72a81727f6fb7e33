"""Every refused argument: the message names it, its value, what is allowed, and what to do. The text is the test."""

import math

import numpy as np
import pytest

from convlet.descriptions.initializers import Constant, GlorotUniform, HeNormal, TruncatedNormal, Uniform
from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    MaxPooling2D,
)
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam, AdamW
from convlet.descriptions.schedules import Cosine, OneCycle, Steps
from convlet.engines import ENGINES, engine
from convlet.errors import ConvletError, InputError, NetworkError, RecipeError
from convlet.runs.recipe import Training

WHOLE = "expected a whole number of at least 1."
PAIR = "expected a whole number of at least 1, or two of them: (rows, columns)."
ACTIVATIONS = "'relu', 'leaky_relu', 'elu', 'silu', 'gelu', 'hard_swish', 'tanh', 'sigmoid', 'softmax'"
AROUND = "expected 'valid', 'same' or how many pixels of zeros go around: ((top, bottom), (left, right))."
INITIALISER = "expected an initialiser, such as HeNormal() or Constant(0.1)."
SHARE = "expected a finite number at least 0 and less than 1."
POSITIVE = "expected a finite number more than 0."
NOT_NEGATIVE = "expected a finite number at least 0."
LAYERS = "expected a list of layers, such as [Flatten(), Dense(10)]."
SHAPE = "expected (H, W, C), such as (28, 28, 1), or (size,)."
NAME = "expected a name of letters, digits, - and _ that no other layer has."
WEIGHTS = "expected 'balanced', or a weight for each class by its name, such as {'7': 2.0}."
PATTERNS = "expected factors by patterns of names, such as {'*/bias': 2.0}."
HUGE = 10**400

ARGUMENTS = [
    # layers
    (lambda: Conv2D(0, 3), f"filters=0: {WHOLE}"),
    (lambda: Conv2D(2.0, 3), f"filters=2.0: {WHOLE}"),
    (lambda: Conv2D(True, 3), f"filters=True: {WHOLE}"),
    (lambda: Conv2D("8", 3), f"filters='8': {WHOLE}"),
    (lambda: Conv2D(None, 3), f"filters=None: {WHOLE}"),
    (lambda: Conv2D(8, 0), f"kernel_size=0: {PAIR}"),
    (lambda: Conv2D(8, (3, 0)), f"kernel_size=(3, 0): {PAIR}"),
    (lambda: Conv2D(8, (3, 3, 3)), f"kernel_size=(3, 3, 3): {PAIR}"),
    (lambda: Conv2D(8, (3,)), f"kernel_size=(3,): {PAIR}"),
    (lambda: Conv2D(8, ()), f"kernel_size=(): {PAIR}"),
    (lambda: Conv2D(8, None), f"kernel_size=None: {PAIR}"),
    (lambda: Conv2D(8, "5x5"), f"kernel_size='5x5': {PAIR}"),
    (lambda: Conv2D(8, 3, strides=-1), f"strides=-1: {PAIR}"),
    (lambda: Conv2D(8, 3, strides=[2, 1.5]), f"strides=[2, 1.5]: {PAIR}"),
    (lambda: Conv2D(8, 3, padding="sane"), "padding='sane': expected one of 'valid', 'same'. Did you mean 'same'?"),
    (lambda: Conv2D(8, 3, padding=None), f"padding=None: {AROUND}"),
    (lambda: Conv2D(8, 3, padding=1), f"padding=1: {AROUND}"),
    (lambda: Conv2D(8, 3, padding=(1, 1)), f"padding=(1, 1): {AROUND}"),
    (lambda: Conv2D(8, 3, padding=((1, -1), (0, 0))), f"padding=((1, -1), (0, 0)): {AROUND}"),
    (
        lambda: MaxPooling2D(2, padding=((1, 2), (0, 0))),
        "padding=((1, 2), (0, 0)): expected fewer pixels than the pool has, (2, 2), or it would lie in nothing but "
        "padding.",
    ),
    (
        lambda: Conv2D(8, 3, activation="Relu"),
        f"activation='Relu': expected one of none, {ACTIVATIONS}. Did you mean 'relu'?",
    ),
    (lambda: Conv2D(8, 3, activation=max), f"activation={max!r}: expected one of none, {ACTIVATIONS}."),
    (lambda: Conv2D(8, 3, use_bias="no"), "use_bias='no': expected True or False."),
    (lambda: Conv2D(8, 3, use_bias=1), "use_bias=1: expected True or False."),
    (lambda: Conv2D(8, 3, kernel_initializer="he"), f"kernel_initializer='he': {INITIALISER}"),
    (lambda: Conv2D(8, 3, bias_initializer=0.1), f"bias_initializer=0.1: {INITIALISER}"),
    (lambda: Dense(8, kernel_initializer=HeNormal), f"kernel_initializer={HeNormal!r}: {INITIALISER}"),
    (lambda: Dense(0), f"units=0: {WHOLE}"),
    (lambda: Dense((3, 3)), f"units=(3, 3): {WHOLE}"),
    (lambda: Dense(8, "swish"), f"activation='swish': expected one of none, {ACTIVATIONS}. Did you mean 'hard_swish'?"),
    (lambda: Dense(8, use_bias=None), "use_bias=None: expected True or False."),
    (lambda: MaxPooling2D(0), f"pool_size=0: {PAIR}"),
    (lambda: MaxPooling2D(2, strides=0), f"strides=0: {PAIR}"),
    (lambda: AveragePooling2D(2, padding="full"), "padding='full': expected one of 'valid', 'same'."),
    (lambda: Dropout(1), f"rate=1: {SHARE}"),
    (lambda: Dropout(-0.1), f"rate=-0.1: {SHARE}"),
    (lambda: Dropout(math.nan), f"rate=nan: {SHARE}"),
    (lambda: Dropout("half"), "rate='half': expected a number."),
    (lambda: Dropout(False), "rate=False: expected a number."),
    (lambda: BatchNormalization(momentum=1.0), f"momentum=1.0: {SHARE}"),
    (lambda: BatchNormalization(epsilon=0), f"epsilon=0: {POSITIVE}"),
    (lambda: Activation("rely"), f"activation='rely': expected one of {ACTIVATIONS}. Did you mean 'relu'?"),
    (lambda: Activation(None), f"activation=None: expected one of {ACTIVATIONS}."),
    # initialisers
    (lambda: Constant(math.inf), "value=inf: expected a finite number."),
    (lambda: Constant("0"), "value='0': expected a number."),
    (lambda: Constant(HUGE), f"value={HUGE}: expected a finite number."),
    (lambda: Uniform(0.5, 0.5), "low=0.5, high=0.5: expected low to be less than high."),
    (lambda: Uniform(math.nan, 1), "low=nan: expected a finite number."),
    (lambda: TruncatedNormal(0), f"standard_deviation=0: {POSITIVE}"),
    (lambda: TruncatedNormal(-1.0), f"standard_deviation=-1.0: {POSITIVE}"),
    # optimizers and schedules
    (lambda: SGD(0), f"learning_rate=0: {POSITIVE}"),
    (lambda: SGD("fast"), "learning_rate='fast': expected a number."),
    (lambda: SGD(Cosine), f"learning_rate={Cosine!r}: expected a number."),
    (lambda: SGD(momentum=1), f"momentum=1: {SHARE}"),
    (lambda: SGD(momentum=0.9, nesterov="yes"), "nesterov='yes': expected True or False."),
    (lambda: SGD(nesterov=True), "nesterov=True with momentum=0.0: give a momentum above 0, such as 0.9."),
    (lambda: SGD(weight_decay=-0.1), f"weight_decay=-0.1: {NOT_NEGATIVE}"),
    (lambda: Adam(-1e-4), f"learning_rate=-0.0001: {POSITIVE}"),
    (lambda: Adam(math.inf), f"learning_rate=inf: {POSITIVE}"),
    (lambda: Adam(HUGE), f"learning_rate={HUGE}: {POSITIVE}"),
    (lambda: Adam(beta_1=1), f"beta_1=1: {SHARE}"),
    (lambda: Adam(beta_2=-0.5), f"beta_2=-0.5: {SHARE}"),
    (lambda: Adam(epsilon=0), f"epsilon=0: {POSITIVE}"),
    (lambda: Adam(weight_decay=math.nan), f"weight_decay=nan: {NOT_NEGATIVE}"),
    (lambda: SGD(decays="biases"), "decays='biases': expected one of 'all', 'kernels'."),
    (lambda: SGD(clip_norm=0), f"clip_norm=0: {POSITIVE}"),
    (lambda: AdamW(rate_factors={"*/beta": 0}), f"rate_factors['*/beta']=0: {POSITIVE}"),
    (lambda: AdamW(rate_factors=2), f"rate_factors=2: {PATTERNS}"),
    (lambda: AdamW(rate_factors={1: 2}), f"rate_factors={{1: 2}}: {PATTERNS}"),
    (lambda: Cosine(0), f"start=0: {POSITIVE}"),
    (lambda: Cosine(1, -1), f"end=-1: {NOT_NEGATIVE}"),
    (lambda: OneCycle(0), f"peak=0: {POSITIVE}"),
    (lambda: OneCycle(1, 1), f"warmup=1: {SHARE}"),
    (lambda: Steps(0), f"start=0: {POSITIVE}"),
    (lambda: Steps(1, 0), f"factor=0: {POSITIVE}"),
    (lambda: Steps(1, 0.1, 0), f"drops=0: {WHOLE}"),
    (lambda: Steps(1, 0.1, 1.5), f"drops=1.5: {WHOLE}"),
    # training
    (lambda: Training(steps=1, label_smoothing=1.5), f"label_smoothing=1.5: {SHARE}"),
    (lambda: Training(steps=1, label_smoothing=-0.1), f"label_smoothing=-0.1: {SHARE}"),
    (lambda: Training(steps=1, class_weights="balance"), f"class_weights='balance': {WEIGHTS}"),
    (lambda: Training(steps=1, class_weights={}), f"class_weights={{}}: {WEIGHTS}"),
    (
        lambda: Training(steps=1, class_weights={7: 2.0, "7": 3.0}),
        "class_weights={7: 2.0, '7': 3.0}: names a class twice, once as text and once as a number.",
    ),
    (lambda: Training(steps=1, class_weights=[1, 2]), f"class_weights=[1, 2]: {WEIGHTS}"),
    (lambda: Training(steps=1, class_weights={7: 0}), f"class_weights['7']=0: {POSITIVE}"),
    # networks
    (lambda: Sequential([], (28, 28, 1)), "layers=[]: expected at least one layer."),
    (lambda: Sequential(Flatten(), (2, 2, 1)), f"layers={Flatten()!r}: {LAYERS}"),
    (lambda: Sequential(None, (2, 2, 1)), f"layers=None: {LAYERS}"),
    (lambda: Sequential([Flatten], (2, 2, 1)), f"layers=[{Flatten!r}]: {LAYERS}"),
    (lambda: Sequential([3], (2, 2, 1)), f"layers=[3]: {LAYERS}"),
    (lambda: Sequential([Flatten()], 28), f"input_shape=28: {SHAPE}"),
    (lambda: Sequential([Flatten()], None), f"input_shape=None: {SHAPE}"),
    (lambda: Sequential([Flatten()], 2.5), f"input_shape=2.5: {SHAPE}"),
    (lambda: Sequential([Flatten()], "28 28 1"), f"input_shape='28 28 1': {SHAPE}"),
    (lambda: Sequential([Flatten()], (28, 28)), f"input_shape=(28, 28): {SHAPE}"),
    (lambda: Sequential([Flatten()], (28, 0, 1)), f"input_shape=0: {WHOLE}"),
    (lambda: Sequential([Dense(1, name="a/b")], (2,)), f"name='a/b': {NAME}"),
    (lambda: Sequential([Dense(1, name="é")], (2,)), f"name='é': {NAME}"),
    (lambda: Sequential([Dense(1, name="a\n")], (2,)), f"name='a\\n': {NAME}"),
    (lambda: Sequential([Dense(1, name=3)], (2,)), f"name=3: {NAME}"),
    (lambda: Sequential([Dense(1, name=None)], (2,)), f"name=None: {NAME}"),
    (lambda: Sequential([Dense(1, name="a"), Dense(1, name="a")], (2,)), f"name='a': {NAME}"),
    (lambda: Sequential([Dense(1, name="dense_2"), Dense(1)], (2,)), f"name='dense_2': {NAME}"),
    # engines
    (
        lambda: engine("nunpy"),
        f"engine='nunpy': expected one of {', '.join(map(repr, ENGINES))}. Did you mean 'numpy'?",
    ),
]


@pytest.mark.parametrize(("call", "message"), ARGUMENTS, ids=[message[:60] for _, message in ARGUMENTS])
def test_a_wrong_argument_is_refused_by_name_value_and_what_is_allowed(call, message):
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value) == message
    assert isinstance(error.value, ValueError) and isinstance(error.value, ConvletError)
    assert error.value.__suppress_context__ or error.value.__context__ is None


FITS = "make it smaller, pool less before it, or use padding='same'."
IMAGES = "expected images (H, W, C); put this layer before Flatten."
PLACES = [
    (
        [Dense(3)],
        (4, 4, 1),
        "'dense_1'",
        "(4, 4, 1)",
        "expected one row of numbers an image; put Flatten() before this layer.",
    ),
    ([Flatten(), Conv2D(3, 3)], (4, 4, 1), "'conv2d_1'", "(16,)", IMAGES),
    ([Flatten(), MaxPooling2D()], (4, 4, 1), "'max_pooling2d_1'", "(16,)", IMAGES),
    ([AveragePooling2D()], (16,), "'average_pooling2d_1'", "(16,)", IMAGES),
    ([GlobalAveragePooling2D(name="last")], (16,), "'last'", "(16,)", IMAGES),
    (
        [Conv2D(3, (5, 2))],
        (4, 6, 1),
        "'conv2d_1'",
        "(4, 6, 1)",
        f"a window of 5 × 2 does not fit in 4 × 6 pixels; {FITS}",
    ),
    (
        [MaxPooling2D(), MaxPooling2D(), Conv2D(3, 3)],
        (8, 8, 1),
        "'conv2d_1'",
        "(2, 2, 1)",
        f"a window of 3 × 3 does not fit in 2 × 2 pixels; {FITS}",
    ),
    (
        [MaxPooling2D((2, 5))],
        (4, 4, 1),
        "'max_pooling2d_1'",
        "(4, 4, 1)",
        f"a window of 2 × 5 does not fit in 4 × 4 pixels; {FITS}",
    ),
]


@pytest.mark.parametrize(("layers", "shape", "name", "given", "needs"), PLACES)
def test_a_layer_that_cannot_take_its_input_is_named_with_the_input_and_what_it_needs(
    layers, shape, name, given, needs
):
    with pytest.raises(NetworkError) as error:
        Sequential(layers, shape)
    assert str(error.value) == f"layer {name} cannot take an input of shape {given}: {needs}"


def test_parameters_of_other_names_shapes_or_types_are_refused():
    network = Sequential([Dense(3)], (2,))
    good = network.initial_parameters(0)
    bad = {
        "parameters: missing ['dense_1/bias'], unknown []; expected the network's own names.": {
            "dense_1/kernel": good["dense_1/kernel"]
        },
        "parameters: missing [], unknown ['x']; expected the network's own names.": {**good, "x": np.zeros(3)},
        "parameters['dense_1/kernel']: shape (3, 2); expected (2, 3).": {
            **good,
            "dense_1/kernel": np.zeros((3, 2), "f4"),
        },
        "parameters: dtype float32, float64; expected all float32 or all float64.": {
            **good,
            "dense_1/bias": np.zeros(3),
        },
        "parameters: dtype float16; expected all float32 or all float64.": {n: a.astype("f2") for n, a in good.items()},
    }
    for message, parameters in bad.items():
        with pytest.raises(InputError) as error:
            network.check_parameters(parameters)
        assert str(error.value) == message
    network.check_parameters(good)


def test_a_layer_of_no_kind_is_not_in_the_way_of_the_error_tree():
    assert issubclass(NetworkError, InputError) and issubclass(RecipeError, InputError)
    assert issubclass(InputError, ValueError) and issubclass(InputError, ConvletError)
    assert issubclass(Conv2D, Layer) and GlorotUniform() == GlorotUniform()
