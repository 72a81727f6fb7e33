"""`convlet init`."""

from typing import Any

import click

from convlet.cli.choosing import chosen_for
from convlet.cli.printing import show, show_text
from convlet.cli.shared import json_option, picture_options, time_limit_option


@click.command()
@click.argument("data")
@picture_options
@click.option("--train-images", type=click.IntRange(1), help="Train on the first so many of the data only.")
@time_limit_option
@json_option
def init(data: str, as_json: bool, **options: Any) -> None:
    """Print the recipe that `convlet train --data DATA` would choose, to edit. Nothing is trained.

    With --time-limit the network is one that fits into that time. How many steps do is measured when it trains: give it
    to train too.

    `convlet init photos > mine.toml` makes a file for `convlet train mine.toml`. DATA is what train takes. The reasons
    stand in its description; what can be said in a recipe is in docs/recipes.md.
    """
    chosen, _ = chosen_for(data, options)
    if as_json:
        show(as_json, {"name": chosen.recipe.name, "reasons": dict(chosen.reasons), "text": chosen.to_toml()})
    else:
        show_text(chosen.to_toml())
