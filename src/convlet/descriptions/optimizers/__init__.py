"""How weights move: optimizers as descriptions, each with the reference update in NumPy.

One file for each kind. An engine asks `update_rules` how each parameter of a network is moved, and does it its own way.
"""

from convlet.descriptions.optimizers.adam import Adam, AdamW
from convlet.descriptions.optimizers.averages import AVERAGES, EMA, Average, Lookahead, follow
from convlet.descriptions.optimizers.muon import Muon
from convlet.descriptions.optimizers.optimizer import RAW, Optimizer, UpdateRule
from convlet.descriptions.optimizers.sgd import SGD
from convlet.descriptions.optimizers.table import OPTIMIZERS, optimizer_from_table, optimizer_to_table

__all__ = [
    "AVERAGES",
    "EMA",
    "OPTIMIZERS",
    "RAW",
    "SGD",
    "Adam",
    "AdamW",
    "Average",
    "Lookahead",
    "Muon",
    "Optimizer",
    "UpdateRule",
    "follow",
    "optimizer_from_table",
    "optimizer_to_table",
]
