"""The networks that the page trains of itself: one to begin with, and two to set side by side."""

from dataclasses import replace

from convlet.datasets import Dataset
from convlet.descriptions.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import Recipe, Training


def starter(shape: tuple[int, int, int], classes: int) -> Recipe:
    """A small network that learns in seconds: what the page trains where nothing else is asked for."""
    network = Sequential(
        [
            Conv2D(8, 5, padding="same", activation="relu"),
            MaxPooling2D(2),
            Conv2D(16, 5, padding="same", activation="relu"),
            MaxPooling2D(2),
            Flatten(),
            Dropout(0.25),
            Dense(classes),
        ],
        shape,
    )
    return Recipe("starter", network, Training(batch_size=50, steps=1200), Adam(2e-3))


def side_by_side(data: Dataset, images: int) -> list[tuple[str, Recipe, Dataset]]:
    """A dense and a convolutional network on the first few images: same optimizer, same batches, same steps."""
    few = replace(data, train=data.train.take(slice(min(images, len(data.train)))))
    classes, shape = len(data.classes), data.image_shape
    dense = Sequential([Flatten(), Dense(128, activation="relu"), Dense(classes)], shape)
    training = Training(batch_size=min(50, len(few.train)), steps=600)
    convolutional = starter(shape, classes).network
    return [
        (name, Recipe(name, network, training, Adam(1e-3), DataSource(data.name)), few)
        for name, network in (("convolutional", convolutional), ("dense", dense))
    ]
