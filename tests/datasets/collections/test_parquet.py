"""Rows with a picture in each: Parquet, and what Hugging Face's `datasets` saves; columns, names of classes, faults.

The files are as `datasets` 5.2 writes them (`save_to_disk`, `to_parquet`), made here without it.
"""

import io
import json
import random

import numpy as np
import platformdirs
import pytest
from pictured import folder, picture

from convlet.datasets import collection_of, load
from convlet.datasets.collections import cache, rows, shards
from convlet.datasets.collections.headers import headers
from convlet.errors import ConvletError, DataError, FormatError, InputError

pa = pytest.importorskip("pyarrow", reason="Parquet is an extra: make test-extras")
pq = pytest.importorskip("pyarrow.parquet")

NAMES = ("ant", "bee")
FEATURES = {"image": {"_type": "Image"}, "label": {"names": list(NAMES), "_type": "ClassLabel"}}
IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def png(number, **options):
    file = io.BytesIO()
    picture(number, **options).save(file, "PNG")
    return file.getvalue()


def table(count=40, start=0, labels=None, image=IMAGE, noted=True, **further):
    """Pictures of noise, two classes in turn: those of `pictured.folder`, where all are taken."""
    order = [i // 2 + 20 * (i % 2) for i in range(count)] if start == 0 else range(start, start + count)
    content = [png(i) for i in order]
    images = [{"bytes": each, "path": f"{i}.png"} for i, each in enumerate(content)] if image == IMAGE else content
    label = pa.array([i % 2 for i in range(count)]) if labels is None else pa.array(labels)
    made = pa.table({"image": pa.array(images, image), "label": label, **further})
    notes = {"huggingface": json.dumps({"info": {"features": FEATURES}})} if noted else None
    return made.replace_schema_metadata(notes)


def saved(where, *tables, described=False):
    """A folder of Arrow streams and what lies beside them, a batch of 7 rows after the other."""
    where.mkdir(parents=True, exist_ok=True)
    names = [f"data-{i:05}-of-{len(tables):05}.arrow" for i in range(len(tables))]
    for name, each in zip(names, tables, strict=True):
        with pa.OSFile(str(where / name), "wb") as file, pa.ipc.new_stream(file, each.schema) as stream:
            stream.write_table(each, max_chunksize=7)
    (where / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}), "utf-8")
    (where / "dataset_info.json").write_text(json.dumps({"features": FEATURES if described else {}}), "utf-8")
    return where


def parquet(path, made, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, path, row_group_size=9, **options)
    return path


@pytest.fixture
def expected(tmp_path):
    return load(folder(tmp_path / "expected"))


def test_the_same_pictures_are_the_same_data_in_all_of_these_forms(tmp_path, expected):
    made = table()
    whole = parquet(tmp_path / "whole.parquet", made)
    for place in (
        whole,
        parquet(tmp_path / "hub/data/0.parquet", made.slice(0, 21)).parent.parent,
        saved(tmp_path / "saved", made.slice(0, 21), made.slice(21)),
        parquet(tmp_path / "bytes.parquet", table(image=pa.binary())),
        parquet(tmp_path / "large.parquet", table(image=pa.large_binary()), compression="zstd"),
        saved(tmp_path / "noted beside", table(noted=False), described=True),
    ):
        if place.name == "hub":
            parquet(place / "data/1.parquet", made.slice(21))
        data = load(place)
        assert data.classes == NAMES and data.sha256 == expected.sha256, place
        assert np.array_equal(data.test.images, expected.test.images)
    assert load(whole).collected.paths("train")[0].startswith("row ")
    assert "saved" in str(load(tmp_path / "saved").name)
    assert load(tmp_path / "saved").collected.files[0].path.startswith("data-0000")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([("bee", "ant")[i % 2] for i in range(40)], ("ant", "bee")),
        (pa.array([("bee", "ant")[i % 2] for i in range(40)]).dictionary_encode(), ("ant", "bee")),
        ([10 - i % 2 for i in range(40)], ("9", "10")),
        ([bool(i % 2) for i in range(40)], ("false", "true")),
    ],
)
def test_classes_are_texts_or_numbers_where_no_names_are_noted(tmp_path, labels, classes):
    data = load(parquet(tmp_path / "x.parquet", table(labels=labels, noted=False)))
    assert data.classes == classes and data.train.class_counts.tolist() == [16, 16]


def test_another_column_of_pictures_is_not_read_from_what_is_kept_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "WORTH_IT", 1)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *names, **options: tmp_path / "cache")
    other = pa.array([{"bytes": png(100 + i), "path": None} for i in range(40)], IMAGE)
    path = parquet(tmp_path / "two.parquet", table(other=other))
    first, second = (load(path, paths_column=name).sha256 for name in ("image", "other"))
    assert first != second and load(path, paths_column="image").sha256 == first


