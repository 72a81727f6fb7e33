"""`convlet report`."""

from pathlib import Path
from typing import Any

import click

from convlet.cli.printing import said_if_slow, say, show, show_lines
from convlet.cli.shared import (
    PARTS,
    backend_option,
    chosen_engine,
    data_changed_option,
    engine_option,
    images_for,
    json_option,
    reading_options,
    threads_option,
)
from convlet.datasets import part_of
from convlet.environment import limit_threads
from convlet.report.facts.assessment import assess
from convlet.report.facts.findings import findings
from convlet.report.html.run.report import NAME, inspected, write
from convlet.report.html.run.verdict import CARDS
from convlet.report.numbers import size
from convlet.runs.run import load as load_run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False)
@click.option("--part", type=click.Choice(PARTS), help="Which part of the data. Default: test, where there is one.")
@click.option("--inspect", "inspecting", is_flag=True, help="Look for what is wrong with the run's data, too.")
@click.option("--output", type=click.Path(path_type=Path), help="The file to write. Default: report.html in the run's.")
@data_changed_option
@reading_options
@engine_option
@backend_option
@threads_option
@json_option
def report(
    run: Path,
    data: str | None,
    part: str | None,
    inspecting: bool,
    output: Path | None,
    data_changed: str | None,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
    **reading: Any,
) -> None:
    """The report of the run in folder RUN, as one file to read on any screen, to print or to send.

    How good it is, what to fix first, which classes are taken for which, with their images, the worst mistakes and what
    they hung on, each class, calibration, learning curves, and how to repeat it. It holds no script.

    DATA is what `train --data` takes; by default the data the run was trained on. Of other data nothing is held out:
    what has no parts is all evaluated. Its pictures are prepared as the run's own were, its classes known by name.
    """
    limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    images = images_for(run, trained, data, "report", data_changed, reading)
    part = part or list(images.parts)[-1]
    part_of(images, part)
    file = output or (trained.run_dir or Path()) / NAME
    with said_if_slow(trained.engine):
        assessed = assess(trained, images, part)
    if inspecting:
        assessed = inspected(assessed, say)
    written = write(assessed, file)
    found = findings(assessed)
    first = [finding.facts() for finding in found[:CARDS]]
    show(as_json, {"run": str(run), "file": str(file), "bytes": written, "first": first, **assessed.facts()})
    if not as_json:
        for finding in first:
            show_lines(f"{finding['title']}. {finding['shows']}")
        show_lines(f"The report, {size(written)}:", str(file))
