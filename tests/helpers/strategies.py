"""What Hypothesis draws networks to compute with from: small, of common kinds of layer, each ending in a dense one."""

from hypothesis import strategies as st

from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from convlet.descriptions.network import Sequential

activations = st.sampled_from([None, "relu", "tanh", "sigmoid"])
image_layers = st.one_of(
    st.builds(Conv2D, st.integers(1, 3), st.sampled_from([1, 2, (1, 2), (3, 2)]), padding=st.just("same")),
    st.builds(Conv2D, st.integers(1, 3), st.just(1), activation=activations, use_bias=st.booleans()),
    st.builds(MaxPooling2D, st.just(2), padding=st.just("same"), name=st.sampled_from(["", "pool", "a-b_C"])),
    st.builds(AveragePooling2D, st.just((2, 1)), padding=st.just("same")),
    st.builds(BatchNormalization, momentum=st.floats(0, 0.999)),
    st.builds(Dropout, st.floats(0, 0.9)),
    st.builds(Activation, st.sampled_from(["relu", "tanh", "sigmoid", "softmax"])),
)


@st.composite
def networks(draw):
    layers = draw(st.lists(image_layers, max_size=5, unique_by=lambda layer: layer.name or id(layer)))
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)))
    return Sequential([*layers, Flatten(), Dense(draw(st.integers(1, 4)), use_bias=draw(st.booleans()))], shape)