def test_parts_are_a_column_or_the_names_of_files_or_of_folders(tmp_path):
    counts = {"train": 20, "validation": 8, "test": 6}
    tables = {part: table(count, start=100 * count) for part, count in counts.items()}
    for part, name in zip(counts, ("train", "val", "TEST"), strict=True):
        parquet(tmp_path / f"hub/data/{name}-00000-of-00001.parquet", tables[part])
        saved(tmp_path / "saved" / name, tables[part])
    parquet(tmp_path / "hub/data/unsupervised-00000.parquet", tables["test"])
    splits = {"splits": ["train", "val", "TEST"]}
    (tmp_path / "saved/dataset_dict.json").write_text(json.dumps(splits), "utf-8")
    named = pa.array([part for part, count in counts.items() for _ in range(count)])
    column = pa.concat_tables(tables.values()).append_column("split", named)
    hub, others = load(tmp_path / "hub"), (load(tmp_path / "saved"), load(parquet(tmp_path / "x.parquet", column)))
    for data in (hub, *others):
        assert {name: len(part) for name, part in data.parts.items()} == counts
        assert data.sha256 == hub.sha256
    assert "Left aside, as no part that is known: 'unsupervised-00000.parquet'" in " ".join(hub.collected.notes)


def test_columns_are_told_where_they_are_not_known(tmp_path):
    renamed = table().rename_columns(["what", "which"])
    path = parquet(tmp_path / "x.parquet", renamed.append_column("thumbnail", table().column("image")))
    with pytest.raises(DataError, match=r"more than one column can hold the bytes of pictures.*--paths-column"):
        load(path)
    with pytest.raises(DataError, match=r"none of its columns, .*--labels-column"):
        load(path, paths_column="what")
    data = load(path, paths_column="what", labels_column="which")
    assert data.classes == ("0", "1") and data.collected.preparation.paths_column == "what"
    with pytest.raises(InputError, match=r"paths_column='wat': .* Did you mean 'what'"):
        load(path, paths_column="wat")
    with pytest.raises(DataError, match="column 'which' holds int64; expected the bytes of pictures"):
        load(path, paths_column="which")
    with pytest.raises(DataError, match=r"no column holds the bytes of pictures, of 'label: int64'"):
        load(parquet(tmp_path / "y.parquet", pa.table({"label": [1, 2]})))


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: table(4, labels=[0, 1, 2, 1]), "row 2 has the class 2, of 2 that have names"),
        (lambda: table(4, labels=[0, 1, None, 1]), "row 2 has None for a class"),
        (lambda: table(4, labels=[0.5, 1, 0, 1]), "row 0 has 0.5 for a class"),
        (lambda: table().slice(0, 0), "holds no rows"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(tmp_path, made, says):
    with pytest.raises(DataError, match=says):
        load(parquet(tmp_path / "x.parquet", made()))


def test_a_column_that_is_merely_called_as_one_of_parts_is_left_aside_and_that_is_said(tmp_path):
    made = table().append_column("split", pa.array(["train", "x", "", None] * 10))
    data = load(path := parquet(tmp_path / "train.parquet", made))
    assert data.sha256 == load(parquet(tmp_path / "plain.parquet", table())).sha256
    assert "no column of parts: 'split', which has 'x' in row 1." in " ".join(data.collected.notes)
    with pytest.raises(DataError, match="row 1 has the part 'x'; expected one of 'train'"):
        load(path, part_column="split")


@pytest.mark.parametrize("first", [True, False])
def test_a_column_of_parts_that_only_some_files_have_is_left_aside_unless_it_was_told(tmp_path, first):
    with_parts = table(20).append_column("split", pa.array(["train", "test"] * 10))
    for name, made in zip("ab", (with_parts, table(20, 100)) if first else (table(20, 100), with_parts), strict=True):
        parquet(tmp_path / "two" / f"{name}.parquet", made)
    without = "b" if first else "a"
    notes = " ".join(load(tmp_path / "two").collected.notes)
    assert f"Left aside, as no column of parts: 'split', which is not in '{without}.parquet'." in notes
    with pytest.raises(DataError, match=f"{without}.parquet: has no column 'split', which others of .* have"):
        load(tmp_path / "two", part_column="split")


def test_a_row_without_a_picture_is_broken_and_can_be_left_out(tmp_path):
    images = table().column("image").to_pylist()
    images[3], images[30] = {"bytes": None, "path": "/elsewhere/3.png"}, None
    images[17]["bytes"] = b"no picture"
    made = table().set_column(0, "image", pa.array(images, IMAGE))
    for path in (parquet(tmp_path / "x.parquet", made), saved(tmp_path / "x", made)):
        with pytest.raises(
            DataError, match=r"3 of 40 pictures are broken: .*row 3: has no bytes of a picture"
        ) as caught:
            load(path)
        assert "row 17: " in str(caught.value) and "row 30: has no bytes" in str(caught.value)
        assert len(load(path, skip_broken=True).collected.files) == 37


@pytest.mark.parametrize("name", ["../out.arrow", "/etc/passwd", "", 5, None, "..", "a\\b", "gone.arrow"])
def test_a_saved_folder_names_no_files_outside_itself(tmp_path, name):
    (saved(tmp_path / "x", table(4)) / "state.json").write_text(
        json.dumps({"_data_files": [{"filename": name}]}), "utf-8"
    )
    with pytest.raises(DataError, match=r"is no file in it|gone\.arrow: no such file"):
        load(tmp_path / "x")
    (tmp_path / "x/dataset_dict.json").write_text(json.dumps({"splits": [name]}), "utf-8")
    with pytest.raises(DataError, match=r"is no file in it|gone\.arrow.state\.json: cannot be read"):
        load(tmp_path / "x")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff" * 100, b"{"])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.parquet: cannot be read: .* Save it again"):
        load(tmp_path / "x.parquet")
    (saved(tmp_path / "x", table(4)) / "data-00000-of-00001.arrow").write_bytes(content)
    with pytest.raises(DataError, match=r"\.arrow: cannot be read|holds no rows"):
        load(tmp_path / "x")
    (tmp_path / "x/state.json").write_bytes(content or b"[")
    with pytest.raises(FormatError, match=r"state\.json: cannot be read"):
        load(tmp_path / "x")


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_damage_anywhere_is_a_named_error_or_a_broken_picture(tmp_path, form):
    path = tmp_path / "x.parquet" if form == "parquet" else tmp_path / "x/data-00000-of-00001.arrow"
    whole = parquet(path, table(12)) if form == "parquet" else saved(tmp_path / "x", table(12)) / path.name
    content, generator, refused = whole.read_bytes(), random.Random(0), 0
    for _ in range(150):
        damaged = bytearray(content[: generator.choice([len(content), generator.randrange(len(content))])])
        for _ in range(generator.randrange(4)):
            damaged[generator.randrange(len(damaged) or 1) :][:1] = b""
            if damaged:
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            load(path if form == "parquet" else path.parent, skip_broken=True)
        except ConvletError:
            refused += 1
    assert refused > 50


def test_groups_that_would_not_fit_in_memory_are_refused(tmp_path, monkeypatch):
    path = parquet(tmp_path / "x.parquet", table())
    monkeypatch.setattr(shards, "LARGEST", 1000)
    with pytest.raises(DataError, match="bytes in one group of rows, of at most 1,000"):
        load(path)


def test_a_few_groups_are_at_hand_and_no_more(tmp_path, monkeypatch):
    read = []
    own = shards.Shard.group
    monkeypatch.setattr(shards.Shard, "group", lambda shard, *given: read.append(given) or own(shard, *given))
    held = []
    monkeypatch.setattr(rows, "_Held", lambda *given, make=rows._Held: held.append(make(*given)) or held[0])
    load(parquet(tmp_path / "x.parquet", table()), image_size=8, channels=1)
    assert len(held[0]._at_hand) == rows.AT_HAND
    assert [number for number, columns in read if columns == ["image"]] == [0, 1, 2, 3, 4]


def test_headers_are_read_a_group_after_the_other_in_whatever_order_they_are_asked_for(tmp_path, monkeypatch):
    images = pa.array([png(i, size=(9 + i, 12)) for i in range(90)])
    made = pa.table({"image": images, "label": pa.array([i % 2 for i in range(90)])})
    data = load(saved(tmp_path / "saved", made.slice(0, 50), made.slice(50)), image_size=8)
    paths = [file.path for file in data.collected.files]  # by fingerprint
    collection = collection_of(data)
    read = []
    own = shards.Shard.group
    monkeypatch.setattr(shards.Shard, "group", lambda shard, *given: read.append(given) or own(shard, *given))
    found = headers(collection, [*paths, "no such row", paths[0]])
    assert [number for number, _ in read] == [*range(8), *range(6)]
    places = {picture.path: place for place, picture in enumerate(collection.pictures)}
    assert found.heights.tolist() == [*(9 + places[path] for path in paths), 0, 9 + places[paths[0]]]
