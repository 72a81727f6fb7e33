"""Decoded pictures are kept: not decoded twice, taken up where they were interrupted, made anew where files changed."""

import gc
import os
import shutil
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from pictured import folder, picture, save

from convlet.cli.shared import loaded
from convlet.datasets import load
from convlet.datasets.collections import assembling, cache, decoding
from convlet.datasets.stored import StoredImages
from convlet.runs.data_source import DataSource

pytestmark = pytest.mark.skipif(not hasattr(os, "pread"), reason="nothing is kept here")

OPEN = Path("/proc/self/fd")  # what this process has open, on Linux


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache folder of its own, in which the smallest collection is kept."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *names, **options: tmp_path / "cache")
    monkeypatch.setattr(cache, "WORTH_IT", 1)
    monkeypatch.setattr(decoding, "AT_ONCE", 4)
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch):
    """The places of all pictures that were decoded, as they come."""
    places, own = [], decoding._image

    def noted(collection, place, *arguments):
        places.append(place)
        return own(collection, place, *arguments)

    monkeypatch.setattr(decoding, "_image", noted)
    return places


def entries(home):
    return sorted(home.glob("pictures/*/*"))


def test_pictures_are_decoded_once_and_are_the_same_as_without(home, tmp_path, decoded, monkeypatch, capsys):
    photos = folder(tmp_path / "photos")
    first, again = load(photos), load(photos)
    assert len(decoded) == 40 and len(entries(home)) == 1
    monkeypatch.setattr(cache, "WORTH_IT", 1000)
    assert first.sha256 == again.sha256 == load(photos).sha256
    assert f"are kept in {entries(home)[0]}" in " ".join(again.collected.here)
    assert str(tmp_path) not in " ".join(again.collected.notes)  # which a report shows
    monkeypatch.setattr(cache, "WORTH_IT", 1)
    loaded(DataSource(str(photos)))
    assert "Decoded pictures are kept in" in capsys.readouterr().err


def test_another_size_is_kept_beside_and_a_changed_file_in_place_of_what_was(home, tmp_path, decoded):
    photos = folder(tmp_path / "photos")
    load(photos)
    load(photos, image_size=5)
    before = entries(home)
    assert len(before) == 2
    save(photos / "ant/3.png", picture(999))
    changed = load(photos)
    assert len(entries(home)) == 2 and entries(home) != before
    shutil.rmtree(home)
    assert load(photos).sha256 == changed.sha256


def test_what_was_interrupted_is_taken_up_where_it_was(home, tmp_path, decoded):
    photos = folder(tmp_path / "photos")

    def interrupted(done, total):
        if done >= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(photos, progress=interrupted)
    assert not list(home.rglob("complete"))
    [pixels] = home.rglob("pixels")
    with pixels.open("r+b") as file:  # as if this image had not come to the disk
        file.write(bytes(9 * 12))
    decoded.clear()
    data = load(photos)
    assert 0 in decoded and len(decoded) <= 40 - 12 + 4
    shutil.rmtree(home)
    assert load(photos).sha256 == data.sha256


@pytest.mark.skipif(not OPEN.is_dir(), reason="not run: this system does not list open files")
def test_no_file_of_it_stays_open(home, tmp_path):
    def opened():
        gc.collect()
        return len(list(OPEN.iterdir()))

    before = opened()
    photos = folder(tmp_path / "photos")
    for _ in range(2):  # decoded, and read
        load(photos)
    assert opened() == before


def test_a_file_of_another_length_is_made_anew(home, tmp_path):
    photos = folder(tmp_path / "photos")
    sha256 = load(photos).sha256
    for name in ("pixels", "index"):
        [path] = home.rglob(name)
        os.truncate(path, 100)
        assert load(photos).sha256 == sha256


def test_a_cache_that_cannot_be_written_is_done_without(home, tmp_path, monkeypatch):
    home.write_text("no folder")
    assert len(load(folder(tmp_path / "photos")).train) == 32
    home.unlink()
    monkeypatch.setattr(cache.os, "pwrite", lambda *arguments: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert len(load(tmp_path / "photos").train) == 32


def test_a_cache_that_can_only_be_read_is_used_as_it_is(home, tmp_path, decoded, monkeypatch):
    photos = folder(tmp_path / "photos")
    sha256, real = load(photos).sha256, os.open
    decoded.clear()

    def read_only(path, flags, *more, **options):
        if str(home) in str(path) and flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise OSError(30, "Read-only file system", str(path))
        return real(path, flags, *more, **options)

    monkeypatch.setattr(cache.os, "open", read_only)
    assert load(photos).sha256 == sha256 and not decoded
    [complete] = home.rglob("complete")
    complete.unlink()  # what was interrupted cannot be taken up there
    assert load(photos).sha256 == sha256 and len(decoded) == 40


def test_what_does_not_fit_in_memory_is_read_as_it_is_needed(home, tmp_path, monkeypatch):
    photos = folder(tmp_path / "photos")
    whole = load(photos)
    monkeypatch.setattr(assembling, "IN_MEMORY", 0)
    stored = load(photos)
    assert isinstance(stored.train.images, StoredImages) and stored.sha256 == whole.sha256
    shutil.rmtree(home)  # at any time
    for indices in (slice(3, 9), [5, 0, 5], np.arange(32) % 3 == 0, slice(None)):
        for ours, theirs in zip(stored.train.batch(indices), whole.train.batch(indices), strict=True):
            assert np.array_equal(ours, theirs)
        assert np.array_equal(stored.train.take(indices).images[:], whole.train.take(indices).images)
    assert np.array_equal(np.asarray(stored.test.images), whole.test.images)
