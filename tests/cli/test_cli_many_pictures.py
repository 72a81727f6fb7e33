"""`convlet predict` on whatever holds pictures: folders, zips, patterns, lists; as a table, a CSV or JSON lines."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from commands import convlet, refused
from pictured import picture, save
from PIL import Image

import convlet as cl
from convlet.cli import main, predict

NUMPY = ("--engine", "numpy")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on pictures of which the white ones are "light", fitted by "pad"; it has learnt which."""
    where = tmp_path_factory.mktemp("run")
    for i in range(15):
        for name, low in (("dark", 0), ("light", 155)):
            pixels = np.random.default_rng(2 * i + (low > 0)).integers(low, low + 100, (6, 12)).astype(np.uint8)
            save(where / "photos" / name / f"{i}.png", Image.fromarray(pixels))
    network = cl.Sequential([cl.Flatten(), cl.Dense(2)], input_shape=(6, 6, 1))
    data = cl.datasets.load(where / "photos", image_size=6, fit="pad")
    cl.fit(network, data, optimizer=cl.Adam(0.05), steps=60, engine="numpy", run_dir=where / "run", progress=False)
    return where / "run"


@pytest.fixture
def shots(tmp_path):
    """Pictures 1, 2, 10 of which only 2 is light; and others that are none."""
    for number, value in ((1, 20), (2, 230), (10, 40)):
        save(tmp_path / "shots" / f"{number}.png", Image.fromarray(np.full((6, 12), value, np.uint8)))
    (tmp_path / "shots/notes.txt").write_text("x")
    save(tmp_path / "shots/.hidden/3.png", picture(3))
    return tmp_path / "shots"


def answered(run, *images, code=0):
    shown = convlet("predict", run, *images, "--json", *NUMPY, code=code, answers=True)
    return [(row["image"], row.get("class")) for row in json.loads(shown.stdout)["predictions"]]


def expected(shots):
    return [(str(shots / name), label) for name, label in (("1.png", "dark"), ("2.png", "light"), ("10.png", "dark"))]


def test_a_folder_is_all_pictures_in_it_in_natural_order(run, shots):
    assert answered(run, shots) == expected(shots)


def test_a_pattern_is_all_files_of_that_name(run, shots):
    assert answered(run, shots / "*.png") == expected(shots)
    assert answered(run, shots / "1*.png") == [expected(shots)[0], expected(shots)[2]]


def test_a_zip_is_all_pictures_in_it(run, shots, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for path in shots.iterdir():
            archive.write(path, f"in/{path.name}")
    found = answered(run, tmp_path / "x.zip")
    assert found == [(f"{tmp_path}/x.zip/in/{path.rpartition('/')[2]}", label) for path, label in expected(shots)]


def test_a_list_on_standard_input_is_taken_in_its_order(run, shots):
    lines = "".join(f"{shots}/{name}.png\n" for name in (10, 2, 1))
    result = CliRunner().invoke(main, ["predict", str(run), "-", "--json", *NUMPY], input=lines)
    assert result.exit_code == 0, result.stderr
    assert [row["class"] for row in json.loads(result.stdout)["predictions"]] == ["dark", "light", "dark"]


def test_an_empty_list_on_standard_input_is_refused(run):
    result = CliRunner().invoke(main, ["predict", str(run), "-", *NUMPY], input="\n\n")
    assert result.exit_code == 2 and "standard input names no image" in str(result.stderr)


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_answers_are_the_same_as_lines_and_as_a_table_however_many_are_read_at_once(run, shots, monkeypatch, at_once):
    monkeypatch.setattr(predict, "AT_ONCE", at_once)
    (shots / "5.png").write_bytes(b"broken")
    arguments = ("predict", run, shots, *NUMPY)
    comma = convlet(*arguments, "--format", "csv", code=1, answers=True)
    rows = list(csv.DictReader(io.StringIO(comma.stdout)))
    assert [row["class"] for row in rows] == ["dark", "light", "", "dark"]
    assert "5.png: not an image" in rows[2]["error"] and "5.png: not an image" in comma.stderr
    lines = [
        json.loads(line) for line in convlet(*arguments, "--format", "jsonl", code=1, answers=True).stdout.splitlines()
    ]
    assert [line.get("class") for line in lines] == ["dark", "light", None, "dark"]
    assert float(rows[0]["probability"]) == pytest.approx(lines[0]["probability"])
    table = convlet(*arguments, "--format", "table", code=1, answers=True).stdout
    assert table.count("dark") == 3 and "5.png" not in table  # each names both classes
    assert answered(run, shots, code=1)[2] == (f"{shots}/5.png", None)


def test_pictures_are_prepared_as_those_were_that_the_run_was_trained_on(run, shots):
    trained = cl.load(run, engine="numpy")
    half = save(
        shots / "half.png", Image.fromarray(np.repeat(np.array([[255, 0, 255]], np.uint8), 4, axis=1).repeat(6, axis=0))
    )
    padded = cl.datasets.load(run.parent / "photos", image_size=6, fit="pad")
    path = padded.collected.paths("train")[0]
    own, _ = padded.train.batch([0])
    assert np.array_equal(trained.predict([run.parent / "photos" / path]), trained.predict(own))
    read = cl.read_picture(run.parent / "photos" / path, (6, 6, 1), fit=trained.data.preparation.fit)
    assert np.array_equal(read, np.round(own[0] * 255))
    assert trained.predict([half, str(shots / "2.png")]).shape == (2, 2)
    assert trained.predict(shots / "*.png").shape == (4, 2)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("none.png", "none.png: cannot be read: No such file"),
        ("x*.png", "no file is called like that"),
        ("empty", "holds no picture"),
        ("bad.zip", "not a sound .zip file"),
        ("text.zip", "text.zip: holds no picture"),
        (1000 * "long", "cannot be read: File name too long"),
    ],
)
def test_what_holds_no_picture_is_named_and_the_rest_answered(run, shots, tmp_path, image, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.zip").write_bytes(b"x")
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("words.txt", "no picture")
    shown = convlet("predict", run, tmp_path / image, shots / "2.png", "--format", "csv", *NUMPY, code=1, answers=True)
    assert says in shown.stderr and shown.stdout.count("light") == 1


def test_one_form_of_answers_is_asked_for(run, shots):
    refused("predict", run, shots, "--json", "--format", "csv", says="--format=csv with --json")
