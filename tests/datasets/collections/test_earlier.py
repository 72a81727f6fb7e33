"""A collection whose pictures were in parts before: each is in its own again, and what is other is named."""

import shutil

import pytest
from pictured import folder, picture, save

from convlet.datasets import load
from convlet.datasets.collections import earlier
from convlet.datasets.collections.earlier import changes, read_split
from convlet.errors import DataError, FormatError, InputError


@pytest.fixture
def photos(tmp_path):
    return folder(tmp_path / "photos")


@pytest.fixture
def split(photos, tmp_path):
    path = tmp_path / "split.csv"
    path.write_bytes(load(photos).collected.split_csv())
    return path


def parts_of(data):
    return {file.path: file.part for file in data.collected.files}


def test_a_split_is_read_as_it_was_written(photos, split):
    data = load(folder(photos, count=3, classes=("two\nlines", 'a "b", c'), start=900))
    split.write_bytes(data.collected.split_csv())
    assert read_split(split) == data.collected.files


def test_of_a_shortened_data_set_the_pictures_that_are_left_are_known_and_no_others(photos):
    data = load(photos)
    less = data.shortened(5)
    assert less.collected.paths("train") == data.collected.paths("train")[:5]
    for part in ("validation", "test"):
        assert less.collected.paths(part) == data.collected.paths(part) != ()


def test_a_split_that_is_too_large_is_not_read(split, monkeypatch):
    monkeypatch.setattr(earlier, "LARGEST", 10)
    with pytest.raises(FormatError, match=r"bytes; a table of pictures has at most 10\."):
        read_split(split)


def test_pictures_stay_in_their_parts_whatever_comes_and_goes(photos, split):
    before = parts_of(load(photos))
    for i in range(30):
        save(photos / f"ant/more-{i}.png", picture(3000 + i))
    after = load(photos, split=split)
    assert all(parts_of(after)[path] == part for path, part in before.items())
    assert len(after.train) == 32 + 30
    assert {name: len(part) for name, part in load(photos).parts.items()} == {"train": 56, "validation": 7, "test": 7}


def test_a_copy_of_a_picture_to_test_on_is_never_trained_on(photos, split):
    before = parts_of(load(photos))
    tested = next(path for path, part in before.items() if part == "test")
    trained = next(path for path, part in before.items() if part == "train")
    shutil.copy(photos / tested, photos / trained)  # under a known name
    shutil.copy(photos / tested, photos / "bee/unknown.png")
    after = parts_of(load(photos, split=split))
    assert after[trained] == after["bee/unknown.png"] == "test"


def test_a_copy_of_what_a_picture_to_test_on_has_become_is_never_trained_on(photos, split):
    before = parts_of(load(photos))
    tested = next(path for path, part in before.items() if part == "test")
    trained = next(path for path, part in before.items() if part == "train")
    for path in (tested, trained, "bee/unknown.png"):
        save(photos / path, picture(5000))
    after = parts_of(load(photos, split=split))
    assert after[tested] == after[trained] == after["bee/unknown.png"] == "test"


def test_where_all_of_a_part_has_gone_nothing_is_held_out_in_its_place(photos, split):
    for path, part in parts_of(load(photos)).items():
        if part == "test":
            (photos / path).unlink()
    after = load(photos, split=split)
    assert after.test is None and len(after.train) == 32


def test_parts_of_its_own_go_before_and_only_what_was_held_out_of_one_is_as_it_was(tmp_path):
    folder(tmp_path / "photos/train", count=20)
    folder(tmp_path / "photos/test", count=5, start=100)
    shutil.copy(tmp_path / "photos/train/ant/0.png", tmp_path / "photos/test/ant/on both sides.png")
    first = load(tmp_path / "photos")
    (tmp_path / "split.csv").write_bytes(first.collected.split_csv())
    held = first.collected.paths("validation")[0]
    shutil.copy(tmp_path / "photos" / held, tmp_path / "photos/test/ant/copy.png")
    save(tmp_path / "photos/train/bee/new.png", picture(777))
    after = parts_of(load(tmp_path / "photos", split=tmp_path / "split.csv"))
    assert after["test/ant/copy.png"] == "test" and after[held] == "validation"
    assert list(after.values()).count("validation") == 4 and after["train/bee/new.png"] == "train"
    assert after["train/ant/0.png"] == parts_of(first)["train/ant/0.png"] != "test"


def test_another_class_and_another_part_are_changes(photos, split):
    before = read_split(split)
    (photos / "ant/3.png").rename(photos / "bee/x.png")
    now = load(photos, split=split).collected.files
    assert changes(before, now) == "gone: 'ant/3.png'; new: 'bee/x.png'"
    assert changes(before, before) == ""
    moved = [type(before[0])(file.path, file.label, "train", file.pixels) for file in before]
    assert changes(before, moved).startswith("in another part: '")
    named = [type(before[0])(file.path, "bee", file.part, file.pixels) for file in before]
    assert changes(before, named).startswith("in another class: 'ant/")


@pytest.mark.parametrize(
    "content", [b"", b"path,label,part,pixels\na,b,c,d\n", b"a,b\n", b'path,label,part,pixels\n"a']
)
def test_what_is_no_split_is_refused(photos, tmp_path, content):
    (tmp_path / "split.csv").write_bytes(content)
    with pytest.raises(FormatError, match="not the table of a run's pictures"):
        load(photos, split=tmp_path / "split.csv")
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        load(photos, split=tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"split='x\.csv': mnist holds arrays"):
        load("mnist", split="x.csv")
