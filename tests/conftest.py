"""Settings of every test. Its helpers, in `tests/helpers`, are imported by their bare names."""

import pytest
from hypothesis import settings

# Tests never assert on time; and what passed yesterday passes today (run with --hypothesis-profile=explore to roam).
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption(
        "--few-cases",
        action="store_true",
        help="every test, but of one with many cases only five, spread over them: for another Python, not other code",
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("few_cases"):
        cases = {}
        for item in items:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
        chosen = {each[i * (len(each) - 1) // 4] for each in cases.values() for i in range(5)}
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]


@pytest.fixture(scope="module")
def no_flushing():
    """For tests where nothing turns on what a crash of the machine leaves: waiting for the disk is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield
