"""From a name or a path to a dataset: what is taken, how it is split, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from idx_bytes import PACK, idx_bytes

from convlet.datasets import embedded, load, mnist
from convlet.datasets.collections import shards
from convlet.errors import ConvletError, DataError, FormatError, InputError

NAMES = {"train-images-idx3-ubyte": "x_train", "train-labels-idx1-ubyte": "y_train"}
NAMES |= {"t10k-images-idx3-ubyte": "x_test", "t10k-labels-idx1-ubyte": "y_test"}


def arrays(count=48, classes=3, tests=6):
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 256, (count, 5, 4), np.uint8),
        "y_train": (np.arange(count) % classes).astype(np.uint8),
        "x_test": random.integers(0, 256, (tests, 5, 4), np.uint8),
        "y_test": (np.arange(tests) % classes).astype(np.uint8),
    }


def write_directory(directory, content, suffix=""):
    for name, key in NAMES.items():
        (directory / f"{name}{suffix}").write_bytes(PACK[suffix](idx_bytes(content[key])))


def test_mnist_is_the_embedded_one():
    assert load("mnist") is mnist()


@pytest.mark.parametrize("suffix", PACK)
def test_a_directory_of_idx_files_is_read(tmp_path, suffix):
    content = arrays()
    write_directory(tmp_path, content, suffix)
    found = load(tmp_path)
    assert (found.name, found.classes, found.image_shape) == (tmp_path.name, ("0", "1", "2"), (5, 4, 1))
    assert np.array_equal(found.validation.images[..., 0], content["x_train"][:4])
    assert np.array_equal(found.train.images[..., 0], content["x_train"][4:])
    assert np.array_equal(found.train.labels, content["y_train"][4:])
    assert np.array_equal(found.test.images[..., 0], content["x_test"])


def test_mnists_own_files_as_a_directory_are_split_as_the_embedded_ones():
    found = load(embedded.FILES)
    for part in ("train", "validation", "test"):
        assert np.array_equal(getattr(found, part).images, getattr(mnist(), part).images)
        assert np.array_equal(getattr(found, part).labels, getattr(mnist(), part).labels)


def test_an_npz_file_is_read(tmp_path):
    content = arrays()
    np.savez(tmp_path / "mine.npz", **content)
    found = load(str(tmp_path / "mine.npz"))
    assert found.name == "mine" and [len(part) for part in (found.train, found.validation, found.test)] == [44, 4, 6]


def test_validation_examples_of_the_npz_are_used_as_they_are(tmp_path):
    content = arrays()
    extra = {"x_validation": content["x_test"][:2], "y_validation": content["y_test"][:2]}
    np.savez(tmp_path / "mine.npz", **content, **extra)
    found = load(tmp_path / "mine.npz")
    assert len(found.train) == 48
    assert np.array_equal(found.validation.images[..., 0], extra["x_validation"])


def test_an_npz_may_lack_test_examples(tmp_path):
    content = arrays()
    np.savez(tmp_path / "mine.npz", x_train=content["x_train"], y_train=content["y_train"])
    assert load(tmp_path / "mine.npz").test is None


def test_every_twelfth_is_held_out_where_images_are_stored_class_by_class(tmp_path):
    content = arrays()
    content["y_train"].sort()
    np.savez(tmp_path / "sorted.npz", **content)
    found = load(tmp_path / "sorted.npz")
    assert np.array_equal(found.validation.images[..., 0], content["x_train"][::12])
    assert len(found.train) == 44
    assert set(found.validation.labels) == set(found.train.labels) == {0, 1, 2}


def test_every_twelfth_is_held_out_where_a_class_would_be_held_out_whole(tmp_path):
    content = {name: array for name, array in arrays(count=36).items() if name.endswith("_train")}
    content["y_train"] = np.array([0, 1, 0] + 33 * [1])  # the first twelfth has both classes, the rest only one
    np.savez(tmp_path / "rare.npz", **content)
    found = load(tmp_path / "rare.npz")
    assert np.array_equal(found.validation.images[..., 0], content["x_train"][::12])
    assert set(found.train.labels) == set(found.validation.labels) == {0, 1}


def test_fewer_than_twelve_training_examples_are_all_for_training(tmp_path):
    np.savez(tmp_path / "few.npz", **arrays(count=11))
    found = load(tmp_path / "few.npz")
    assert len(found.train) == 11 and found.validation is None


@pytest.mark.parametrize("source", ["mnits", "no/directory", "file.txt", "", "x" * 5000, "a\0b", None, 5, b"mnist"])
def test_an_unknown_source_is_refused_with_what_is_allowed(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_text("no dataset")
    with pytest.raises(ConvletError) as raised:
        load(source)
    if source == "":  # Path("") is the current directory
        assert "holds no classes: expected a folder for each class" in str(raised.value)
        return
    assert isinstance(raised.value, InputError)
    assert repr(str(source)) in str(raised.value)
    assert "allowed: 'mnist', a folder of pictures or a .zip of one" in str(raised.value)


@pytest.mark.parametrize("name", ["a.parquet", "saved/state.json", "shards/train-0.parquet", "shards/data/0.parquet"])
def test_what_needs_an_extra_that_is_missing_says_what_to_type(name, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "installed", lambda name: False)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"_data_files": [{"filename": "state.json"}]}', "utf-8")
    with pytest.raises(DataError, match=r"needs pyarrow, .* Install it with: pip install 'convlet\[parquet\]'"):
        load(tmp_path / name.split("/")[0])


@pytest.mark.parametrize("missing", NAMES)
def test_a_directory_that_lacks_a_file_is_refused(tmp_path, missing):
    write_directory(tmp_path, arrays())
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=f"holds no {missing}; allowed: raw, or with .gz or .xz"):
        load(tmp_path)


def test_a_damaged_file_is_refused_by_its_name(tmp_path):
    write_directory(tmp_path, arrays())
    with (tmp_path / "t10k-labels-idx1-ubyte").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(FormatError, match="t10k-labels-idx1-ubyte: more bytes follow"):
        load(tmp_path)


def changed(**changes):
    return {key: value for key, value in (arrays() | changes).items() if value is not None}


BAD = {
    "no training labels": (changed(y_train=None), "of x_train and y_train only one is there"),
    "no test images": (changed(x_test=None), "of x_test and y_test only one is there"),
    "no training part": (changed(x_train=None, y_train=None), "holds no x_train and y_train"),
    "a misspelling": (changed(x_val=np.zeros(1)), "holds 'x_val'; allowed: x_train"),
    "swapped": (changed(x_train=arrays()["y_train"], y_train=arrays()["x_train"]), r"train labels: shape \(48, 5, 4\)"),
    "NaN": (changed(x_test=np.full((6, 5, 4), np.nan)), "test images: pixel .* is nan"),
    "an unknown test label": (
        changed(y_test=np.arange(6) % 4),
        "test labels: from 0 to 3; allowed: 0 to 2",
    ),
    "a class of test images alone": (changed(y_train=np.full(48, -5)), "test labels: '0' is none of the classes: '-5'"),
    "float labels": (changed(y_train=np.zeros(48)), "train labels: type float64"),
    "fewer labels": (changed(y_train=np.zeros(47, int)), "train images and labels: 48 and 47"),
    "other test shape": (changed(x_test=np.zeros((6, 4, 5), np.uint8)), r"test images have the shape \(4, 5, 1\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_npz_is_refused_with_what_is_wrong(tmp_path, name):
    content, message = BAD[name]
    np.savez(tmp_path / "bad.npz", **content)
    with pytest.raises(DataError, match=f"bad.*{message}"):
        load(tmp_path / "bad.npz")
