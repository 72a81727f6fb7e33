"""Pictures: what they show, that they come out the same each time, and that no odd run breaks them."""

import io

import numpy as np
import pytest
from drawing import evaluation, history, network, pixels, texts
from matplotlib.colors import to_rgb
from PIL import Image

from convlet import Conv2D, Dense, Dropout, Evaluation, Flatten, History, MaxPooling2D
from convlet.datasets import Examples
from convlet.descriptions.network import Sequential
from convlet.engines import engine
from convlet.losses import softmax
from convlet.report.figures.confusion import confusion
from convlet.report.figures.curves import curves
from convlet.report.figures.kernels import kernels
from convlet.report.figures.maps import feature_maps
from convlet.report.figures.mistakes import mistakes
from convlet.report.figures.run import draw_run
from convlet.report.figures.seen import MOST, seen_pictures
from convlet.report.figures.style import BLUE, GREEN, INK, QUIET, VERMILION, to_bytes
from convlet.runs.recipe import Recipe, Training

VIETNAMESE = ("áo thun", "quần dài", "váy $5 và $6")


def recipe():
    return Recipe("a run", network(), Training(steps=1))


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(colour, ground):
    darker, lighter = sorted((luminance(colour), luminance(ground)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("ground", ["#FFFFFF", "#0D1117"])
def test_ink_and_colours_read_on_light_and_on_dark_pages(ground):
    assert contrast(INK, ground) > 4.2  # 4.35 on both is all there is
    assert all(contrast(colour, ground) >= 3 for colour in (QUIET, BLUE, VERMILION, GREEN))


def test_the_ground_of_every_picture_is_transparent():
    shown, parameters = network(), network().initial_parameters(0)
    wrong = evaluation(3, 12, wrong=4)
    figures = [curves(history(20), "a"), confusion(wrong, VIETNAMESE, "a"), kernels(shown, parameters)]
    figures.append(mistakes(wrong, Examples.from_arrays(pixels(12), wrong.labels, classes=3), VIETNAMESE))
    for figure in figures:
        picture = Image.open(io.BytesIO(to_bytes(figure, "png"))).convert("RGBA")
        assert picture.getpixel((1, 1))[3] == picture.getpixel((picture.width - 2, picture.height - 2))[3] == 0


@pytest.mark.parametrize("classes", [2, 3, 40, 100])
def test_a_confusion_matrix_of_any_size_can_be_drawn(classes):
    names = [f"class number {i}, with a long name" for i in range(classes)]
    figure = confusion(evaluation(classes, 3 * classes, wrong=classes), names, "a run")
    assert to_bytes(figure, "svg")
    assert figure.get_size_inches().max() < 25


def test_a_confusion_matrix_shows_counts_and_names_the_most_frequent_mistake():
    figure = confusion(evaluation(3, 9, wrong=1), VIETNAMESE, "a run")
    assert texts(figure).count("3") == 2  # two classes all right
    assert texts(figure).count("2") == 1
    assert texts(figure).count("1") == 1
    assert "most often: áo thun taken for quần dài (1 ×)" in texts(figure)
    recall = figure.axes[0].child_axes[0]
    assert [label.get_text() for label in recall.get_yticklabels()] == ["66.7 %", "100.0 %", "100.0 %"]


def test_a_perfect_confusion_matrix_and_a_class_without_images():
    perfect = Evaluation(np.eye(3)[[0, 1]] * 4.0, np.array([0, 1]))
    figure = confusion(perfect, VIETNAMESE, "a run")
    assert "no image was taken for another class" in texts(figure)
    assert to_bytes(figure, "svg")


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_mistakes_show_label_and_prediction(channels):
    shown = evaluation(3, 12, wrong=4)
    figure = mistakes(shown, Examples.from_arrays(pixels(12, channels), shown.labels, classes=3), ("a", "b", "c"))
    assert "a → b" in texts(figure)
    assert "all 4 mistakes in 12 images: label → prediction, its probability" in texts(figure)
    captions = [axes.get_xlabel() for axes in figure.axes]
    assert f"{100 * np.exp(4) / (np.exp(4) + 2):.0f} % · image 0" in captions
    assert to_bytes(figure, "png").startswith(b"\x89PNG")


def test_a_mistake_bears_the_name_of_its_file():
    shown, paths = evaluation(3, 12, wrong=4), [f"ant/{number}.png" for number in range(12)]
    examples = Examples.from_arrays(pixels(12), shown.labels, classes=3)
    captions = [axes.get_xlabel() for axes in mistakes(shown, examples, ("a", "b", "c"), paths=paths).figure.axes]
    assert sum(caption.endswith("% · 0.png") for caption in captions) == 1


def test_as_many_mistakes_as_asked_for():
    shown = evaluation(3, 60, wrong=50)
    figure = mistakes(shown, Examples.from_arrays(pixels(60), shown.labels, classes=3), VIETNAMESE, count=7)
    assert sum(bool(axes.images) for axes in figure.axes) == 7
    assert "the 7 of highest loss among 50 mistakes in 60 images: label → prediction, its probability" in texts(figure)


def test_no_mistakes_is_good_news():
    shown = evaluation(3, 6, wrong=0)
    figure = mistakes(shown, Examples.from_arrays(pixels(6), shown.labels, classes=3), VIETNAMESE)
    assert any("all 6 images are classified correctly" in text for text in texts(figure))


def test_a_wrong_answer_is_never_said_to_be_certain():
    sure = Evaluation(np.array([[0.0, 900.0], [900.0, 0.0]]), np.array([0, 0]))
    figure = mistakes(sure, Examples.from_arrays(pixels(2), sure.labels, classes=2), ("shirt", "coat"))
    assert [axes.get_xlabel() for axes in figure.axes if axes.images] == ["> 99 % · image 0"]
    assert "shirt → coat" in " ".join(texts(figure)).replace("\n", " ")


@pytest.mark.parametrize(("channels", "filters"), [(1, 1), (1, 5), (1, 70), (2, 70), (3, 16)])
def test_every_layers_weights_are_drawn_on_one_scale_around_zero(channels, filters):
    shown = network(channels, filters)
    parameters = shown.initial_parameters(0)
    figure = kernels(shown, parameters)
    assert {f"Conv2D {filters} × 3×3", "Dense 3"} <= set(texts(figure))
    pictures = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(pictures) == 2  # one mosaic a layer
    for picture, name in zip(pictures, ("conv2d_1", "dense_1"), strict=True):
        if channels != 3 or name == "dense_1":
            reach = np.abs(parameters[f"{name}/kernel"]).max()
            low, high = picture.get_clim()
            assert low == -high and high <= reach * 1.001
    assert to_bytes(figure, "png")


def test_kernels_stand_in_reading_order_with_gaps_between_them():
    kernel = np.arange(3 * 3 * 1 * 18, dtype=float).reshape(3, 3, 1, 18) + 1
    shown = Sequential([Conv2D(18, 3, use_bias=False), Flatten(), Dense(3)], (8, 8, 1))
    figure = kernels(shown, {**shown.initial_parameters(0), "conv2d_1/kernel": kernel})
    canvas = np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)
    times = next(i for i in range(1, 99) if canvas[0, i] != canvas[0, 0])
    assert canvas[0, 0] == kernel[0, 0, 0, 0] and canvas[0, times] == kernel[0, 1, 0, 0]
    across = 3 * times + next(i for i in range(1, 99) if not np.isnan(canvas[0, 3 * times + i]))
    assert canvas[0, across] == kernel[0, 0, 0, 1] and np.isnan(canvas[0, across - 1])
    assert canvas[across, 0] == kernel[0, 0, 0, 16]  # the second row of 16


def test_kernels_that_are_all_zero_can_be_drawn():
    shown = network()
    zeros = {name: np.zeros_like(array) for name, array in shown.initial_parameters(0).items()}
    assert to_bytes(kernels(shown, zeros), "png")


def test_a_dense_layer_over_an_image_is_drawn_as_what_each_unit_seeks():
    dense = Sequential([Flatten(), Dense(3)], (8, 8, 1))
    figure = kernels(dense, dense.initial_parameters(0))
    assert "dense_1: 3 units of 8 × 8 × 1 weights, used once" in texts(figure)
    assert kernels(Sequential([Flatten()], (8, 8, 1)), {}) is None


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (64,)])
def test_feature_maps_show_every_layer_that_does_something(shape):
    layers = [Conv2D(5, 3), MaxPooling2D(2), Flatten()] if len(shape) == 3 else []
    shown = Sequential([*layers, Dropout(0.5), Dense(20, activation="relu"), Dense(3)], shape)
    program = engine("numpy").compile(shown, shown.initial_parameters(0))
    image = np.random.default_rng(0).random(shape, np.float32)
    figure = feature_maps(shown, program.activations(image[np.newaxis]), image, VIETNAMESE, "a remark")
    said = texts(figure)
    names = ["conv2d_1: 6 × 6 × 5", "max_pooling2d_1: 3 × 3 × 5"] if layers else ["64 numbers"]
    assert {*names, "dense_1: 20 numbers", "dense_2: what it is taken for", "a remark"} <= set(said)
    assert not any("dropout" in text or "flatten" in text for text in said)
    chances = softmax(program.predict(image[np.newaxis]))[0]
    bars = [patch.get_width() for patch in figure.axes[-1].patches]
    assert bars == pytest.approx(sorted(chances, reverse=True))
    assert to_bytes(figure, "png").startswith(b"\x89PNG")


