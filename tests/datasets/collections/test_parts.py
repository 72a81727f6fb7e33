"""What is held out of a collection: a share of each class, always the same, and never a copy on two sides."""

import csv
import io
import random
import shutil

import numpy as np
import pytest
from pictured import folder, picture, save

from convlet.datasets import load
from convlet.datasets.collections.parts import with_parts
from convlet.errors import DataError


def parts_of(data):
    return {file.path: file.part for file in data.collected.files}


def test_the_same_pictures_are_held_out_wherever_they_are_and_whatever_they_are_called(tmp_path):
    first = load(folder(tmp_path / "here"))
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    for i, path in enumerate(sorted((tmp_path / "there").rglob("*.png"))):
        path.rename(path.with_name(f"{random.random()}-{i}.png"))
    again = load(tmp_path / "there")
    assert again.sha256 == first.sha256
    for part, own in first.parts.items():
        assert np.array_equal(own.images, again.parts[part].images)
        assert np.array_equal(own.labels, again.parts[part].labels)


def test_new_pictures_move_few_of_the_old_ones(tmp_path):
    before = parts_of(load(folder(tmp_path, count=60)))
    save(tmp_path / "ant/new.png", picture(9999))
    after = parts_of(load(tmp_path))
    assert sum(before[path] != after[path] for path in before) <= 2


def test_copies_stay_on_one_side_of_every_split(tmp_path):
    folder(tmp_path, count=15)
    for name in ("ant", "bee"):
        for i in range(15):
            for copy in range(1 + i % 3):
                shutil.copy(tmp_path / name / f"{i}.png", tmp_path / name / f"{i}-copy-{copy}.png")
    data = load(tmp_path)
    sides = {}
    for file in data.collected.files:
        sides.setdefault(file.pixels, set()).add(file.part)
    assert len(sides) == 30 and all(len(parts) == 1 for parts in sides.values())
    assert min(len(part) for part in data.parts.values()) >= 8  # a tenth of 90, by class


def test_every_class_is_on_every_side_and_a_tenth_of_it_held_out():
    labels = ["rare"] * 3 + ["common"] * 100
    digests = [f"{i:016}".encode() for i in range(len(labels))]
    parts, notes = with_parts("here", labels, [""] * len(labels), digests)
    counted = {(label, part): 0 for label in ("rare", "common") for part in ("train", "validation", "test")}
    for label, part in zip(labels, parts, strict=True):
        counted[label, part] += 1
    assert list(counted.values()) == [1, 1, 1, 80, 10, 10]
    assert notes == ("Held out, a tenth of each class: 11 for validation and 11 for test; 81 are left to train on.",)


def test_a_class_of_copies_cannot_be_divided():
    with pytest.raises(DataError, match="class 'a' has 1 different pictures"):
        with_parts("here", ["a"] * 9 + ["b"] * 9, [""] * 18, [b"same"] * 9 + [bytes([i]) for i in range(9)])


@pytest.mark.parametrize("given", [(), ("test",), ("validation",)])
def test_copies_with_other_labels_are_on_the_same_side_and_each_class_is_still_on_every_one(given):
    own = {label: [f"{label}{i:02}".encode() for i in range(20)] for label in "abc"}
    own["b"] += own["a"][-4:] + own["a"][:4]  # what is held out of the class a, and what is trained on
    own["c"] += own["b"][17:20] + own["a"][-1:]
    labels = [label for label, digests in own.items() for _ in digests] + ["a"] * len(given)
    digests = [digest for each in own.values() for digest in each] + [b"other"] * len(given)
    parts, notes = with_parts("here", labels, [""] * (len(labels) - len(given)) + list(given), digests)
    sides, held = {}, {}
    for label, digest, part in zip(labels, digests, parts, strict=True):
        sides.setdefault(digest, set()).add(part)
        held.setdefault(part, set()).add(label)
    assert all(len(each) == 1 for each in sides.values()) and len(notes) == 1
    assert all(held[part] == set("abc") for part in ("train", "validation", "test") if part not in given)


def test_copies_across_the_parts_that_a_collection_has_are_counted(tmp_path):
    for part, start in (("train", 0), ("validation", 100), ("test", 200)):
        folder(tmp_path / part, count=4, start=start)
    for i in range(3):
        shutil.copy(tmp_path / f"train/ant/{i}.png", tmp_path / f"test/ant/copy-{i}.png")
    assert "3 pictures for validation or test are copies of training pictures" in " ".join(
        load(tmp_path).collected.notes
    )


def test_the_split_is_a_table_that_names_every_picture(tmp_path):
    data = load(folder(tmp_path, classes=("ant", "a,b\n")))
    rows = list(csv.DictReader(io.StringIO(data.collected.split_csv().decode(), newline="")))
    assert len(rows) == 40 and rows[0].keys() == {"path", "label", "part", "pixels"}
    assert {row["path"]: row["part"] for row in rows} == parts_of(data)
    assert {row["label"] for row in rows} == {"ant", "a,b\n"}
