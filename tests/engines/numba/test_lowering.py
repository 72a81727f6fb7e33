"""Which layers are computed together, and with which kernels: as `convlet summary --engine numba` shows it."""

import pytest

from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Residual,
)
from convlet.descriptions.network import Sequential
from convlet.engines.numba.assembly.blocks import (
    ActivationBlock,
    AdditionBlock,
    ConvolutionBlock,
    DenseBlock,
    DropoutBlock,
    FlattenBlock,
    NormalizationBlock,
    PoolingBlock,
)
from convlet.engines.numba.assembly.lowering import Switches, lower, plan

SEED = Sequential(
    [
        *(Conv2D(32, 5, padding="same", activation="relu"), MaxPooling2D(2)),
        *(Conv2D(64, 5, padding="same", activation="relu"), MaxPooling2D(2)),
        *(Flatten(), Dense(1024, activation="relu"), Dropout(0.5), Dense(10)),
    ],
    (28, 28, 1),
)


def kinds(*layers, shape=(12, 12, 8), switches=None):
    """(kind, number of layers) of each block."""
    blocks = lower(Sequential(layers, shape), switches or Switches())
    return [(type(block), len(block.layers)) for block in blocks]


def test_the_seeds_network_is_four_blocks():
    assert plan(SEED) == [
        {
            "layers": "conv2d_1 + max_pooling2d_1",
            "computes": "convolution + bias + relu + 2×2 max",
            "forward": "direct",
            "backward": "kernels dense (narrow rows)",
        },
        {
            "layers": "conv2d_2 + max_pooling2d_2",
            "computes": "convolution + bias + relu + 2×2 max",
            "forward": "Winograd F(2×2, 5×5)",
            "backward": "kernels sparse; inputs sparse",
        },
        {
            "layers": "flatten_1 + dense_1 + dropout_1",
            "computes": "dense + bias + relu + dropout",
            "forward": "transposed inputs",
            "backward": "sparse; gradient, optimizer and inputs in one pass",
        },
        {
            "layers": "dense_2",
            "computes": "dense + bias",
            "forward": "transposed inputs",
            "backward": "dense; gradient, optimizer and inputs in one pass",
        },
    ]


def test_a_plan_is_text_for_every_kind_of_block():
    layers = [Conv2D(4, 3), BatchNormalization(), Activation("softmax"), AveragePooling2D(2), MaxPooling2D(2)]
    network = Sequential([*layers, GlobalAveragePooling2D(), Dropout(0.5), Flatten(), Activation("tanh")], (12, 12, 3))
    rows = plan(network)
    assert len(rows) == 9
    assert all(isinstance(text, str) and text for row in rows for text in row.values())


def test_relu_and_pooling_are_fused_in_either_order():
    for tail in ([Activation("relu"), MaxPooling2D(2)], [MaxPooling2D(2), Activation("relu")]):
        assert kinds(Conv2D(8, 3), *tail, Flatten(), Dense(2)) == [(ConvolutionBlock, 3), (DenseBlock, 2)]


def test_pooling_is_fused_with_a_convolution_without_an_activation_and_with_normalisation():
    norm, relu, pool = BatchNormalization(), Activation("relu"), MaxPooling2D(2)
    convolution = Conv2D(8, 3, padding="same")
    assert kinds(convolution, pool, norm, relu) == [(ConvolutionBlock, 2), (NormalizationBlock, 2)]
    assert kinds(convolution, norm, relu, pool) == [(ConvolutionBlock, 1), (NormalizationBlock, 3)]
    assert kinds(convolution, norm, pool, relu) == [(ConvolutionBlock, 1), (NormalizationBlock, 3)]
    assert kinds(norm, relu, pool) == [(NormalizationBlock, 2), (PoolingBlock, 1)]  # its channels are not padded


@pytest.mark.parametrize(
    "pool", [MaxPooling2D(3), MaxPooling2D(2, 1), MaxPooling2D(2, padding="same"), AveragePooling2D(2)]
)
def test_other_pools_stand_alone(pool):
    found = kinds(Conv2D(8, 3, padding="same", activation="relu"), pool, shape=(13, 13, 3))
    assert found == [(ConvolutionBlock, 1), (PoolingBlock, 1)]


