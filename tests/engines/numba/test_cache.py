"""The cache of compiled kernels: private, never stale, and never a reason to fail."""

import itertools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tiny
from kernel_cache import compiled, full
from numba import config
from numba.core.bytecode import FunctionIdentity

from convlet import engines
from convlet.engines.numba import cache
from convlet.engines.numba.compiling import inlined, kernel

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")

PROGRAM = """
import sys
import numpy as np
from convlet.engines.numba import cache
from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.kernels.convolution_gradients import sum_parts
from convlet.engines.numba.kernels.sparse_convolution import make_d_images
floats, frame = np.ones(8, np.float32), Frame(1, 1, 8)
sum_parts(0, 1, floats, 1, 8, floats)
made = [make_d_images(int(wide)) for wide in sys.argv[1:]]
for kernel in made:
    winners, filters = np.ones(8, np.int8), np.ones(8, np.int32)
    kernel(0, 0, floats, winners, floats, frame, floats, frame, Geometry(1, 1, 1, 1), floats, filters)
print(*(sum(kernel.stats.cache_hits.values()) for kernel in (sum_parts, *made)), cache.kept())
"""


def run(prefix=(), factories=(), **environment):
    """What PROGRAM says in a process of its own: (hits of its kernels, whether they are kept), and its stderr.

    There is one kernel, and one more for each of the `factories`, which take seconds to compile.
    """
    environment = {name: value for name, value in {**os.environ, **environment}.items() if value is not None}
    command = [*prefix, sys.executable, "-c", PROGRAM, *map(str, factories)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    *hits, kept = result.stdout.split()
    return list(map(int, hits)), kept == "True", result.stderr


def kernels(place):
    return sorted(place.glob("multiply-*"))


# ---------------------------------------------------------------------------------------------- what is found again
def test_a_second_process_finds_what_the_first_compiled_in_a_private_folder(tmp_path):
    made = {"factories": (4, 8), "NUMBA_CACHE_DIR": str(tmp_path)}
    assert run(**made) == ([0, 0, 0], True, "")
    assert run(**made) == ([1, 1, 1], True, "")  # also what factories made, each its own
    (folder,) = (tmp_path / "kernels").iterdir()
    if hasattr(os, "getuid"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_every_combination_of_types_and_every_closed_over_number_has_a_file_of_its_own(place):
    assert compiled(2) == (0, (6, 1.0)) and len(kernels(place)) == 2 and engines.kept()
    assert compiled(3) == (0, (9, 1.5)) and len(kernels(place)) == 4
    assert compiled(2) == (2, (6, 1.0)) and compiled(3) == (2, (9, 1.5)) and len(kernels(place)) == 4


def test_it_is_counted_what_is_compiled_and_what_is_found(place):
    before = cache.outcomes.copy()
    compiled(5)
    assert cache.outcomes - before == {"compiled": 2}
    compiled(5)
    assert cache.outcomes - before == {"compiled": 2, "found": 2}


def test_what_one_factory_makes_in_several_processes_has_names_of_its_own(place, monkeypatch):
    """Machine code is found by its name: with one name for two, one would be called in the other's place."""

    def name(number):
        monkeypatch.setattr(FunctionIdentity, "_unique_ids", itertools.count(1))  # as where a process begins

        @kernel
        def multiply(x):
            return x * number

        multiply(3)
        (overload,) = multiply.overloads.values()
        return overload.fndesc.llvm_func_name

    assert name(2) == name(2) != name(3)


def test_a_changed_source_file_is_another_kernel(place, monkeypatch):
    compiled()
    monkeypatch.setattr(cache, "_file_hash", lambda path: "as if the test had been edited")
    assert compiled()[0] == 0


def test_the_folder_changes_with_every_source_file(tmp_path, monkeypatch):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "a.py"))
    before = cache._source_hash()
    (tmp_path / "b.py").write_text("x = 2\n")
    changed = cache._source_hash()
    assert changed != before
    (tmp_path / "room").mkdir()
    (tmp_path / "b.py").rename(tmp_path / "room" / "b.py")
    assert cache._source_hash() != changed


