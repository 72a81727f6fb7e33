"""`convlet bench`."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from convlet.benchmarks.accuracy import time_to_accuracy
from convlet.benchmarks.profile import profiled
from convlet.benchmarks.results import Plan, document
from convlet.benchmarks.rounds import measure
from convlet.benchmarks.selection import select
from convlet.benchmarks.workloads import SWEEPS
from convlet.cli.printing import say, show
from convlet.cli.shared import DEFAULT_RECIPE, json_option, names_in, picture_kind, threads_option
from convlet.environment import limit_threads
from convlet.report.figures.benchmark import benchmark_figure
from convlet.report.figures.style import to_bytes
from convlet.report.terminal.benchmark import benchmark_table
from convlet.report.terminal.profile import profile_table
from convlet.runs import recipe as recipes
from convlet.runs.files import write_file


@click.command()
@click.option("--workloads", help="Which, separated by commas. Default: all.")
@click.option("--competitors", help="Which, separated by commas. Default: all that are installed.")
@click.option("--sweep", type=click.Choice(list(SWEEPS)), help="How a step's time grows, in place of the workloads.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each competitor.")
@click.option("--seconds", type=click.FloatRange(0.01), default=1.0, show_default=True, help="Length of a turn.")
@click.option(
    "--train", "recipe", is_flag=False, flag_value=DEFAULT_RECIPE, metavar="[RECIPE]", help="Train this recipe too."
)
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
    recipe: str | None,
    profile: str | None,
    picture: Path | None,
    threads: int | None,
    as_json: bool,
    **turns: Any,
) -> None:
    """Step time against every framework installed here, each checked first. Exits with 1 if one of them failed.

    --train also trains a recipe, deep-mnist unless one is named, and says when it reached which accuracy.
    """
    if profile is not None:
        _check_alone()
        facts = profiled(profile, limit_threads(threads), _command())
        show(as_json, facts, profile_table(facts))
        return
    kind, trained = picture_kind("--picture", picture), recipes.load_recipe(recipe) if recipe else None
    selection = select(names_in(workloads), names_in(competitors), sweep)
    plan = Plan(**turns, threads=limit_threads(threads))
    measured = [measure(each, selection.competitors, plan, say) for each in selection.workloads]
    facts = document(measured, selection, plan, _command())
    if trained is not None:
        facts["training"] = time_to_accuracy(trained)
    show(as_json, facts, benchmark_table(facts))
    if picture is not None:
        write_file(picture, to_bytes(benchmark_figure(facts), kind))
    if not all(outcome.complete for outcome in measured):
        sys.exit(1)


def _check_alone() -> None:
    """Raise UsageError where another option would change nothing beside --profile."""
    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if others := sorted(set(given) - {"profile", "threads", "as_json"}):
        said = ", ".join(f"--{'train' if name == 'recipe' else name}" for name in others)
        raise click.UsageError(f"--profile stands alone, but for --threads and --json: {said} would change nothing.")


def _command() -> str:
    return shlex.join(["convlet", *sys.argv[1:]])
