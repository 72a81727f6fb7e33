"""Dataclasses as tables: what is written short, and that everything written is read back."""

import json
from dataclasses import dataclass

import pytest

from convlet.descriptions.tables import from_table, kinds, to_table


@dataclass(frozen=True)
class Padded:
    amount: object = 0

    def __post_init__(self):
        if isinstance(self.amount, list):
            as_tuples = tuple(tuple(part) if isinstance(part, list) else part for part in self.amount)
            object.__setattr__(self, "amount", as_tuples)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ((5, 5), 5),
        ((5, 3), [5, 3]),
        (((1, 1), (1, 1)), [[1, 1], [1, 1]]),
        (((1, 2), (1, 2)), [[1, 2], [1, 2]]),
        (((1, 1), (2, 2)), [[1, 1], [2, 2]]),
        (((0, 0), 3), [[0, 0], 3]),
    ],
)
def test_two_equal_numbers_are_written_as_one_and_pairs_of_pairs_in_full(amount, written):
    assert json.loads(json.dumps(to_table(Padded(amount)))) == {"type": "Padded", "amount": written}


@pytest.mark.parametrize("amount", [(5, 3), ((1, 1), (1, 1)), ((1, 2), (3, 4)), ((0, 0), 3)])
def test_what_is_written_in_full_is_read_back(amount):
    table = json.loads(json.dumps(to_table(Padded(amount))))
    assert from_table(table, kinds(Padded), "here") == Padded(amount)
