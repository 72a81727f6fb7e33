"""scikit-learn's digits, 1,797 of 8 × 8 pixels by 43 people, as a folder of PNG files: from files to a classifier."""

import numpy as np
import pytest
from PIL import Image

import convlet as cl
from convlet.datasets.collections import cache

datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is an extra: make test-extras")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, digits = tmp_path_factory.mktemp("digits"), datasets.load_digits()
    for i, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray((image * 15).astype(np.uint8)).save(folder / str(label) / f"{i}.png")
    return folder


def test_digits_in_files_are_learnt(folder, monkeypatch):
    monkeypatch.setattr(cache, "WORTH_IT", 10_000)  # nothing is to be kept outside
    data = cl.datasets.load(folder)
    assert data.classes == tuple("0123456789") and data.image_shape == (8, 8, 1)
    assert [len(part) for part in data.parts.values()] == [1439, 179, 179]
    assert all(part.class_counts.min() >= 17 for part in data.parts.values())
    network = cl.Sequential(
        [cl.Conv2D(16, 3, activation="relu"), cl.MaxPooling2D(2), cl.Flatten(), cl.Dense(10)], input_shape=(8, 8, 1)
    )
    run = cl.fit(network, data, optimizer=cl.Adam(0.01), batch_size=50, epochs=20, engine="numpy", progress=False)
    assert run.evaluate(data.test).accuracy > 0.95
