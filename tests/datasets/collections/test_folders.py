"""A folder of pictures → a data set: classes, parts, sizes, colours, and what is told by name."""

import os

import numpy as np
import pytest
from pictured import folder, picture, save
from PIL import Image

from convlet.datasets import load
from convlet.errors import DataError, InputError


def notes(data):
    return " ".join(data.collected.notes)


def shown(part):
    """Each image's grey values, whatever their order."""
    return sorted(image.tobytes() for image in part.images)


def test_a_folder_of_class_folders_is_a_data_set_with_parts(tmp_path):
    data = load(folder(tmp_path / "photos"))
    assert (data.name, data.classes, data.image_shape) == ("photos", ("ant", "bee"), (9, 12, 1))
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 32, "validation": 4, "test": 4}
    for part in data.parts.values():
        for path, label, image in zip(data.collected.paths(name_of(data, part)), part.labels, part.images, strict=True):
            assert path.split("/")[0] == data.classes[label]
            assert np.array_equal(image[..., 0], np.asarray(Image.open(tmp_path / "photos" / path)))
    assert "4 for validation and 4 for test; 32 are left" in notes(data)
    assert "9 × 12, and stay so" in notes(data) and "grey" in notes(data)


def name_of(data, part):
    return next(name for name, own in data.parts.items() if own is part)


@pytest.mark.parametrize(
    "names", [("train", "validation", "test"), ("training", "val", "testing"), ("Train", "valid", "TEST")]
)
def test_parts_of_its_own_are_kept_whatever_they_are_called(tmp_path, names):
    for i, name in enumerate(names):
        folder(tmp_path / name, count=3 + i, start=100 * i)
    data = load(tmp_path)
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 6, "validation": 8, "test": 10}
    assert shown(data.test) == sorted(picture(200 + i).tobytes() for i in range(10))


def test_only_the_parts_that_are_absent_are_held_out_of_the_training_pictures(tmp_path):
    folder(tmp_path / "train", count=20)
    folder(tmp_path / "test", count=5, start=100)
    data = load(tmp_path)
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 36, "validation": 4, "test": 10}
    assert shown(data.test) == sorted(picture(100 + i).tobytes() for i in range(10))


def test_classes_may_be_called_as_parts_are(tmp_path):
    assert load(folder(tmp_path, classes=("bus", "train"))).classes == ("bus", "train")


def test_classes_stand_in_natural_order_and_are_named_in_one_form(tmp_path):
    data = load(folder(tmp_path, count=3, classes=("10", "9", "2", "é", "áo dài\nA")))
    assert data.classes == ("2", "9", "10", "áo dài\nA", "é")


def test_folders_in_a_class_belong_to_it_and_a_folder_around_all_does_not_matter(tmp_path):
    folder(tmp_path / "a" / "photos")
    (tmp_path / "a/photos/ant/0.png").rename(save(tmp_path / "a/photos/ant/more/x/0.png", picture(99)))
    data = load(tmp_path / "a")
    assert data.classes == ("ant", "bee")
    assert "photos/ant/more/x/0.png" in {file.path for file in data.collected.files}


def test_mixed_sizes_become_one_and_it_is_said(tmp_path):
    folder(tmp_path, count=5, size=(40, 50))
    save(tmp_path / "ant/large.png", picture(50, (200, 100)))
    data = load(tmp_path)
    assert data.image_shape == (40, 40, 1)
    assert "40 × 50 to 200 × 100, and become 40 × 40 (fit: crop)" in notes(data)
    assert load(tmp_path, image_size=(8, 16)).image_shape == (8, 16, 1)
    assert load(tmp_path, image_size=7).image_shape == (7, 7, 1)


def test_large_pictures_of_one_size_keep_their_proportions(tmp_path):
    assert load(folder(tmp_path, count=3, size=(64, 128))).image_shape == (32, 64, 1)


