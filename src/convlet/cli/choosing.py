"""Data alone, on the command line: the recipe that is chosen for it, and what is said of that."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from convlet.cli.printing import said_if_slow, say
from convlet.cli.shared import loaded
from convlet.datasets import Dataset
from convlet.datasets.collections.preparation import Preparation
from convlet.engines import default_engine
from convlet.report.numbers import count, duration
from convlet.runs.choosing import Chosen, chosen_recipe
from convlet.runs.data_source import DataSource
from convlet.runs.recipe import Recipe
from convlet.training import pace

OF_DATA = ("train_images", *(item.name for item in fields(Preparation)))  # options that are of the data


def sourced(source: DataSource, options: Mapping[str, Any]) -> DataSource:
    """The source, with what a command's options say of its pictures and of how many there are, in place of its own."""
    given = {name: options[name] for name in OF_DATA if options.get(name) is not None}
    return replace(source, sha256=None, **given) if given else source


def chosen_for(data: str, options: Mapping[str, Any]) -> tuple[Chosen, Dataset]:
    """The recipe that suits what --data names, prepared as options say; and that data."""
    source, limit = sourced(DataSource(data), options), options.get("time_limit")
    images = loaded(source)
    return chosen_recipe(images, source, **({"minutes": limit / 60} if limit else {})), images


def timed(recipe: Recipe, data: Dataset, engine: str | None, ends: float, *, is_chosen: bool) -> tuple[Recipe, float]:
    """The recipe with no more steps than fit in until `ends`, and when the last may begin; what is expected is said."""
    wanted = recipe.training.total_steps(len(data.train))
    with said_if_slow(engine or default_engine()):
        recipe, until, found = pace.timed(recipe, data, ends, engine=engine, draws=True, is_chosen=is_chosen)
    steps, long = recipe.training.total_steps(len(data.train)), found.seconds(recipe, data)
    each = f"{len(recipe.members)} × {count(steps)}" if recipe.ensemble else count(steps)
    less = f", as all {count(wanted)} do not fit" if steps < wanted else ""
    say(f"Training is expected to take {duration(long)}: {each} steps of {duration(found.step)}{less}.")
    return recipe, until


def say_chosen(chosen: Chosen, data: Dataset) -> None:
    """Say which recipe was chosen for data, and why."""
    width = max(len(topic) for topic, _ in chosen.reasons)
    said = [f"{topic:<{width}}  {reason}." for topic, reason in chosen.reasons]
    say(f"Chosen for {data.name}, {' × '.join(map(str, data.image_shape))} pixels:", *said)
