"""What every augmentation has."""

from dataclasses import dataclass

from convlet.descriptions.tables import to_table


@dataclass(frozen=True)
class Augmentation:
    """A change that leaves a picture's class as it is."""

    def describe(self) -> str:
        """What it is, in a few words: its kind, and what is not at its default.

        >>> Augmentation().describe()
        'Augmentation'
        """
        table = to_table(self)
        words = [f"{value:g}" if isinstance(value, float) else _word(key, value) for key, value in table.items()]
        return " ".join(words)


def _word(key: str, value: object) -> str:
    return key if value is True else str(value)
