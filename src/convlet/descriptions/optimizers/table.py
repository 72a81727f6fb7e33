"""Every optimizer by its name: what a recipe may name; and an optimizer on paper and back."""

from convlet.descriptions.optimizers.adam import Adam, AdamW
from convlet.descriptions.optimizers.averages import AVERAGES
from convlet.descriptions.optimizers.muon import Muon
from convlet.descriptions.optimizers.optimizer import Optimizer
from convlet.descriptions.optimizers.sgd import SGD
from convlet.descriptions.schedules import SCHEDULES
from convlet.descriptions.tables import Table, from_table, kinds, to_table

OPTIMIZERS = kinds(SGD, Adam, AdamW, Muon)


def optimizer_to_table(optimizer: Optimizer) -> Table:
    """The optimizer as plain text and numbers; its learning rate is always written."""
    table = to_table(optimizer)
    return {"type": table["type"], "learning_rate": optimizer.learning_rate, **table}


def optimizer_from_table(table: Table, where: str = "optimizer") -> Optimizer:
    """The optimizer that a table stands for. Raises RecipeError."""
    inside = {"learning_rate": SCHEDULES, "average": AVERAGES}
    optimizer: Optimizer = from_table(table, OPTIMIZERS, where, inside)
    return optimizer
