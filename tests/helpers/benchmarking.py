"""Tiny workloads, competitors that are right or wrong, and made-up results, for the tests of the benchmark."""

import io
from dataclasses import replace

from rich.console import Console

from convlet.benchmarks import workloads
from convlet.benchmarks.competitors import COMPETITORS, Competitor
from convlet.benchmarks.results import Measured, Outcome, Plan, document
from convlet.benchmarks.selection import Selection
from convlet.benchmarks.validation import reference
from convlet.benchmarks.workloads import Workload
from convlet.descriptions.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.report.terminal.benchmark import benchmark_table

NETWORK = Sequential(
    [
        Conv2D(3, 3, padding="same", activation="relu"),
        MaxPooling2D(),
        Conv2D(4, 2, activation="tanh", use_bias=False),
        Flatten(),
        Dense(6, "relu"),
        Dropout(0.5),
        Dense(10),
    ],
    input_shape=(8, 6, 2),
)
TINY = Workload("tiny", "tiny: a training step", NETWORK, 5, optimizer=Adam(0.01))
PREDICTING = replace(TINY, name="tiny-predicting", task="inference")
SHORT = Plan(rounds=2, seconds=0.001, threads=1, pause=0)


def fake(peer, **settings):
    return Competitor(peer, f"{peer} of Fake", "fake_peers", peer, **settings)


def expected_of(workload):
    return reference(workload, workload.network.initial_parameters(0))


def measured(name, *seconds, label=None, status="measured", reason=""):
    it = COMPETITORS.get(name) or Competitor(name, label or name, "", "")
    return Measured(it, status, reason, f"{name} 1.0", None, tuple(seconds))


def outcome_of(workload, *parts):
    return Outcome(workload, parts)


def facts_of(*outcomes, sweep=None):
    facts = document(outcomes, Selection((), (), sweep), Plan(3, 1.0, 2), "convlet bench --rounds 3")
    facts["environment"]["processor"] = "A Processor"
    facts["date"] = "2026-11-24"
    return facts


DEEP = workloads.workload("deep-mnist")
COMPLETE = outcome_of(
    DEEP,
    measured("numba", 0.016, 0.020, 0.015),
    measured("pytorch", 0.048, 0.040, 0.060),
    measured("numpy", 0.3, 0.31, 0.32),
    measured("sgemm", 0.1, 0.08, 0.09),
    measured("jax", status="skipped", reason="jax not installed: pip install jax"),
    measured("tensorflow", status="failed", reason="its process ended with code -9: it said nothing"),
)


def text_of(facts, width=100):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(benchmark_table(facts))
    return console.file.getvalue()
