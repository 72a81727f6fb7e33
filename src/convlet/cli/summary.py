"""`convlet summary`."""

from pathlib import Path

import click

from convlet.cli.printing import say, show
from convlet.cli.shared import DEFAULT_RECIPE, json_option
from convlet.descriptions.network import Sequential
from convlet.engines import PLANNED, plan
from convlet.errors import ConvletError
from convlet.report.facts.network import summary_json
from convlet.report.terminal.network import plan_table, summary_table
from convlet.runs import recipe as recipes
from convlet.runs.checkpoint import load_checkpoint, recipe_at
from convlet.runs.data_source import DataSource
from convlet.runs.folder import split_of
from convlet.runs.recipe import Recipe


@click.command()
@click.argument("subject", required=False, metavar="[RECIPE|RUN]")
@click.option("--engine", type=click.Choice(PLANNED), help="Show how this engine computes it, block by block.")
@json_option
def summary(subject: str | None, engine: str | None, as_json: bool) -> None:
    """Layers, shapes, weights, how often each is used, multiply-adds and memory of a recipe's or a run's network.

    RUN is the folder of a run or a checkpoint in it, as `evaluate` and `predict` take them.
    """
    network, recipe = _described(subject or DEFAULT_RECIPE)
    if engine is not None:
        rows = plan(engine, network)
        show(as_json, {"engine": engine, "blocks": rows}, plan_table(rows))
        return
    images = _training_images(recipe.data, Path(subject or DEFAULT_RECIPE)) if recipe else None
    facts = summary_json(network, images, recipe.optimizer if recipe else None)
    show(as_json, facts, summary_table(network, facts))


def _described(subject: str) -> tuple[Sequential, Recipe | None]:
    """The network that a recipe's name, its file, a run's folder or a checkpoint stands for, and its recipe.

    Only a checkpoint of 0.1.0 that lies in no run's folder has none.
    """
    path = Path(subject)
    saved = path.is_dir() or (path.suffix != ".toml" and subject not in recipes.built_in() and path.is_file())
    recipe = recipe_at(path) if saved else recipes.load_recipe(subject)
    if recipe is None or (saved and recipe.ensemble is not None):  # several networks are one in the end
        return load_checkpoint(path / "last.safetensors" if path.is_dir() else path).network, recipe
    return recipe.network, recipe


def _training_images(data: DataSource, of: Path) -> int | None:
    """How many there are; None where the data is not, or no longer, in its place."""
    try:
        return len(data.load(split=split_of(of) if of.is_dir() else None).train)
    except ConvletError as error:
        say(f"convlet: {error} The summary is without training images.")
        return None
