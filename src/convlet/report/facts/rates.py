"""What is to be said of a range test, as a plain dictionary: what `--json` prints."""

from pathlib import Path
from typing import Any

from convlet.runs.recipe import Recipe
from convlet.training.rate_range import RateCurve


def rates_json(recipe: Recipe, curve: RateCurve, engine: str, picture: Path) -> dict[str, Any]:
    """The curve, what it suggests, how that was chosen, and where it is drawn."""
    return {
        "recipe": recipe.name,
        "optimizer": type(recipe.optimizer).__name__,
        "engine": engine,
        "seed": recipe.training.seed,
        "batch_size": recipe.training.batch_size,
        "suggestion": curve.suggestion,
        "reason": curve.reason,
        "best": curve.best,
        "diverged": curve.diverged,
        "rates": list(curve.rates),
        "losses": list(curve.losses),
        "smooth": list(curve.smooth),
        "picture": str(picture),
    }
