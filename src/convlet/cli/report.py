"""`convlet report`."""

from pathlib import Path
from typing import Any

import click

from convlet.cli.assessing import assessed, assessing_options
from convlet.cli.printing import say, show, show_lines
from convlet.cli.shared import PARTS
from convlet.report.facts.findings import findings
from convlet.report.html.run.report import NAME, inspected, write
from convlet.report.html.run.verdict import CARDS
from convlet.report.numbers import size


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("data", required=False)
@click.option("--part", type=click.Choice(PARTS), help="Which part of the data. Default: test, where there is one.")
@click.option("--inspect", "inspecting", is_flag=True, help="Look for what is wrong with the run's data, too.")
@click.option("--output", type=click.Path(path_type=Path), help="The file to write. Default: report.html in the run's.")
@assessing_options
def report(
    run: Path,
    data: str | None,
    part: str | None,
    inspecting: bool,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """The report of the run in folder RUN, as one file to read on any screen, to print or to send.

    How good it is, what to fix first, which classes are taken for which, with their images, the worst mistakes and what
    they hung on, each class, calibration, learning curves, and how to repeat it. It holds no script.

    DATA is what `train --data` takes; by default the data the run was trained on. Of other data nothing is held out:
    what has no parts is all evaluated. Its pictures are prepared as the run's own were, its classes known by name.
    """
    assessment = assessed("report", run, data, part, **options)
    file = output or (assessment.run.run_dir or Path()) / NAME
    if inspecting:
        assessment = inspected(assessment, say)
    written = write(assessment, file)
    first = [finding.facts() for finding in findings(assessment)[:CARDS]]
    show(as_json, {"run": str(run), "file": str(file), "bytes": written, "first": first, **assessment.facts()})
    if not as_json:
        for finding in first:
            show_lines(f"{finding['title']}. {finding['shows']}")
        show_lines(f"The report, {size(written)}:", str(file))
