"""Workers of every test of the benchmark find the made-up competitors."""

import os

import pytest
import tiny


@pytest.fixture(autouse=True)
def workers_find_the_fakes(monkeypatch):
    given = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tiny.HELPERS), given))))
