"""`convlet inspect`: what it says of a folder of pictures, for people and for programs."""

import json

import commands
import pictured
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    where = pictured.folder(tmp_path_factory.mktemp("photos"), count=24)
    (where / "ant" / "copy.png").write_bytes((where / "bee" / "3.png").read_bytes())
    (where / "ant" / "[red]broken.png").write_bytes(b"no picture")
    Image.new("L", (12, 9), 80).save(where / "bee" / "flat.png")
    return where


def test_what_is_in_it_and_what_is_wrong_with_it(photos):
    shown = commands.convlet("inspect", photos, "--no-training").stdout
    assert "50  42 train, 4 validation, 4 test" in shown
    lines = [line for line in shown.splitlines() if line.startswith(("mend", "look", "know"))]
    assert lines[0] == "mend  1 file cannot be read"
    assert (
        "mend  1 image is there with different labels" in lines
        and "mend  1 image is of one colour, and shows nothing" in lines
    )
    assert "[red]broken.png: not an image" in shown
    assert lines == sorted(lines, key=lambda line: ["mend", "look", "know"].index(line[:4]))


def test_programs_are_told_every_case(photos):
    told = json.loads(commands.convlet("inspect", photos, "--no-training", "--json").stdout)
    assert told["schema"] == 1 and told["images"] == 50 and sum(told["parts"].values()) == 50
    assert [row["class"] for row in told["classes"]] == ["ant", "bee"] and told["accuracy_of_small_networks"] is None
    assert told["files"]["forms"] == {"PNG, grey": 50}
    (case,) = next(each["cases"] for each in told["findings"] if each["kind"] == "contradicting copies")
    assert {image["path"] for image in case["images"]} == {"ant/copy.png", "bee/3.png"}
    assert {image["label"] for image in case["images"]} == {"ant", "bee"}


def test_what_is_no_data_set_is_refused(tmp_path):
    commands.refused("inspect", tmp_path / "nothing.npy", says="is no dataset")


def test_the_page_is_written_beside_and_named(photos, tmp_path):
    page = tmp_path / "page.html"
    shown = commands.convlet("inspect", photos, "--no-training", "--html", page).stdout
    assert shown.endswith(f"The page with the pictures: {page}\n")
    text = page.read_text("utf-8")
    assert "[red]broken.png: not an image" in text and str(photos.parent) not in text


def test_a_page_that_could_not_be_written_is_refused_before_anything_is_looked_at(photos, tmp_path):
    commands.refused("inspect", photos, "--html", tmp_path / "no" / "page.html", says="there is no folder")
