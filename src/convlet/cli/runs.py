"""`convlet runs`."""

from pathlib import Path

import click

from convlet.cli.printing import said_if_slow, say, show
from convlet.cli.shared import (
    PARTS,
    backend_option,
    chosen_engine,
    engine_option,
    images_for,
    json_option,
    threads_option,
)
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.report.facts.assessment import assess
from convlet.report.facts.runs import list_json, pair_json
from convlet.report.terminal.runs import list_table, pair_table
from convlet.runs.listing import listed_runs
from convlet.runs.run import Run
from convlet.runs.run import load as load_run

FOLDER = Path("runs")


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--data", help="What both are evaluated on. Default: the data that each was trained on.")
@click.option("--part", type=click.Choice(PARTS), default="test", show_default=True, help="Which part of the data.")
@engine_option
@backend_option
@threads_option
@json_option
def runs(
    runs: tuple[Path, ...],
    data: str | None,
    part: str,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """All runs of a folder, the best validation first, with what differs between their recipes; or two, side by side.

    RUNS is a folder of runs, by default runs/, or a run of several networks, which are listed. Or it is two runs: both
    are evaluated on the same images, and McNemar's exact test says whether their difference means anything.
    """
    limit_threads(threads)
    match runs:
        case () | (_,):
            _list(runs[0] if runs else FOLDER, as_json, data)
        case (first, second):
            _compare([first, second], data, part, chosen_engine(engine, backend), as_json)
        case _:
            raise InputError(f"RUNS: {len(runs)} were named; expected a folder of runs, or two runs.")


def _list(folder: Path, as_json: bool, data: str | None) -> None:
    if data is not None:
        raise InputError(f"--data={data}: it goes with two runs, which are evaluated on it.")
    if (folder / "recipe.toml").exists() and not [*folder.glob("*/recipe.toml")]:  # an ensemble is a folder of runs too
        raise InputError(f"{folder}: it is a run itself. Name the folder that it is in, or two runs.")
    found, faults = listed_runs(folder)
    for fault in faults:
        say(f"convlet: {fault}")
    rows = list_json(found)
    show(as_json, {"runs": rows}, list_table(rows))


def _compare(paths: list[Path], data: str | None, part: str, engine: str | None, as_json: bool) -> None:
    first, second = (load_run(path, engine=engine) for path in paths)
    images = images_for(paths[0], first, data, "runs", None, {})
    others = images if _alike(first, second) else images_for(paths[1], second, data, "runs", None, {})
    with said_if_slow(first.engine):
        pair = [assess(run, on, part, beside=False) for run, on in ((first, images), (second, others))]
    facts = pair_json(*pair)
    for row, path in zip(facts["runs"], paths, strict=True):
        row["run"] = str(path)
    show(as_json, facts, pair_table(facts))


def _alike(first: Run, second: Run) -> bool:
    """Whether two runs are on the same data, prepared alike: then they are read once."""
    return first.data is not None and first.data == second.data
