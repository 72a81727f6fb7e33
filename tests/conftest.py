"""Settings of every test. Its helpers, in `tests/helpers`, are imported by their bare names."""

import pytest
from hypothesis import settings

# Tests never assert on time; and what passed yesterday passes today (run with --hypothesis-profile=explore to roam).
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="module")
def no_flushing():
    """For tests where nothing turns on what a crash of the machine leaves: waiting for the disk is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield
