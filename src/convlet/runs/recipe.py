"""A whole experiment as data: what to train on, which network, how. Written in TOML, without surprises.

    name = "my-digits"
    data = { source = "mnist", train_images = 1000 }
    augmentation = [{ type = "Shift", amount = 0.07 }]
    network = { input_shape = [28, 28, 1], layers = [{ type = "Flatten" }, { type = "Dense", units = 10 }] }
    optimizer = { type = "Adam", learning_rate = 1e-3 }
    training = { batch_size = 50, steps = 2000 }

Unknown keys are refused with the nearest known one. A recipe is resolved when every choice in it is made; the run
folder keeps it so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from convlet.checks import listed, nearest, number, whole_number
from convlet.datasets import Dataset, Pair
from convlet.descriptions.augmentation import AUGMENTATIONS, Augmentation, checked
from convlet.descriptions.layers import BatchNormalization
from convlet.descriptions.network import Sequential
from convlet.descriptions.networks import network_from_table
from convlet.descriptions.optimizers import Adam, Optimizer, optimizer_from_table, optimizer_to_table
from convlet.descriptions.tables import Table, build, from_table, set_canonical, to_table
from convlet.descriptions.toml import to_toml
from convlet.errors import InputError, RecipeError
from convlet.randomness import check_seed
from convlet.runs.data_source import DataSource, data_for, is_fingerprint
from convlet.runs.ensemble import Ensemble

BALANCED = "balanced"
DEEPEST = 20  # tables and lists in each other; a schedule in an optimizer is four deep


@dataclass(frozen=True)
class Training:
    """How long and how: exactly one of `steps` and `epochs`.

    Every `report_every` steps, the current batch's accuracy without dropout is noted. Every `validate_every` epochs,
    and at the end, the network is validated and saved. With `patience`, the run ends early after that many
    validations without a better accuracy, and keeps the best weights.

    `label_smoothing` shares out so much of each label's probability evenly. `class_weights` says how much the images of
    a class count, by its name, and 1 for those not named; "balanced" lets all classes count alike, however many images
    they have. Both are of the loss that is trained on, and reported as the training loss: validation and test losses
    are of the labels as they are, and of all images alike.
    """

    batch_size: int = 50
    steps: int | None = None
    epochs: int | None = None
    seed: int = 0
    report_every: int = 1000
    validate_every: int = 1
    patience: int | None = None
    label_smoothing: float = 0.0
    class_weights: str | Mapping[str, float] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        for name in ("batch_size", "report_every", "validate_every"):
            set_canonical(self, **{name: whole_number(name, getattr(self, name))})
        for name in ("steps", "epochs", "patience"):
            if getattr(self, name) is not None:
                set_canonical(self, **{name: whole_number(name, getattr(self, name))})
        set_canonical(self, seed=check_seed(self.seed))
        set_canonical(self, label_smoothing=number("label_smoothing", self.label_smoothing, low=0, high=1))
        set_canonical(self, class_weights=_class_weights(self.class_weights))
        if (self.steps is None) == (self.epochs is None):
            raise InputError(f"steps={self.steps!r}, epochs={self.epochs!r}: expected exactly one of them.")

    def changed(self, **words: Any) -> "Training":
        """The same, but for these words; steps take the place of epochs, and the reverse.

        Raises InputError where they cannot be.

        >>> Training(epochs=3, patience=2).changed(steps=100, patience=None) == Training(steps=100)
        True
        """
        if words.get("steps") is not None or words.get("epochs") is not None:
            words = {"steps": None, "epochs": None, **words}
        return replace(self, **words)

    def total_steps(self, images: int) -> int:
        """How many steps a run on so many training images takes.

        >>> Training(batch_size=50, epochs=2).total_steps(55_000)
        2200
        """
        return self.steps if self.steps is not None else -(-images * (self.epochs or 0) // self.batch_size)

    def validates_after(self, step: int, images: int) -> bool:
        """Whether the step-th step, counted from 1, completes an epoch after which the network is validated.

        >>> [step for step in range(1, 12) if Training(batch_size=30, steps=12).validates_after(step, 100)]
        [4, 7, 10]
        """
        now, before = step * self.batch_size // images, (step - 1) * self.batch_size // images
        return now // self.validate_every > before // self.validate_every


def _class_weights(given: object) -> str | dict[str, float] | None:
    """The weights by a class's name; as they are where that is "balanced" or nothing."""
    if given is None or given == BALANCED:
        return given if given is None else BALANCED
    if not isinstance(given, Mapping) or not given:
        expected = f"{BALANCED!r}, or a weight for each class by its name, such as {{'7': 2.0}}"
        raise InputError(f"class_weights={given!r}: expected {expected}.")
    weights = {
        str(name): number(f"class_weights[{str(name)!r}]", weight, low=0, open_low=True)
        for name, weight in given.items()
    }
    if len(weights) < len(given):
        raise InputError(f"class_weights={given!r}: names a class twice, once as text and once as a number.")
    return weights


