"""Everyone takes turns, each turn starts warm, and who fails is named. Never how fast anything is."""

from dataclasses import replace

import pytest
import tiny
from benchmarking import PREDICTING, SHORT, TINY, expected_of, fake

from convlet.benchmarks import rounds
from convlet.benchmarks.competitors import COMPETITORS, Competitor
from convlet.benchmarks.process import Process, write_arrays
from convlet.benchmarks.validation import agree
from convlet.descriptions.optimizers import SGD
from convlet.errors import EngineError

# ---------------------------------------------------------------------------------------------------------- the rounds


class Paper:
    """Stands in for a process: it notes who computes, and takes as long as its name says."""

    notes: list[str]

    def __init__(self, competitor, threads):
        self.competitor, self.threads = competitor, threads

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.notes.append(f"{self.competitor.name} ends")

    def load(self, workload, file):
        self.notes.append(f"{self.competitor.name} loads, {self.threads} threads")

    def check(self):
        return "1.0", self.expected

    def measure(self, count):
        self.notes.append(f"{self.competitor.name} {count}")
        if self.competitor.name == "fails" and sum(note == "fails 1" for note in self.notes) == 2:
            raise EngineError("out of ink")
        return {"a": 0.1, "b": 0.2, "fails": 0.05}[self.competitor.name]


@pytest.fixture
def paper(monkeypatch):
    monkeypatch.setattr(rounds, "Process", Paper)
    monkeypatch.setattr(Paper, "notes", [], raising=False)
    monkeypatch.setattr(Paper, "expected", expected_of(TINY), raising=False)
    return Paper


def named(*names):
    return [Competitor(name, name.upper(), "nowhere", "Nobody") for name in names]


def test_everyone_takes_turns_and_each_turn_starts_warm(paper):
    outcome = rounds.measure(TINY, named("a", "b"), replace(SHORT, rounds=3, seconds=1.0, threads=2))
    assert paper.notes == [
        *("a loads, 2 threads", "a 2", "a 3", "b loads, 2 threads", "b 2", "b 3"),
        *(["a 1", "a 10", "b 1", "b 5"] * 3),
        *("b ends", "a ends"),
    ]
    assert [each.seconds for each in outcome.measured] == [(0.1, 0.1, 0.1), (0.2, 0.2, 0.2)]


def test_who_fails_in_the_middle_is_named_and_the_others_go_on(paper):
    outcome = rounds.measure(TINY, named("fails", "a"), replace(SHORT, seconds=0.5))
    failed, other = outcome.measured
    assert (failed.status, failed.reason, failed.seconds) == ("failed", "out of ink", ())
    assert len(other.seconds) == 2 and not outcome.complete


def test_a_workload_s_own_threads_come_before_the_plan_s(paper):
    rounds.measure(replace(TINY, threads=1), named("a"), replace(SHORT, threads=2))
    assert paper.notes[0] == "a loads, 1 threads"


def test_who_cannot_do_a_task_is_not_in_it(paper):
    only = Competitor("a", "A", "nowhere", "Nobody", tasks=("inference",))
    assert rounds.measure(TINY, [only], SHORT).measured == ()


# ------------------------------------------------------------------------------------------------- with real processes


@pytest.fixture(scope="module")
def outcome():
    """One of each kind, measured for real."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tiny.HELPERS))
        absent = fake("Absent", requires=("no_such_module",), install="pip install it")
        others = [fake(name) for name in ("ForgetsADigit", "Raises", "Dies")]
        return rounds.measure(TINY, [COMPETITORS["numpy"], absent, fake("Right"), *others], SHORT)


def test_whoever_is_right_is_measured_and_whoever_is_not_is_named(outcome):
    found = {each.competitor.name: (each.status, each.reason) for each in outcome.measured}
    assert list(found) == ["numpy", "Absent", "Right", "ForgetsADigit", "Raises", "Dies"]
    assert found["numpy"] == found["Right"] == ("measured", "")
    assert found["Absent"] == ("skipped", "no_such_module not installed: pip install it")
    assert found["ForgetsADigit"][0] == "wrong" and "loss of step 1" in found["ForgetsADigit"][1]
    assert found["Raises"] == ("failed", "RuntimeError: out of paper")
    assert found["Dies"] == ("failed", "its process ended with code 3: double free or corruption")


def test_a_measured_one_has_as_many_times_as_rounds_and_says_its_version(outcome):
    [right] = [each for each in outcome.measured if each.competitor.name == "Right"]
    assert len(right.seconds) == 2 and min(right.seconds) > 0
    assert right.version == "fake 1.0" and right.difference is not None and right.difference < 1e-5


def test_who_does_not_answer_is_given_up():
    with (
        Process(fake("Sleeps"), 1, patience=0.001) as process,
        pytest.raises(EngineError, match=r"no answer to 'check' within 0\.001 s"),
    ):
        process.ask({"do": "check"})


@pytest.mark.slow
@pytest.mark.parametrize("workload", [TINY, PREDICTING, replace(TINY, optimizer=SGD(0.1))], ids=["adam", "one", "sgd"])
@pytest.mark.parametrize("name", [name for name in COMPETITORS if name != "sgemm"])
def test_every_framework_computes_what_the_numpy_engine_does(name, workload, tmp_path):
    competitor = COMPETITORS[name]
    if reason := competitor.missing():
        pytest.skip(reason)
    if workload.task not in competitor.tasks:
        pytest.skip(f"it does no {workload.task}")
    with Process(competitor, threads=1) as process:
        process.load(workload, write_arrays(workload, workload.network.initial_parameters(0), tmp_path))
        _, found = process.check()
        agree(found, expected_of(workload))
        assert process.measure(2) > 0
