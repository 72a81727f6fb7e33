"""Disks that fail at any call: what was saved stays whole, and the message says what is wrong."""

import errno
import os

import pytest
import tiny

from convlet.errors import StorageError
from convlet.runs.checkpoint import load_checkpoint, save_checkpoint
from convlet.runs.files import write_file
from convlet.runs.folder import abandon_run, begin_run
from convlet.runs.recipe import Recipe, Training

RECIPE = Recipe("tiny", tiny.NETWORK, Training(steps=3))


CALLS = (
    "os.open",
    "os.fdopen",
    "os.fsync",
    "os.close",
    "os.replace",
)


class FailingDisk:
    """Lets the i-th call that touches the disk fail, and counts them all."""

    def __init__(self, patch, fail_at, number):
        self.calls, self.fail_at, self.number = [], fail_at, number
        for name in CALLS:
            attribute = name.removeprefix("os.")
            patch.setattr(os, attribute, self.wrap(name, getattr(os, attribute)))

    def wrap(self, name, real):
        def call(*arguments, **options):
            self.fail(name)
            result = real(*arguments, **options)
            return FailingFile(result, self) if name == "os.fdopen" else result

        return call

    def fail(self, name):
        self.calls.append(name)
        if len(self.calls) - 1 == self.fail_at:
            raise OSError(self.number, os.strerror(self.number))


class FailingFile:
    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()
        self.disk.fail("file.close")

    def fileno(self):
        return self.file.fileno()

    def write(self, content):
        self.file.write(content[: len(content) // 2])  # a disk is full in the middle of something
        self.disk.fail("file.write")
        return self.file.write(content[len(content) // 2 :])

    def flush(self):
        self.disk.fail("file.flush")
        self.file.flush()


def calls_of_a_write(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        disk = FailingDisk(patch, None, 0)
        write_file(tmp_path / "probe", b"1234")
    (tmp_path / "probe").unlink()
    return disk.calls


def test_a_file_is_flushed_before_it_is_put_in_place_and_its_folder_after(tmp_path):
    calls = calls_of_a_write(tmp_path)
    first, second = (place for place, name in enumerate(calls) if name == "os.fsync")
    assert calls.index("file.write") < first < calls.index("os.replace") < second
    assert calls.index("file.flush") < first


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_whichever_call_fails_the_old_checkpoint_is_intact_and_nothing_is_left(tmp_path, number):
    old, new = tiny.train(steps=3, seed=1).checkpoint(), tiny.train(steps=4, seed=2).checkpoint()
    path = tmp_path / "last.safetensors"
    count = len(calls_of_a_write(tmp_path))
    assert count >= 8
    refused = 0
    for fail_at in range(count):
        save_checkpoint(path, old)
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, fail_at, number)
            try:
                save_checkpoint(path, new)
            except StorageError as error:
                refused += 1
                assert str(path) in str(error) and os.strerror(number) in str(error) and "\n" not in str(error)
        replaced = "os.replace" in disk.calls[:fail_at]
        tiny.assert_same_checkpoint(load_checkpoint(path), new if replaced else old)
        assert [entry.name for entry in tmp_path.iterdir()] == ["last.safetensors"], disk.calls[fail_at]
    assert refused >= count - 2


def test_a_full_disk_is_named_in_one_clear_sentence(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        FailingDisk(patch, 2, errno.ENOSPC)
        with pytest.raises(StorageError, match=r"x: cannot be written: No space left on device\. "):
            write_file(tmp_path / "x", b"1234")


def test_training_on_a_disk_that_gets_full_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    folder = tmp_path / "r"

    def fill(run):
        if run.history.steps == 7 and run.clock.taken:
            monkeypatch.setattr("os.fsync", full)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError, match="No space left"):
        tiny.train(steps=14, run_dir=folder, watch=fill)
    monkeypatch.undo()
    assert load_checkpoint(folder / "last.safetensors").state.step == 6
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    resumed = tiny.train(steps=14, run_dir=folder, resume=True)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=14))


def test_a_run_folder_that_cannot_be_begun_is_not_left_behind(tmp_path):
    folder, refused, fail_at = tmp_path / "r", 0, 0
    while True:
        folder.mkdir(exist_ok=True)
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, fail_at, errno.ENOSPC)
            try:
                begin_run(folder, RECIPE)
                assert {path.name for path in folder.iterdir()} == {"recipe.toml", "environment.json"}
                abandon_run(folder)
            except StorageError:
                refused += 1
                assert not folder.exists(), disk.calls[fail_at]
        if len(disk.calls) <= fail_at:  # none was left to fail
            break
        fail_at += 1
    assert refused >= fail_at - 4  # in each of two files, its folder's flush and close may fail in peace
