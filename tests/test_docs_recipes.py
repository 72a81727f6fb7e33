"""docs/recipes.md names every key of a recipe, with its default and an example, and nothing that there is not."""

import re
import tomllib
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import pytest
import tomli_w

from convlet.descriptions.augmentation import AUGMENTATIONS
from convlet.descriptions.initializers import INITIALIZERS
from convlet.descriptions.layers import LAYERS
from convlet.descriptions.network import INSIDE, Sequential
from convlet.descriptions.optimizers import AVERAGES, OPTIMIZERS
from convlet.descriptions.schedules import SCHEDULES
from convlet.descriptions.tables import from_table
from convlet.runs.data_source import DataSource
from convlet.runs.ensemble import Ensemble
from convlet.runs.recipe import Recipe, Training, parse_recipe

PAGE = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^##+ (.+?)$\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
CLASSES = {
    **LAYERS,
    **INITIALIZERS,
    **OPTIMIZERS,
    **AVERAGES,
    **SCHEDULES,
    **AUGMENTATIONS,
    "data": DataSource,
    "training": Training,
    "ensemble": Ensemble,
}
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SPECIAL = {  # defaults that are said in words
    ("MaxPooling2D", "strides"): "`pool_size`",
    ("AveragePooling2D", "strides"): "`pool_size`",
    ("data", "train_images"): "all",
}


def rows(text):
    """The table of a section: {key: its default, as it is written}."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    assert all(len(row) == 3 and row[2] for row in cells)
    return {row[0].strip("`"): row[1] for row in cells}


def written(section, item):
    """A field's default as the page is to say it."""
    value = item.default_factory() if item.default_factory is not MISSING else item.default
    if (section, item.name) in SPECIAL:
        return SPECIAL[section, item.name]
    if value is MISSING or value in (None, ()):
        return "required" if value is MISSING else "none"
    if is_dataclass(value):
        number = getattr(value, "value", None)
        return f"`{type(value).__name__}`" + (f" of {number:g}" if number is not None else "")
    if isinstance(value, str):
        return f'`"{value}"`'
    return f"`{str(value).lower().replace('e-0', 'e-')}`"


def test_no_two_kinds_have_one_name_for_each_is_a_section_of_the_page():
    names = [*LAYERS, *INITIALIZERS, *OPTIMIZERS, *AVERAGES, *SCHEDULES, *AUGMENTATIONS]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


@pytest.mark.parametrize("section", CLASSES)
def test_each_kind_has_a_section_with_every_key_and_its_default(section):
    expected = {item.name: written(section, item) for item in fields(CLASSES[section])}
    assert rows(SECTIONS[section]) == expected
    assert "```toml" in SECTIONS[section]


def test_the_recipe_itself_and_its_network_are_described():
    beginning = rows(PAGE.partition("\n## ")[0])
    assert beginning.keys() == {item.name for item in fields(Recipe)}
    assert {name for name, default in beginning.items() if default == "required"} == {"network", "training"}
    assert rows(SECTIONS["network"]).keys() == {item.name for item in fields(Sequential)}


def test_there_is_no_section_of_what_does_not_exist():
    sections = {"optimizer", "averages", "schedules", "network", "initialisers", "augmentation", "Pictures", "chosen"}
    assert SECTIONS.keys() - CLASSES.keys() == sections


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text[:40])
def test_every_example_is_true(text):
    """A whole recipe; or parts of it, in which every key of its kind that may be given is known."""
    table = tomllib.loads(text)
    if "network" in table and "training" in table:
        recipe = parse_recipe(text, "docs/recipes.md")
        assert recipe.training.patience == 3
        return
    layers = [{"type": "Flatten"}, {"type": "Dense", "units": 2}]
    match table:
        case {"layer": value}:
            from_table(value, LAYERS, "layer", INSIDE)
        case {"initializer": value}:
            from_table(value, INITIALIZERS, "initializer")
        case _:
            whole = {"training": {"steps": 1}, "network": {"input_shape": [2, 2, 1], "layers": layers}, **table}
            parse_recipe(tomli_w.dumps(whole), "an example")


def test_every_kind_has_an_example_of_its_own():
    named = set(re.findall(r'type = "(\w+)"', " ".join(EXAMPLES)))
    assert named == {*LAYERS, *INITIALIZERS, *OPTIMIZERS, *AVERAGES, *SCHEDULES, *AUGMENTATIONS}
