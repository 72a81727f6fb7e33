"""Folders that nobody would make on purpose, or that somebody did: named errors, in bounded memory, nothing written."""

import os
import sys
import unicodedata

import numpy as np
import pytest
from pictured import folder, save
from PIL import Image

from convlet.datasets import load
from convlet.datasets.collections import cache, folders
from convlet.datasets.readers import pictures
from convlet.errors import DataError

posix = pytest.mark.skipif(os.name != "posix", reason="a file system of POSIX")


@pytest.fixture
def photos(tmp_path):
    """A good folder; and whatever a test does to it, nothing new is in it afterwards."""
    made = folder(tmp_path / "photos", count=4)
    yield made
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


def broken(where):
    """What is said of the only broken picture, which can also be left out."""
    with pytest.raises(DataError, match="1 of 9 pictures are broken") as caught:
        load(where)
    assert len(load(where, skip_broken=True).collected.files) == 8
    return str(caught.value)


@posix
def test_a_pipe_is_not_waited_for(photos):
    os.mkfifo(photos / "ant/pipe.png")
    assert "pipe.png: cannot be read: it is no regular file" in broken(photos)


@posix
def test_a_device_is_not_read(photos):
    (photos / "ant/zero.png").symlink_to("/dev/zero")
    assert "zero.png: cannot be read: it is no regular file" in broken(photos)


@posix
def test_a_link_to_nothing_is_named(photos):
    (photos / "ant/gone.png").symlink_to("nowhere.png")
    assert "gone.png: cannot be read: No such file" in broken(photos)


def test_a_picture_of_ten_billion_pixels_is_not_decoded(photos):
    content = bytearray((photos / "ant/0.png").read_bytes())
    content[16:24] = (100_000).to_bytes(4, "big") * 2  # width and height, in PNG's first chunk
    (photos / "ant/bomb.png").write_bytes(content)
    assert "bomb.png: " in broken(photos)


def test_a_picture_that_changes_while_it_is_read_is_named(photos, monkeypatch):
    whole = os.fdopen

    def meanwhile(descriptor, *arguments, **options):
        if os.fstat(descriptor).st_ino == (photos / "bee/2.png").stat().st_ino:
            with (photos / "bee/2.png").open("ab") as file:
                file.write(b"more")
        return whole(descriptor, *arguments, **options)

    monkeypatch.setattr(pictures.os, "fdopen", meanwhile)
    with pytest.raises(DataError, match=r"bee/2\.png: cannot be read: it changed meanwhile"):
        load(photos, image_size=8, channels=1)


def test_thousands_of_empty_files_are_counted_and_a_few_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "WORTH_IT", 10_000)  # nothing is to be kept outside
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for i in range(1000):
            (tmp_path / name / f"{i}.png").touch()
    with pytest.raises(DataError, match="2,000 of 2,000 pictures are broken") as caught:
        load(tmp_path)
    assert len(str(caught.value)) < 1000 + 3 * len(str(tmp_path))
    with pytest.raises(DataError, match="none of its 2,000 pictures can be read"):
        load(tmp_path, skip_broken=True)


def test_one_name_in_two_forms_of_unicode_is_one_class(tmp_path):
    for i, form in enumerate(("NFC", "NFD")):
        folder(tmp_path, count=3, classes=(unicodedata.normalize(form, "éa"), "bee"), start=50 * i)
    assert load(tmp_path).classes == ("bee", "éa")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are any bytes")
def test_names_that_are_no_text_are_kept_and_shown_as_they_can_be(tmp_path):
    odd = os.fsdecode(b"caf\xe9")
    data = load(folder(tmp_path, count=3, classes=(odd, "two\nlines")))
    assert data.classes == ("caf?", "two\nlines")
    assert b"caf\xe9/0.png" in data.collected.split_csv()


def test_folders_that_links_multiply_without_end_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST_FOLDERS", 100)
    below = folder(tmp_path / "0" / "photos")
    for i in range(1, 12):  # each level twice what is below it
        level = tmp_path / str(i)
        level.mkdir()
        for name in ("ant", "bee"):
            (level / name).symlink_to(below, target_is_directory=True)
        below = level
    with pytest.raises(DataError, match="more than 5,000,000 files or 100 folders"):
        load(below)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_pictures_of_any_proportions_are_fitted(tmp_path, size, fit):
    for i in range(8):
        save(tmp_path / "ab"[i % 2] / f"{i}.png", Image.fromarray(np.full(size, 30 * i + 20, np.uint8)))
    data = load(tmp_path, image_size=(5, 9), fit=fit)
    for part in data.parts.values():
        assert all(len(np.unique(image)) == 1 for image in part.images)
