"""A table of paths and labels: columns by their usual names, or told; parts; and what is wrong, by row."""

import pytest
from pictured import folder

from convlet.datasets import load
from convlet.datasets.collections import tables
from convlet.errors import DataError, FormatError, InputError


def table(tmp_path, header="path,label", rows=None, separator=",", name="photos.csv"):
    folder(tmp_path / "photos")
    if rows is None:
        paths = sorted((tmp_path / "photos").rglob("*.png"))
        rows = [separator.join((str(path.relative_to(tmp_path)), path.parent.name)) for path in paths]
    (tmp_path / name).write_text("\n".join([header, *rows]), "utf-8")
    return tmp_path / name


@pytest.mark.parametrize(
    ("header", "separator", "name"),
    [("path,label", ",", "a.csv"), ("Filename;Class", ";", "a.csv"), ("\ufeffimage\tcategory", "\t", "a.tsv")],
)
def test_a_table_is_the_same_data_as_the_folder_that_it_names(tmp_path, header, separator, name):
    data = load(table(tmp_path, header, None, separator, name))
    expected = load(tmp_path / "photos")
    assert (data.sha256, data.classes) == (expected.sha256, expected.classes)


def test_a_table_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = table(tmp_path)
    monkeypatch.setattr(tables, "LARGEST", 10)
    with pytest.raises(FormatError, match=r"bytes; a table may have at most 10\."):
        load(path)


def test_other_columns_are_told(tmp_path):
    path = table(tmp_path, "where,what")
    with pytest.raises(DataError, match=r"none of its columns, 'where', 'what', is called 'path'.*--paths-column"):
        load(path)
    data = load(path, paths_column="where", labels_column="what")
    assert data.classes == ("ant", "bee")
    assert data.collected.preparation.labels_column == "what"
    with pytest.raises(InputError, match=r"labels_column='wat': .* has 'where', 'what'\. Did you mean 'what'"):
        load(path, paths_column="where", labels_column="wat")


def test_a_column_gives_the_parts(tmp_path):
    names = ["train", "VAL", "test", ""]
    rows = [f"photos/{label}/{i}.png,{label},{names[i % 4]}" for label in ("ant", "bee") for i in range(20)]
    data = load(table(tmp_path, "path,label,split", rows))
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 20, "validation": 10, "test": 10}
    with pytest.raises(DataError, match="row 3 has the part 'elsewhere'; expected one of 'train'"):
        load(table(tmp_path, "path,label,split", [rows[0], "photos/ant/1.png,ant,elsewhere"]), part_column="split")


def test_a_column_that_is_merely_called_as_one_of_parts_is_left_aside_and_that_is_said(tmp_path):
    rows = [
        f"photos/{label}/{i}.png,{label},{'train' if i else 'Handle'}" for label in ("ant", "bee") for i in range(9)
    ]
    data = load(table(tmp_path, "path,label,part", rows))
    assert data.sha256 == load(table(tmp_path, "path,label,other", rows)).sha256
    assert "no column of parts: 'part', which has 'Handle' in row 2." in " ".join(data.collected.notes)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["photos/ant/0.png,ant", "photos/bee/0.png"], "row 3 has an empty cell"),
        ([], "names no picture"),
        (["photos/ant/none.png,ant", "photos/bee/0.png,bee"], r"ant/none\.png: cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, rows, says):
    with pytest.raises(DataError, match=says):
        load(table(tmp_path, rows=rows))


@pytest.mark.parametrize("content", [b"path,label\n\xff\xfe,a\n", b'path,label\n"x,a\n'])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(FormatError, match="not a table that can be read"):
        load(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        load(tmp_path / "y.csv")
