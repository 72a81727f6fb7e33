"""The numbers that the terminal and `--json` show, computed here by hand, and how they fit the console."""

import io
import json

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from convlet import (
    SGD,
    Adam,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Evaluation,
    Flatten,
    MaxPooling2D,
    Residual,
    networks,
)
from convlet.descriptions.network import Sequential
from convlet.engines import Batch, engine
from convlet.report.facts.evaluation import evaluation_json, prediction_json
from convlet.report.facts.network import summary_json
from convlet.report.terminal.evaluation import confusion_table, evaluation_table, prediction_table
from convlet.report.terminal.network import summary_table

NAMES = ("áo thun", "quần [red]", "a name that is longer than any console likes it to be")


def deep_mnist():
    return Sequential(
        [
            *(Conv2D(32, 5, padding="same", activation="relu"), MaxPooling2D(2)),
            *(Conv2D(64, 5, padding="same", activation="relu"), MaxPooling2D(2)),
            *(Flatten(), Dense(1024, activation="relu"), Dropout(0.5), Dense(10)),
        ],
        (28, 28, 1),
    )


def three_classes():
    """Labels 0, 0, 0, 1, 1; predictions 0, 0, 1, 1, 0; class 2 is never seen nor said."""
    logits = np.array([[2.0, 0, 0], [3, 0, 0], [0, 5, 0], [0, 2, 0], [1, 0, 0]])
    return Evaluation(logits, np.array([0, 0, 0, 1, 1]))


def shown(renderable, width=80, **console):
    console = Console(width=width, file=io.StringIO(), **console)
    console.print(renderable)
    return console.file.getvalue()


def test_the_tutorials_network_has_these_weights_and_costs():
    facts = summary_json(deep_mnist(), 55_000, Adam())
    rows = {row["name"]: row for row in facts["layers"]}
    conv1, conv2 = 5 * 5 * 1 * 32 + 32, 5 * 5 * 32 * 64 + 64
    dense1, dense2 = 7 * 7 * 64 * 1024 + 1024, 1024 * 10 + 10
    assert facts["weights"] == conv1 + conv2 + dense1 + dense2 == 3_274_634
    products = 28 * 28 * 25 * 32 + 14 * 14 * 25 * 32 * 64 + 7 * 7 * 64 * 1024 + 1024 * 10
    assert facts["multiply_adds"] == products == 13_883_904
    assert facts["weights_per_training_image"] == pytest.approx(59.5388, abs=1e-4)
    assert facts["weights_bytes"] == 4 * 3_274_634
    assert facts["training_bytes"] == 12 * 3_274_634
    assert [rows[name]["uses"] for name in ("conv2d_1", "conv2d_2", "dense_1")] == [784, 196, 1]
    assert rows["conv2d_1"]["output_bytes"] == 28 * 28 * 32 * 4


def test_without_sharing_a_convolution_is_a_dense_layer():
    facts = summary_json(deep_mnist(), 55_000)
    dense = [Sequential([Flatten(), Dense(28 * 28 * 32)], (28, 28, 1)).weights]
    dense.append(Sequential([Flatten(), Dense(14 * 14 * 64)], (14, 14, 32)).weights)
    assert [row["unshared_weights"] for row in facts["layers"] if "unshared_weights" in row] == dense
    assert facts["unshared_weights"] == 3_274_634 - 832 - 51_264 + sum(dense)


def test_what_is_measured_rather_than_learnt_has_no_moments():
    network = Sequential([Conv2D(4, 3, use_bias=False), BatchNormalization(), Flatten(), Dense(2)], (8, 8, 1))
    facts = summary_json(network, None, Adam())
    assert facts["training_bytes"] == 4 * (3 * facts["weights"] + 8)
    assert facts["layers"][0]["unshared_weights"] == 64 * 36 * 4
    assert facts["weights_per_training_image"] is None


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("images", [None, 55_000, 10_000_000])
def test_a_summary_shows_every_number_whole(width, images):
    text = shown(summary_table(deep_mnist(), summary_json(deep_mnist(), images, Adam())), width)
    for number in ("832", "51,264", "3,212,288", "3,274,634", "19,694,080", "78,688,512", "13.9 M", "39.3 MB", "784"):
        assert number in text
    assert "…" not in text
    assert ("59.5 weights for each training image" in text) == (images == 55_000)
    assert ("3.05 training images for each weight" in " ".join(text.split())) == (images == 10_000_000)
    assert max(map(len, text.splitlines())) <= width


