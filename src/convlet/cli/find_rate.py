"""`convlet train --find-rate`: nothing is trained, and no run folder is touched."""

from pathlib import Path
from typing import Any

from convlet.cli.printing import said_if_slow, show, show_lines
from convlet.datasets import Dataset
from convlet.descriptions.network import Parameters
from convlet.errors import InputError
from convlet.report.facts.rates import rates_json
from convlet.runs.files import write_file
from convlet.runs.recipe import Recipe
from convlet.training.rate_range import STEPS, try_rates

WITHOUT = ("resume", "hosts", "process_id", "run_dir", "learning_rate", "epochs", "patience", "time_limit", "log")


def check_alone(options: dict[str, Any]) -> None:
    """Raise an InputError where --find-rate is given with an option that would change nothing of it."""
    for name in WITHOUT:
        if options.get(name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}={options[name]} with --find-rate: it trains nothing; leave {option} out.")


def find_rate(
    recipe: Recipe, data: Dataset, initial: Parameters | None, *, engine: str, steps: int | None, as_json: bool
) -> None:
    """Try rates, draw the curve into the current folder, and print what it suggests and why."""
    with said_if_slow(engine):
        curve = try_rates(recipe, data, engine=engine, initial=initial, steps=steps or STEPS)
    from convlet.report.figures.rates import rates_figure  # matplotlib is slow to come
    from convlet.report.figures.style import to_bytes

    picture = Path(f"{recipe.name}-rates.svg")
    write_file(picture, to_bytes(rates_figure(curve, f"{recipe.name}: which learning rate?"), "svg"))
    results = rates_json(recipe, curve, engine, picture)
    show(as_json, results)
    if not as_json:
        suggestion = "none" if curve.suggestion is None else f"{curve.suggestion:.1e}"
        show_lines(
            f"Suggested learning rate: {suggestion}. {curve.reason} Nothing was trained. The curve is in:", str(picture)
        )
