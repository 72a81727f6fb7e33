"""A network as an ONNX model: ONNX Runtime computes what the numpy engine does, for every kind of layer."""

import json
import re
from pathlib import Path

import cases
import numpy as np
import pytest
from onnx_models import NETWORKS, drawn

import convlet as cl
from convlet.descriptions.network import Sequential
from convlet.engines import engine

onnx = pytest.importorskip("onnx", reason="ONNX is an extra: make test-extras")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is an extra: make test-extras")

from onnx.reference import ReferenceEvaluator  # noqa: E402

from convlet.exchange.onnx import onnx_model  # noqa: E402
from convlet.exchange.onnx.running import Running  # noqa: E402

ROOT = Path(__file__).parents[2]
OTHERWISE_IN_OPENCV = "residual with more pixels around than it has"


def assert_same(found, network, parameters, images):
    """A reader's answers are those of the numpy engine."""
    expected = engine("numpy").compile(network, parameters).predict(images)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("title", NETWORKS)
def test_onnx_runtime_computes_what_the_numpy_engine_does(title):
    network = NETWORKS[title]
    parameters, images = drawn(network)
    found = Running.of(onnx_model(network, parameters).SerializeToString()).answer(images)
    assert_same(found, network, parameters, images)


@pytest.mark.parametrize("title", NETWORKS)
def test_onnxs_own_reference_computes_it_too(title):
    """A second reader: what the operators mean to those who define them, in plain NumPy."""
    network = NETWORKS[title]
    parameters, images = drawn(network)
    (found,) = ReferenceEvaluator(onnx_model(network, parameters)).run(None, {"images": images})
    assert_same(found, network, parameters, images)


def test_opencv_computes_all_but_one():
    cv2 = pytest.importorskip("cv2", reason="OpenCV, of 150 MB, is tried by hand: opencv-python-headless")
    for title, network in NETWORKS.items():
        if title != OTHERWISE_IN_OPENCV:
            parameters, images = drawn(network)
            model = onnx_model(network, parameters).SerializeToString()
            reader = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
            reader.setInput(images)
            assert_same(reader.forward(), network, parameters, images)


@pytest.mark.parametrize("page", ["README.md", "docs/exchange.md"])
def test_the_number_of_networks_is_the_published_one(page):
    text = " ".join((ROOT / page).read_text("utf-8").split())
    assert set(re.findall(r"all (\d+) networks", text)) == {str(len(NETWORKS))}


@pytest.fixture(scope="module")
def small():
    network = cases.NETWORKS["the seed's deep network in small"]
    return network, drawn(network)[0]


@pytest.mark.parametrize("images", [1, 2, 7])
def test_a_model_takes_any_number_of_images(small, images):
    running = Running.of(onnx_model(*small).SerializeToString())
    assert running.answer(np.zeros((images, 8, 8, 1), np.float32)).shape == (images, 3)


def test_with_softmax_a_model_gives_probabilities(small):
    plain, soft = (Running.of(onnx_model(*small, softmax=softmax).SerializeToString()) for softmax in (False, True))
    images = drawn(small[0])[1]
    assert [running.session.get_outputs()[0].name for running in (plain, soft)] == ["logits", "probabilities"]
    assert np.abs(soft.answer(images).sum(axis=1) - 1).max() < 1e-6
    assert np.abs(plain.probabilities(images) - soft.answer(images)).max() < 1e-6


def test_with_uint8_a_model_takes_bytes(small):
    session = Running.of(onnx_model(*small, uint8=True).SerializeToString()).session
    plain = Running.of(onnx_model(*small).SerializeToString())
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    assert session.get_inputs()[0].type == "tensor(uint8)"
    (found,) = session.run(None, {"images": images})
    assert np.abs(found - plain.answer(images / np.float32(255))).max() < 1e-6


def test_the_metadata_say_what_goes_in_and_the_classes_names(small):
    model = onnx_model(*small, classes=("áo", "quần", "giày"), softmax=True, uint8=True)
    facts = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(facts.pop("classes")) == ["áo", "quần", "giày"]
    assert facts == {
        "input": "(N, 8, 8, 1)",
        "layout": "NHWC",
        "image_size": "8x8",
        "channels": "1",
        "preprocessing": "none: bytes from 0 to 255",
        "output": "probabilities",
    }
    assert (model.opset_import[0].version, model.ir_version, model.producer_name) == (17, 8, "convlet")


