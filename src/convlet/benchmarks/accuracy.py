"""How long training takes to reach an accuracy: a recipe, from its first step, on the numba engine."""

import time
from typing import Any

from convlet.benchmarks.competitors import BASELINE
from convlet.runs.evaluation import Evaluation
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run
from convlet.training.fit import fit_recipe

TARGETS = (0.95, 0.97, 0.98, 0.985, 0.99)


class _Stopwatch:
    """When each validation was done, from the first look at the run on."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.validations: list[tuple[float, float]] = []  # (seconds, accuracy)

    def __call__(self, run: Run) -> None:
        if len(run.history.validations) > len(self.validations):
            self.validations.append((time.perf_counter() - self.began, run.history.validations[-1][2]))


def time_to_accuracy(recipe: Recipe, engine: str = BASELINE) -> dict[str, Any]:
    """Train, and say what was reached and when: seconds until the first validation of at least each target.

    Seconds count from the beginning, compiling included. The test images are looked at once, at the end.
    """
    data = recipe.data.load()
    watch = _Stopwatch()
    run = fit_recipe(recipe, data, engine=engine, watch=watch)
    evaluation: Evaluation | None = run.evaluate(data.test) if data.test is not None else None
    return {
        "recipe": recipe.name,
        "engine": engine,
        "seed": run.seed,
        "steps": run.history.steps,
        "test_accuracy": evaluation.accuracy if evaluation else None,
        "train_seconds": round(run.clock.train, 2),
        "compile_seconds": round(run.clock.compile, 2),
        "reached": [
            {"accuracy": target, "seconds": next((round(s, 2) for s, a in watch.validations if a >= target), None)}
            for target in TARGETS
        ],
    }
