"""The list of bugs of one line is about the code as it is; and what looks for them can find one, and miss one."""

import importlib.util
import re
from pathlib import Path

import pytest
import tiny

SPEC = importlib.util.spec_from_file_location("mutants", Path(__file__).parent / "mutants" / "run.py")
mutants = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(mutants)
BUGS = mutants.read()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_each_bug_can_be_put_into_the_source_as_it_stands(bug):
    source = bug.path(tiny.ROOT).read_text("utf-8")
    compile(bug.in_source(source), bug.file, "exec")
    assert bug.old != bug.new
    for test in bug.tests:
        file, _, name = test.partition("::")
        assert (tiny.ROOT / file).exists()
        assert not name or re.search(rf"^def {name}\(", (tiny.ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_no_bug_stands_in_the_list_twice():
    assert len({(bug.file, bug.old, bug.new) for bug in BUGS}) == len({bug.what for bug in BUGS}) == len(BUGS)


def test_a_bug_is_noticed_or_survives_and_the_source_is_as_it_was(tmp_path):
    source, tests = tmp_path / "src" / "convlet", tmp_path / "tests"
    source.mkdir(parents=True)
    tests.mkdir()
    (source / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    (tests / "test_weak.py").write_text("from sums import add\ndef test(): assert add(0, 0) == 0\n")
    (tests / "test_strong.py").write_text("from sums import add\ndef test(): assert add(1, 2) == 3\n")
    (tmp_path / "conftest.py").write_text("import sys\nsys.path.insert(0, 'src/convlet')\n")

    def bug(new, test):
        return mutants.Bug("a bug", "sums.py", "a + b", new, (test,))

    assert mutants.judge(bug("a - b", "tests/test_weak.py"), tmp_path) == "SURVIVED"
    assert mutants.judge(bug("a - b", "tests/test_strong.py"), tmp_path) == "caught"
    assert mutants.judge(bug("a +", "tests/test_strong.py"), tmp_path) == "BROKEN"
    assert (source / "sums.py").read_text() == "def add(a, b):\n    return a + b\n"
    with pytest.raises(ValueError, match="stands in it 0 times"):
        mutants.judge(mutants.Bug("stale", "sums.py", "a * b", "", ()), tmp_path)
