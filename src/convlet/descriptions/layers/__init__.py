"""What a layer is: its shapes, its weights, its cost. Frozen descriptions, without arrays; engines do the work.

One file for each kind. Letters, here and in every engine: N images, H rows, W columns, C channels, F filters, KH × KW
the kernel or pool, SH, SW its strides, OH × OW the positions it visits. Images are channels-last, (N, H, W, C),
without N in this room.
"""

from convlet.descriptions.layers.activation import Activation
from convlet.descriptions.layers.convolution import Conv2D
from convlet.descriptions.layers.dense import Dense
from convlet.descriptions.layers.depthwise import DepthwiseConv2D
from convlet.descriptions.layers.dropout import Dropout
from convlet.descriptions.layers.flatten import Flatten
from convlet.descriptions.layers.global_pooling import GlobalAveragePooling2D, GlobalMaxPooling2D
from convlet.descriptions.layers.layer import ACTIVATIONS, Layer, Parameter
from convlet.descriptions.layers.normalization import BatchNormalization, Normalization
from convlet.descriptions.layers.pooling import AveragePooling2D, MaxPooling2D
from convlet.descriptions.layers.rescaling import Rescaling
from convlet.descriptions.layers.residual import Residual
from convlet.descriptions.layers.table import LAYERS

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Layer",
    "MaxPooling2D",
    "Normalization",
    "Parameter",
    "Rescaling",
    "Residual",
]
