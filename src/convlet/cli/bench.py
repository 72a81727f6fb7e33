"""`convlet bench`."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from convlet.benchmarks.accuracy import Race, race
from convlet.benchmarks.competitors import chosen
from convlet.benchmarks.profile import profiled
from convlet.benchmarks.results import Plan, document
from convlet.benchmarks.rounds import measure
from convlet.benchmarks.selection import select
from convlet.benchmarks.sweeps import SWEEPS
from convlet.cli.printing import say, show
from convlet.cli.shared import json_option, names_in, picture_kind, threads_option
from convlet.environment import limit_threads
from convlet.report.figures.benchmark import benchmark_figure
from convlet.report.figures.style import to_bytes
from convlet.report.terminal.accuracy import accuracy_table
from convlet.report.terminal.benchmark import benchmark_table
from convlet.report.terminal.profile import profile_table
from convlet.runs.files import write_file


@click.command()
@click.option("--workloads", help="Which, separated by commas; recipes too. Default: all.")
@click.option("--competitors", help="Which, separated by commas. Default: all that are installed.")
@click.option("--sweep", type=click.Choice(list(SWEEPS)), help="How a step's time grows, in place of the workloads.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each competitor.")
@click.option("--seconds", type=click.FloatRange(0.01), default=1.0, show_default=True, help="Length of a turn.")
@click.option(
    "--accuracy", metavar="RECIPE", help="How long training takes to reach an accuracy, in place of the workloads."
)
@click.option("--target", type=click.FloatRange(0, 1), default=0.99, show_default=True, help="That accuracy.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="So many trainings of each.")
@click.option(
    "--profile",
    metavar="RECIPE",
    help="Where the time of a training step goes, block by block. A workload's name will do.",
)
@click.option("--picture", type=click.Path(path_type=Path), help="Draw the result too, as .svg or .png.")
@threads_option
@json_option
def bench(
    workloads: str | None,
    competitors: str | None,
    sweep: str | None,
    accuracy: str | None,
    target: float,
    seeds: int,
    profile: str | None,
    picture: Path | None,
    threads: int | None,
    as_json: bool,
    **turns: Any,
) -> None:
    """Step time against every framework installed here, each checked first. Exits with 1 if one of them failed.

    --accuracy trains a recipe with everyone: the same images, first weights and rates. The recipe quick takes seconds,
    but minutes on the numpy engine: --competitors says who is to take part.
    """
    if profile is not None:
        _check_alone("profile", ("threads",))
        facts = profiled(profile, limit_threads(threads), _command())
        show(as_json, facts, profile_table(facts))
        return
    if accuracy is not None:
        _check_alone("accuracy", ("target", "seeds", "competitors", "threads"))
        asked = Race(accuracy, target, seeds, limit_threads(threads))
        facts = race(asked, chosen(names_in(competitors)), _command(), say)
        show(as_json, facts, accuracy_table(facts))
        sys.exit(any(each["status"] in ("failed", "wrong") for each in facts["competitors"]))
    _check_beside_accuracy()
    kind = picture_kind("--picture", picture)
    selection = select(names_in(workloads), names_in(competitors), sweep)
    plan = Plan(**turns, threads=limit_threads(threads))
    measured = [measure(each, selection.competitors, plan, say) for each in selection.workloads]
    facts = document(measured, selection, plan, _command())
    show(as_json, facts, benchmark_table(facts))
    if picture is not None:
        write_file(picture, to_bytes(benchmark_figure(facts), kind))
    if not all(outcome.complete for outcome in measured):
        sys.exit(1)


def _check_alone(option: str, beside: tuple[str, ...]) -> None:
    """Raise UsageError where an option that is not among these would change nothing beside this one."""
    if others := sorted(_given() - {option, *beside, "as_json"}):
        said = ", ".join(f"--{name}" for name in others)
        but = ", ".join(f"--{name}" for name in beside)
        raise click.UsageError(f"--{option} stands alone, but for {but} and --json: {said} would change nothing.")


def _check_beside_accuracy() -> None:
    """Raise UsageError where what goes with --accuracy is given without it."""
    if alone := sorted(_given() & {"target", "seeds"}):
        raise click.UsageError(f"--{alone[0]}: it goes with --accuracy RECIPE, and would change nothing without.")


def _given() -> set[str]:
    context = click.get_current_context()
    return {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}


def _command() -> str:
    return shlex.join(["convlet", *sys.argv[1:]])
