"""Data alone, on the command line: the recipe that is chosen for it, and what is said of that."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from convlet.cli.printing import say
from convlet.cli.shared import loaded
from convlet.datasets import Dataset
from convlet.datasets.collections.preparation import Preparation
from convlet.runs.choosing import Chosen, chosen_recipe
from convlet.runs.data_source import DataSource

OF_DATA = ("train_images", *(item.name for item in fields(Preparation)))  # options that are of the data


def sourced(source: DataSource, options: Mapping[str, Any]) -> DataSource:
    """The source, with what a command's options say of its pictures and of how many there are, in place of its own."""
    given = {name: options[name] for name in OF_DATA if options.get(name) is not None}
    return replace(source, sha256=None, **given) if given else source


def chosen_for(data: str, options: Mapping[str, Any]) -> tuple[Chosen, Dataset]:
    """The recipe that suits what --data names, prepared as options say; and that data."""
    source = sourced(DataSource(data), options)
    images = loaded(source)
    return chosen_recipe(images, source), images


def say_chosen(chosen: Chosen, data: Dataset) -> None:
    """Say which recipe was chosen for data, and why."""
    width = max(len(topic) for topic, _ in chosen.reasons)
    said = [f"{topic:<{width}}  {reason}." for topic, reason in chosen.reasons]
    say(f"Chosen for {data.name}, {' × '.join(map(str, data.image_shape))} pixels:", *said)