def test_a_narrow_summary_names_the_layers_that_were_given_a_name():
    network = Sequential([Conv2D(4, 3, name="eye"), Flatten(), Dense(2)], (8, 8, 1))
    facts = summary_json(network, 10)
    assert "eye: Conv2D" in shown(summary_table(network, facts))
    assert "eye: " not in shown(summary_table(network, facts), 120)


@pytest.mark.parametrize(
    ("optimizer", "times", "words"),
    [
        (Adam(), 3, "weights and Adam's moments"),
        (SGD(0.1, momentum=0.9), 2, "weights and SGD's velocity"),
        (SGD(0.1), 1, "of weights, float32"),
        (None, 1, "of weights, float32"),
    ],
)
def test_the_memory_of_training_is_that_of_the_optimizer_it_has(optimizer, times, words):
    network = Sequential([Flatten(), Dense(2)], (8, 8, 1))
    facts = summary_json(network, 10, optimizer)
    assert facts["training_bytes"] == 4 * times * network.weights
    assert words in shown(summary_table(network, facts))


def test_biases_that_a_normalisation_takes_away_are_named_and_no_others():
    layers = [
        *(Conv2D(4, 3), MaxPooling2D(2), BatchNormalization()),
        *(Conv2D(4, 3, padding="same", activation="relu"), BatchNormalization()),  # ReLU bends what it moves
        *(Conv2D(4, 3, padding="same"), BatchNormalization(trainable=False)),  # by averages, which do not move with it
        *(Conv2D(4, 3, padding="same", trainable=False), BatchNormalization()),
        *(Residual([Conv2D(4, 1)]), BatchNormalization()),  # not looked for: it is added to something first
        *(DepthwiseConv2D(3, use_bias=False), BatchNormalization()),
        *(Flatten(), Dense(5), BatchNormalization(), Dense(2)),
    ]
    network = Sequential(layers, (12, 12, 1))
    facts = summary_json(network, None)
    assert facts["idle_biases"] == ["conv2d_1", "dense_1"]
    text = " ".join(shown(summary_table(network, facts)).split())
    assert "The biases of conv2d_1, dense_1 change nothing: normalisation takes them away again." in text
    for made in (networks.air("M", (28, 28, 1), 10), networks.resnet((28, 28, 1), 10), deep_mnist()):
        facts = summary_json(made, None)
        assert facts["idle_biases"] == [] and "bias" not in shown(summary_table(made, facts))


def test_an_idle_bias_changes_no_loss_of_training_and_its_gradient_is_nothing():
    network = Sequential([Conv2D(4, 3), MaxPooling2D(2), BatchNormalization(), Flatten(), Dense(2)], (8, 8, 1))
    parameters = network.initial_parameters(0, np.float64)
    batch = Batch(np.random.default_rng(0).random((5, 8, 8, 1)), np.arange(5) % 2)
    loss, gradients = engine("numpy").compile(network, parameters).gradients(batch)
    assert np.abs(gradients["conv2d_1/bias"]).max() < 1e-12 < np.abs(gradients["conv2d_1/kernel"]).max()
    parameters["conv2d_1/bias"] += [1.0, -2.0, 3.0, 0.5]
    assert engine("numpy").compile(network, parameters).gradients(batch)[0] == pytest.approx(loss, rel=1e-9)


