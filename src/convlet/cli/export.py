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

SUFFIXES = (".html", ".onnx", ".keras")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--softmax", is_flag=True, help="Of model.onnx: it gives probabilities in place of logits.")
@click.option("--uint8", is_flag=True, help="Of model.onnx: it takes bytes, and divides them by 255 itself.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), help="Of the page. Default: what the browser asks for.")
@threads_option
@json_option
def export(
    run: Path, file: Path, softmax: bool, uint8: bool, lang: str | None, threads: int | None, as_json: bool
) -> None:
    """Take the run in folder RUN along as one FILE.

    page.html is the page of `convlet explore`, with network, weights and images inside: it needs no server and no
    network. Everything but training works in it.

    model.onnx is the network for ONNX Runtime and all else that reads ONNX, model.keras for Keras. Either is read back
    and compared with the network, on test images, before it is written.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"FILE={str(file)!r}: expected a name that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    for option, given, where in (("softmax", softmax, ".onnx"), ("uint8", uint8, ".onnx"), ("lang", lang, ".html")):
        if given and suffix != where:
            raise InputError(f"--{option} with FILE={str(file)!r}: only a file that ends in {where} takes it.")
    limit_threads(threads)
    if suffix == ".html":
        _export_page(run, file, lang, as_json)
        return
    from convlet.exchange.exporting import export as write
    from convlet.runs.run import load

    written = write(load(run), file, softmax=softmax, uint8=uint8)
    show(as_json, {"file": str(file), **asdict(written)}, f"{file}: {written.bytes / 1e6:.1f} MB; {_told(written)}.")


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
    seen, kind = written.agreement, f"{written.images} images" if written.images != "noise" else "images of noise"
    changed = f"{seen.changed:,} have" if seen.changed else "none has"
    text = (
        f"of {seen.images:,} {kind} {changed} another class in {written.reader}, "
        f"and no probability differs by more than {seen.difference:.1g}"
    )
    if written.milliseconds is None:
        return text
    threads = f"{written.threads} thread{'s' * (written.threads > 1)}"
    return f"{text}; one image takes it {written.milliseconds:.2f} ms on {threads}"
