"""A run as one file for other tools: `model.onnx`, `model.keras` or `model.h`, checked on real images before."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from convlet.datasets.images import scaled
from convlet.engines import installed
from convlet.errors import InputError
from convlet.exchange.c.exporting import WrittenHeader, export_header
from convlet.exchange.checking import Agreement, agreement
from convlet.exchange.onnx.running import Running
from convlet.exchange.onnx.writing import onnx_model
from convlet.exchange.seen import images_of
from convlet.losses import softmax
from convlet.runs.files import write_file
from convlet.runs.run import Run

SUFFIXES = (".onnx", ".keras", ".h")


@dataclass(frozen=True)
class Exported:
    """A file that was written: its bytes, who read it back and agreed, on what images, and how fast that is."""

    bytes: int
    reader: str | None = None  # None where it is not installed
    agreement: Agreement | None = None
    images: str = ""  # "test", "validation", or "noise"
    milliseconds: float | None = None  # for one image
    threads: int | None = None


def export(
    run: Run, path: Path, *, softmax: bool = False, uint8: bool = False, weights: str = "float32"
) -> Exported | WrittenHeader:
    """Write a run's network as `model.onnx`, `model.keras` or `model.h`.

    Raises InputError for another name, or an option that such a file has not; EngineError where what is needed is not
    installed, or the file's reader does not agree with the network; StorageError where it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        hint = " The page is written by: convlet export RUN page.html." if path.suffix.lower() == ".html" else ""
        raise InputError(f"path={str(path)!r}: expected a name that ends in {' or '.join(SUFFIXES)}.{hint}")
    if path.suffix.lower() == ".h":
        if softmax:
            raise InputError("softmax: of a model.h it cannot be asked for; it has functions for both.")
        return export_header(run, path, weights=weights, uint8=uint8)
    if weights != "float32":
        raise InputError(f"weights={weights!r}: only a model.h can have others than 'float32'.")
    if path.suffix.lower() == ".keras":
        if softmax or uint8:
            raise InputError("softmax, uint8: of a model.keras they cannot be asked for; add layers to run.to_keras().")
        return _export_keras(run, path)
    return _export_onnx(run, path, softmax=softmax, uint8=uint8)


def _export_onnx(run: Run, path: Path, **options: bool) -> Exported:
    model = onnx_model(run.network, run.program.state().parameters, classes=run.classes, **options)
    content = model.SerializeToString()
    if not installed("onnxruntime"):
        write_file(path, content)
        return Exported(len(content))
    running = Running.of(content)
    images, which = images_of(run, uint8=options["uint8"])
    found = agreement("ONNX Runtime", running.probabilities, run.program, images)
    write_file(path, content)
    fast = running.milliseconds(scaled(images[:1]))
    return Exported(len(content), "ONNX Runtime", found, which, fast, running.threads)


def _export_keras(run: Run, path: Path) -> Exported:
    model: Any = run.to_keras()
    for layer in model.layers:
        if type(layer).__module__.startswith("convlet."):
            raise InputError(
                f"layer {layer.name!r}: Keras has no layer that does the same, and a file with our "
                f"{type(layer).__name__} is of no use to others. Where it pads, use padding='valid' or 'same'; or "
                "export model.onnx."
            )
    import keras

    images, which = images_of(run)
    with TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):  # Keras's, of its own code
        model.save(file := Path(folder) / "model.keras")
        content, read = file.read_bytes(), keras.saving.load_model(file, compile=False)
    found = agreement("Keras", lambda batch: softmax(np.asarray(read.predict_on_batch(batch))), run.program, images)
    write_file(path, content)
    return Exported(len(content), "Keras", found, which)
