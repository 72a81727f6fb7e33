"""What comes out of a benchmark: ratios of one round, the table, the picture, the time to an accuracy."""

import json
from dataclasses import replace

import pytest
from benchmarking import COMPLETE, DEEP, facts_of, measured, outcome_of, text_of

from convlet.benchmarks import workloads
from convlet.report.figures.benchmark import benchmark_figure
from convlet.report.figures.style import to_bytes
from convlet.report.terminal.benchmark import milliseconds


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
