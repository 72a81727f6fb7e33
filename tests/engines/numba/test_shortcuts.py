"""A value that several layers read: stored once, with the borders that all of them want, and its gradients added up."""

from hypothesis import given
from hypothesis import strategies as st
from programs import assert_same_function
from roaming import examples

from convlet.descriptions.layers import Activation, AveragePooling2D, Conv2D, Dense, Flatten, MaxPooling2D, Residual
from convlet.descriptions.network import Sequential
from convlet.engines.numba.assembly.layouts import frames, view
from convlet.engines.numba.assembly.lowering import lower


@st.composite
def convolutions(draw, strides, more):
    """A convolution of some filters and any kernel that gives an image of `more` rows and columns than it has."""
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    before = [draw(st.integers(0, size - 1 + extra)) for size, extra in zip(kernel, more, strict=True)]
    around = [(one, size - 1 + extra - one) for one, size, extra in zip(before, kernel, more, strict=True)]
    activation = draw(st.sampled_from([None, "relu", "tanh"]))
    return Conv2D(9, kernel, strides, tuple(around), activation)


@st.composite
def blocks(draw):
    """(a block with a convolution on each way, the image that it is given)"""
    strides, more = draw(st.sampled_from([1, 2, (1, 3)])), draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    body, shortcut = draw(convolutions(strides, more)), draw(convolutions(strides, more))
    return Residual([body], shortcut=[shortcut]), draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))


@examples(15)
@given(blocks(), st.sampled_from([8, 3]))
def test_two_convolutions_may_want_any_borders_of_the_same_value(given_block, channels):
    block, size = given_block
    layers = [Conv2D(channels, 1), block, Activation("relu"), Flatten(), Dense(3)]
    assert_same_function(Sequential(layers, (*size, 2)), images=3)


def test_winograd_and_a_strided_projection_read_the_same_value():
    body = [Conv2D(32, 3, padding="same", activation="relu"), MaxPooling2D(2), Conv2D(32, 3, padding="same")]
    block = Residual(body, shortcut=[Conv2D(32, 1, 2)])
    layers = [Conv2D(32, 3, padding="same"), block, Activation("relu"), Residual([Conv2D(32, 5, padding="same")])]
    assert_same_function(Sequential([*layers, Flatten(), Dense(3)], (10, 8, 2)), images=5)


def test_the_image_itself_may_be_read_by_several():
    block = Residual([Conv2D(2, 3, padding="same")], shortcut=[AveragePooling2D(3, 1, "same")])
    around = Residual([block, Conv2D(2, 5, padding="same", activation="relu")])
    assert_same_function(Sequential([around, Flatten(), Dense(3)], (6, 5, 2)), images=3)


def test_each_reader_sees_the_borders_that_it_wants():
    block = Residual([Conv2D(4, 5, padding="same")], shortcut=[Conv2D(4, 3, padding="same")])
    lowered = lower(Sequential([Conv2D(4, 1), block], (6, 5, 1)))
    stored = frames(lowered)["conv2d_1"]
    assert (stored.rows, stored.columns, stored.channels, stored.top, stored.left) == (10, 9, 8, 2, 2)
    wide, narrow, addition = (view(stored, reader) for reader in lowered[1:])
    assert wide == (0, stored) and addition[0] == 0
    assert narrow == ((9 + 1) * 8, stored._replace(top=1, left=1))
