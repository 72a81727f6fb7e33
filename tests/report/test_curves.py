"""Curves of training: what they show, whatever the losses; and the same numbers in files."""

import csv
import io
import json

import numpy as np
import pytest
from drawing import history, texts

from convlet import History
from convlet.report.facts.history import history_json, metrics_csv
from convlet.report.figures.curves import curves, interval_length
from convlet.report.figures.style import to_bytes


def test_curves_show_training_validation_and_reports():
    figure = curves(history(500, [(100, 0.8), (300, 0.9), (500, 0.85)], [0, 250]), "a run")
    loss, accuracy = figure.axes
    assert loss.get_yscale() == "log"
    assert "best validation: 90.00 % right, loss 0.2000, after 300 steps" in texts(figure)
    assert {"each step", "validation", "best validation", "current batch, without dropout"} <= set(texts(figure))
    lines = {line.get_label(): line.get_xydata() for line in accuracy.get_lines()}
    assert lines["best validation"].tolist() == [[300, 0.9]]
    assert lines["validation"][:, 1].tolist() == [0.8, 0.9, 0.85]
    assert lines["current batch, without dropout"].tolist() == [[0, 0.5], [250, 0.5]]


def test_the_smooth_curve_is_the_mean_of_each_interval_at_its_middle():
    run = history(500)
    (line,) = curves(run, "a run").axes[1].get_lines()
    assert interval_length(500) == 10
    assert line.get_xdata()[:2].tolist() == [5.5, 15.5]
    assert line.get_ydata()[0] == pytest.approx(sum(run.correct[:10]) / 500)


@pytest.mark.parametrize("steps", [0, 1, 2, 20, 501, 30_000])
@pytest.mark.parametrize("validated", [False, True])
def test_curves_of_any_length_can_be_drawn(steps, validated):
    run = history(steps, [(s, 0.97) for s in sorted({1, steps})] if validated and steps else [], [0] if steps else [])
    assert to_bytes(curves(run, "a run"), "svg").startswith(b"<?xml")


def labels_of_ticks(axes):
    axes.figure.canvas.draw()
    low, high = sorted(axes.get_ylim())
    return [t.get_text() for t in axes.get_yticklabels() if low <= t.get_position()[1] <= high and t.get_text()]


def test_a_loss_of_exactly_zero_leaves_the_scale_as_it_was():
    run = history(500)
    with_zero = History(50, [*run.losses[:250], 0.0, *run.losses[251:]], run.correct)
    before, after = (curves(each, "a run").axes[0] for each in (run, with_zero))
    assert before.get_yscale() == after.get_yscale() == "log"
    assert after.get_ylim() == pytest.approx(before.get_ylim(), rel=0.1)
    only_zeros = curves(History(2, [0.0, 0.0], [2, 2]), "a run")
    assert only_zeros.axes[0].get_yscale() == "linear"
    to_bytes(only_zeros, "svg")


def test_one_spike_flattens_no_curve_and_is_named():
    run = history(500)
    spiked = History(50, [*run.losses[:250], 482.0, *run.losses[251:]], run.correct)
    before, after = (curves(each, "a run") for each in (run, spiked))
    assert after.axes[0].get_ylim() == pytest.approx(before.axes[0].get_ylim(), rel=0.1)
    assert "▲ up to 482" in texts(after) and not any("▲" in text for text in texts(before))


def test_each_steps_loss_is_drawn_where_it_is_though_it_be_far_below_the_means():
    losses = [2.0, 1.0, 0.01, 3.0, *([1.0] * 496)]
    axes = curves(History(50, losses, [0] * 500), "a run").axes[0]
    (each,) = (line for line in axes.get_lines() if line.get_label() == "each step")
    assert each.get_ydata().tolist() == losses
    assert axes.get_ylim()[1] > 3


def test_the_large_loss_that_a_run_begins_with_is_no_spike():
    run = History(50, [40.0, *([0.1] * 499)], [0] * 500)
    assert curves(run, "a run").axes[0].get_ylim()[1] > 4


@pytest.mark.parametrize("span", [(2.3, 1e30), (2.3, 6e-6), (2.3, 2.2), (2.3, 0.02), (1e9, 1e3), (0.3, 0.0008)])
def test_losses_of_any_range_have_ticks_written_in_one_way(span):
    losses = np.geomspace(*span, 60).tolist()
    labels = labels_of_ticks(curves(History(50, losses, [0] * 60), "a run").axes[0])
    assert 1 <= len(labels) <= 12
    assert len({"10" in label and any(s in label for s in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹") for label in labels}) == 1, labels
    assert not any("e" in label for label in labels)


def test_the_only_validation_has_a_ring_too():
    figure = curves(history(20, [(20, 0.7)]), "a run")
    assert "best validation" in texts(figure)


def test_metrics_have_a_row_for_each_step_at_which_something_was_measured():
    run = history(250, [(120, 0.9), (200, 0.91)], [0, 100])
    rows = list(csv.DictReader(io.StringIO(metrics_csv(run))))
    assert list(rows[0]) == ["step", "loss", "accuracy", "validation_loss", "validation_accuracy", "batch_accuracy"]
    assert [row["step"] for row in rows] == ["0", "100", "120", "200", "250"]
    assert rows[0]["loss"] == ""
    assert float(rows[1]["loss"]) == sum(run.losses[:100]) / 100
    assert float(rows[4]["accuracy"]) == sum(run.correct[200:]) / 50 / 50
    assert (rows[2]["validation_accuracy"], rows[2]["loss"], rows[3]["validation_accuracy"]) == ("0.9", "", "0.91")
    assert [row["batch_accuracy"] for row in rows] == ["0.5", "0.5", "", "", ""]


def test_a_history_survives_json():
    run = history(30, [(10, 0.5)], [0])
    table = json.loads(history_json(run))
    validations = [(row["step"], row["loss"], row["accuracy"]) for row in table["validations"]]
    reports = [(row["step"], row["accuracy"]) for row in table["reports"]]
    assert History(table["batch_size"], table["losses"], table["correct"], validations, reports) == run
    assert table["steps"] == 30