def test_a_flattened_image_keeps_our_order_whatever_comes_between():
    """Rows, columns, channels: the dense layer behind sees them so, through dropout and activations too."""
    layers = [
        cl.Conv2D(3, 2),
        cl.Flatten(),
        cl.Dropout(0.5),
        cl.Activation("tanh"),
        cl.BatchNormalization(),
        cl.Dense(2),
    ]
    network = Sequential(layers, (4, 5, 2))
    parameters, images = drawn(network)
    found = Running.of(onnx_model(network, parameters).SerializeToString()).answer(images)
    assert np.abs(found - engine("numpy").compile(network, parameters).predict(images)).max() < 1e-5


def test_a_layer_may_have_the_name_of_what_goes_in_or_comes_out():
    layers = [cl.Conv2D(3, 2, name="images"), cl.Flatten(name="white"), cl.Dense(2, name="logits"), cl.Dense(2)]
    network = Sequential(layers, (4, 5, 2))
    parameters, images = drawn(network)
    images = np.round(images.clip(0) * 255) / np.float32(255)  # as bytes can be
    found = Running.of(onnx_model(network, parameters, uint8=True).SerializeToString()).answer(images)
    assert np.abs(found - engine("numpy").compile(network, parameters).predict(images)).max() < 1e-5


def test_layers_that_are_nothing_when_predicting_are_no_nodes():
    network = Sequential([cl.Flatten(), cl.Dense(3), cl.Dropout(0.5)], (4,))
    model = onnx_model(network, drawn(network)[0])
    assert [node.op_type for node in model.graph.node] == ["Gemm"]
    nothing = onnx_model(Sequential([cl.Dropout(0.5)], (4,)), {})
    assert [node.op_type for node in nothing.graph.node] == ["Identity"]


def test_an_ensemble_of_sixty_networks_comes_back_as_the_same_graph(tmp_path):
    network = Sequential([cl.Flatten(), cl.Dense(3)], (2, 2, 1))
    data = (np.random.default_rng(0).random((6, 2, 2)), np.arange(6) % 3)
    run = cl.fit(network, data, steps=1, batch_size=2, engine="numpy", progress=False)
    whole, models = cl.average([run] * 60), []
    for _ in range(2):
        models.append(onnx_model(whole.network, whole.program.state().parameters, classes=whole.classes))
        (tmp_path / "model.onnx").write_bytes(models[-1].SerializeToString())
        whole = cl.onnx.load(tmp_path / "model.onnx", engine="numpy")
    first, again = ([(node.op_type, len(node.input)) for node in model.graph.node] for model in models)
    assert first == again and len(first) > 120
    np.testing.assert_allclose(whole.predict(data[0]), run.predict(data[0]), rtol=1e-5)


def test_a_run_is_exported_and_checked_before_it_is_written(tmp_path, monkeypatch):
    from convlet.exchange.onnx import running

    images = np.random.default_rng(0).integers(0, 256, (40, 5, 4), np.uint8)
    network = Sequential([cl.Conv2D(2, 2, activation="relu"), cl.Flatten(), cl.Dense(2)], (5, 4, 1))
    run = cl.fit(network, (images, np.arange(40) % 2), steps=2, batch_size=8, engine="numpy", progress=False)
    run.export(tmp_path / "model.onnx", softmax=True)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(None, {"images": (images[:3] / np.float32(255))[..., np.newaxis]})
    assert np.abs(found - run.predict(images[:3])).max() < 1e-6
    for answer in (0.5, np.nan):
        monkeypatch.setattr(
            running.Running, "probabilities", lambda self, batch, to=answer: np.full((len(batch), 2), to)
        )
        with pytest.raises(
            cl.errors.EngineError, match=r"ONNX Runtime gives probabilities that differ by up to (0|nan)"
        ):
            run.export(tmp_path / "other.onnx")
        assert not (tmp_path / "other.onnx").exists()
