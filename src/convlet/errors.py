"""Every error convlet raises on purpose, as one tree.

    ConvletError
    ├── InputError          an argument is wrong                          (also a ValueError)
    │   ├── NetworkError    a layer cannot take the input it is given
    │   └── RecipeError     a recipe does not say what it must
    ├── DataError           images or labels cannot be used
    │   ├── FormatError     a file is not in the format it claims
    │   └── ChangedError    a run's data are not what they were
    ├── StorageError        a run folder or checkpoint cannot be read or written
    ├── EngineError         an engine cannot run here
    │   └── GroupError      another process of the run is missing, or was lost
    └── NumericsError       a loss or weight became NaN or infinite

A message names the argument, its value, what is allowed and what to do. On the command line an InputError ends
with exit code 2 (wrong usage) and every other one with 1.
"""

from typing import Any


class ConvletError(Exception):
    """The root: catch this to catch everything convlet raises on purpose."""


class InputError(ConvletError, ValueError):
    """An argument is wrong."""


class NetworkError(InputError):
    """A layer cannot take the input it is given."""


class RecipeError(InputError):
    """A recipe does not say what it must."""


class DataError(ConvletError):
    """Images or labels cannot be used."""


class FormatError(DataError):
    """A file is not in the format it claims."""


class ChangedError(DataError):
    """A run's data are not what they were."""


class StorageError(ConvletError):
    """A run folder or checkpoint cannot be read or written."""


class EngineError(ConvletError):
    """An engine cannot run here."""


class GroupError(EngineError):
    """Another process of the run is missing, or was lost."""


class NumericsError(ConvletError):
    """A loss or weight became NaN or infinite.

    `run` is the training that it ended, with its history; None where it came from nothing that trains.
    """

    run: Any = None  # a Run, of which this room knows nothing