def test_pooling_without_relu_stands_alone_for_its_winners_may_be_negative():
    assert kinds(Conv2D(8, 3, activation="tanh"), MaxPooling2D(2)) == [(ConvolutionBlock, 1), (PoolingBlock, 1)]


def test_softmax_is_finished_before_dropout():
    assert kinds(Dense(4, "softmax"), Dropout(0.5), Dense(2), shape=(3,)) == [
        (DenseBlock, 1),
        (DropoutBlock, 1),
        (DenseBlock, 1),
    ]


def test_flatten_is_copied_only_where_no_dense_layer_reads_it():
    assert kinds(Flatten(), Dropout(0.5), Dense(2)) == [(FlattenBlock, 1), (DropoutBlock, 1), (DenseBlock, 1)]
    assert kinds(Flatten(), Dense(2)) == [(DenseBlock, 2)]


def test_without_fusion_every_layer_is_a_block():
    layers = [Conv2D(8, 3), Activation("relu"), MaxPooling2D(2), Flatten(), Dense(4), Activation("relu"), Dropout(0.5)]
    assert kinds(*layers, switches=Switches(fusion=False)) == [
        *((ConvolutionBlock, 1), (ActivationBlock, 1), (PoolingBlock, 1)),
        *((DenseBlock, 2), (ActivationBlock, 1), (DropoutBlock, 1)),
    ]


def test_an_addition_takes_the_relu_that_follows_it_and_nothing_else():
    body = [Conv2D(8, 3, padding="same")]
    assert kinds(Residual(body), Activation("relu"))[-1] == (AdditionBlock, 2)
    assert kinds(Residual(body), Activation("tanh"))[-2:] == [(AdditionBlock, 1), (ActivationBlock, 1)]
    assert kinds(Residual(body), Activation("relu"), switches=Switches(fusion=False))[-2] == (AdditionBlock, 1)


def test_what_a_shortcut_also_reads_is_fused_with_nothing_behind_it():
    """The ReLU's outputs, not the convolution's, go both ways; and what begins a shortcut follows nothing before it."""
    network = [Conv2D(8, 3, padding="same"), Residual([Activation("relu"), MaxPooling2D(3, 1, "same")])]
    assert kinds(*network) == [(ConvolutionBlock, 1), (ActivationBlock, 1), (PoolingBlock, 1), (AdditionBlock, 1)]
    shortcut = Residual([Conv2D(8, 1)], shortcut=[Activation("relu")])
    assert kinds(shortcut) == [(ConvolutionBlock, 1), (ActivationBlock, 1), (AdditionBlock, 1)]
    last = Residual([Conv2D(8, 1)], shortcut=[Conv2D(8, 1)])
    assert kinds(last, Activation("relu")) == [(ConvolutionBlock, 1), (ConvolutionBlock, 1), (AdditionBlock, 2)]


def test_a_value_that_is_read_twice_is_flattened_in_a_copy():
    assert kinds(Residual([Flatten(), Dense(3)], shortcut=[Flatten(), Dense(3)])) == [
        *((FlattenBlock, 1), (DenseBlock, 1)) * 2,
        (AdditionBlock, 1),
    ]


@pytest.mark.parametrize(
    ("layer", "channels", "winograd"),
    [
        (Conv2D(64, 3, padding="same"), 32, True),
        (Conv2D(64, 5), 32, True),
        (Conv2D(64, 3, strides=2), 32, False),
        (Conv2D(64, 4), 32, False),
        (Conv2D(64, (3, 5)), 32, False),
        (Conv2D(64, 3), 3, False),
        (Conv2D(8, 3), 16, False),
    ],
)
def test_winograd_is_for_square_kernels_of_3_and_5_with_many_channels(layer, channels, winograd):
    (block,) = lower(Sequential([layer], (16, 16, channels)))
    assert block.winograd is winograd
