"""What the terminal shows of a network: a summary, and the plan of an engine.

They fit themselves to the console's width, from 80 columns on, and lose nothing where it has no colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import RAW
from convlet.descriptions.placing import flat, unnamed
from convlet.report.facts.network import Facts, summary_json
from convlet.report.facts.sharing import explain_sharing
from convlet.report.numbers import count, ratio, shape, short, size
from convlet.report.terminal.layout import pairs, plain_table
from convlet.report.terminal.printed import print_plain

WIDE = 100  # columns from which a summary has room for the layers' names


@dataclass(frozen=True)
class _Summary:
    facts: Facts
    custom_names: frozenset[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.layers(named=options.max_width >= WIDE)
        yield ""
        yield self.totals()
        yield ""
        yield Text(explain_sharing(self.facts))
        if idle := self.facts["idle_biases"]:
            yield ""
            yield Text(_hint(idle))

    def layers(self, named: bool) -> Table:
        numbers = ("weights", "uses of\neach", "multiply-\nadds", "output's\nmemory")
        table = plain_table(*(["name"] if named else []), "layer", "output", *numbers, right=numbers, flexible="layer")
        for row in self.facts["layers"]:
            alias = f"{row['name']}: " if row["name"] in self.custom_names and not named else ""
            table.add_row(*([row["name"]] if named else []), alias + _indented(row), *_layer_cells(row))
        return table

    def totals(self) -> Table:
        facts, images = self.facts, self.facts["training_images"]
        frozen = facts["weights"] - facts["trained_weights"]
        rows = [("weights", count(facts["weights"]), "numbers to learn" if not frozen else "learnt numbers")]
        if frozen:
            rows.append(("of them frozen", count(frozen), f"so {count(facts['trained_weights'])} are trained"))
        if images is not None:
            rows.append(("training images", count(images), ""))
        if images:
            rows.append(("weights per training image", ratio(facts["weights_per_training_image"]), ""))
        for row in facts["layers"]:
            if "unshared_weights" in row:
                name = f"a dense layer for {row['name']}"
                rows.append((name, count(row["unshared_weights"]), f"weights in place of {count(row['weights'])}"))
        return pairs(
            *rows,
            ("multiply-adds", short(facts["multiply_adds"]), "an image, forward"),
            ("memory", size(facts["training_bytes"]), f"of {_remembered(facts)}, float32"),
        )


def _hint(idle: list[str]) -> str:
    """What to do about biases before a normalisation."""
    if len(idle) == 1:
        return f"The bias of {idle[0]} changes nothing: normalisation takes it away again. Set use_bias=False there."
    names = ", ".join(idle)
    return f"The biases of {names} change nothing: normalisation takes them away again. Set use_bias=False there."


def _remembered(facts: Facts) -> str:
    """What is kept for each weight while training, in words."""
    slots = facts["slots"]
    if not slots:
        return "weights"
    words = {"m": "moments", "v": "moments", RAW: "averages"}
    what = " and ".join(dict.fromkeys(words.get(slot, slot) for slot in slots))
    return f"weights and {facts['optimizer']}'s {what}"


def _indented(row: Facts) -> str:
    """What a layer is, and by how far it is set in, in how many others it is."""
    return "  " * len(row["inside"]) + str(row["kind"])


def _layer_cells(row: Facts) -> list[str]:
    uses = count(row["uses"]) if row["uses"] else ""
    weights = count(row["weights"]) if row["weights"] else ""
    products = short(row["multiply_adds"]) if row["multiply_adds"] else ""
    return [shape(row["output_shape"]), weights, uses, products, size(row["output_bytes"])]


def summary_table(network: Sequential, facts: Facts) -> RenderableType:
    """Layer by layer: shapes, weights, how often each is used on an image, costs; then weights against images.

    `facts` are those of `summary_json`.
    """
    named = {layer.name for layer in flat(unnamed(network.layers))} - {""}
    return _Summary(facts, frozenset(named))


def print_summary(network: Sequential, training_images: int | None) -> None:
    """Print the summary on stdout."""
    print_plain(summary_table(network, summary_json(network, training_images)))


def plan_table(rows: Sequence[Mapping[str, str]]) -> RenderableType:
    """How the numba engine computes a network: one row a block of fused layers."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*row.values())
    return table
