"""The watcher of docs/watching.md tells MLflow what the history says: MLflow itself where it is installed, in a store
of files; elsewhere a stand-in that notes what it is told.
"""

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny

import convlet as cl

DOCS = Path(__file__).parents[1] / "docs" / "watching.md"
INSTALLED = importlib.util.find_spec("mlflow") is not None


class Noting:
    """What of MLflow is used, and what it was told: {name: [(step, value)]}."""

    def __init__(self):
        self.metrics = {}

    def log_metrics(self, metrics, step):
        for name, value in metrics.items():
            self.metrics.setdefault(name, []).append((step, value))


def watcher(mlflow, monkeypatch):
    """The function that the page defines, with that MLflow in reach."""
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    (code,) = re.findall(r"```python\n(import mlflow.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert len(code.strip().splitlines()) <= 12, "ten lines, and two in front of them"
    names = {}
    exec(code, names)
    return names["to_mlflow"]


def assert_told(metrics, history):
    losses, validated = history.losses, history.validations
    assert [step for step, _ in metrics["loss"]] == [100, 200]
    assert metrics["loss"][1][1] == pytest.approx(sum(losses[100:200]) / 100)
    assert metrics["validation_loss"] == [(step, loss) for step, loss, _ in validated]
    assert metrics["validation_accuracy"] == [(step, accuracy) for step, _, accuracy in validated]


def fitted(watch):
    return cl.fit(tiny.NETWORK, tiny.dataset(), batch_size=4, steps=230, engine="numpy", progress=False, watch=watch)


def test_the_watcher_of_the_page_tells_each_hundred_steps_and_each_validation_once(monkeypatch):
    told = Noting()
    run = fitted(watcher(SimpleNamespace(log_metrics=told.log_metrics), monkeypatch))
    assert_told(told.metrics, run.history)


@pytest.mark.skipif(not INSTALLED, reason="MLflow is no dependency; to try it: pip install mlflow-skinny")
@pytest.mark.filterwarnings("default")
def test_mlflow_keeps_what_it_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = importlib.import_module("mlflow")
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    with mlflow.start_run() as active:
        run = fitted(watcher(mlflow, monkeypatch))
    names = ("loss", "validation_loss", "validation_accuracy")
    kept = {name: mlflow.MlflowClient().get_metric_history(active.info.run_id, name) for name in names}
    assert_told({name: [(each.step, each.value) for each in rows] for name, rows in kept.items()}, run.history)
