"""The report of a run as one file, all parts of it in their order."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from convlet.datasets import ByPart, Dataset
from convlet.errors import DataError, InputError
from convlet.inspection import inspect
from convlet.report.facts.assessment import Assessment, assess
from convlet.report.facts.findings import findings
from convlet.report.figures.curves import curves
from convlet.report.figures.style import to_bytes
from convlet.report.html.elements import element
from convlet.report.html.frame import page
from convlet.report.html.run.classes import calibration, classes
from convlet.report.html.run.confusion import confusion
from convlet.report.html.run.faults import faults
from convlet.report.html.run.making import again, chosen, learning
from convlet.report.html.run.mistakes import mistakes
from convlet.report.html.run.verdict import first_cards, verdict
from convlet.report.numbers import label
from convlet.runs.data_source import DataSource
from convlet.runs.files import write_file
from convlet.runs.folder import split_of
from convlet.runs.run import Run

NAME = "report.html"


def run_report(assessed: Assessment, svg: bytes | None = None) -> str:
    """The page; `svg` are the learning curves, where they are drawn already."""
    run, title = assessed.run, _title(assessed)
    if svg is None and run.history.steps:
        named = f"{assessed.recipe.name}: learning curves" if assessed.recipe is not None else "Learning curves"
        svg = to_bytes(curves(run.history, named), "svg")
    where = f"{assessed.part} images of {label(assessed.data.name, 40)}"
    return page(
        title,
        element("p", f"A network of {run.network.weights:,} weights, on the {where}", class_="quiet"),
        verdict(assessed),
        first_cards(findings(assessed)),
        confusion(assessed),
        mistakes(assessed),
        classes(assessed),
        calibration(assessed),
        faults(assessed.inspection) if assessed.inspection is not None else None,
        learning(svg) if svg is not None else None,
        chosen(assessed),
        again(assessed),
        foot="Made by convlet.",
    )


def of_run(
    run: Run, path: str | Path, data: Dataset | str | Path | None, part: str | None, inspecting: bool = False
) -> Path:
    """Evaluate a run and write its report: what `run.report` does, which says what is raised."""
    images = data if isinstance(data, Dataset) else _loaded(run, data)
    assessed = assess(run, images, part or list(images.parts)[-1])
    write(inspected(assessed) if inspecting else assessed, Path(path))
    return Path(path)


def inspected(assessed: Assessment, tell: Callable[[str], None] = lambda text: None) -> Assessment:
    """The same, and the data looked at. Raises InputError where nothing of them is to be trained on."""
    if not isinstance(assessed.data, Dataset):
        raise InputError(
            f"inspect: {assessed.data.name} is there to evaluate on; without it the run's own are inspected."
        )
    found = inspect(assessed.data, engine=assessed.run.engine, seed=assessed.run.seed, tell=tell)
    return replace(assessed, inspection=found)


def _loaded(run: Run, data: str | Path | None) -> Dataset | ByPart:
    if data is not None:
        return (run.data or DataSource()).other(str(data)).suited_to(run.network).load_parts()
    if run.data is None:
        raise DataError("data: this run does not say what it was trained on. Give data, as datasets.load takes it.")
    return run.data.load(split=split_of(run.run_dir) if run.run_dir else None)


def _title(assessed: Assessment) -> str:
    """What the run is called: as its folder, or else as its recipe."""
    folder = assessed.run.run_dir
    own = assessed.recipe.name if assessed.recipe is not None else "A run"
    return label(folder.resolve().name if folder is not None else own, 60)


def write(assessed: Assessment, path: Path, svg: bytes | None = None) -> int:
    """Write the page, whole. Returns its size in bytes. Raises StorageError."""
    content = run_report(assessed, svg).encode("utf-8")
    write_file(path, content)
    return len(content)