def test_a_run_is_drawn_the_same_each_time(tmp_path):
    shown = evaluation(3, 12, wrong=4)
    images = Examples.from_arrays(pixels(12), shown.labels, classes=3)
    parameters = network().initial_parameters(0)
    run = history(120, [(120, 0.9)], [0])
    drawn = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        paths = draw_run(
            tmp_path / name,
            history=run,
            network=network(),
            parameters=parameters,
            classes=VIETNAMESE,
            evaluation=shown,
            examples=images,
            recipe=recipe(),
            trained_on=images,
        )
        drawn.append({path.name: path.read_bytes() for path in paths})
    assert drawn[0] == drawn[1]
    names = {"curves.svg", "confusion.svg", "mistakes.png", "kernels.png", "metrics.csv", "history.json"}
    assert set(drawn[0]) == names == {path.name for path in (tmp_path / "first").iterdir()}
    assert b"<dc:date>" not in drawn[0]["curves.svg"]


def test_a_run_stopped_before_its_first_step_is_drawn_too(tmp_path):
    dense = Sequential([Flatten(), Dense(3)], (8, 8, 1))
    initial = dense.initial_parameters(0)
    paths = draw_run(
        tmp_path,
        history=History(50),
        network=dense,
        parameters=initial,
        classes=VIETNAMESE,
        recipe=recipe(),
        trained_on=Examples.from_arrays(pixels(3), [0, 1, 2], classes=3),
    )
    assert {path.name for path in paths} == {"curves.svg", "kernels.png", "metrics.csv", "history.json"}


