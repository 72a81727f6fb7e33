"""`convlet compare`."""

import sys

import click

from convlet import comparison
from convlet.cli.printing import say, show
from convlet.cli.shared import DEFAULT_RECIPE, backend_option, json_option, loaded, names_in, threads_option, with_data
from convlet.engines import use_backend
from convlet.environment import limit_threads
from convlet.report.facts.comparison import comparison_json
from convlet.report.terminal.comparison import comparison_table
from convlet.runs import recipe as recipes


@click.command()
@click.argument("recipe", required=False)
@click.option("--engines", default="numpy,numba", show_default=True, help="Which, separated by commas.")
@click.option("--steps", type=click.IntRange(1), default=20, show_default=True, help="Of training, to compare losses.")
@click.option("--data", help="In place of the recipe's.")
@backend_option
@threads_option
@json_option
def compare(
    recipe: str | None,
    engines: str,
    steps: int,
    data: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Engine against engine on real images: outputs, gradients, first losses. Exits with 1 beyond tolerance."""
    limit_threads(threads)
    if backend is not None:
        use_backend(backend)
    chosen = with_data(recipes.load_recipe(recipe or DEFAULT_RECIPE), data)
    images = loaded(chosen.data.suited_to(chosen.network))
    compared = comparison.compare(chosen, images, engines=names_in(engines) or [], steps=steps, watch=_say)
    show(as_json, comparison_json(compared), comparison_table(compared))
    if not all(one.within for one in compared):
        sys.exit(1)


def _say(engine: str) -> None:
    say(f"{engine} …")
