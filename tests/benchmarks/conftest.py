"""Workers of every test of the benchmark find the made-up competitors."""

import pytest
import tiny


@pytest.fixture(autouse=True)
def workers_find_the_fakes(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tiny.HELPERS))
