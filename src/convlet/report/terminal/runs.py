"""What the terminal shows of several runs: a list, and two beside each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from convlet.report.facts.network import Facts
from convlet.report.numbers import NOT_MEASURED, count, percent, visible
from convlet.report.terminal.layout import apart, plain_table

SIGNIFICANT = 0.05


def list_table(rows: Sequence[Facts]) -> RenderableType:
    """A row for each run, the best validation first, those on the same data together; what differs comes last."""
    several = len({row["data"] for row in rows}) > 1
    numbers = ("validation", "test", "steps", "weights")
    table = plain_table(
        "run", *(("data",) if several else ()), *numbers, "what differs", right=numbers, flexible="what differs"
    )
    for row in rows:
        data = [Text(visible(row["data"]))] if several else []
        shares = [_share(row[name]) for name in ("validation_accuracy", "test_accuracy")]
        steps = NOT_MEASURED if row["steps"] is None else count(row["steps"])
        differs = Text(_differences(row["differs"]))
        table.add_row(
            Text(visible(Path(row["run"]).name), "bold"), *data, *shares, steps, count(row["weights"]), differs
        )
    remark = "validation: to choose by, of the weights that are kept · test: to report, once"
    return Group(table, Text(remark, "dim"))


def _share(share: float | None) -> str:
    return NOT_MEASURED if share is None else percent(share, 2)


def _differences(differs: Mapping[str, str]) -> str:
    return ", ".join(f"{visible(name)} {visible(value)}" for name, value in differs.items())


def pair_table(facts: Facts) -> RenderableType:
    """Two runs, figure by figure, how they differ, and whether their difference means anything."""
    first, second = facts["runs"]
    names = [visible(Path(run["run"]).name) for run in (first, second)]
    if names[0] == names[1]:
        names = [visible(run["run"]) for run in (first, second)]
    table = plain_table("", *names, right=names)
    for name, digits in (("accuracy", 2), ("balanced accuracy", 2), ("calibration error", 2)):
        table.add_row(name, *(percent(run[name.replace(" ", "_")], digits) for run in (first, second)))
    table.add_row("loss", *(f"{run['loss']:.4f}" for run in (first, second)))
    for name in ("weights", "steps"):
        table.add_row(name, *(count(run[name]) for run in (first, second)))
    for name in first["differs"] or {}:
        table.add_row(Text(visible(name)), *(Text(visible(run["differs"][name])) for run in (first, second)))
    images = f"{count(facts['images'])} {facts['part']} images of {visible(facts['data'])}"
    said = (
        f"Of {images} both have {count(facts['both_right'])} right, the first alone {count(facts['only_first'])}, "
        f"the second alone {count(facts['only_second'])}, neither {count(facts['neither_right'])}."
    )
    return apart(table, Group(Text(said), Text(verdict(facts), "bold")))


def verdict(facts: Facts) -> str:
    """Whether the difference means anything, in words."""
    gap = facts["runs"][0]["accuracy"] - facts["runs"][1]["accuracy"]
    p = f"p = {facts['p']:.2g}" if facts["p"] >= 1e-4 else "p < 0.0001"
    if not facts["only_first"] + facts["only_second"]:
        return "They have the same images right."
    if facts["p"] >= SIGNIFICANT:
        return f"The difference may well be chance ({p}, McNemar's exact test)."
    better = "first" if gap > 0 else "second"
    return f"The {better} is better, by {100 * abs(gap):.2f} points: that is hardly chance ({p}, McNemar's exact test)."
