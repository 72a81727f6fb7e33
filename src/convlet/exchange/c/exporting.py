"""A run as one C99 header: its network, simplified, beside itself on images; then the file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convlet.checks import one_of
from convlet.descriptions.network import Parameters, Sequential
from convlet.engines import engine
from convlet.errors import InputError, NumericsError
from convlet.exchange.c.float32 import calls
from convlet.exchange.c.int8.calibrating import Calibrated, calibrated
from convlet.exchange.c.simplifying import simplified
from convlet.exchange.c.text import identifier
from convlet.exchange.c.writing import Header
from convlet.exchange.checking import Agreement, agreement
from convlet.exchange.seen import few_enough, images_of
from convlet.losses import softmax
from convlet.runs.checkpoint import weights_sha256
from convlet.runs.files import write_file
from convlet.runs.run import Run

NUMBERS = ("float32", "int8")
MOST_WEIGHTS = 10_000_000  # a header has a dozen bytes for each, and a compiler needs a hundred
MOST_SCRATCH = 8_000_000  # numbers; so every index, and a sum of as many bytes, fits into 32 bits
PRODUCTS = 20_000_000_000  # multiply-adds that comparing may cost: seconds


@dataclass(frozen=True)
class WrittenHeader:
    """A header that was written: its bytes, those of its weights and of its scratch memory, and what an image costs.

    `agreement` is between the simplified network and the run's own, on so many images of those in `images`: "test",
    "validation" or "noise". `calibrated` is said of weights of int8.
    """

    bytes: int
    weights: str
    weight_bytes: int
    scratch_bytes: int
    multiply_adds: int
    agreement: Agreement
    images: str
    calibrated: Calibrated | None = None


def export_header(run: Run, path: Path, *, weights: str = "float32", uint8: bool = False) -> WrittenHeader:
    """Write a run's network as `path`, a C99 header with weights of "float32" or "int8".

    Raises InputError where the network cannot be one, DataError where int8 has no images to be calibrated on,
    NumericsError where a weight is not finite, EngineError where the simplified network does not agree, StorageError
    where the file cannot be written.
    """
    one_of("weights", weights, NUMBERS)
    run.network.check_classifier()
    network, parameters = _simplified(run)
    seen, which = images_of(run, uint8=uint8)
    seen = seen[: few_enough(run, PRODUCTS)]
    program, of_integers = engine("numpy").compile(network, parameters), None
    found = agreement("The simplified network", lambda batch: softmax(program.predict(batch)), run.program, seen)
    if weights == "int8":
        steps, of_integers = calibrated(run, network, parameters, uint8=uint8)
        made = [step.call for step in steps]
    else:
        made = calls(network, parameters, uint8=uint8)
    name, facts = identifier(path.stem, "model"), _facts(run, of_integers)
    header = Header(name, run.network, made, run.classes, numbers=weights, uint8=uint8, facts=facts)
    _check_scratch(header)
    content = header.text.encode("ascii")
    write_file(path, content)
    sizes = header.weight_bytes, header.scratch_bytes, network.multiply_adds
    return WrittenHeader(len(content), weights, *sizes, found, which, of_integers)


def _simplified(run: Run) -> tuple[Sequential, Parameters]:
    if run.network.weights > MOST_WEIGHTS:
        raise InputError(
            f"a network of {run.network.weights:,} weights: expected at most {MOST_WEIGHTS:,} in a header, for "
            "a compiler reads no more in a reasonable time. Export model.onnx."
        )
    network, parameters = simplified(run.network, run.program.state().parameters)
    for name, array in parameters.items():
        if not np.isfinite(array).all():
            raise NumericsError(f"{name}: not all of its numbers are finite. Train anew, at a lower learning rate.")
    return network, parameters


def _check_scratch(header: Header) -> None:
    if header.scratch_size > MOST_SCRATCH:
        raise InputError(
            f"a network that keeps {header.scratch_size:,} numbers at a time: expected at most {MOST_SCRATCH:,} for "
            "small devices. Let it take smaller images, or export model.onnx."
        )


def _facts(run: Run, of_integers: Calibrated | None) -> list[str]:
    """Where the weights came from; nothing of this machine."""
    steps = f"Trained for {run.history.steps:,} steps, seed {run.seed}" if run.history.steps else "Not trained"
    facts = [f"{steps}. SHA-256 of the weights: {weights_sha256(run.program.state().parameters)}."]
    if of_integers:
        facts.append(f"Integers of 8 bits, by scales from {of_integers.images:,} {of_integers.part} images.")
    return [*facts, "Layers:"]
