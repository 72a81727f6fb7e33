"""The benchmark: who takes part, what is checked, how turns are taken, what comes out. Never how fast anything is."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from rich.console import Console

from convlet.benchmarks import competitors, rounds, selection, workloads
from convlet.benchmarks.accuracy import time_to_accuracy
from convlet.benchmarks.competitors import COMPETITORS, Competitor
from convlet.benchmarks.process import Process, write_arrays
from convlet.benchmarks.results import Measured, Outcome, Plan, document
from convlet.benchmarks.selection import Selection, select
from convlet.benchmarks.validation import agree, reference
from convlet.benchmarks.worker import serve
from convlet.benchmarks.workloads import Workload, without_dropout
from convlet.cli import main
from convlet.descriptions.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.errors import EngineError, InputError, NumericsError
from convlet.report.figures.benchmark import benchmark_figure
from convlet.report.figures.style import to_bytes
from convlet.report.terminal.benchmark import benchmark_table, milliseconds
from convlet.runs.recipe import DataSource, Recipe, Training

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


@pytest.fixture(autouse=True)
def workers_find_the_fakes(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tiny.HELPERS))


# ------------------------------------------------------------------------------------------------------ the workloads


def test_workloads_are_the_networks_they_are_named_after():
    sizes = {name: (work.network.input_shape, work.batch_size) for name in workloads.WORKLOADS
             for work in [workloads.workload(name)]}  # fmt: skip
    assert sizes == {
        "deep-mnist": ((28, 28, 1), 50),
        "lenet-5": ((28, 28, 1), 32),
        "vgg-small": ((32, 32, 3), 64),
        "first-kernels": ((28, 28, 1), 128),
        "deep-mnist-1000-images": ((28, 28, 1), 1000),
        "deep-mnist-1-image": ((28, 28, 1), 1),
    }
    rates = {name: workloads.workload(name).optimizer.learning_rate for name in sizes}
    assert all(isinstance(rate, float) for rate in rates.values()), rates  # a peer's optimizer takes no schedule
    assert workloads.workload("lenet-5").network.weights == 61_706  # 156 + 2,416 + 48,120 + 10,164 + 850


def test_the_deep_network_s_step_is_4_1_billion_operations():
    assert workloads.workload("deep-mnist").gflop == pytest.approx(4.10, abs=0.005)
    assert workloads.workload("deep-mnist-1-image").gflop == pytest.approx(2 * 13.884e-3, abs=1e-5)


def test_images_are_mnist_where_they_fit_and_made_up_elsewhere_the_same_each_time():
    images, labels = workloads.workload("lenet-5").examples()
    assert images.shape == (32 * 32, 28, 28, 1) and labels[:5].tolist() == [7, 3, 4, 6, 1]
    made_up, classes = TINY.examples()
    assert made_up.shape == (1000, 8, 6, 2) and made_up.dtype == np.float32 and set(classes) == set(range(10))
    assert 0 <= made_up.min() < 0.01 and 0.99 < made_up.max() < 1
    np.testing.assert_array_equal(made_up, TINY.examples()[0])


def test_without_dropout_the_weights_keep_their_names():
    assert without_dropout(TINY).network.parameters.keys() == NETWORK.parameters.keys()
    assert len(without_dropout(TINY).network.layers) == 6


@pytest.mark.parametrize("name", workloads.SWEEPS)
def test_a_sweep_grows(name):
    values = [work.value for work in workloads.sweep(name)]
    assert values == sorted(set(values)) and values[0] >= 1


def test_only_what_is_chosen_is_measured():
    chosen = select(["lenet-5"], ["numba", "jax", "numba"])
    assert [work.name for work in chosen.workloads] == ["lenet-5"]
    assert [each.name for each in chosen.competitors] == ["numba", "jax"]
    assert [each.name for each in select(None, None).competitors] == list(COMPETITORS)
    assert {each.name for each in select(None, None, "batch").competitors} == {"numba", "pytorch-best", "sgemm"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((["lenet5"], None), "workloads='lenet5': expected some of .* Did you mean 'lenet-5'?"),
        ((None, ["pytorch-bst"]), "competitors='pytorch-bst': expected some of .* Did you mean 'pytorch-best'?"),
        ((["lenet-5"], None, "batch"), "sweep='batch', workloads=lenet-5: expected one of them, not both."),
        ((None, None, "batsh"), "sweep='batsh': expected one of .* Did you mean 'batch'?"),
    ],
)
def test_a_wrong_choice_is_refused(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        select(*arguments)


def test_the_benchmark_imports_no_framework():
    frameworks = "{'torch', 'tensorflow', 'keras', 'jax', 'onnx', 'onnxruntime'}"
    check = f"import sys, convlet.cli, convlet.benchmarks.worker; print(sorted({frameworks} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_what_is_absent_says_so_with_what_to_type():
    assert fake("Right", requires=("no_such_module",), install="pip install it").missing() == (
        "no_such_module not installed: pip install it"
    )
    assert "no-such-compiler" in fake("Right", programs=("no-such-compiler",)).missing()
    assert fake("Right", requires=("json",)).missing() == ""


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
        "optimizer": {"type": "Adam", "learning_rate": 0.01}, **settings,
    }  # fmt: skip


def conversation(tmp_path, workload, peer, *more):
    """What a worker answers, in this process, to a load and these messages."""
    file = write_arrays(workload, workload.network.initial_parameters(0), tmp_path)
    answers = io.StringIO()
    lines = [json.dumps(each) for each in (message(workload, file, peer), *more)]
    serve(io.StringIO("\n".join(lines)), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def expected_of(workload):
    return reference(workload, workload.network.initial_parameters(0))


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
    assert answers[2] == {"error": "ValueError: do='dance': expected 'load', 'check' or 'measure'."}


def test_dropout_is_on_when_steps_are_timed_and_off_when_they_are_checked(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(Sequential, "dropout_masks", lambda self, *_, **__: drawn.append(len(self.layers)) or {})
    conversation(tmp_path, TINY, "Right", {"do": "check"})
    assert set(drawn) == {6}
    answers = conversation(tmp_path, TINY, "Right", {"do": "measure", "count": 1})
    assert drawn[-1] == 7 and "dropout" in answers[1]["error"]  # with no mask for it, the engine complains


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


# --------------------------------------------------------------------------------------------------------- the results


def measured(name, *seconds, label=None, status="measured", reason=""):
    it = COMPETITORS.get(name) or Competitor(name, label or name, "", "")
    return Measured(it, status, reason, f"{name} 1.0", None, tuple(seconds))


def outcome_of(workload, *parts):
    return Outcome(workload, parts)


def facts_of(*outcomes, sweep=None, training=None):
    facts = document(outcomes, Selection((), (), sweep), Plan(3, 1.0, 2), "convlet bench --rounds 3")
    facts["environment"]["processor"] = "A Processor"
    facts["date"] = "2026-11-24"
    return {**facts, "training": training}


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


def test_ratios_are_paired_round_by_round():
    _, pytorch, *_ = COMPLETE.facts()["competitors"]
    assert pytorch["ms"] == {"median": 48.0, "low": 40.0, "high": 60.0}
    assert pytorch["ratio"] == {"median": 3.0, "low": 2.0, "high": 4.0}  # not 48 / 16, were the rounds mixed up


def test_speed_is_the_dense_count_over_the_median_and_a_share_of_sgemm_s_in_the_same_round():
    numba, *_ = COMPLETE.facts()["competitors"]
    assert numba["gflops"] == pytest.approx(DEEP.gflop / 0.016, rel=1e-4)
    peaks = [2 * 2048**3 / 1e9 / seconds for seconds in (0.1, 0.08, 0.09)]
    shares = [DEEP.gflop / s / peak for s, peak in zip((0.016, 0.020, 0.015), peaks, strict=True)]
    assert numba["of_sgemm"] == pytest.approx(sorted(shares)[1], rel=1e-4)
    assert numba["images_per_second"] == 3125


def test_without_the_numba_engine_there_are_times_but_no_ratios():
    [pytorch] = outcome_of(DEEP, measured("pytorch", 0.05)).facts()["competitors"]
    assert pytorch["ratio"] is None and pytorch["of_sgemm"] is None and pytorch["ms"]["median"] == 50


def test_all_of_it_is_json():
    assert json.loads(json.dumps(facts_of(COMPLETE), allow_nan=False)) == facts_of(COMPLETE)


# ----------------------------------------------------------------------------------------------------- what is shown


def text_of(facts, width=100):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(benchmark_table(facts))
    return console.file.getvalue()


def test_the_table_has_the_fastest_first_and_names_who_has_no_figure():
    lines = text_of(facts_of(COMPLETE)).splitlines()
    assert lines[0] == "deep-mnist: a training step, batch 50"
    assert lines[3].split() == ["convlet", "numba", "16.0", "15.0", "–", "20.0", "1.00", "256", "143", "%"]
    assert [line[:7] for line in lines[3:7]] == ["convlet", "PyTorch", "convlet", "NumPy's"]
    assert "– JAX, one jit: jax not installed: pip install jax" in lines
    assert "…" not in text_of(facts_of(COMPLETE), width=80)  # nothing is cut off on a plain terminal
    assert any(line.startswith("✗ failed TensorFlow, raw tf.function: its process ended") for line in lines)


def test_no_figure_travels_alone():
    text = text_of(facts_of(COMPLETE), width=200)
    for part in ("A Processor, 2 threads", "medians of 3 rounds", "numba 1.0", "2026-11-24: convlet bench --rounds 3"):
        assert part in text


def test_a_reason_that_holds_for_some_workloads_names_them():
    other = replace(COMPLETE, workload=workloads.workload("lenet-5"), measured=COMPLETE.measured[:-2])
    text = text_of(facts_of(COMPLETE, other))
    assert text.count("jax not installed") == 1 and "JAX, one jit on deep-mnist:" in text


def sweep_facts():
    sizes = [replace(DEEP, value=value, batch_size=value) for value in (1, 10, 100)]
    parts = [(measured("numba", 0.001 * w.value), measured("pytorch-best", 0.005 + 0.002 * w.value)) for w in sizes]
    return facts_of(*[outcome_of(w, *part) for w, part in zip(sizes, parts, strict=True)], sweep="batch")


def test_a_sweep_is_one_table():
    lines = text_of(sweep_facts()).splitlines()
    assert lines[0].split("  ")[0] == "images a batch"
    assert [line.split() for line in lines[1:4]] == [
        ["1", "1.00", "7.00", "7.00"], ["10", "10.0", "25.0", "2.50"], ["100", "100", "205", "2.05"],
    ]  # fmt: skip


def test_times_keep_three_digits():
    assert [milliseconds(value) for value in (0.30841, 3.2, 16.04, 99.96, 1082.3)] == [
        "0.308", "3.20", "16.0", "100", "1,082",
    ]  # fmt: skip


def all_text(figure):
    return {text.get_text() for axes in figure.axes for text in (*axes.texts, *axes.get_yticklabels())}


def test_the_picture_says_times_and_ratios_and_cuts_what_is_far_off():
    shown = all_text(benchmark_figure(facts_of(COMPLETE)))
    assert {"16.0", "48.0   3.0 ×", "310 →   18.8 ×", "convlet numba"} <= shown


@pytest.mark.parametrize(
    "facts",
    [facts_of(COMPLETE), facts_of(*[COMPLETE] * 3), sweep_facts(), facts_of(replace(COMPLETE, measured=()))],
    ids=["one", "three", "sweep", "nothing"],
)
@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_picture_is_the_same_bytes_each_time(facts, kind):
    first, second = (to_bytes(benchmark_figure(facts), kind) for _ in range(2))
    assert first == second and len(first) > 2000


# --------------------------------------------------------------------------------------------------- time to accuracy


def test_time_to_accuracy_tells_when_each_target_was_first_reached():
    network = Sequential([Flatten(), Dense(10)], input_shape=(28, 28, 1))
    recipe = Recipe("linear", network, Training(50, epochs=3), Adam(0.01), DataSource("mnist", 1000))
    found = time_to_accuracy(recipe, "numpy")
    assert found["steps"] == 60 and 0.8 < found["test_accuracy"] < 0.95
    assert {each["accuracy"]: each["seconds"] for each in found["reached"]}[0.99] is None
    assert "linear trained on numpy: test accuracy" in text_of(facts_of(COMPLETE, training=found), width=200)


# --------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """`convlet bench` where there is only the tiny workload, and three competitors."""
    monkeypatch.setattr(selection, "WORKLOADS", {"tiny": lambda: TINY})
    monkeypatch.setattr(workloads, "WORKLOADS", {"tiny": lambda: TINY})
    known = {"numpy": COMPETITORS["numpy"], "Raises": fake("Raises"), "Absent": fake("Absent", requires=("no_such",))}
    monkeypatch.setattr(competitors, "COMPETITORS", known)
    monkeypatch.setenv("CONVLET_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    short = ["bench", "--rounds", "1", "--seconds", "0.01"]
    return lambda *arguments: CliRunner().invoke(main, [*short, *arguments])


def test_bench_prints_one_json_object_and_draws(bench, tmp_path):
    done = bench("--competitors", "numpy,Absent", "--json", "--picture", "bench.svg")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["schema"] == 1 and facts["plan"]["rounds"] == 1
    assert [each["status"] for each in facts["workloads"][0]["competitors"]] == ["measured", "skipped"]
    assert "tiny: round 1 of 1" in done.stderr
    assert (tmp_path / "bench.svg").read_text().startswith("<?xml")


def test_bench_fails_where_a_competitor_does_after_showing_all(bench):
    done = bench()
    assert done.exit_code == 1
    assert "convlet numpy" in done.stdout and "✗ failed Raises of Fake: RuntimeError: out of paper" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--picture", "bench.pdf"), "--picture=bench.pdf: expected a name that ends in .svg or .png."),
        (("--workloads", "huge"), "workloads='huge'"),
        (("--train", "nothing"), "recipe 'nothing'"),
    ],
)
def test_bench_refuses_what_it_cannot_do_before_measuring(bench, arguments, complaint):
    refused = bench(*arguments)
    assert refused.exit_code == 2 and complaint in refused.stderr and "round" not in refused.stderr