def test_an_evaluations_numbers():
    facts = evaluation_json(three_classes(), NAMES)
    assert (facts["images"], facts["right"], facts["accuracy"]) == (5, 3, 0.6)
    assert facts["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    first, second, third = facts["classes"]
    assert (first["recall"], first["precision"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (second["recall"], second["precision"]) == (0.5, 0.5)
    assert (third["recall"], third["precision"], third["most_often_taken_for"]) == (None, None, None)
    assert (first["most_often_taken_for"], first["times"]) == (NAMES[1], 1)
    worst = facts["mistakes"][0]
    assert (worst["index"], worst["label"], worst["prediction"]) == (2, NAMES[0], NAMES[1])
    assert worst["probability"] == pytest.approx(np.exp(5) / (np.exp(5) + 2))
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_a_mistake_is_called_by_its_file_where_it_has_one():
    paths = [f"ant/{number}.png" for number in range(5)]
    worst = evaluation_json(three_classes(), NAMES, paths=paths)["mistakes"][0]
    assert (worst["index"], worst["path"]) == (2, "ant/2.png")
    assert "path" not in evaluation_json(three_classes(), NAMES)["mistakes"][0]
    assert "ant/2.png" in shown(evaluation_table(three_classes(), NAMES, paths=paths))


def test_an_evaluation_stands_beside_what_needs_no_network():
    """Of the five, three are of class 0; the linear classifier has only the second and the fourth right."""
    linear = Evaluation(np.array([[0.0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0]]), np.array([0, 0, 0, 1, 1]))
    facts = evaluation_json(three_classes(), NAMES, linear=linear)
    assert facts["baselines"] == {
        "commonest": {"class": NAMES[0], "accuracy": 0.6},
        "linear": {"accuracy": 0.4, "p": 1.0},  # one image is right in the first alone, none in the second alone
    }
    assert evaluation_json(three_classes(), NAMES)["baselines"]["linear"] is None
    assert facts["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert [row["f1"] for row in facts["classes"]] == [pytest.approx(2 / 3), pytest.approx(0.5), None]
    text = " ".join(shown(evaluation_table(three_classes(), NAMES, linear)).split())
    assert "linear baseline 40.00 %" in text and "may be chance (p = 1)" in text
    assert f"right by always saying {NAMES[0]}" in text
    assert "linear" not in shown(evaluation_table(three_classes(), NAMES))


def test_a_difference_from_the_linear_baseline_that_is_no_chance_is_not_called_so():
    labels = np.arange(40) % 2
    right, wrong = np.eye(2)[labels] * 9, np.eye(2)[1 - labels] * 9
    text = shown(evaluation_table(Evaluation(right, labels), ("a", "b"), Evaluation(wrong, labels)))
    assert "linear baseline" in text and "chance" not in text


def test_calibration_is_told_by_bins_and_an_empty_one_has_no_mean():
    sure = np.array([0.95, 0.95, 0.55, 0.55])
    logits = np.log(np.stack([sure, 1 - sure], axis=1))
    found = evaluation_json(Evaluation(logits, np.array([0, 0, 0, 1])), ("a", "b"))["calibration"]
    assert found["mean_confidence"] == pytest.approx(0.75)
    assert found["error"] == pytest.approx((2 * 0.05 + 2 * 0.05) / 4)
    filled = {place: row for place, row in enumerate(found["bins"]) if row["images"]}
    assert {place: (row["images"], row["accuracy"]) for place, row in filled.items()} == {8: (2, 0.5), 14: (2, 1.0)}
    assert len(found["bins"]) == 15 and found["bins"][0] == {"images": 0, "confidence": None, "accuracy": None}


def test_class_names_are_shown_as_they_are():
    text = shown(evaluation_table(three_classes(), NAMES))
    assert "quần [red]" in text
    assert "60.00 %" in text
    assert "–" in text  # the recall of a class without images


def test_no_mistakes_no_list_of_them():
    perfect = Evaluation(np.eye(2) * 9, np.array([0, 1]))
    assert "Worst mistakes" not in shown(evaluation_table(perfect, ("a", "b")))


def test_a_confusion_matrix_too_wide_for_the_console_becomes_a_list():
    many = Evaluation(np.eye(60)[[*range(1, 60), 0]] * 9, np.arange(60))
    names = [f"class {i}" for i in range(60)]
    assert "most frequent" in shown(confusion_table(many, names))
    matrix = shown(confusion_table(three_classes(), ("a", "b", "c")))
    assert [line.split() for line in matrix.splitlines()[2:]] == [
        ["a", "2", "1", "·"],
        ["b", "1", "1", "·"],
        list("c··0"),
    ]


def test_predictions_are_ranked_and_their_bars_as_long_as_they_are_probable():
    probabilities = np.array([[0.25, 0.7, 0.05], [1.0, 0.0, 0.0]])
    paths = ["one.png", "a/very/long/path/" + "x" * 30 + "/two.png"]
    facts = prediction_json(paths, probabilities, NAMES)
    assert list(facts[0]["probabilities"]) == [NAMES[1], NAMES[0], NAMES[2]]
    assert (facts[0]["class"], facts[0]["probability"]) == (NAMES[1], 0.7)
    text = shown(prediction_table(paths, probabilities, NAMES))
    assert [line.count("█") for line in text.splitlines()[1:5]] == [11, 4, 0, 16]
    assert "/two.png" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [80, 120])
def test_without_colour_nothing_is_lost(width):
    for table in (
        evaluation_table(three_classes(), NAMES),
        confusion_table(three_classes(), NAMES),
    ):
        plain = shown(table, width)
        assert "\x1b" not in plain
        colourful = shown(table, width, force_terminal=True, color_system="truecolor")
        assert Text.from_ansi(colourful).plain.split() == plain.split()
