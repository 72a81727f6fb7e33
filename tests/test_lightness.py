"""`import convlet` is light: no compiler, no drawing, no framework, in a fresh interpreter."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import convlet

HEAVY = {
    *("numba", "llvmlite", "matplotlib", "PIL", "rich", "click", "onnx", "onnxruntime"),
    *("keras", "tensorflow", "torch", "jax", "scipy", "pandas", "sklearn"),
    *("http.server", "asyncio", "multiprocessing"),
}

LATER = {
    "importlib.metadata",
    "numpy.random",
    "threadpoolctl",
    "tomllib",
    "tomli_w",
    "difflib",
}  # not heavy

REPORT = """
import json, sys, time
before = set(sys.modules)
started = time.perf_counter()
{statement}
print(json.dumps([time.perf_counter() - started, sorted(set(sys.modules) - before)]))
"""


def heavy_imports(statement, heavy=HEAVY):
    """(those of `heavy` that the statement imports, seconds) in a fresh interpreter."""
    command = [sys.executable, "-W", "error", "-c", REPORT.format(statement=statement)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    seconds, imported = json.loads(answer.stdout)
    return sorted(heavy & set(imported)), seconds


def test_importing_convlet_imports_nothing_heavy():
    heavy, seconds = heavy_imports("import convlet; convlet.fit")
    print(f"import convlet: {seconds:.3f} s")  # noqa: T201 (shown by pytest -rA; a test never asserts on time)
    assert heavy == []


@pytest.mark.parametrize("statement", ["import convlet", "import convlet.cli"])
def test_what_is_imported_before_a_name_is_asked_for_needs_no_arrays(statement):
    assert heavy_imports(statement, {"numpy"})[0] == []


@pytest.mark.parametrize(
    "statement",
    ["import convlet; convlet.fit, convlet.compare, convlet.from_torch, convlet.from_keras", "import convlet.cli"],
)
def test_what_only_some_need_is_imported_by_those(statement):
    assert heavy_imports(statement, LATER | HEAVY - {"click"})[0] == []
    assert heavy_imports(f"{statement}; import numpy.random", LATER)[0] == ["numpy.random"]


def test_the_version_is_the_installed_one_and_no_other_name_is_made_up():
    assert convlet.__version__ == version("convlet")
    with pytest.raises(AttributeError, match="no attribute 'version'"):
        convlet.version  # noqa: B018


def test_the_reference_engine_imports_nothing_heavy():
    heavy, _ = heavy_imports("from convlet.engines import engine; engine('numpy')")
    assert heavy == []


@pytest.mark.parametrize("statement", ["import http.server", "import convlet, multiprocessing", "import PIL.Image"])
def test_a_heavy_import_would_be_noticed(statement):
    pytest.importorskip("PIL")
    heavy, _ = heavy_imports(statement)
    assert heavy
