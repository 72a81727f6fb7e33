"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import convlet

ELSEWHERE = (
    "convlet.engines.numba",  # a compiler and a framework, which have tests of their own
    "convlet.engines.keras",
    "convlet.benchmarks.peers",  # each needs a framework
    "convlet.datasets.readers.idx",  # its example reads a file that the reader has and we have not
    "convlet.explore.app",  # the page's server is an extra
    "convlet.explore.server",
    "convlet.exchange.keras.",
    "convlet.exchange.torch.",
    "convlet.serving.app",
    "convlet.serving.guard",
    "convlet.serving.server",
    "convlet.sklearn",  # scikit-learn is one, too
    "convlet.__main__",  # runs when imported
)
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(convlet.__path__, "convlet.")
    if not module.name.startswith(ELSEWHERE)
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    parser = doctest.DocTestFinder()
    assert sum(len(test.examples) for test in parser.find(importlib.import_module("convlet.checks"))) >= 3