def bars(tmp_path):
    """Pictures of 10 × 30: black, white in the middle third, the border grey 100."""
    pixels = np.zeros((10, 30), np.uint8)
    pixels[:, 10:20] = 255
    pixels[[0, -1]] = pixels[:, [0, -1]] = 100
    for name in ("ant", "bee"):
        for i in range(3):
            changed = pixels.copy()
            changed[5, 15] = 205 + i + 10 * (name == "bee")  # no two alike
            save(tmp_path / name / f"{i}.png", Image.fromarray(changed))
    return tmp_path


@pytest.mark.parametrize(("fit", "bright", "ground"), [("crop", 0.75, 0.0), ("pad", 0.1, 0.6), ("stretch", 0.26, 0.0)])
def test_a_picture_is_fitted_as_is_asked(tmp_path, fit, bright, ground):
    image = load(bars(tmp_path), image_size=30, fit=fit).train.images[0, ..., 0]
    assert (image > 200).mean() == pytest.approx(bright, abs=0.07)
    assert (image[:9] == 100).all() == (ground > 0) == (image[-9:] == 100).all()


def test_pictures_in_colour_have_three_channels(tmp_path):
    folder(tmp_path, count=5, colour=True)
    data = load(tmp_path)
    assert data.image_shape == (9, 12, 3)
    path = data.collected.paths("train")[0]
    assert np.array_equal(data.train.images[0], np.asarray(Image.open(tmp_path / path)))
    assert load(tmp_path, channels=1).image_shape == (9, 12, 1)


def test_grey_pictures_in_files_for_colour_stay_one_channel(tmp_path):
    for i in range(8):
        save(tmp_path / "ab"[i % 2] / f"{i}.png", picture(i).convert("RGB"))
    assert load(tmp_path).image_shape == (9, 12, 1)
    assert load(tmp_path, channels=3).image_shape == (9, 12, 3)


def test_one_picture_in_colour_among_many_grey_ones_is_not_lost(tmp_path, monkeypatch):
    monkeypatch.setattr("convlet.datasets.collections.choosing.SAMPLE", 2)
    folder(tmp_path, count=6)
    save(tmp_path / "ant/3.png", picture(3, colour=True))
    assert load(tmp_path).image_shape == (9, 12, 3)


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("x.jpg", "L", {}),
        ("x.jpeg", "RGB", {}),
        ("x.jpg", "CMYK", {}),
        ("x.bmp", "RGB", {}),
        ("x.webp", "RGB", {}),
        ("x.tif", "L", {}),
        ("x.gif", "P", {}),
        ("x.PNG", "P", {}),
        ("x.png", "LA", {}),
        ("x.png", "RGBA", {}),
        ("x.png", "1", {}),
        ("x.png", "I;16", {}),
    ],
)
def test_every_kind_of_picture_is_taken(tmp_path, name, mode, options):
    folder(tmp_path, count=3)
    flat = Image.new("L", (12, 9), 255)
    image = Image.fromarray(np.full((9, 12), 65535, np.uint16)) if mode == "I;16" else flat.convert(mode)
    save(tmp_path / "ant" / name, image, **options)
    data = load(tmp_path)
    [white] = [
        part.images[i]
        for own, part in data.parts.items()
        for i, path in enumerate(data.collected.paths(own))
        if path == f"ant/{name}"
    ]
    assert white.shape == (9, 12, 1) and white.min() >= 250


def test_hidden_and_other_files_are_left_aside_and_named(tmp_path):
    folder(tmp_path, count=3)
    for path in (".ipynb_checkpoints/0.png", "ant/.ipynb_checkpoints/0.png", "__MACOSX/ant/._0.png"):
        save(tmp_path / path, picture(77))
    (tmp_path / "ant/.DS_Store").write_bytes(b"x")
    (tmp_path / "ant/notes.txt").write_text("a note")
    save(tmp_path / "lost.png", picture(78))
    data = load(tmp_path)
    assert len(data.collected.files) == 6 and data.classes == ("ant", "bee")
    assert "'ant/notes.txt'" in notes(data) and "'lost.png'" in notes(data) and "'.ipynb_checkpoints'" in notes(data)