EDITED = """
import sys
from pathlib import Path
from convlet.engines.numba import cache
cache.__file__ = sys.argv[1]
print(cache.folder().name)
"""


def test_sources_that_are_edited_after_they_were_imported_change_nothing(tmp_path):
    """What is compiled then is still what was imported; under the new name it would be found in its place for ever."""
    (tmp_path / "edited.py").write_text("x = 1\n")
    said = tiny.in_new_process(EDITED, tmp_path / "edited.py")
    assert said.strip() == cache.folder().name


def test_without_source_files_nothing_is_kept_for_it_might_be_stale(place, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(cache, "__file__", str(tmp_path / "cache.pyc"))
        assert cache._source_hash() is None
    for name, missing in (("_SOURCES", None), ("_file_hash", lambda path: None)):
        with monkeypatch.context() as patch:
            patch.setattr(cache, name, missing)
            patch.setattr(cache, "_warned", [])
            with pytest.warns(UserWarning, match="cannot be kept: the source file"):
                assert compiled() == (0, (6, 1.0))
    assert kernels(place) == []


def test_a_kernel_that_closes_over_more_than_plain_numbers_is_not_kept(place):
    with pytest.warns(UserWarning, match="multiply closes over"):
        assert compiled(np.float32(2))[0] == 0
    assert kernels(place) == []


def test_a_kernel_made_with_one_inlined_function_is_not_taken_for_that_with_another(place):
    def of(step):
        @inlined
        def raised(x):
            return x + step

        @kernel
        def twice(x):
            return raised(raised(x))

        return twice

    assert (of(1)(0), of(2)(0), of(1)(0)) == (2, 4, 2)
    assert len(list(place.glob("twice-*"))) == 2


def test_inlined_functions_of_one_name_in_two_modules_are_two(place):
    def of(module, step):
        def raised(x):
            return x + step if module == "one" else x - step

        raised.__module__ = module
        raised = inlined(raised)

        @kernel
        def once(x):
            return raised(x)

        return once

    assert (of("one", 1)(0), of("two", 1)(0)) == (1, -1)


def test_what_a_killed_process_left_half_written_is_removed_after_a_day(place):
    for name, age in (("add-1.kernel.old", cache.DAY + 60), ("add-1.kernel.new", 60), ("add-1.kernel", cache.DAY + 60)):
        (place / name).write_bytes(b"")
        modified = (place / name).stat().st_mtime - age
        os.utime(place / name, (modified, modified))
    cache._begin_to_use.__wrapped__(place)
    assert sorted(path.name for path in place.glob("add-*")) == ["add-1.kernel", "add-1.kernel.new"]


def test_what_was_not_used_for_a_month_is_forgotten(place):
    for name, age in (("old", cache.MONTH + 60), ("new", 60)):
        (place.parent / name).mkdir()
        modified = (place.parent / name).stat().st_mtime - age
        os.utime(place.parent / name, (modified, modified))
    (place.parent / "gone").symlink_to("nowhere")  # listed, but without a date
    cache._begin_to_use.__wrapped__(place)
    assert sorted(path.name for path in place.parent.iterdir()) == sorted(["gone", "new", place.name])


# ------------------------------------------------------------------------------------------------- what is damaged
DAMAGE = {
    "empty": lambda content: b"",
    "cut short in its hash": lambda content: content[:20],
    "cut short": lambda content: content[: len(content) // 2],
    "its last byte lost": lambda content: content[:-1],
    "one bit turned": lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
    "of another program": lambda content: b"\x7fELF" * 1000,
    "zeros, after a power cut": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_compiled_anew_and_mended(place, damage):
    compiled()
    whole = kernels(place)
    for path in whole:
        path.write_bytes(damage(path.read_bytes()))
    assert compiled() == (0, (6, 1.0))
    assert compiled() == (2, (6, 1.0))
    assert kernels(place) == whole


def test_what_cannot_be_made_into_a_kernel_any_more_is_compiled_anew(place, monkeypatch):
    compiled()
    with monkeypatch.context() as patch:
        patch.setattr(cache.pickle, "loads", lambda content: ("as if", "of another Numba"))
        assert compiled() == (0, (6, 1.0))
    assert compiled() == (2, (6, 1.0))


def test_a_folder_in_the_place_of_a_file_is_a_miss(place):
    compiled()
    for path in kernels(place):
        path.unlink()
        (path / "something").mkdir(parents=True)
    with pytest.warns(UserWarning, match="cannot be kept"):
        assert compiled() == (0, (6, 1.0))


def test_a_folder_that_is_removed_meanwhile_is_made_again(place):
    shutil.rmtree(place.parent)
    assert compiled() == (0, (6, 1.0)) and compiled() == (2, (6, 1.0))


# --------------------------------------------------------------------------------------- what cannot be written
class FullFile:
    """A file on a disk that becomes full: some bytes are written, then no more."""

    def __init__(self, descriptor, mode):
        self.file = open(descriptor, mode)  # noqa: PTH123, SIM115

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()

    def write(self, content):
        self.file.write(content[:100])
        full()


@pytest.mark.parametrize(
    ("module", "name", "failing"),
    [(tempfile, "mkstemp", full), (os, "fdopen", FullFile), (Path, "replace", full), (Path, "mkdir", full)],
    ids=["to begin a file", "to write it", "to rename it", "to make the folder"],
)
def test_a_full_disk_is_said_once_with_the_folder_and_what_to_set(place, monkeypatch, module, name, failing):
    shutil.rmtree(place)
    if name != "mkdir":
        place.mkdir(mode=0o700)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, failing)
        with pytest.warns(UserWarning, match="No space left on device.*set NUMBA_CACHE_DIR") as warned:
            assert compiled() == (0, (6, 1.0))
            assert compiled(3) == (0, (9, 1.5))
        assert len(warned) == 1
        assert name == "mkdir" or str(place) in str(warned[0].message)
        assert not engines.kept()
    assert not place.exists() or list(place.iterdir()) == []  # nothing half-written is left
    assert compiled()[0] == 0 and compiled()[0] == 2


def in_a_mount(script):
    """A command prefix that runs what follows with `script` done in mounts of its own; skips where that cannot be."""
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    prefix = ["unshare", "--mount", "sh", "-ec", f'mount --make-rprivate /; {script}; exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True, timeout=60).returncode:
        pytest.skip("needs the right to mount")
    return prefix


def test_on_a_disk_that_is_full_kernels_are_compiled(tmp_path):
    prefix = in_a_mount(f"mount -t tmpfs -o size=16k none {tmp_path}")
    hits, kept, said = run(prefix, NUMBA_CACHE_DIR=str(tmp_path))
    assert hits == [0] and not kept
    assert said.count("cannot be kept") == 1 and "No space left on device" in said and "NUMBA_CACHE_DIR" in said


def test_a_warm_cache_on_a_disk_that_can_only_be_read_is_used_as_it_is(tmp_path):
    prefix = in_a_mount(f"mount --bind {tmp_path} {tmp_path}; mount -o remount,ro,bind {tmp_path}")
    hits, kept, said = run(prefix, NUMBA_CACHE_DIR=str(tmp_path))
    assert hits == [0] and not kept and "Read-only file system" in said
    run(NUMBA_CACHE_DIR=str(tmp_path))
    assert run(prefix, NUMBA_CACHE_DIR=str(tmp_path)) == ([1], False, "")


def test_a_cache_that_cannot_be_a_folder_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    hits, kept, said = run(NUMBA_CACHE_DIR=None, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert hits == [0] and not kept and "Not a directory" in said and str(tmp_path / "file") in said


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
def test_a_user_without_a_home_does_without(place, monkeypatch, tmp_path):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "relative")
    monkeypatch.setattr("pwd.getpwuid", lambda user: {}[user])
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="home.*NUMBA_CACHE_DIR"):
        assert compiled() == (0, (6, 1.0))
    assert not (tmp_path / "~").exists() and not (tmp_path / "relative").exists()
