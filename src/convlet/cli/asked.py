"""What a new run begins with, as the command line asks for it: its recipe, its data, its first weights."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convlet.cli.choosing import OF_DATA, chosen_for, say_chosen, sourced
from convlet.cli.printing import say
from convlet.cli.shared import DEFAULT_RECIPE, loaded, own_data, with_data
from convlet.datasets import Dataset
from convlet.descriptions.network import Parameters
from convlet.errors import InputError
from convlet.runs import recipe as recipes
from convlet.runs.checkpoint import recipe_at
from convlet.runs.choosing import validated
from convlet.runs.recipe import Recipe
from convlet.runs.run import load as load_run
from convlet.training.continuing import from_run

Begun = tuple[Recipe, Dataset, Parameters | None]


@dataclass(frozen=True)
class Asked:
    """What is asked for: a recipe's name, data, a run to start from and its layers that stay, and all other options."""

    recipe: str | None
    data: str | None
    parent: Path | None
    freeze: list[str] | None
    options: dict[str, Any]

    @property
    def is_chosen(self) -> bool:
        """Whether nobody says how to train, only on what."""
        return self.recipe is None and self.parent is None and self.data is not None

    def begun(self) -> Begun:
        """The recipe, its data, and first weights where they are another run's; what there is to say is said."""
        if self.data is not None and self.is_chosen:
            choice, images = chosen_for(self.data, self.options)
            recipe = validated(_overridden(choice.recipe, self.options), len(images.train))
            choice = choice.retold(recipe, len(images.train))
            say_chosen(choice, images)
            return choice.recipe, images, None
        recipe = _overridden(with_data(self._named(), self.data), self.options)
        recipe, images = self._with_images(recipe)
        return self._started(recipe, images)

    def _named(self) -> Recipe:
        """The recipe of that name; that of the run to start from, or the usual one, where none is named."""
        if self.recipe is None and self.parent is not None:
            if (found := recipe_at(self.parent)) is None:
                raise InputError(f"--from={self.parent}: it carries no recipe. Name one, such as {DEFAULT_RECIPE}.")
            return found
        return recipes.load_recipe(self.recipe or DEFAULT_RECIPE)

    def _with_images(self, recipe: Recipe) -> tuple[Recipe, Dataset]:
        """The recipe and its data; pictures as its network takes them, where that was named, or is another run's."""
        if self.recipe is not None or self.parent is not None:
            recipe = replace(recipe, data=recipe.data.suited_to(recipe.network))
        if self.parent is not None and self.data is None:
            return recipe, own_data(self.parent, recipe.data, "Give --data DATA.")
        return recipe, loaded(recipe.data)

    def _started(self, recipe: Recipe, images: Dataset) -> Begun:
        """With the network, and the first weights, of the run that --from names."""
        if self.parent is None:
            return recipe, images, None
        if self.recipe is not None and recipe.ensemble is not None:
            raise InputError(
                f"--from={self.parent} with an ensemble: from another run's weights one network is trained. Take the "
                f"ensemble out of {self.recipe}."
            )
        run = load_run(self.parent, engine="numpy")
        network, initial, said = from_run(run, images.classes, recipe.training.seed, self.freeze)
        say(said)
        return replace(recipe, network=network, ensemble=None), images, initial  # they are one network now


def _overridden(recipe: Recipe, options: dict[str, Any]) -> Recipe:
    """The recipe with what the command line says in place of its own."""
    recipe = replace(recipe, data=sourced(recipe.data, options))
    if (rate := options.get("learning_rate")) is not None:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=rate))
    of_others = (*OF_DATA, "learning_rate", "time_limit")
    given = {name: value for name, value in options.items() if value is not None and name not in of_others}
    return replace(recipe, training=recipe.training.changed(**given))
