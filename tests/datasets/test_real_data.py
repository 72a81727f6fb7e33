"""Data that others have made, as their packages install them; where a package is not there, its test is skipped.

Fashion-MNIST: Debian's dataset-fashion-mnist. Silhouettes of animals: animal-mnist from the Python package index, whose
arrays are pickled: their bytes are found by the opcodes, and nothing of it is executed.
"""

import gzip
import pickletools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convlet as cl
from convlet.datasets import load
from convlet.datasets.collections import cache

FASHION = Path("/usr/share/datasets/fashion-mnist")
ANIMALS = find_spec("animal_mnist")


def linear_accuracy(data, steps):
    """Of the test images, by a network of one dense layer."""
    network = cl.Sequential([cl.Flatten(), cl.Dense(len(data.classes))], input_shape=data.image_shape)
    run = cl.fit(network, data, optimizer=cl.Adam(0.003), batch_size=100, steps=steps, engine="numpy", progress=False)
    return run.evaluate(data.test).accuracy


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_read_as_it_is_installed():
    data = load(FASHION)
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 55000, "validation": 5000, "test": 10000}
    assert data.image_shape == (28, 28, 1) and data.test.class_counts.tolist() == [1000] * 10
    assert (data.train.class_counts + data.validation.class_counts).tolist() == [6000] * 10
    assert 0.80 < linear_accuracy(data, 600) < 0.86  # what a linear classifier reaches: 84 %


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """The silhouettes as a folder of PNG files by class, and how many pictures are copies of an earlier one."""
    if ANIMALS is None:
        pytest.skip("animal-mnist is not installed")
    files = Path(next(iter(ANIMALS.submodule_search_locations))) / "data/Animal_MNIST"
    images, labels = (
        np.frombuffer(_largest_bytes(files / f"animal_{name}_version_3.gz"), kind).reshape(shape)
        for name, kind, shape in (("data", np.uint8, (10_000, 28, 28)), ("label", "<i8", 10_000))
    )
    folder = tmp_path_factory.mktemp("animals")
    for label in range(10):
        (folder / str(label)).mkdir()
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image).save(folder / str(label) / f"{i}.png")
    return folder, len(images) - len(np.unique(images.reshape(len(images), -1), axis=0))


def _largest_bytes(path):
    """The longest string of bytes in a pickle, which is an array's content. Nothing is executed."""
    with gzip.open(path) as file:
        found = [argument for _, argument, _ in pickletools.genops(file.read()) if isinstance(argument, bytes)]
    return max(found, key=len)


def test_silhouettes_of_animals_are_a_folder_whose_copies_stay_together(animals, monkeypatch):
    monkeypatch.setattr(cache, "WORTH_IT", 100_000)  # nothing is to be kept outside
    folder, copies = animals
    data = load(folder)
    assert data.image_shape == (28, 28, 1) and len(data.collected.files) == 10_000
    sides = {}
    for file in data.collected.files:
        sides.setdefault(file.pixels, set()).add(file.part)
    assert 10_000 - len(sides) == copies > 200
    assert all(len(parts) == 1 for parts in sides.values())