_PARTS: dict[str, tuple[type, str]] = {
    "network": (Sequential, "a Sequential, such as Sequential([…], input_shape=(28, 28, 1))"),
    "training": (Training, "a Training"),
    "optimizer": (Optimizer, "an optimizer, such as SGD() or Adam()"),
    "data": (DataSource, "a DataSource"),
}


@dataclass(frozen=True, repr=False)
class Recipe:
    """A whole experiment as data. Raises RecipeError where its parts do not fit together.

    `parent` is the fingerprint of the weights that a run started from where another run made them; None for a run that
    starts as its initialisers say. With an `ensemble`, several networks are trained so, and answer together.
    """

    name: str
    network: Sequential
    training: Training
    optimizer: Optimizer = Adam()
    data: DataSource = DataSource()
    description: str = ""
    parent: str | None = None
    augmentation: tuple[Augmentation, ...] = ()
    ensemble: Ensemble | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and 0 < len(self.name) <= 100 and self.name.isprintable()):
            raise RecipeError(f"name={self.name!r}: expected text of 1 to 100 printable characters.")
        if set(self.name) & set("/\\"):
            raise RecipeError(f"name={self.name!r}: expected no / or \\ in it: a run's folder is named after it.")
        if not isinstance(self.description, str):
            raise RecipeError(f"description={self.description!r}: expected text.")
        if self.parent is not None and not is_fingerprint(self.parent):
            raise RecipeError(f"parent={self.parent!r}: expected 64 hexadecimal digits; or leave it out.")
        for key, (kind, expected) in _PARTS.items():
            if not isinstance(getattr(self, key), kind):
                value = getattr(self, key)
                given = f"a {type(value).__name__} of {len(value)}" if isinstance(value, list | tuple) else repr(value)
                raise RecipeError(f"{key}={given}: expected {expected}.")
        try:
            set_canonical(self, augmentation=checked(self.augmentation))
        except InputError as error:
            raise RecipeError(str(error)) from None
        try:
            self.optimizer.update_rules(self.network)
        except InputError as error:
            raise RecipeError(f"optimizer: {error}") from None
        if self.training.batch_size == 1:
            _check_normalised(self.network)
        if not isinstance(self.ensemble, Ensemble | None):
            raise RecipeError(f"ensemble={self.ensemble!r}: expected an Ensemble; or leave it out.")
        try:
            _ = self.members
        except InputError as error:
            raise RecipeError(f"ensemble: {error}") from None

    def __repr__(self) -> str:
        """What is trained on what, and how long: `to_toml()` says all of it."""
        training = self.training
        long = f"{training.epochs:,} epochs" if training.steps is None else f"{training.steps:,} steps"
        return f"<Recipe {self.name!r}: {self.network!r} on {self.data.source!r}, {long} of {training.batch_size}>"

    @property
    def members(self) -> tuple["Recipe", ...]:
        """The recipe of each network of the ensemble, each with a seed that no other recipe's has; or itself alone.

        Raises InputError where the optimizer, or the seed, is one that no others can be made from.
        """
        if self.ensemble is None:
            return (self,)
        first = self.training.seed * self.ensemble.networks
        return tuple(
            replace(self, ensemble=None, optimizer=own, training=replace(self.training, seed=first + i))
            for i, own in enumerate(self.ensemble.optimizers(self.optimizer))
        )

    @property
    def weights(self) -> int:
        """How many weights answer in the end: the network's, or those of all that answer together."""
        return self.network.weights * (self.ensemble.kept if self.ensemble else 1)

    @property
    def keeps_best(self) -> bool:
        """Whether a run of it ends with its best weights, not with its last ones."""
        return self.training.patience is not None and self.ensemble is None

    def on(self, data: Dataset | str | Path | Pair | None, **further: Any) -> tuple["Recipe", Dataset]:
        """The recipe for the data that is given, or else its own, and that data loaded; see `data_for`."""
        images, source = data_for(self.network, self.data, data, **further)
        return replace(self, data=source), images

    def to_table(self) -> Table:
        """The recipe as what TOML holds: tables, lists, numbers and texts."""
        return {
            "name": self.name,
            **({"description": self.description} if self.description else {}),
            **({"parent": self.parent} if self.parent else {}),
            "data": _given(self.data),
            **({"augmentation": [to_table(each) for each in self.augmentation]} if self.augmentation else {}),
            "optimizer": optimizer_to_table(self.optimizer),
            "training": _given(self.training),
            **({"ensemble": _given(self.ensemble)} if self.ensemble else {}),
            "network": self.network.to_table(),
        }

    def to_toml(self) -> str:
        """The recipe as TOML text; `parse_recipe(recipe.to_toml())` is the same recipe.

        Raises RecipeError where it cannot be: a schedule or an initialiser of one's own has no name in a recipe.
        """
        try:
            text = to_toml(self.to_table())
            parse_recipe(text, self.name)
        except (TypeError, RecipeError) as error:
            raise RecipeError(f"this cannot be written as a recipe: {error}") from None
        return text


