"""What a competitor's process answers, and that nobody is timed who computes something else."""

import io
import json

import numpy as np
import pytest
from benchmarking import (
    PREDICTING,
    TINY,
    expected_of,
)

from convlet.benchmarks.process import write_arrays
from convlet.benchmarks.validation import agree
from convlet.benchmarks.worker import serve
from convlet.descriptions.network import Sequential
from convlet.errors import NumericsError

# --------------------------------------------------------------------------------------------------------- the checks


@pytest.mark.parametrize("expected", [np.array([2.0, 1.0, 0.5]), np.array([[2.0, -1.0], [0.5, 0.0]])])
def test_small_differences_pass_and_are_told(expected):
    found = expected * (1 + 5e-5)
    assert agree(found, expected) == pytest.approx(5e-5)


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([2.0003, 1.0, 0.5], r"loss of step 1 is 2\.0003; the numpy engine's is 2"),
        ([2.0, 1.002, 0.5], r"loss of step 2 is 1\.002"),
        ([2.0, 1.0, np.nan], "loss of step 3 is nan"),
        ([2.0, 1.0], "shape"),
    ],
)
def test_other_losses_do_not_pass(found, complaint):
    with pytest.raises(NumericsError, match=f"computes something else: {complaint}"):
        agree(np.array(found), np.array([2.0, 1.0, 0.5]))


def test_other_logits_do_not_pass():
    with pytest.raises(NumericsError, match=r"a logit is 0\.001"):
        agree(np.array([[2.0, 0.001]]), np.array([[2.0, 0.0]]))


# --------------------------------------------------------------------------------------------------------- the worker


def message(workload, file, peer, **settings):
    return {
        "do": "load", "file": str(file), "threads": 64, "module": "fake_peers", "peer": peer, "options": {},
        "name": workload.name, "title": workload.title, "network": workload.network.to_table(),
        "batch_size": workload.batch_size, "task": workload.task,
        "optimizer": {"type": "Adam", "learning_rate": 0.01}, "label_smoothing": workload.label_smoothing, **settings,
    }  # fmt: skip


def conversation(tmp_path, workload, peer, *more):
    """What a worker answers, in this process, to a load and these messages."""
    file = write_arrays(workload, workload.network.initial_parameters(0), tmp_path)
    answers = io.StringIO()
    lines = [json.dumps(each) for each in (message(workload, file, peer), *more)]
    serve(io.StringIO("\n".join(lines)), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


@pytest.mark.parametrize("workload", [TINY, PREDICTING], ids=["training", "inference"])
def test_a_worker_answers_what_can_be_compared_then_seconds(tmp_path, workload):
    loaded, checked, measured = conversation(
        tmp_path, workload, "Right", {"do": "check"}, {"do": "measure", "count": 3}
    )
    assert loaded == {} and checked.pop("version") == "fake 1.0" and measured["seconds"] > 0
    [found] = checked.values()
    assert agree(np.array(found), expected_of(workload)) < 1e-5


@pytest.mark.parametrize("workload", [TINY, PREDICTING], ids=["training", "inference"])
def test_a_competitor_with_a_slightly_wrong_result_is_caught(tmp_path, workload):
    _, checked = conversation(tmp_path, workload, "ForgetsADigit", {"do": "check"})
    found = np.array(checked["losses" if workload is TINY else "logits"])
    with pytest.raises(NumericsError, match="computes something else"):
        agree(found, expected_of(workload))


def test_a_competitor_with_a_wrong_optimizer_is_caught(tmp_path):
    _, checked = conversation(tmp_path, TINY, "LearnsTooFast", {"do": "check"})
    with pytest.raises(NumericsError, match=r"loss of step [23]"):
        agree(np.array(checked["losses"]), expected_of(TINY))


def test_a_worker_survives_what_goes_wrong(tmp_path):
    answers = conversation(tmp_path, TINY, "Raises", {"do": "check"}, {"do": "dance"}, {"do": "measure", "count": 1})
    assert answers[1] == answers[3] == {"error": "RuntimeError: out of paper"}
    assert answers[2] == {"error": "ValueError: do='dance': expected 'load', 'check', 'measure' or 'train'."}


def test_dropout_is_on_when_steps_are_timed_and_off_when_they_are_checked(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Sequential, "dropout_masks", lambda self, *_, **__: drawn.append(len(self.layers)) or {})
    conversation(tmp_path, TINY, "Right", {"do": "check"})
    assert set(drawn) == {6}
    answers = conversation(tmp_path, TINY, "Right", {"do": "measure", "count": 1})
    assert drawn[-1] == 7 and "dropout" in answers[1]["error"]  # with no mask for it, the engine complains
