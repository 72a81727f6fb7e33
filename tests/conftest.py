"""Settings of every test. Its helpers, in `tests/helpers`, are imported by their bare names."""

import pytest
from hearing import let_children_hear
from hypothesis import settings
from roaming import USUAL

# Tests never assert on time; and what passed yesterday passes today (run with --hypothesis-profile=explore to roam).
settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=USUAL, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=20 * USUAL, print_blob=True)
settings.register_profile("few", settings.get_profile("repeatable"), max_examples=USUAL // 10)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption(
        "--few-cases",
        action="store_true",
        help="every test, but of one with many cases only one, and few examples: for another Python, not other code",
    )


def pytest_configure(config):
    if config.getoption("few_cases"):
        settings.load_profile("few")


def pytest_collection_modifyitems(config, items):
    if config.getoption("few_cases"):
        cases = {}
        for item in items:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
        chosen = {each[len(each) // 2] for each in cases.values()}  # the first is often the simplest
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]


@pytest.fixture(scope="session", autouse=True)
def heard():  # by what tests start; no hook, for pytest-xdist's workers must go on ignoring what pytest ignores
    let_children_hear()


@pytest.fixture(scope="module")
def no_flushing():
    """For tests where nothing turns on what a crash of the machine leaves: waiting for the disk is slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield
