"""`convlet predict`."""

from pathlib import Path

import click
import numpy as np

from convlet.cli.printing import said_if_slow, say, show
from convlet.cli.shared import backend_option, chosen_engine, engine_option, json_option, threads_option
from convlet.datasets.readers.pictures import light_background, read_picture
from convlet.environment import limit_threads
from convlet.report.facts.evaluation import prediction_json
from convlet.report.terminal.evaluation import prediction_table
from convlet.runs.run import load as load_run

LIGHT = "The background is light, but MNIST's digits are light on dark: --digit brings an image into that form."


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="IMAGE...")
@click.option("--digit", is_flag=True, help="Bring a drawn or photographed digit into MNIST's form first.")
@engine_option
@backend_option
@threads_option
@json_option
def predict(
    run: Path,
    images: tuple[Path, ...],
    digit: bool,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """The class of each IMAGE, with probabilities, by the run in folder RUN."""
    limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    pixels = [read_picture(path, trained.network.input_shape, digit=digit) for path in images]
    if not digit and trained.network.input_shape == (28, 28, 1) and any(light_background(image) for image in pixels):
        say(LIGHT)
    with said_if_slow():
        probabilities = trained.predict(np.stack(pixels))
    names = [str(path) for path in images]
    show(
        as_json,
        {"run": str(run), "predictions": prediction_json(names, probabilities, trained.classes)},
        prediction_table(names, probabilities, trained.classes),
    )
