"""Networks that PyTorch and Keras have trained, by their own exporters and as live models: the same answers, to go on.

LeNet-5, a small ResNet and a depthwise network, each trained on digits for a few steps; of 100 other digits ours gives
what theirs gives, and is trained on.
"""

import functools
import warnings

import numpy as np
import pytest

import convlet as cl

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make test-torch")
pytest.importorskip("onnx", reason="ONNX is an extra: make test-torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

STEPS, BATCH = 40, 32


@functools.cache
def digits():
    """(images, labels, others): 1,280 digits of MNIST to train on, and 100 of its validation part."""
    mnist = cl.datasets.mnist()
    images, labels = mnist.train.images[: STEPS * BATCH], mnist.train.labels[: STEPS * BATCH]
    scaled = [array.reshape(-1, 28, 28, 1) / np.float32(255) for array in (images, mnist.validation.images[:100])]
    return scaled[0], np.asarray(labels), scaled[1]


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, images):
        x = F.avg_pool2d(torch.tanh(self.conv1(images)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.tanh(self.fc1(torch.flatten(x, 1)))
        return self.fc3(torch.tanh(self.fc2(x)))


class Block(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, images):
        x = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(images)))))
        return F.relu(x + self.shortcut(images))


def resnet():
    stem = nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
    blocks = Block(8, 8, 1), Block(8, 16, 2)
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


def depthwise():
    def pair(channels, filters, stride):
        apart = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        return apart, nn.BatchNorm2d(channels), nn.Hardswish(), nn.Conv2d(channels, filters, 1), nn.ReLU6()

    rows = nn.Conv2d(1, 8, 3, 2, 1), nn.SiLU(), *pair(8, 16, 2), *pair(16, 32, 2)
    return nn.Sequential(*rows, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(32, 10))


NETWORKS = {"LeNet-5": LeNet5, "a small ResNet": resnet, "a depthwise network": depthwise}


@functools.cache
def trained(title):
    """A network of PyTorch's, trained for a few steps, in eval mode."""
    torch.manual_seed(0)
    images, labels, _ = digits()
    pixels, classes = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels.astype(np.int64))
    module = NETWORKS[title]().train()
    optimizer = torch.optim.Adam(module.parameters(), 2e-3)
    for batch in range(0, len(images), BATCH):
        optimizer.zero_grad()
        F.cross_entropy(module(pixels[batch : batch + BATCH]), classes[batch : batch + BATCH]).backward()
        optimizer.step()
    return module.eval()


def exported(title, dynamo, path):
    module, images = trained(title), torch.zeros(2, 1, 28, 28)
    how = (
        {"dynamo": True, "dynamic_shapes": ({0: torch.export.Dim("N")},), "external_data": False, "verbose": False}
        if dynamo
        else {"dynamo": False, "dynamic_axes": {"images": {0: "N"}}}
    )
    with warnings.catch_warnings(action="ignore"):  # PyTorch's, of its own code
        torch.onnx.export(module, (images,), path, input_names=["images"], **how)
    return cl.onnx.load(path, engine="numpy")


WAYS = {
    "live": lambda title, path: cl.from_torch(trained(title), (28, 28, 1), engine="numpy"),
    "traced": lambda title, path: exported(title, False, path),
    "captured": lambda title, path: exported(title, True, path),
}


def the_same_and_trained_on(run, answers):
    """Assert that a run gives these logits of the digits that are set aside, and that it learns from the others."""
    images, labels, others = digits()
    logits = run.program.predict(others)
    assert logits.shape == answers.shape == (100, 10)
    assert np.abs(logits - answers).max() <= 1e-5 * max(1, np.abs(answers).max())
    how = {"optimizer": cl.Adam(5e-3), "engine": "numpy", "progress": False}
    losses = cl.fit(run, (images, labels), steps=50, batch_size=BATCH, **how).history.losses
    assert np.mean(losses[-10:]) < 0.92 * np.mean(losses[:10])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("title", NETWORKS)
def test_a_network_that_pytorch_has_trained_answers_the_same_and_is_trained_on(title, way, tmp_path):
    module = trained(title)
    with torch.no_grad():
        answers = module(torch.from_numpy(digits()[2].transpose(0, 3, 1, 2).copy())).numpy()
    the_same_and_trained_on(WAYS[way](title, tmp_path / "model.onnx"), answers)


def keras_layers(title):
    """The rows of layers of a network in Keras; of the ResNet, a function from images to logits."""
    from keras import layers

    def pair(filters):
        return (
            layers.DepthwiseConv2D(3, 2, "same"),
            layers.BatchNormalization(),
            layers.Conv2D(filters, 1, activation="relu"),
        )

    def block(x, filters, stride):
        y = layers.Conv2D(filters, 3, stride, "same", use_bias=False)(x)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
        x = layers.Conv2D(filters, 1, stride)(x) if stride > 1 else x
        return layers.Activation("relu")(layers.Add()([y, x]))

    if title == "LeNet-5":
        return [
            *(layers.Conv2D(6, 5, padding="same", activation="tanh"), layers.AveragePooling2D(2)),
            *(layers.Conv2D(16, 5, activation="tanh"), layers.AveragePooling2D(2), layers.Flatten()),
            *(layers.Dense(120, "tanh"), layers.Dense(84, "tanh"), layers.Dense(10)),
        ]
    if title == "a depthwise network":
        first = layers.Conv2D(8, 3, 2, "same", activation="silu")
        return [first, *pair(16), *pair(32), layers.GlobalAveragePooling2D(), layers.Dense(10)]
    stem = [layers.Conv2D(8, 3, 2, "same"), layers.BatchNormalization(), layers.Activation("relu")]
    blocks = [lambda x: block(x, 8, 1), lambda x: block(x, 16, 2)]
    return [*stem, *blocks, layers.GlobalAveragePooling2D(), layers.Dense(10)]


@functools.cache
def trained_in_keras(title):
    import keras

    keras.utils.set_random_seed(0)
    images, labels, _ = digits()
    given = made = keras.Input((28, 28, 1))
    for layer in keras_layers(title):
        made = layer(made)
    model = keras.Model(given, made)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    model.fit(images, labels, batch_size=BATCH, epochs=1, verbose=0)
    return model


@pytest.mark.parametrize("way", ["live", "exported"])
@pytest.mark.parametrize("title", NETWORKS)
def test_a_network_that_keras_has_trained_answers_the_same_and_is_trained_on(title, way, tmp_path):
    keras = pytest.importorskip("keras", reason="Keras is an extra: make test-torch")
    if keras.config.backend() != "torch":
        pytest.skip("KERAS_BACKEND=torch: by another backend Keras's exporter needs tf2onnx")
    with warnings.catch_warnings(action="ignore"):  # theirs, of their own code
        model = trained_in_keras(title)
        answers = keras.ops.convert_to_numpy(model(digits()[2], training=False))
        if way == "exported":
            model.export(str(tmp_path / "model.onnx"), format="onnx", verbose=False)
    path = tmp_path / "model.onnx"
    run = cl.onnx.load(path, engine="numpy") if way == "exported" else cl.from_keras(model, engine="numpy")
    the_same_and_trained_on(run, answers)
