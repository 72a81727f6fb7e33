"""Small networks that engines are tested on: the tutorial's, those of today, and with layers frozen."""

from dataclasses import replace
from typing import Any

from convlet.descriptions.initializers import PatchWhitening, Uniform
from convlet.descriptions.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    Normalization,
    Rescaling,
    Residual,
)
from convlet.descriptions.network import Sequential

_start: dict[str, Any] = {"kernel_initializer": Uniform(-0.6, 0.6), "bias_initializer": Uniform(-0.3, 0.3)}

NETWORKS = {
    "the seed's deep network in small": Sequential(
        [
            Conv2D(3, 3, padding="same", activation="relu", **_start),
            MaxPooling2D(2),
            Conv2D(4, 3, padding="same", activation="relu", **_start),
            MaxPooling2D(2),
            Flatten(),
            Dense(6, activation="relu", **_start),
            Dropout(0.5),
            Dense(3, **_start),
        ],
        (8, 8, 1),
    ),
    "the seed's first kernels in small": Sequential(
        [Conv2D(4, 3, activation="tanh", **_start), Dropout(0.5), Flatten(), Dense(5, use_bias=False, **_start)],
        (6, 5, 1),
    ),
    "normalised, strided, averaged": Sequential(
        [
            Conv2D(4, (3, 2), 2, "same", use_bias=False, **_start),
            BatchNormalization(momentum=0.9),
            Activation("relu"),
            AveragePooling2D(3, 2, "same"),
            Conv2D(5, 2, activation="sigmoid", **_start),
            MaxPooling2D(2, 1),
            GlobalAveragePooling2D(),
            Dense(4, "tanh", **_start),
            BatchNormalization(),
            Dense(3, **_start),
        ],
        (12, 11, 2),
    ),
    "a residual network in small": Sequential(
        [
            Conv2D(4, 3, padding="same", use_bias=False, **_start),
            BatchNormalization(),
            Activation("relu"),
            Residual(
                [
                    Conv2D(4, 3, padding="same", use_bias=False, **_start),
                    *(BatchNormalization(), Activation("relu"), Dropout(0.25)),
                    Conv2D(4, 3, padding="same", **_start),
                ]
            ),
            Activation("relu"),
            Residual(
                [Conv2D(9, 3, 2, "same", activation="relu", **_start), Conv2D(9, 3, padding="same", **_start)],
                shortcut=[Conv2D(9, 1, 2, use_bias=False, **_start), BatchNormalization()],
            ),
            Activation("relu"),
            GlobalAveragePooling2D(),
            Residual([Dense(6, "relu", **_start), Dense(9, **_start)]),
            Dense(3, **_start),
        ],
        (6, 5, 2),
    ),
}

_convolution, _pooling, _connected = (
    Conv2D(4, 3, padding="same", activation="relu", **_start),
    MaxPooling2D(2),
    Flatten(),
)
_dense, _last = Dense(5, "relu", **_start), Dense(3, **_start)

NETWORKS["measured, whitened, rescaled"] = Sequential(
    [
        Conv2D(8, 2, activation="relu", use_bias=False, kernel_initializer=PatchWhitening(), trainable=False),
        Conv2D(9, 3, padding="same", use_bias=False, **_start),
        *(MaxPooling2D(2), BatchNormalization(0.6, scale=False), Activation("relu")),
        *(Conv2D(9, 3, padding="same", use_bias=False, **_start), BatchNormalization(0.6), Activation("silu")),
        *(GlobalMaxPooling2D(), Dense(3, use_bias=False, **_start), Rescaling(0.5)),
    ],
    (7, 6, 1),
)
NETWORKS["normalised first, depthwise"] = Sequential(
    [
        *(Normalization(), DepthwiseConv2D((2, 3), padding="same", activation="relu", **_start)),
        *(Conv2D(3, 3, activation="gelu", **_start), Flatten(), Dense(3, **_start)),
    ],
    (5, 4, 2),
)

FROZEN = {  # each kind of layer with weights, frozen: behind layers that learn, and with none before it
    "frozen behind what learns": Sequential(
        [
            Conv2D(3, 3, use_bias=False, **_start),
            BatchNormalization(),
            replace(_convolution, trainable=False),
            _pooling,
            BatchNormalization(trainable=False),
            _connected,
            replace(_dense, trainable=False),
            Dropout(0.5),
            _last,
        ],
        (8, 8, 1),
    ),
    "frozen from the image on": Sequential(
        [
            replace(_convolution, trainable=False),
            _pooling,
            BatchNormalization(trainable=False),
            Conv2D(2, 2, activation="tanh", trainable=False, **_start),
            _connected,
            replace(_dense, use_bias=False, trainable=False),
            _dense,
            _last,
        ],
        (8, 8, 1),
    ),
    "frozen in blocks": Sequential(
        [
            Residual([replace(_convolution, trainable=False), Conv2D(1, 3, padding="same", **_start)]),
            Residual([_convolution], shortcut=[Conv2D(4, 1, **_start)], trainable=False),
            Residual([_convolution, BatchNormalization()], shortcut=[Conv2D(4, 1, trainable=False, **_start)]),
            *(_pooling, _connected, _dense, _last),
        ],
        (8, 8, 1),
    ),
    "frozen at the end": Sequential(
        [BatchNormalization(), _convolution, _pooling, _connected, replace(_last, trainable=False)], (8, 8, 1)
    ),
}
