"""Every kind of layer by its name: what a recipe may name."""

from convlet.descriptions.layers.activation import Activation
from convlet.descriptions.layers.convolution import Conv2D
from convlet.descriptions.layers.dense import Dense
from convlet.descriptions.layers.depthwise import DepthwiseConv2D
from convlet.descriptions.layers.dropout import Dropout
from convlet.descriptions.layers.flatten import Flatten
from convlet.descriptions.layers.global_pooling import GlobalAveragePooling2D, GlobalMaxPooling2D
from convlet.descriptions.layers.normalization import BatchNormalization, Normalization
from convlet.descriptions.layers.pooling import AveragePooling2D, MaxPooling2D
from convlet.descriptions.layers.rescaling import Rescaling
from convlet.descriptions.layers.residual import Residual
from convlet.descriptions.tables import kinds

LAYERS = kinds(
    Conv2D,
    DepthwiseConv2D,
    MaxPooling2D,
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Flatten,
    Dense,
    Dropout,
    BatchNormalization,
    Normalization,
    Rescaling,
    Activation,
    Residual,
)
