"""`make mutants`: which bugs of one line do the tests notice?

Each bug of `bugs.toml` is put into a copy of the tree, and the tests that should notice it are run there. A bug that
none of them notices has survived: a test is missing. Words on the command line choose the bugs whose description or
file has them: `make mutants ARGS=resuming`.

What this is not: a proof. It says how well the tests see what somebody thought of.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COPIED = ("src", "tests", "docs", "pyproject.toml")  # docs: what a page says is compiled, too
SECONDS = 900  # for the tests of one bug, whatever it makes them do
CAUGHT, SURVIVED, BROKEN = "caught", "SURVIVED", "BROKEN"


@dataclass(frozen=True)
class Bug:
    """Text that stands once in a file of src/convlet, what it becomes, and the tests that should notice."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def path(self, root: Path) -> Path:
        return root / "src" / "convlet" / self.file

    def in_source(self, source: str) -> str:
        """The source with the bug in it. Raises ValueError where the text does not stand in it exactly once."""
        if source.count(self.old) != 1:
            raise ValueError(f"{self.file}: {self.old!r} stands in it {source.count(self.old)} times, not once.")
        return source.replace(self.old, self.new)


def read(path: Path = HERE / "bugs.toml") -> list[Bug]:
    """The bugs of a list."""
    table = tomllib.loads(path.read_text("utf-8"))
    return [Bug(row["is"], row["file"], row["old"], row["new"], tuple(row["tests"])) for row in table["bug"]]


def copied(root: Path, folder: Path) -> Path:
    """A copy of the tree's sources and tests."""
    tree = folder / "tree"
    tree.mkdir()
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, tree / name)
    return tree


def run_tests(tree: Path, tests: Iterable[str], *, quiet: bool = True) -> int:
    """pytest's exit code: 0 where all pass, 1 where one fails, or hangs."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",  # a bug may be as long as what it replaces, and made in the same second
        "XDG_CACHE_HOME": str(tree.parent / "cache"),
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        return subprocess.run(command, cwd=tree, env=environment, capture_output=quiet, timeout=SECONDS).returncode
    except subprocess.TimeoutExpired:
        return 1


def judge(bug: Bug, tree: Path) -> str:
    """Whether the tests notice a bug in this copy of the tree, which is as it was afterwards."""
    path = bug.path(tree)
    source = path.read_text("utf-8")
    path.write_text(bug.in_source(source), "utf-8")
    try:
        return {0: SURVIVED, 1: CAUGHT}.get(run_tests(tree, bug.tests), BROKEN)
    finally:
        path.write_text(source, "utf-8")


def main(words: Sequence[str]) -> int:
    chosen = [bug for bug in read() if not words or any(word in f"{bug.file} {bug.what}" for word in words)]
    with tempfile.TemporaryDirectory(prefix="convlet-mutants-") as folder:
        tree = copied(ROOT, Path(folder))
        print(f"{len(chosen)} bugs. First the tests without any ...", flush=True)
        if run_tests(tree, sorted({test for bug in chosen for test in bug.tests}), quiet=False) != 0:
            print("They do not pass, so they would notice anything. Mend that first.")
            return 1
        verdicts = []
        for bug in chosen:
            verdicts.append(judge(bug, tree))
            print(f"{verdicts[-1]:9} {bug.file}: {bug.what}", flush=True)
    caught = verdicts.count(CAUGHT)
    print(f"{caught} of {len(chosen)} bugs were noticed.")
    return int(caught < len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
