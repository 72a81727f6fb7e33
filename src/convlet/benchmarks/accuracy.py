"""How long training takes to reach an accuracy: one recipe, on every engine and framework, with several seeds.

Everyone trains with the first seed, then everyone with the second: what the machine does meanwhile is shared by all.
The accuracy is of the validation images; the test images are not looked at.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from convlet.benchmarks.competitors import Competitor
from convlet.benchmarks.process import Process, write_arrays
from convlet.benchmarks.trial import Trial
from convlet.benchmarks.validation import agree, reference
from convlet.benchmarks.workloads import Array, Workload, of_recipe
from convlet.descriptions.augmentation import Mixup
from convlet.environment import environment
from convlet.errors import EngineError, InputError, NumericsError
from convlet.runs.recipe import Recipe, load_recipe
from convlet.training.initial import initial_parameters

Say = Callable[[str], None]
PAUSE = 0.3  # seconds between two turns: some frameworks' threads go on spinning


@dataclass(frozen=True)
class Race:
    """What is run: a recipe, to a validation accuracy of `target`, with the seeds from 0 on, on so many threads."""

    name: str
    target: float = 0.99
    seeds: int = 3
    threads: int = 1

    def recipe(self) -> Recipe:
        """The recipe. Raises InputError where frameworks could not be given what it learns from."""
        recipe = load_recipe(self.name)
        if recipe.training.class_weights is not None or any(isinstance(it, Mixup) for it in recipe.augmentation):
            raise InputError(f"recipe {self.name!r}: expected one without class_weights and Mixup, for all to learn.")
        if recipe.training.patience is not None:
            raise InputError(f"recipe {self.name!r}: expected one without patience: all take the same steps.")
        return recipe


def race(it: Race, competitors: Sequence[Competitor], command: str, say: Say = lambda text: None) -> dict[str, Any]:
    """Everyone's trials, as plain numbers, with where they come from. Who is absent or fails is named."""
    recipe, workload = it.recipe(), of_recipe(it.name)
    found = [_Entry(each) for each in competitors if each.checked and "training" in each.tasks]
    with tempfile.TemporaryDirectory(prefix="convlet-bench-") as folder:
        parameters = initial_parameters(recipe.network, recipe.data.load(), 0)
        beginning = write_arrays(workload, parameters, Path(folder)), reference(workload, parameters)
        for seed in range(it.seeds):
            seeded = replace(recipe, training=replace(recipe.training, seed=seed))
            for entry in found:
                if entry.status == "measured":
                    say(f"{recipe.name}, seed {seed}: {entry.competitor.label}")
                    entry.attempt(it, workload, seeded, beginning)
    origin = {"date": date.today().isoformat(), "command": command, "environment": environment()}
    asked = {"recipe": recipe.name, "target": it.target, "seeds": it.seeds, "threads": it.threads}
    return {**origin, **asked, "competitors": [entry.facts() for entry in found]}


class _Entry:
    """A competitor, and what became of its trials."""

    def __init__(self, competitor: Competitor) -> None:
        self.competitor, self.reason = competitor, competitor.missing()
        self.status = "skipped" if self.reason else "measured"
        self.trials: list[Trial] = []

    def attempt(self, it: Race, workload: Workload, recipe: Recipe, beginning: tuple[Path, Array]) -> None:
        """One more trial, in a process of its own; before the first, its steps are checked. Notes what goes wrong."""
        file, expected = beginning
        time.sleep(PAUSE)
        try:
            with Process(self.competitor, it.threads) as process:
                process.load(workload, file)
                if not self.trials:
                    agree(process.check()[1], expected)
                self.trials.append(process.train(recipe, it.target))
        except (EngineError, NumericsError) as error:
            ended = len(self.trials)
            after = f"after {ended} trial{'s' * (ended != 1)}: " if ended else ""
            self.status, self.reason = "wrong" if isinstance(error, NumericsError) else "failed", f"{after}{error}"

    def facts(self) -> dict[str, Any]:
        """What is known of it: the trials that ended, and figures over them only where all did."""
        it = self.competitor
        facts: dict[str, Any] = {"name": it.name, "label": it.label, "status": self.status, "reason": self.reason}
        if self.trials:
            facts |= {"version": self.trials[0].version, "trials": [asdict(each) for each in self.trials]}
        if self.status != "measured":
            return facts
        accuracies, reached = [each.accuracy for each in self.trials], [each.reached for each in self.trials]
        in_time = [seconds for seconds in reached if seconds is not None]
        return facts | {
            "accuracy": {"mean": mean(accuracies), "sd": stdev(accuracies) if len(accuracies) > 1 else None},
            "seconds": median(each.seconds for each in self.trials),
            "prepared": median(each.prepared for each in self.trials),
            "reached": {"count": len(in_time), "median": median(in_time) if in_time else None},
        }
