"""What the terminal shows of the recipes that there are."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from convlet.report.terminal.layout import plain_table


def recipes_table(facts: Sequence[Mapping[str, str]]) -> Table:
    """Each recipe's name, and what it says of itself."""
    table = plain_table("recipe", "what it is", flexible="what it is")
    for row in facts:
        table.add_row(row["name"], row["description"])
    return table