def test_broken_pictures_are_named_or_left_out(tmp_path):
    folder(tmp_path)
    (tmp_path / "ant/3.png").write_bytes(b"no picture")
    (tmp_path / "bee/4.png").write_bytes((tmp_path / "bee/4.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"2 of 40 pictures are broken: .*ant/3\.png: not an image.*skip_broken=True"):
        load(tmp_path)
    data = load(tmp_path, skip_broken=True)
    assert len(data.collected.files) == 38 and "ant/3.png: not an image" in notes(data)
    assert str(tmp_path) not in notes(data) + str(data.collected.broken)  # which a report shows


def test_a_class_without_pictures_is_named_or_left_out(tmp_path):
    folder(tmp_path, count=3)
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match=r"class 'cat': its folder, cat, holds no picture.*--skip-broken"):
        load(tmp_path)
    data = load(tmp_path, skip_broken=True)
    assert data.classes == ("ant", "bee") and "class 'cat'" in notes(data)


def test_a_class_of_which_all_pictures_are_broken_is_left_out_where_broken_ones_are(tmp_path):
    folder(tmp_path, classes=("ant", "bee", "cat"), count=3)
    for path in (tmp_path / "bee").iterdir():
        path.write_bytes(b"")
    assert load(tmp_path, skip_broken=True).classes == ("ant", "cat")


def only_one_class(where):
    folder(where, classes=("ant",))


def too_few(where):
    folder(where, count=2)


def no_training(where):
    folder(where / "test")


def class_of_the_test_alone(where):
    folder(where / "train")
    folder(where / "test", classes=("ant", "cat"), start=500)


def nothing(where):
    where.mkdir()


def no_classes(where):
    save(where / "0.png", picture(0))


def a_link_into_itself(where):
    folder(where)
    (where / "ant/again").symlink_to(where, target_is_directory=True)


REFUSED = {
    only_one_class: "holds one class only, 'ant'",
    too_few: "class 'ant' has 2 different pictures to train on; expected at least 3",
    no_training: "has no training pictures",
    class_of_the_test_alone: "class 'cat' is in test, but has no picture to train on",
    nothing: "holds no classes: expected a folder for each class",
    no_classes: "holds no classes",
    a_link_into_itself: "ant/again is a link to a folder that it is in itself",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_a_folder_that_cannot_be_used_is_refused_with_what_is_wrong(tmp_path, make):
    make(tmp_path / "photos")
    with pytest.raises(DataError, match=REFUSED[make]):
        load(tmp_path / "photos")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    folder(tmp_path)
    (tmp_path / "ant/3.png").chmod(0)
    with pytest.raises(DataError, match=r"ant/3\.png: cannot be read: Permission denied"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"image_size": 0}, "image_size=0: expected a whole number"),
        ({"image_size": (8, 2000)}, "image_size=.*up to 1,024"),
        ({"fit": "cover"}, "fit='cover': expected one of 'crop', 'pad', 'stretch'"),
        ({"channels": 2}, "channels=2: expected 1 for grey or 3"),
        ({"channels": True}, "channels=True"),
        ({"skip_broken": "yes"}, "skip_broken='yes': expected True or False"),
        ({"paths_column": "x"}, "paths_column='x': .* is no table"),
        ({"labels_column": 3}, "labels_column=3: expected the name of a column"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, says):
    with pytest.raises(InputError, match=says):
        load(folder(tmp_path), **options)


def test_arrays_take_no_options_of_pictures(tmp_path):
    for source, options in (("mnist", {"image_size": 8}), (tmp_path / "x.npz", {"skip_broken": True})):
        with pytest.raises(InputError, match="holds arrays, which are taken as they are"):
            load(source, **options)
