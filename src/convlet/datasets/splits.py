"""Which examples are held out for validation, where a data set has none."""

import numpy as np

from convlet.datasets.examples import Examples

HELD_OUT = 12  # one in twelve: 5,000 of MNIST's 60,000


def hold_out(train: Examples) -> tuple[Examples, Examples | None]:
    """`train` without its held-out part, and that part; None if there are fewer than twelve examples."""
    count = len(train) // HELD_OUT
    if count == 0:
        return train, None
    rest, held = train.take(slice(count, None)), train.take(slice(count))
    if min(_classes_in(rest), _classes_in(held)) == _classes_in(train):
        return rest, held
    chosen = np.arange(len(train)) % HELD_OUT == 0
    return train.take(~chosen), train.take(chosen)


def _classes_in(part: Examples) -> int:
    return np.unique(part.labels).size
