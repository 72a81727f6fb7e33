"""A zip of a folder: the same data set as the folder, nothing unpacked, and no archive trusted."""

import shutil
import struct
import zipfile

import pytest
from pictured import folder

from convlet.datasets import load
from convlet.datasets.collections import zips
from convlet.errors import DataError, FormatError


def packed(tmp_path, packing=zipfile.ZIP_DEFLATED):
    folder(tmp_path / "photos")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w", packing) as archive:
        for path in sorted((tmp_path / "photos").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    return tmp_path / "photos.zip"


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_a_folder_is_the_same_data_and_nothing_is_unpacked(tmp_path, packing):
    path = packed(tmp_path, packing)
    from_folder = load(tmp_path / "photos")
    shutil.rmtree(tmp_path / "photos")
    from_zip = load(path)
    assert (from_zip.sha256, from_zip.classes, from_zip.name) == (from_folder.sha256, from_folder.classes, "photos")
    assert [file.name for file in tmp_path.iterdir()] == ["photos.zip"]


def add(path, name, content):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, content)


@pytest.mark.parametrize("name", ["../x.png", "ant/../../x.png", "/etc/x.png", "C:/x.png", "ant\\x.png"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path, name):
    path = packed(tmp_path)
    add(path, name, b"x")
    with pytest.raises(FormatError, match="leads out of the archive"):
        load(path)


def test_an_archive_that_would_unpack_to_far_more_is_refused(tmp_path, monkeypatch):
    path = packed(tmp_path)
    monkeypatch.setattr(zips, "MOST_UNPACKED", 1000)
    monkeypatch.setattr(zips, "MOST_TIMES", 20)
    assert len(load(path).train) == 32
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photos/ant/bomb.png", bytes(5_000_000))
    with pytest.raises(FormatError, match="would unpack to 41 files of 5,0"):
        load(path)


def test_a_picture_that_would_unpack_to_more_than_a_picture_may_is_broken(tmp_path, monkeypatch):
    path = packed(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photos/ant/bomb.png", bytes((64 << 20) + 1))
    with pytest.raises(DataError, match=r"ant/bomb\.png: 67,108,865 bytes; an image may have at most"):
        load(path)
    assert len(load(path, skip_broken=True).collected.files) == 40


def test_a_member_that_is_encrypted_or_packed_in_another_way_is_broken(tmp_path):
    path = packed(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("photos/ant/b.png", b"x" * 100)
    with pytest.raises(DataError, match=r"ant/b\.png: cannot be read: it is encrypted, or packed in another way"):
        load(path)


def test_a_damaged_member_is_named(tmp_path):
    path = packed(tmp_path, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    place = content.index(b"photos/ant/0.png") + 60
    content[place : place + 8] = struct.pack("<Q", 0)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"1 of 40 pictures are broken: .*photos/ant/0\.png: cannot be read"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + bytes(40)])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(FormatError, match=r"x\.zip: not a sound \.zip file"):
        load(tmp_path / "x.zip")
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "none.zip")


def test_what_a_system_packs_beside_the_pictures_is_left_aside(tmp_path):
    path = packed(tmp_path)
    add(path, "__MACOSX/photos/ant/._0.png", b"x")
    data = load(path)
    assert data.classes == ("ant", "bee") and "'__MACOSX'" in " ".join(data.collected.notes)


def test_an_empty_folder_in_a_zip_is_a_class_without_pictures(tmp_path):
    path = packed(tmp_path)
    add(path, "photos/cat/", b"")
    with pytest.raises(DataError, match="class 'cat'"):
        load(path)
