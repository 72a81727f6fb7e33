"""`convlet summary`."""

from pathlib import Path

import click

from convlet.cli.printing import say, show
from convlet.cli.shared import DEFAULT_RECIPE, json_option
from convlet.engines import ENGINES, plan
from convlet.errors import ConvletError
from convlet.report.facts.network import summary_json
from convlet.report.terminal.network import plan_table, summary_table
from convlet.runs import recipe as recipes
from convlet.runs.folder import recipe_of
from convlet.runs.recipe import DataSource


@click.command()
@click.argument("subject", required=False, metavar="[RECIPE|RUN]")
@click.option("--engine", type=click.Choice(ENGINES), help="Show how this engine computes it, block by block.")
@json_option
def summary(subject: str | None, engine: str | None, as_json: bool) -> None:
    """Layers, shapes, weights, how often each is used, multiply-adds and memory of a recipe's or a run's network."""
    folder = Path(subject) if subject else None
    recipe = recipe_of(folder) if folder and folder.is_dir() else recipes.load_recipe(subject or DEFAULT_RECIPE)
    if engine is not None:
        rows = plan(engine, recipe.network)
        show(as_json, {"engine": engine, "blocks": rows}, plan_table(rows))
        return
    images = _training_images(recipe.data)
    show(as_json, summary_json(recipe.network, images), summary_table(recipe.network, images))


def _training_images(data: DataSource) -> int | None:
    """How many there are; None where the data is not, or no longer, in its place."""
    try:
        return len(data.load().train)
    except ConvletError as error:
        say(f"convlet: {error} The summary is without training images.")
        return None
