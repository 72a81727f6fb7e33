"""The cache of compiled kernels: private, and never stale."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

from convlet.engines.numba import compiling

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")

PROGRAM = """
import numpy as np
from convlet.engines.numba.buffers import Frame, Geometry
from convlet.engines.numba.compiling import cache_folder
from convlet.engines.numba.kernels.convolution_gradients import sum_parts
from convlet.engines.numba.kernels.sparse_convolution import make_d_images
floats, frame = np.ones(8, np.float32), Frame(1, 1, 8)
sum_parts(0, 1, floats, 1, 8, floats)
made = [make_d_images(wide) for wide in (4, 8)]
for kernel in made:
    winners, filters = np.ones(8, np.int8), np.ones(8, np.int32)
    kernel(0, 0, floats, winners, floats, frame, floats, frame, Geometry(1, 1, 1, 1), floats, filters)
for kernel in (sum_parts, *made):
    print(sum(kernel.stats.cache_hits.values()))
print(cache_folder())
"""


def run(cache):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    *hits, folder = result.stdout.split()
    return list(map(int, hits)), Path(folder)


def test_a_second_process_finds_what_the_first_compiled_in_a_private_folder(tmp_path):
    assert run(tmp_path)[0] == [0, 0, 0]
    hits, folder = run(tmp_path)
    assert hits == [1, 1, 1]  # also functions made by factories, each with its own constants
    assert tmp_path in folder.parents
    if hasattr(os, "getuid"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_two_processes_never_write_the_machine_code_of_two_variants_to_one_file(tmp_path):
    """Each has seen an index without the other's variant, and gives its own the next number."""
    code = """
from convlet.engines.numba.kernels.convolution import make_forward
file = make_forward(8)._cache._cache_file
file._load_index = lambda: {}
file.save("this variant", "its code")
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    assert len(list(tmp_path.rglob("*.nbc"))) == 2
    if hasattr(os, "fork"):
        forking = (
            "import os\nimport convlet.engines.numba.kernels.convolution\nwaits = os.fork()\n"
            + code
            + "if waits: os.wait()\n"
        )
        subprocess.run([sys.executable, "-c", forking], env=environment, check=True, capture_output=True)
        assert len(list(tmp_path.rglob("*.nbc"))) == 4


def test_the_folder_changes_with_every_source_file(tmp_path, monkeypatch):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(compiling, "__file__", str(tmp_path / "a.py"))
    before = compiling._source_hash()
    (tmp_path / "b.py").write_text("x = 2\n")
    assert compiling._source_hash() != before


def test_what_was_not_used_for_a_month_is_forgotten(tmp_path):
    for name, age in (("old", compiling.MONTH + 60), ("new", 60)):
        (tmp_path / name).mkdir()
        modified = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (modified, modified))
    compiling._forget_old(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_folder_that_another_process_removes_meanwhile_is_no_reason_to_do_without_a_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "gone").symlink_to("nowhere")  # listed, but without a date
    assert compiling.cache_folder.__wrapped__() is not None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
def test_a_folder_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    user = os.getuid()
    assert compiling.cache_folder.__wrapped__() is not None
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    assert compiling.cache_folder.__wrapped__() is None


def test_the_users_own_cache_setting_is_left_alone():
    before = config.CACHE_DIR
    compiling.kernel(lambda: None)
    assert before == config.CACHE_DIR
