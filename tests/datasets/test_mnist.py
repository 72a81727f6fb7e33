"""Facts about the embedded MNIST that are known from elsewhere."""

import hashlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from convlet.datasets import embedded, mnist
from convlet.errors import DataError, FormatError


def test_it_is_split_as_read_data_sets_splits_it():
    found = mnist()
    assert [len(part) for part in (found.train, found.validation, found.test)] == [55_000, 5_000, 10_000]
    assert found.image_shape == (28, 28, 1)
    assert found.name == "mnist" and found.classes == tuple("0123456789")


def test_the_first_five_thousand_training_images_are_for_validation():
    found = mnist()
    assert found.validation.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert found.train.labels[:10].tolist() == [7, 3, 4, 6, 1, 8, 1, 0, 9, 8]  # read_data_sets' first training labels
    assert found.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_validation_and_training_together_are_the_original_files():
    found = mnist()
    images = np.concatenate([found.validation.images, found.train.images]).tobytes()
    header = bytes.fromhex("00000803 0000ea60 0000001c 0000001c")
    assert hashlib.md5(header + images).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    header = bytes.fromhex("00000803 00002710 0000001c 0000001c")
    assert hashlib.md5(header + found.test.images.tobytes()).hexdigest() == "2646ac647ad5339dbf082846283269ea"


def test_each_digit_is_there_as_often_as_published():
    found = mnist()
    train = np.bincount(np.concatenate([found.validation.labels, found.train.labels]))
    assert train.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(found.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_the_pixels_have_the_published_mean_and_deviation():
    found = mnist()
    pixels = np.concatenate([found.validation.images, found.train.images])
    assert round(float(pixels.mean()) / 255, 4) == 0.1307
    assert round(float(pixels.std()) / 255, 4) == 0.3081


def test_it_is_read_once_and_read_only():
    assert mnist() is mnist()
    for part in (mnist().train, mnist().validation, mnist().test):
        assert not part.images.flags.writeable and not part.labels.flags.writeable


def test_a_batch_is_scaled_to_zero_to_one():
    images, labels = mnist().train.batch(np.arange(50))
    assert images.shape == (50, 28, 28, 1) and labels.shape == (50,)
    assert (images.min(), images.max()) == (0, 1)


def test_a_damaged_file_of_the_package_is_refused(tmp_path, monkeypatch):
    name = "t10k-labels-idx1-ubyte"
    shutil.copytree(embedded.FILES, tmp_path / "files")
    monkeypatch.setattr(embedded, "FILES", tmp_path / "files")
    monkeypatch.setitem(embedded.SHA256, name, "0" * 64)
    with pytest.raises(FormatError, match=f"{name}.xz: .*SHA-256.*reinstall convlet"):
        embedded._examples("t10k")
    (tmp_path / "files" / f"{name}.xz").unlink()
    with pytest.raises(DataError, match=f"{name}.xz: no such file"):
        embedded._examples("t10k")


def test_importing_the_room_reads_no_file_and_imports_only_numpy():
    code = (
        "import sys, convlet.datasets as d;"
        "assert d.mnist.cache_info().currsize == 0;"
        "print(sorted({'numba', 'matplotlib', 'PIL', 'keras', 'torch', 'click', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
