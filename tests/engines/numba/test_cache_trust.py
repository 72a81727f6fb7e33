"""Whose folders the cache of compiled kernels trusts: they hold code that will be run."""

import os
import stat
from pathlib import Path

import pytest
from kernel_cache import compiled, full
from numba import config

from convlet.engines.numba.compiling import kernel

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
@pytest.mark.parametrize("owner", [0, 1])
def test_only_a_folder_of_ones_own_or_of_the_system_is_trusted(place, monkeypatch, owner):
    """`owner` is who the folder seems to belong to, beside the user that we are."""
    compiled()
    true_stat = Path.stat

    def seen(self, **keywords):
        status = list(true_stat(self, **keywords))
        status[4] = owner
        return os.stat_result(status)

    monkeypatch.setattr(os, "getuid", lambda: 4711)
    monkeypatch.setattr(Path, "stat", seen)
    if owner == 0:
        assert compiled() == (2, (6, 1.0))
        return
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert compiled() == (0, (6, 1.0))


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
def test_a_folder_that_others_may_write_is_made_private_or_not_trusted(place, monkeypatch):
    compiled()
    place.chmod(0o777)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", full)  # as on a disk that can only be read
        with pytest.warns(UserWarning, match="can be written by other users"):
            assert compiled() == (0, (6, 1.0))
    assert compiled() == (2, (6, 1.0))
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_users_own_cache_setting_is_left_alone():
    before = config.CACHE_DIR
    kernel(lambda: None)
    assert before == config.CACHE_DIR
