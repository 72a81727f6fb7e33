"""Small networks that look at images they were not trained on: each learns from all folds but one, and judges that one.

What it gives for every image, out of sample: the probability of each class, and how far it is from what was trained on.
What it is not: a network to be used. It is small, and trained for seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convlet.datasets import Dataset, Examples
from convlet.descriptions.initializers import Constant, HeNormal
from convlet.descriptions.layers import Conv2D, Dense, Flatten, Layer, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.descriptions.schedules import OneCycle
from convlet.engines import Program
from convlet.engines import engine as find_engine
from convlet.inspection.neighbours import nearest
from convlet.inspection.views import Array, Row
from convlet.losses import softmax
from convlet.randomness import generator
from convlet.runs.recipe import Recipe, Training
from convlet.training.fit import fit_recipe

MANY = 20_000  # images, from which on three folds are enough
FOLDS, FEWER_FOLDS = 5, 3
SEEN = 30_000  # images that a network sees at least, some of them many times
FEATURES = 64
NEIGHBOURS = 10  # whose mean distance says how far an image is from the others
REFERENCES = 5_000  # trained images, at most, among which the neighbours are looked for
FEWEST = 5  # images of a class, below which no network can be asked about it

Tell = Callable[[int, int], None]  # networks that are trained, and how many there will be


@dataclass(frozen=True)
class Crossed:
    """What networks say of images that they were not trained on.

    Attributes:
        probabilities: (N, classes).
        distances: (N,), to the nearest trained images, by what the last layer but one makes of them.
        folds: how many networks there were.
    """

    probabilities: Array
    distances: Array
    folds: int


def crossed(row: Row, groups: NDArray[np.int64], *, engine: str, seed: int, tell: Tell) -> Crossed:
    """Train a network for each fold, and ask it about that fold. Copies, a group each, are always in one fold."""
    count = FEWER_FOLDS if len(row) >= MANY else FOLDS
    fold = generator(seed, "split").permutation(groups.max() + 1)[groups] % count
    probabilities = np.empty((len(row), len(row.data.classes)), np.float32)
    distances = np.empty(len(row), np.float32)
    for number in range(count):
        tell(number, count)
        asked, trained = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        probabilities[asked], distances[asked] = _judged(row, trained, asked, engine, seed + number)
    tell(count, count)
    return Crossed(probabilities, distances, count)


def _judged(
    row: Row, trained: NDArray[np.int64], asked: NDArray[np.int64], engine: str, seed: int
) -> tuple[Array, Array]:
    """The probabilities (n, classes) of the images asked about, and their distances (n,) from those trained on."""
    examples = Examples(row.small[trained], row.labels[trained], row.data.classes)  # labels are places, not names
    network = small_network(examples.image_shape, len(row.data.classes))
    run = fit_recipe(_recipe(network, len(trained), seed), Dataset("fold", row.data.classes, examples), engine=engine)
    parameters = run.program.state().parameters
    head = list(network)[-1].name
    kernel, bias = (parameters[f"{head}/{name}"] for name in ("kernel", "bias"))
    body = Sequential(network.layers[:-1], network.input_shape)
    program = find_engine(engine).compile(body, {name: parameters[name] for name in body.parameters})
    own = _features(program, row, asked)
    references = generator(seed, "split", step=1).permutation(trained)[:REFERENCES]
    distances, _ = nearest(own, _features(program, row, references), NEIGHBOURS)
    return softmax(own @ kernel + bias), distances.mean(axis=1)


def _features(program: Program, row: Row, places: NDArray[np.int64]) -> Array:
    """What the last layer but one makes of images, (n, FEATURES)."""
    chunks = [places[i : i + REFERENCES] for i in range(0, len(places), REFERENCES)]
    return np.concatenate([program.predict(row.small[chunk].astype(np.float32) / 255) for chunk in chunks])


def _recipe(network: Sequential, images: int, seed: int) -> Recipe:
    batch = int(min(max(2 * images**0.5, 16), 256))
    steps = max(2 * images, SEEN) // batch
    optimizer = Adam(OneCycle(0.005), beta_1=0.7, beta_2=0.9)
    training = Training(batch_size=batch, steps=steps, seed=seed, report_every=steps, validate_every=steps)
    return Recipe("inspection", network, training, optimizer)


def small_network(image_shape: tuple[int, int, int], classes: int) -> Sequential:
    """Two convolutions, each with pooling, and two dense layers; fewer convolutions where images are tiny."""
    layers: list[Layer] = []
    side = min(image_shape[:2])
    for filters, kernel in ((16, 5), (32, 3)):
        if side >= 4:
            padding = "valid" if side >= 3 * kernel else "same"
            layers += [_convolution(filters, kernel, padding), MaxPooling2D(2)]
            side = (side - kernel + 1 if padding == "valid" else side) // 2
    layers += [Flatten(), Dense(FEATURES, activation="relu", kernel_initializer=HeNormal()), Dense(classes)]
    return Sequential(layers, image_shape)


def _convolution(filters: int, kernel: int, padding: str) -> Layer:
    return Conv2D(
        filters,
        kernel,
        padding=padding,
        activation="relu",
        kernel_initializer=HeNormal(),
        bias_initializer=Constant(0.1),
    )