SECTIONS: dict[str, type] = {"data": DataSource, "training": Training, "ensemble": Ensemble}  # made of their fields


def _check_normalised(network: Sequential) -> None:
    """Raise a RecipeError where batch normalisation would see one value a channel: its deviation from itself is 0."""
    for placed in network:
        if isinstance(placed.layer, BatchNormalization) and math.prod(placed.input_shape[:-1]) == 1:
            raise RecipeError(
                f"batch_size=1: {placed.name} would normalise each value by itself alone, to 0, and nothing could be "
                "learnt. Give a batch_size of at least 2."
            )


def _given(section: DataSource | Training | Ensemble) -> Table:
    values = {item.name: getattr(section, item.name) for item in fields(section)}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def parse_recipe(text: str, where: str) -> Recipe:
    """The recipe in TOML text; `where` names it in messages. Raises RecipeError."""
    import tomllib  # here, for `import convlet` need not wait for it

    too_deep = RecipeError(f"{where}: tables in tables in tables, too deep to be a recipe.")
    try:
        table = tomllib.loads(text)
        if _deeper(table, DEEPEST):
            raise too_deep
        return _recipe(table, where)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not TOML: {error}.") from None
    except RecursionError:
        raise too_deep from None


def _deeper(table: object, levels: int) -> bool:
    """Whether tables and lists stand in each other more than so many times, asked without recursion."""
    inside = [table]
    for _ in range(levels + 1):
        holders = [value for value in inside if isinstance(value, dict | list)]
        inside = [part for value in holders for part in (value.values() if isinstance(value, dict) else value)]
    return any(isinstance(value, dict | list) for value in inside)


def _recipe(table: Table, where: str) -> Recipe:
    sections: dict[str, Any] = {"name": Path(where).stem, **table}
    for key, section in sections.items():
        if key in ("data", "network", "optimizer", "training", "ensemble"):
            if not isinstance(section, Mapping):
                raise RecipeError(f"{where}: {key}={section!r}: expected a table.")
            sections[key] = _section(key, dict(section), f"{where}: {key}")
    if "augmentation" in sections:
        sections["augmentation"] = _augmentation(sections["augmentation"], f"{where}: augmentation")
    recipe: Recipe = build(Recipe, sections, where)
    return recipe


def _section(key: str, table: Table, where: str) -> Any:
    match key:
        case "network":
            return network_from_table(table, where)
        case "optimizer":
            return optimizer_from_table(table, where)
        case _:
            return build(SECTIONS[key], table, where)


def _augmentation(tables: object, where: str) -> list[Augmentation]:
    if not isinstance(tables, list):
        raise RecipeError(f"{where}={tables!r}: expected a list of tables, [[augmentation]].")
    return [from_table(table, AUGMENTATIONS, f"{where}[{i}]") for i, table in enumerate(tables, 1)]


def built_in() -> list[str]:
    """The names of the recipes that come with convlet."""
    folder = resources.files("convlet.runs") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def built_in_text(name: str) -> str:
    """The text of a recipe that comes with convlet, comments and all. Raises RecipeError where there is none."""
    if name not in built_in():
        raise RecipeError(f"recipe {name!r}: expected one of {listed(built_in())}.{nearest(name, built_in())}")
    return (resources.files("convlet.runs") / "recipes" / f"{name}.toml").read_text("utf-8")


def load_recipe(name: str | Path) -> Recipe:
    """A built-in recipe by its name, or the recipe in a .toml file. Raises RecipeError."""
    if not isinstance(name, str | Path):
        raise RecipeError(f"recipe={name!r}: expected the name of a built-in recipe, or the path of a .toml file.")
    name = str(name)
    if name in built_in():
        return parse_recipe(built_in_text(name), name)
    path = Path(name)
    if path.suffix != ".toml":
        raise RecipeError(
            f"recipe {name!r}: expected a .toml file or one of {listed(built_in())}.{nearest(name, built_in())}"
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or a NUL in the path
        raise RecipeError(f"recipe {name!r}: cannot be read: {getattr(error, 'strerror', error)}.") from None
    return parse_recipe(text, str(path))
