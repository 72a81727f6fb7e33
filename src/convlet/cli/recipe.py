"""`convlet recipe`."""

import click

from convlet.cli.printing import show, show_text
from convlet.cli.shared import json_option
from convlet.report.terminal.recipes import recipes_table
from convlet.runs.recipe import built_in, built_in_text, parse_recipe


@click.command()
@click.argument("name", required=False)
@json_option
def recipe(name: str | None, as_json: bool) -> None:
    """Print a recipe that comes with convlet, to start your own from; without NAME, list them.

    `convlet recipe lenet-5 > mine.toml` makes a file for `convlet train mine.toml`. What can be said in it is in
    docs/recipes.md.
    """
    if name is None:
        facts = [
            {"name": each, "description": parse_recipe(built_in_text(each), each).description} for each in built_in()
        ]
        show(as_json, {"recipes": facts}, recipes_table(facts))
        return
    text = built_in_text(name)
    if as_json:
        show(as_json, {"name": name, "text": text})
    else:
        show_text(text)
