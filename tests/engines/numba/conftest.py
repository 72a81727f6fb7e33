"""A cache of each test's own; and a thread ends what hangs: compiled code never comes back to where a signal could."""

from pathlib import Path

import pytest
from numba import config

from convlet.engines.numba import cache


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(method="thread"))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of kernels, in a cache of the test's own."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", [])
    return cache.folder()
