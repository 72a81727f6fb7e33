"""`convlet export`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from convlet.cli.printing import show
from convlet.cli.shared import json_option, threads_option
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.locale import LANGUAGES

SUFFIXES = (".html", ".onnx", ".keras", ".h")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--softmax", is_flag=True, help="Of model.onnx: it gives probabilities in place of logits.")
@click.option("--uint8", is_flag=True, help="Of model.onnx or model.h: it takes bytes, as pictures have them.")
@click.option("--weights", type=click.Choice(["float32", "int8"]), help="Of model.h. Default: float32.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), help="Of the page. Default: what the browser asks for.")
@threads_option
@json_option
def export(
    run: Path,
    file: Path,
    softmax: bool,
    uint8: bool,
    weights: str | None,
    lang: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Take the run in folder RUN along as one FILE.

    page.html is the page of `convlet explore`, with network, weights and images inside: it needs no server and no
    network. Everything but training works in it.

    model.onnx is the network for ONNX Runtime and all else that reads ONNX, model.keras for Keras. Either is read back
    and compared with the network, on test images, before it is written.

    model.h is the network for small devices: one C99 header with weights and functions, which needs nothing else. With
    --weights int8 it is a quarter as large, and computes in integers; how often it is right then, on the validation
    images, is said.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"FILE={str(file)!r}: expected a name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    taking = {"softmax": (softmax, ".onnx"), "uint8": (uint8, ".onnx .h"), "weights": (weights, ".h")}
    for option, (given, where) in {**taking, "lang": (lang, ".html")}.items():
        if given and suffix not in where.split():
            ends = " or ".join(where.split())
            raise InputError(f"--{option} with FILE={str(file)!r}: only a file that ends in {ends} takes it.")
    limit_threads(threads)
    if suffix == ".html":
        _export_page(run, file, lang, as_json)
        return
    from convlet.exchange.exporting import export as write
    from convlet.runs.run import load

    written: Any = write(load(run), file, softmax=softmax, uint8=uint8, weights=weights or "float32")
    told = _told_of_header(written) if suffix == ".h" else f"{written.bytes / 1e6:.1f} MB; {_told(written)}"
    show(as_json, {"file": str(file), **asdict(written)}, f"{file}: {told}.")


def _export_page(run: Path, file: Path, lang: str | None, as_json: bool) -> None:
    from convlet.explore import content, exporting

    written = exporting.write(content.of_run(run), file, lang)
    size = f"{written['bytes'] / 1e6:.1f} MB, weights as float16"
    show(as_json, {"file": str(file), **written}, f"{file}: {size}; {_effect(written)}.")


def _effect(written: dict[str, int]) -> str:
    """What the smaller numbers do to the predictions."""
    if not written["images"]:
        return "the run's images were not found, so none travel with it"
    changed = written["changed"] or "none"
    return f"of {written['images']:,} test images {changed} change{'s' * (changed == 1)} class by that"


def _told(written: Any) -> str:
    """What reading the file back has shown."""
    if written.agreement is None:
        return "not checked, since onnxruntime is not installed"
    text = _agreed(written, f"in {written.reader}")
    if written.milliseconds is None:
        return text
    threads = f"{written.threads} thread{'s' * (written.threads > 1)}"
    return f"{text}; one image takes it {written.milliseconds:.2f} ms on {threads}"


def _agreed(written: Any, where: str) -> str:
    """How well something else agrees with the network."""
    seen, kind = written.agreement, f"{written.images} images" if written.images != "noise" else "images of noise"
    changed = f"{seen.changed:,} have" if seen.changed else "none has"
    differs = f"no probability differs by more than {seen.difference:.1g}"
    return f"of {seen.images:,} {kind} {changed} another class {where}, and {differs}"


def _told_of_header(written: Any) -> str:
    """What a device must have for it, and what it makes of images."""
    weights = f"{written.weights} weights of {written.weight_bytes:,} bytes"
    costs = f"{written.scratch_bytes:,} bytes of scratch memory, {written.multiply_adds:,} multiply-adds an image"
    if written.calibrated is None:
        return f"{weights}, {costs}; {_agreed(written, 'with normalisations folded in')}"
    return f"{weights}, {costs}; {_told_of_integers(written.calibrated)}"


def _told_of_integers(it: Any) -> str:
    """What computing in integers does to the predictions."""
    scales = f"scales from {it.images:,} {it.part} images"
    if it.int8_accuracy is None:
        return f"{scales}, and no validation images to see how often it is right"
    right = f"float32 {it.float32_accuracy:.2%}, int8 {it.int8_accuracy:.2%}"
    return f"{scales}; right: {right} of {it.validation_images:,} validation images"
