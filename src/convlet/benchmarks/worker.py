"""The process that one competitor lives in: `python -m convlet.benchmarks.worker`.

It reads one JSON object a line and answers each with one. Arrays come in an .npz. A framework may print what it
likes: its standard output is turned to standard error first, so that answers stay alone on the pipe.

    {"do": "load", "file", "module", "network", …}  → {}            what is to be measured
    {"do": "check"}                                 → {"version", "losses" or "logits"}, without dropout
    {"do": "measure", "count"}                      → {"seconds"}   of so many steps or calls
    {"do": "train", "recipe", "target"}             → a Trial, as a table
    {"error"} in place of any answer

End of input ends it.
"""

import json
import os
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any, TextIO

import numpy as np

from convlet.benchmarks.peers.peer import Array, Batch, Job, Peer
from convlet.benchmarks.trial import trial
from convlet.benchmarks.workloads import Workload, without_dropout
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import optimizer_from_table
from convlet.runs.recipe import parse_recipe

CHECKED = 3  # steps whose losses are compared: the first shows the forward pass, the others gradients and optimizer
LOGITS = 20  # images whose logits are compared


class Worker:
    """What the process remembers between two messages."""

    def __init__(self) -> None:
        self.workload: Workload
        self.arrays: dict[str, Array]
        self.message: dict[str, Any]
        self.peer: Peer | None = None
        self.held: list[Batch] = []

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        match message["do"]:
            case "load":
                self._load(message)
                return {}
            case "check":
                return self._check()
            case "measure":
                return self._measure(message["count"])
            case "train":
                return self._train(message)
        raise ValueError(f"do={message['do']!r}: expected 'load', 'check', 'measure' or 'train'.")

    def _load(self, message: dict[str, Any]) -> None:
        self.message, self.workload = message, workload_of(message)
        with np.load(message["file"], allow_pickle=False) as file:
            self.arrays = dict(file)
        pin(message["threads"])

    def _check(self) -> dict[str, Any]:
        """Without dropout, what can be compared with the numpy engine."""
        peer = self._peer(without_dropout(self.workload))
        size = self.workload.batch_size
        images, labels = self.arrays["images"], self.arrays["labels"]
        if self.workload.task == "training":
            batch = peer.hold(images[:size], labels[:size])
            return {"version": peer.version, "losses": peer.losses([batch] * CHECKED)}
        logits = peer.array(peer.predict(peer.hold(images[:size], labels[:size])))
        return {"version": peer.version, "logits": logits[:LOGITS].tolist()}

    def _measure(self, count: int) -> dict[str, Any]:
        if self.peer is None:
            self.peer = self._peer(self.workload)
            self.held = [self.peer.hold(*batch) for batch in self._batches()]
        return {"seconds": self.peer.seconds(self.held, count)}

    def _train(self, message: dict[str, Any]) -> dict[str, Any]:
        recipe = parse_recipe(message["recipe"], "the recipe")
        return asdict(trial(self._made, recipe, self.message["threads"], message["target"]))

    def _batches(self) -> list[tuple[Array, Array]]:
        count = self.workload.batches
        return list(zip(np.split(self.arrays["images"], count), np.split(self.arrays["labels"], count), strict=True))

    def _peer(self, workload: Workload) -> Peer:
        parameters = {name.removeprefix("weights/"): a for name, a in self.arrays.items() if name.startswith("weights")}
        job = Job(
            workload.network,
            parameters,
            workload.optimizer,
            workload.task,
            workload.batch_size,
            self.message["threads"],
            workload.label_smoothing,
        )
        return self._made(job)

    def _made(self, job: Job) -> Peer:
        peer = getattr(import_module(self.message["module"]), self.message["peer"])
        made: Peer = peer(job, **self.message["options"])
        return made


def workload_of(message: dict[str, Any]) -> Workload:
    """The workload that a message describes."""
    network = Sequential.from_table(message["network"])
    optimizer = optimizer_from_table(message["optimizer"])
    return Workload(
        message["name"],
        message["title"],
        network,
        message["batch_size"],
        message["task"],
        optimizer,
        label_smoothing=message["label_smoothing"],
    )


def pin(threads: int) -> None:
    """Stay on the first so many of the processors this process may use, where the system has such a thing."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def serve(messages: TextIO, answers: TextIO) -> None:
    """Answer until there are no more messages."""
    worker = Worker()
    for line in messages:
        try:
            answer = worker.answer(json.loads(line))
        except Exception as error:  # a framework may raise anything; the parent reports it by name
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Keep the pipe for answers, and give everything else that is printed to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
