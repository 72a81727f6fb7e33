"""Every kind of layer by its name: what a recipe may name."""

from convlet.descriptions.layers.activation import Activation
from convlet.descriptions.layers.convolution import Conv2D
from convlet.descriptions.layers.dense import Dense
from convlet.descriptions.layers.dropout import Dropout
from convlet.descriptions.layers.flatten import Flatten
from convlet.descriptions.layers.global_pooling import GlobalAveragePooling2D
from convlet.descriptions.layers.normalization import BatchNormalization
from convlet.descriptions.layers.pooling import AveragePooling2D, MaxPooling2D
from convlet.descriptions.tables import kinds

LAYERS = kinds(
    Conv2D,
    MaxPooling2D,
    AveragePooling2D,
    GlobalAveragePooling2D,
    Flatten,
    Dense,
    Dropout,
    BatchNormalization,
    Activation,
)
