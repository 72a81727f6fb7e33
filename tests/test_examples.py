"""The examples, in short forms: they compute what their text says they compute."""

import io
import sys
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import convlet as cl
from convlet.engines import Batch, engine
from convlet.runs import recipe

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module", autouse=True)
def examples_can_be_imported():
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def first_network() -> ModuleType:
    return import_module("first_network")


@pytest.fixture(scope="module")
def structure() -> ModuleType:
    return import_module("structure")


def test_the_first_network_as_published_gives_the_published_log(first_network):
    """Its second line, to the last digit. (All 300 lines take a minute: `python examples/first_network.py`.)"""
    data, defects = first_network.published_data(), first_network.DEFECTS
    network, as_counted = first_network.train(*data["train"], defects=defects, seed=1, rate=2.0, passes=2)
    assert as_counted == 0.037
    assert first_network.accuracy(network, *data["test"], defects) == 0.0273


def test_the_corrected_first_network_takes_the_reference_engines_steps(first_network):
    (images, labels), random = first_network.published_data()["train"], np.random.RandomState(1)
    network = first_network.begin(random, ())
    described = recipe.load_recipe("first-kernels").network
    kernel, dense, dropout = "conv2d_1/kernel", "dense_1/kernel", "dropout_1"
    parameters = {kernel: network.kernels.reshape(3, 3, 1, 16), dense: network.weights}
    program = engine("numpy").compile(described, parameters, cl.SGD(0.5))
    for batch in (slice(0, 16), slice(16, 32), slice(32, 39)):  # the last one is short
        keep = random.randint(2, size=(len(labels[batch]), 26 * 26 * 16))
        sections = first_network.cut_sections(images[batch], ())
        right = first_network.learn(network, sections, labels[batch], keep, 0.5, ())
        _, correct = program.step(Batch(images[batch, ..., np.newaxis], labels[batch], {dropout: keep == 1}), 0.5)
        assert right == correct
        state = program.state().parameters
        np.testing.assert_allclose(state[kernel].reshape(9, 16), network.kernels, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(state[dense], network.weights, rtol=1e-10, atol=1e-13)


def step_from_one_start(first_network, *defects):
    """The weights after one step on eight images, where tanh is well bent and the batch is nobody's whole."""
    images, labels = (array[:8] for array in first_network.published_data()["train"])
    random = np.random.RandomState(1)
    network = first_network.begin(random, defects)
    network.kernels[:] *= 100
    keep = random.randint(2, size=(8, len(network.weights)))
    first_network.learn(network, first_network.cut_sections(images, defects), labels, keep, 0.5, defects)
    return network


@pytest.mark.parametrize("defect", ["sign", "slope", "doubling", "division"])
def test_a_defect_of_the_first_networks_step_changes_what_is_learnt(first_network, defect):
    right, wrong = step_from_one_start(first_network), step_from_one_start(first_network, defect)
    assert np.abs(right.kernels - wrong.kernels).max() > 1e-4


def test_softmax_without_a_shift_gives_the_same_until_it_overflows(first_network):
    right, wrong = step_from_one_start(first_network), step_from_one_start(first_network, "softmax")
    np.testing.assert_allclose(wrong.kernels, right.kernels, rtol=1e-10, atol=1e-13)
    huge = np.array([[1000.0, 0.0]])
    assert first_network.softmax(huge, ()).tolist() == [[1.0, 0.0]]
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(first_network.softmax(huge, ["softmax"])).any()


def test_the_first_networks_positions_and_last_batch_are_as_the_defects_say(first_network):
    images, labels = first_network.published_data()["train"]
    assert first_network.cut_sections(images[:1], ["positions"]).shape == (1, 25 * 25, 9)
    assert first_network.cut_sections(images[:1], ()).shape == (1, 26 * 26, 9)
    start = {"seed": 1, "rate": 0.5, "passes": 1}
    few = images[:140], labels[:140]  # one batch of 128, and 12 images more
    dropped, _ = first_network.train(*few, defects=["last batch"], **start)
    only_the_first, _ = first_network.train(images[:128], labels[:128], defects=(), **start)
    np.testing.assert_array_equal(dropped.kernels, only_the_first.kernels)
    assert (first_network.train(*few, defects=(), **start)[0].kernels != dropped.kernels).any()


def test_a_convolution_that_shares_nothing_is_a_convolution_where_all_positions_agree(structure):
    """With equal kernels everywhere it gives the same; its positions' gradients sum to the shared kernel's."""
    unshared, network = import_module("unshared"), structure.CONVOLUTION
    shared = network.initial_parameters(3, np.float64)
    copies = dict(shared)
    for placed in list(network)[:4:2]:
        positions, filters = int(np.prod(placed.output_shape[:2])), placed.output_shape[2]
        kernel = shared[f"{placed.name}/kernel"].reshape(-1, filters)
        copies[f"{placed.name}/kernel"] = np.repeat(kernel[np.newaxis], positions, axis=0)
        copies[f"{placed.name}/bias"] = np.repeat(shared[f"{placed.name}/bias"][np.newaxis, np.newaxis], positions, 0)
    images, labels = np.random.default_rng(0).random((3, 28, 28, 1)), np.array([1, 7, 4])
    reference = engine("numpy").compile(network, shared)
    program = unshared.UnsharedProgram(network, copies, cl.SGD(0.1))
    np.testing.assert_allclose(program.predict(images), reference.predict(images), rtol=1e-10)
    (loss, found), (expected_loss, expected) = (p.gradients(Batch(images, labels)) for p in (program, reference))
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    for name, gradient in expected.items():
        summed = found[name].sum(axis=0) if found[name].ndim == 3 else found[name]
        np.testing.assert_allclose(summed.reshape(gradient.shape), gradient, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "weights"), [("dense", 1_202_058), ("local", 328_202), ("convolution", 5_994), ("shuffled", 5_994)]
)
def test_each_kind_of_structure_learns_with_as_many_weights_as_it_says(structure, monkeypatch, kind, weights):
    mnist = cl.datasets.mnist()
    few = replace(mnist, validation=mnist.validation.take(slice(100)), test=mnist.test.take(slice(100)))
    monkeypatch.setattr(cl.datasets, "mnist", lambda: few)
    monkeypatch.setattr(structure, "default_engine", lambda: "numpy")  # nothing to compile
    row = structure.train(kind, 100, seed=1, steps=12)
    assert row["weights"] == weights
    assert f"{weights:,}" in structure.__doc__
    assert 0.2 < row["train"] <= 1


