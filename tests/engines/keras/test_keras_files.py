"""A run as `model.keras`: Keras reads it back without convlet, and computes the same."""

import numpy as np
import pytest

import convlet as cl

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 5), np.uint8)


def trained(*layers):
    network = cl.Sequential([*layers, cl.Flatten(), cl.Dense(2)], (6, 5, 1))
    return cl.fit(network, (IMAGES, np.arange(40) % 2), steps=2, batch_size=8, engine="numpy", progress=False)


def test_a_run_is_a_file_that_keras_reads(backend, tmp_path):
    import keras

    run = trained(
        cl.Residual([cl.Conv2D(1, 3, padding="same", activation="relu")]), cl.MaxPooling2D(2), cl.Dropout(0.5)
    )
    run.export(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    logits = np.asarray(model.predict_on_batch(IMAGES[..., np.newaxis] / np.float32(255)))
    assert np.abs(logits - run.program.predict(IMAGES[..., np.newaxis] / np.float32(255))).max() < 1e-5


def test_what_keras_has_no_layer_for_is_refused_and_nothing_written(backend, tmp_path):
    run = trained(cl.MaxPooling2D(3, 2, padding=((1, 1), (0, 1)), name="odd"))
    with pytest.raises(cl.errors.InputError, match=r"layer 'odd': Keras has no .* our PaddedMaxPooling2D"):
        run.export(tmp_path / "model.keras")
    assert not (tmp_path / "model.keras").exists()


def test_a_file_of_keras_has_no_softmax_of_its_own(backend, tmp_path):
    with pytest.raises(cl.errors.InputError, match=r"add layers to run\.to_keras"):
        trained().export(tmp_path / "model.keras", softmax=True)
