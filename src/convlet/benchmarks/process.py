"""This side of a worker: it is started, asked, and ended, and whatever goes wrong becomes one EngineError."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Any

import numpy as np

from convlet.benchmarks.competitors import Competitor
from convlet.benchmarks.trial import Trial
from convlet.benchmarks.workloads import Array, Workload
from convlet.descriptions.network import Parameters
from convlet.descriptions.optimizers import optimizer_to_table
from convlet.errors import EngineError
from convlet.runs.recipe import Recipe

PATIENCE = 900.0  # seconds for an answer: compiling a network may take minutes
TRAINING = 24 * 3600.0  # seconds for a whole training: hours for a large recipe, or on a slow engine
THREAD_VARIABLES = (
    *("CONVLET_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)


class Process:
    """One competitor's process. As a context, it ends with the context."""

    def __init__(self, competitor: Competitor, threads: int, patience: float = PATIENCE) -> None:
        self.competitor, self.threads, self.patience = competitor, competitor.threads or threads, patience
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "convlet.benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, str(self.threads)),
            encoding="utf-8",
        )
        self._answers: SimpleQueue[str] = SimpleQueue()
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True)
        self._reader.start()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)
        self._errors.close()

    def load(self, workload: Workload, file: Path) -> None:
        """Tell the worker what is to be measured."""
        message = {
            "do": "load",
            "file": str(file),
            "threads": self.threads,
            "module": self.competitor.module,
            "peer": self.competitor.peer,
            "options": self.competitor.options,
            "name": workload.name,
            "title": workload.title,
            "network": workload.network.to_table(),
            "batch_size": workload.batch_size,
            "task": workload.task,
            "optimizer": optimizer_to_table(workload.optimizer),
            "label_smoothing": workload.label_smoothing,
        }
        self.ask(message)

    def check(self) -> tuple[str, Array]:
        """The framework's version, and the losses (steps,) or logits (N, classes) to compare."""
        answer = self.ask({"do": "check"})
        return answer["version"], np.array(answer["losses"] if "losses" in answer else answer["logits"])

    def train(self, recipe: Recipe, target: float) -> Trial:
        """One training of a recipe, from its first step to its last."""
        message = {"do": "train", "recipe": recipe.to_toml(), "target": target}
        return Trial(**self.ask(message, patience=TRAINING))

    def measure(self, count: int) -> float:
        """Seconds of one step or call, the mean of so many."""
        return float(self.ask({"do": "measure", "count": count})["seconds"]) / count

    def ask(self, message: dict[str, Any], *, patience: float | None = None) -> dict[str, Any]:
        """The worker's answer, within `patience` seconds or the process's own. Raises EngineError where it has none."""
        within = self.patience if patience is None else patience
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=within)
        except OSError:
            line = ""
        except Empty:
            raise EngineError(f"no answer to {message['do']!r} within {within:g} s") from None
        if not line:
            raise EngineError(f"its process ended with code {self._process.wait()}: {self._last_line()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer

    def _last_line(self) -> str:
        """What the process wrote last on stderr."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _read(pipe: IO[str], answers: "SimpleQueue[str]") -> None:
    """Every line, and an empty one at the end."""
    for line in pipe:
        answers.put(line)
    answers.put("")


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except OSError:  # a message was left in it, and nobody to read it
        return


def write_arrays(workload: Workload, parameters: Parameters, folder: Path) -> Path:
    """The initial weights and all batches, in a file that every worker reads."""
    images, labels = workload.examples()
    weights: dict[str, Any] = {f"weights/{name}": array for name, array in parameters.items()}
    path = folder / f"{workload.name}.npz"
    np.savez(path, images=images, labels=labels, **weights)
    return path
