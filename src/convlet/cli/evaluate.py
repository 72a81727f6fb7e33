"""`convlet evaluate`."""

from pathlib import Path

import click

from convlet import storage
from convlet.cli.shared import backend_option, engine_option, json_option, settle_engine, show, threads_option
from convlet.datasets import Dataset, Examples, load
from convlet.errors import InputError
from convlet.report import tables
from convlet.run import load as load_run
from convlet.threads import limit_threads


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False)
@click.option("--part", type=click.Choice(["test", "validation", "train"]), default="test", show_default=True)
@engine_option
@backend_option
@threads_option
@json_option
def evaluate(
    run: Path,
    data: str | None,
    part: str,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Accuracy, a row for each class, the confusion matrix, and the worst mistakes of the run in folder RUN.

    DATA is what `train --data` takes; by default the data the run was trained on.
    """
    limit_threads(threads)
    trained = load_run(run, engine_name=settle_engine(engine, backend))
    images = load(data) if data else storage.recipe_of(trained.run_dir or run).data.load()
    evaluation = trained.evaluate(_part(images, part))
    show(
        as_json,
        {"run": str(run), "data": images.name, "part": part, **tables.evaluation_json(evaluation, trained.classes)},
        tables.evaluation_table(evaluation, trained.classes),
        "",
        tables.confusion_table(evaluation, trained.classes),
    )


def _part(data: Dataset, name: str) -> Examples:
    if name not in data.parts:
        raise InputError(f"--part={name}: {data.name} has no such part; it has {' and '.join(data.parts)}.")
    return data.parts[name]
