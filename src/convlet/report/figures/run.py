"""All that a run folder shows of its run. Every figure is a function of what it is given.

A figure is returned, not shown: `figure.savefig("curves.png")` writes it, and a notebook displays it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from convlet.datasets import Examples
from convlet.descriptions.network import Parameters, Sequential
from convlet.report.facts.assessment import Assessment
from convlet.report.facts.history import history_json, metrics_csv
from convlet.report.figures.augmentation import augmented_images
from convlet.report.figures.confusion import confusion
from convlet.report.figures.curves import curves
from convlet.report.figures.kernels import kernels
from convlet.report.figures.mistakes import mistakes
from convlet.report.figures.style import to_bytes
from convlet.report.html.run import report
from convlet.runs.evaluation import Evaluation
from convlet.runs.files import write_file
from convlet.runs.history import History
from convlet.runs.listing import EVALUATION
from convlet.runs.recipe import Recipe


def draw_run(
    folder: Path,
    *,
    history: History,
    network: Sequential,
    parameters: Parameters,
    classes: Sequence[str],
    evaluation: Evaluation | None = None,
    examples: Examples | None = None,
    recipe: Recipe,
    trained_on: Examples,
    assessed: Assessment | None = None,
) -> list[Path]:
    """Write what there is to see of a run into its folder, each file whole. Returns their paths. Raises StorageError.

    Always metrics.csv, history.json and curves.svg; confusion.svg with an evaluation, mistakes.png with its examples
    too, kernels.png of every layer that has weights, augmentation.png where the images it was `trained_on` were
    augmented; evaluation.json and report.html where it is `assessed`.
    """
    title = recipe.name
    write_file(folder / "metrics.csv", metrics_csv(history).encode())
    write_file(folder / "history.json", history_json(history).encode())
    figures: dict[str, Callable[[], Figure | None]] = {
        "curves.svg": partial(curves, history, f"{title}: learning curves"),
        "kernels.png": partial(kernels, network, parameters),
    }
    if recipe.augmentation:
        kinds, seed = recipe.augmentation, recipe.training.seed
        figures["augmentation.png"] = partial(augmented_images, kinds, trained_on, classes, seed)
    if evaluation is not None:
        figures["confusion.svg"] = partial(confusion, evaluation, classes, f"{title}: confusion matrix")
        if examples is not None:
            paths = assessed.paths if assessed else ()
            figures["mistakes.png"] = partial(mistakes, evaluation, examples, classes, paths=paths)
    written = [folder / "metrics.csv", folder / "history.json"]
    drawn = {}
    for name, draw in figures.items():
        figure = draw()
        if figure is not None:
            drawn[name] = to_bytes(figure, name.rpartition(".")[2])
            write_file(folder / name, drawn[name])
            written.append(folder / name)
    return written + (_report(folder, assessed, drawn["curves.svg"]) if assessed else [])


def _report(folder: Path, assessed: Assessment, curves: bytes) -> list[Path]:
    """The facts of an evaluation, and the page that shows them."""
    write_file(folder / EVALUATION, assessed.to_json())
    report.write(assessed, folder / report.NAME, curves)
    return [folder / EVALUATION, folder / report.NAME]