def test_the_callers_matplotlib_settings_stay_as_they_were():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    to_bytes(curves(history(3), "a run"), "svg")
    assert dict(mpl.rcParams) == before


def test_letters_that_no_font_has_do_not_stop_the_drawing():
    shown = evaluation(2, 6, wrong=1)
    assert to_bytes(confusion(shown, ("𓀀𓀁", "b"), "a run"), "svg")


def seen(count, doubt=None):
    views = [(Image.new("L", (300, 200), 230), (10.0, 20.0, 60.0, 90.0), pixels(1)[0]) for _ in range(count)]
    chances = dict(zip(VIETNAMESE, (0.6, 0.3995, 0.0005), strict=True))
    return seen_pictures(views, [{"image": f"{i}.jpg", "probabilities": chances, "doubt": doubt} for i in range(count)])


def test_what_was_seen_is_drawn_beside_the_picture_with_a_frame_and_what_it_was_taken_for():
    figure = seen(2)
    original, given, answer = figure.axes[:3]
    (frame,) = original.patches
    assert (*frame.get_xy(), frame.get_width(), frame.get_height()) == (10, 20, 50, 70)
    assert original.get_title(loc="left") == "0.jpg"
    np.testing.assert_array_equal(given.images[0].get_array(), pixels(1)[0, ..., 0])
    assert [bar.get_width() for bar in answer.patches] == [0.6, 0.3995]  # the third is too improbable for a bar
    assert VIETNAMESE[0] in texts(figure) and "60.0 %" in texts(figure)


def test_a_probability_that_its_float_rounds_to_one_is_written_as_in_the_table():
    view = Image.fromarray(pixels(1)[0, ..., 0]), None, pixels(1)[0]
    assert "> 99.9 %" in texts(seen_pictures([view], [{"image": "0.jpg", "probabilities": {"7": 1.0, "9": 0.0}}]))


def test_what_is_in_doubt_has_another_colour():
    sure, doubtful = (seen(1, doubt).axes[2].patches[0].get_facecolor() for doubt in (None, "it is too wide"))
    assert sure != doubtful


def test_more_pictures_than_fit_are_said_to_be_more():
    figure = seen(MOST + 1)
    assert len(figure.axes) == 3 * MOST
    assert any(f"the first {MOST} of {MOST + 1}" in text for text in texts(figure))