def test_shuffling_moves_every_images_pixels_alike(structure):
    mnist = cl.datasets.mnist()
    few = replace(mnist, train=mnist.train.take(slice(50)))
    mixed = structure.shuffled(few)
    before, after = few.train.images.reshape(50, -1), mixed.train.images.reshape(50, -1)
    order = np.random.default_rng(0).permutation(28 * 28)
    np.testing.assert_array_equal(after, before[:, order])
    assert sorted(order.tolist()) == list(range(28 * 28))


def test_the_structure_figure_is_drawn_from_its_table(structure, tmp_path):
    row = {"weights": 6000, "steps": 1, "train": 1.0, "validation": 0.9}
    rows = [
        {**row, "kind": kind, "images": images, "seed": seed, "test": test}
        for kind in structure.KINDS
        for images, test in ((100, 0.8), (1000, 0.9))
        for seed in (1, 2)
    ]
    structure.draw(rows, tmp_path / "structure")
    assert (tmp_path / "structure.svg").read_text("utf-8").startswith("<?xml")
    assert (tmp_path / "structure.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def scaling() -> ModuleType:
    return import_module("scaling")


def test_sharing_gains_until_the_exchange_takes_all_the_time(scaling):
    network = recipe.load_recipe("deep-mnist").network
    machines = scaling.Machines(gflops=60, gbit=10, latency=0)
    alone = machines.computing(network, 50)
    assert alone == pytest.approx(50 * 2 * network.training_multiply_adds / 60e9)
    assert machines.exchanging(network, 1) == 0
    assert machines.exchanging(network, 2) == pytest.approx(4 * network.weights / 1.25e9)  # 2 (n - 1) / n, for n = 2
    assert machines.exchanging(network, 1000) == pytest.approx(2 * 4 * network.weights / 1.25e9, rel=1e-2)
    gains = [alone / (alone / n + machines.exchanging(network, n)) for n in (1, 2, 4, 8, 1000)]
    assert gains == sorted(gains) and gains[-1] < alone / machines.exchanging(network, 1000)


def test_ten_times_as_wide_is_a_hundred_times_the_weights_and_the_work(scaling):
    network = recipe.load_recipe("deep-mnist").network
    wide = scaling.wider(network, 10)
    assert wide.weights / network.weights == pytest.approx(100, rel=0.01)
    assert wide.training_multiply_adds / network.training_multiply_adds == pytest.approx(100, rel=0.05)
    assert scaling.wider(network, 1) == network
    assert "1,305.5 MB" in scaling.table("wide", wide, scaling.Machines(60, 10, 0), 50)


def test_photographs_are_counted_by_kind_and_a_picture_without_a_digit_counts_as_wrong(monkeypatch, tmp_path):
    photographs = import_module("photographs")

    class Sure:
        """Takes every image for a 7."""

        def predict(self, images):
            return np.eye(10)[np.full(len(images), 7)]

    monkeypatch.setattr(photographs, "photograph", lambda image, scene, random: Image.new("RGB", (60, 60), "white"))
    blank = photographs.measure(Sure(), "even light", 2, seed=0, keep=tmp_path)
    assert blank == photographs.Result("even light", 2, right=0, originals_right=1, unsure=2, unsure_wrong=2)
    assert {path.name for path in tmp_path.iterdir()} == {"even light 0.jpg", "even light 1.jpg"}
    text = photographs.table([blank, photographs.Result("frame", 3, 3, 3, 0, 0)])
    assert (
        "| even light | 2 | 0.0 % | 50.0 % | 2 | 2 of 2 |" in text
        and "| all | 5 | 60.0 % | 80.0 % | 2 | 2 of 2 |" in text
    )


def test_a_clean_digit_is_given_as_it_is():
    image = cl.datasets.mnist().test.images[3, ..., 0]
    file, ending = import_module("photographs").taken(image, "clean", np.random.default_rng(0))
    with Image.open(io.BytesIO(file)) as picture:
        assert picture.format == "PNG" and ending == "png" and np.array_equal(np.asarray(picture), image)


def test_augmentation_is_measured_with_lists_that_grow():
    augmentation, data = import_module("augmentation"), tiny_mnist()
    for fewer, more in pairwise(augmentation.LISTS.values()):
        assert more[: len(fewer)] == fewer and len(more) > len(fewer)
    plain, mixed = (augmentation.accuracies(data, name, steps=3, seeds=2) for name in ("as they are", "+ mixup"))
    assert len(plain) == len(mixed) == 2 and plain != mixed
    assert plain == augmentation.accuracies(data, "as they are", steps=3, seeds=2)


def tiny_mnist():
    mnist = cl.datasets.mnist()
    return replace(mnist, train=mnist.train.take(slice(100)), validation=None, test=mnist.test.take(slice(200)))


def test_a_skeleton_is_thin_connected_and_inside():
    camera = import_module("camera")
    mask = np.zeros((30, 40), bool)
    mask[5:12, 5:35], mask[5:28, 15:22] = True, True
    lines = camera.skeleton(mask)
    assert lines.any() and not (lines & ~mask).any()
    assert lines.sum() < mask.sum() / 5
    assert not np.lib.stride_tricks.sliding_window_view(lines, (3, 3)).all(axis=(2, 3)).any()


def test_many_pictures_are_made_decoded_and_trained_on(tmp_path, monkeypatch):
    many = import_module("many_pictures")
    monkeypatch.setattr(many, "AT_ONCE", 40)
    for label in range(many.CLASSES):
        (tmp_path / f"{label:02}").mkdir()
    for start in range(0, 160, 40):
        many.make(tmp_path, start)
    found = many.decoded(tmp_path)
    assert found["images"] == 160 and found["GB"] > 0.01
    data = cl.datasets.load(tmp_path)
    assert data.image_shape == (64, 64, 3) and len(data.classes) == many.CLASSES
    assert 0 < data.train.images.std() < 128
