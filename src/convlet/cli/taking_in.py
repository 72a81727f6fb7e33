"""`convlet import`."""

from dataclasses import replace
from pathlib import Path

import click

from convlet.cli.printing import show, show_lines
from convlet.cli.shared import json_option, loaded, threads_option
from convlet.datasets import MEMORY
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.runs.data_source import DataSource

SUFFIX = ".onnx"


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--data", metavar="DATA", help="A name or path, to evaluate it on; its classes, where FILE names none.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="RUN", help="The folder. Default: a new one in runs."
)
@threads_option
@json_option
def taking_in(file: Path, data: str | None, output: Path | None, threads: int | None, as_json: bool) -> None:
    """Take in another tool's network as a run: FILE is a model.onnx that classifies images.

    The run is evaluated, explored, trained on (`convlet train --from`) and exported as any other. What no layer here
    does is named.
    """
    if file.suffix.lower() != SUFFIX:
        raise InputError(f"FILE={str(file)!r}: expected a name that ends in {SUFFIX}.")
    limit_threads(threads)
    from convlet.exchange.graph.taking import checkpoint_of
    from convlet.exchange.importing import keep
    from convlet.exchange.onnx.reading import read_model
    from convlet.runs.run import load

    model = read_model(file)
    checkpoint, source, examples = checkpoint_of(model, str(file)), DataSource(MEMORY), None
    if data is not None:
        source = DataSource(data).suited_to(checkpoint.network)
        found = loaded(source)
        source, examples = source.resolved(found), found.test or found.validation
        if not model.classes and len(found.classes) == len(checkpoint.classes):
            checkpoint = replace(checkpoint, classes=found.classes)
    folder = keep(checkpoint, file.stem, output, source)
    run = load(folder)
    evaluation = run.evaluate(examples) if examples is not None else None
    layers, weights = len(list(run.network)), run.network.weights
    accuracy = {"images": len(examples), "accuracy": evaluation.accuracy} if examples and evaluation else {}
    table = {"run": str(folder), "layers": layers, "weights": weights, "classes": list(run.classes), **accuracy}
    right = f"; of {accuracy['images']:,} images {accuracy['accuracy']:.2%} are right" if accuracy else ""
    show(as_json, table, f"{folder}: {layers} layers, {weights:,} weights, {len(run.classes)} classes{right}.")
    if not as_json:
        show_lines("Next:", f"convlet summary {folder}", f"convlet explore {folder}")
