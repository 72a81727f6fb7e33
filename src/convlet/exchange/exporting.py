"""A run as one file for other tools: `model.onnx`, `model.keras` or `model.h`, checked on real images before."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from convlet.datasets.images import scaled
from convlet.engines import installed
from convlet.errors import ConvletError, InputError
from convlet.exchange.c.exporting import WrittenHeader, export_header
from convlet.exchange.checking import Agreement, Array, agreement, noise
from convlet.exchange.onnx.running import Running
from convlet.exchange.onnx.writing import onnx_model
from convlet.losses import softmax
from convlet.runs.files import write_file
from convlet.runs.run import Run

SUFFIXES = (".onnx", ".keras", ".h")
MOST, LEAST = 10_000, 100  # images that a file is checked on
PRODUCTS = 200_000_000_000  # and multiply-adds that this may cost: seconds


@dataclass(frozen=True)
class Exported:
    """A file that was written: its bytes, who read it back and agreed, on what images, and how fast that is."""

    bytes: int
    reader: str | None = None  # None where it is not installed
    agreement: Agreement | None = None
    images: str = ""  # "test", "validation", or "noise"
    milliseconds: float | None = None  # for one image
    threads: int | None = None


def export(run: Run, path: Path, *, softmax: bool = False, uint8: bool = False) -> Exported | WrittenHeader:
    """Write a run's network as `model.onnx`, `model.keras` or `model.h`.

    Raises InputError for another name, or an option that such a file has not; EngineError where what is needed is not
    installed, or the file's reader does not agree with the network; StorageError where it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"path={str(path)!r}: expected a name that ends in {' or '.join(SUFFIXES)}.")
    if path.suffix.lower() == ".h":
        return _export_header(run, path, softmax=softmax, uint8=uint8)
    if path.suffix.lower() == ".keras":
        if softmax or uint8:
            raise InputError("softmax, uint8: of a model.keras they cannot be asked for; add layers to run.to_keras().")
        return _export_keras(run, path)
    return _export_onnx(run, path, softmax=softmax, uint8=uint8)


def _export_header(run: Run, path: Path, *, softmax: bool, uint8: bool) -> WrittenHeader:
    if softmax:
        raise InputError("softmax: of a model.h it cannot be asked for; it has functions for both.")
    images, which = _images(run)
    return export_header(run, path, _bytes(images) if uint8 else images, which, uint8=uint8)


def _export_onnx(run: Run, path: Path, **options: bool) -> Exported:
    model = onnx_model(run.network, run.program.state().parameters, classes=run.classes, **options)
    content = model.SerializeToString()
    if not installed("onnxruntime"):
        write_file(path, content)
        return Exported(len(content))
    running = Running.of(content)
    images, which = _images(run)
    images = _bytes(images) if options["uint8"] else images
    found = agreement("ONNX Runtime", running.probabilities, run.program, images)
    write_file(path, content)
    fast = running.milliseconds(scaled(images[:1]))
    return Exported(len(content), "ONNX Runtime", found, which, fast, running.threads)


def _bytes(images: Array) -> Array:
    """Images as uint8, which are all that a model of bytes can be given; floats are rounded."""
    return images if images.dtype == np.uint8 else np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)


def _export_keras(run: Run, path: Path) -> Exported:
    model: Any = run.to_keras()
    for layer in model.layers:
        if type(layer).__module__.startswith("convlet."):
            raise InputError(
                f"layer {layer.name!r}: Keras has no layer that pads so, and a file with one of ours is of no use to "
                "others. Use padding='valid' or 'same' there, or export model.onnx."
            )
    import keras

    images, which = _images(run)
    with TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):  # Keras's, of its own code
        model.save(file := Path(folder) / "model.keras")
        content, read = file.read_bytes(), keras.saving.load_model(file, compile=False)
    found = agreement("Keras", lambda batch: softmax(np.asarray(read.predict_on_batch(batch))), run.program, images)
    write_file(path, content)
    return Exported(len(content), "Keras", found, which)


def _images(run: Run) -> tuple[Array, str]:
    """Images to check a file on, (N, H, W, C), and which they are: those of the run's data that it was not trained on.

    All of them where that takes a few seconds; noise where the data cannot be found.
    """
    try:
        data = run.data.load() if run.data else None
    except ConvletError:
        data = None
    which = "test" if data is not None and data.test is not None else "validation"
    part = None if data is None else data.parts.get(which)
    count = min(MOST, max(LEAST, PRODUCTS // max(run.network.multiply_adds, 1)))
    if part is None or part.image_shape != run.network.input_shape:
        return noise(LEAST, run.network.input_shape), "noise"
    return np.asarray(part.images[:count]), which
