"""What the verbs have in common: options that mean the same everywhere, and what they choose."""

from dataclasses import replace
from pathlib import Path

import click

from convlet.datasets import Dataset, Examples
from convlet.engines import BACKENDS, ENGINES, use_backend
from convlet.errors import DataError, InputError
from convlet.runs.recipe import DataSource, Recipe

DEFAULT_RECIPE = "deep-mnist"
PARTS = ("test", "validation", "train")
EXPLORE_EXTRA = "pip install 'convlet[explore]'"

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
engine_option = click.option("--engine", type=click.Choice(ENGINES), help="Default: the fastest that runs here.")
backend_option = click.option("--backend", type=click.Choice(BACKENDS), help="What the keras engine computes with.")
threads_option = click.option("--threads", type=click.IntRange(1), help="Default: one for each processor it may use.")


def chosen_engine(engine: str | None, backend: str | None) -> str | None:
    """The engine that --engine and --backend ask for; None where neither says."""
    if backend is None:
        return engine
    if engine not in (None, "keras"):
        raise InputError(f"--backend={backend} with --engine={engine}: only the keras engine has backends.")
    use_backend(backend)
    return "keras"


def with_data(recipe: Recipe, data: str | None) -> Recipe:
    """The recipe, on what --data says in place of its own."""
    return recipe if data is None else replace(recipe, data=replace(recipe.data, source=data, sha256=None))


def own_data(run: object, source: DataSource | None, remedy: str) -> Dataset:
    """What a run was trained on. Raises DataError or InputError where that cannot be had; it ends with the remedy."""
    try:
        if source is None:
            raise DataError(f"{run}: it does not say what it was trained on.")
        return source.load()
    except (DataError, InputError) as error:
        raise type(error)(f"{error} {remedy}") from None


def picture_kind(option: str, path: Path | None) -> str:
    """How a picture is written, by the name that an option gives: svg or png, as without. Raises InputError."""
    kind = path.suffix.lstrip(".").lower() if path else "png"
    if kind not in ("svg", "png"):
        raise InputError(f"{option}={path}: expected a name that ends in .svg or .png.")
    return kind


def part_of(data: Dataset, name: str) -> Examples:
    """The part of the data that --part names. Raises InputError where there is none."""
    if name not in data.parts:
        raise InputError(f"--part={name}: {data.name} has no such part; it has {' and '.join(data.parts)}.")
    return data.parts[name]


def names_in(text: str | None) -> list[str] | None:
    """The names in a list with commas; None where none was given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
