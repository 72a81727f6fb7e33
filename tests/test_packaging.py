"""What a user receives: the wheel, the locks and the text of the repository. Not what the code does."""

import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections import defaultdict
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "convlet"
LOCKS = sorted((ROOT / "locks").glob("*.txt"))

# name==version, perhaps extras and a marker; then its hashes. No option, no address: the installer's own settings say
# where from.
LOCKED = re.compile(
    r"^(?P<name>[a-z0-9-]+)(?:\[(?P<extras>[a-z0-9,-]+)\])?==(?P<version>[^\s;]+)(?: ; (?P<marker>[^\\]+))? \\$"
)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?P<more> \\)?$")

# Written so that no pattern matches its own source.
ELSEWHERE = re.compile(
    r"pypi[.]org|python[h]osted|registry[.]npmjs|deb[.]debian[.]org"  # a registry's host
    r"|(?<![\w.)}])/(?:work|root|home|Users|opt)/"  # a path of one machine
    r"|(?<!\w)[A-Z]:[\\]{1,2}Users"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built as a release is, with nothing fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_the_whole_package_and_nothing_beside_it(wheel: zipfile.ZipFile) -> None:
    source = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == source


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "explore/page/index.html",
        "explore/page/network/network.js",
        "locale/en/LC_MESSAGES/convlet.mo",
        "locale/vi/LC_MESSAGES/convlet.mo",
        "datasets/files/train-images-idx3-ubyte.xz",
        "datasets/files/train-labels-idx1-ubyte.xz",
        "datasets/files/t10k-images-idx3-ubyte.xz",
        "datasets/files/t10k-labels-idx1-ubyte.xz",
        "runs/recipes/deep-mnist.toml",
        "runs/recipes/first-kernels.toml",
    ],
)
def test_the_wheel_holds_what_is_not_python(wheel: zipfile.ZipFile, name: str) -> None:
    assert wheel.read(f"convlet/{name}") == (PACKAGE / name).read_bytes()


def test_the_wheel_carries_our_licence_and_the_attribution_of_mnist(wheel: zipfile.ZipFile) -> None:
    licences = {name.partition("/licenses/")[2] for name in wheel.namelist() if "/licenses/" in name}
    assert licences == {"LICENSE", "src/convlet/datasets/files/README.md"}


def test_the_wheel_stays_small(wheel: zipfile.ZipFile) -> None:
    assert sum(entry.compress_size for entry in wheel.infolist()) < 12e6  # bytes; MNIST is 9.2e6 of them


def test_a_plain_installation_asks_for_no_framework(metadata: Message) -> None:
    always = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {re.split(r"[^\w-]", line)[0] for line in always}
    assert "numpy" in names
    assert not names & {"keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "scikit-learn", "onnx"}


def test_the_wheel_runs_without_the_source_tree(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import convlet, convlet.cli\n"
        "print(convlet.__file__, convlet.__version__, len(convlet.datasets.mnist().test))"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert ran.stderr == ""
    assert ran.stdout.split() == [str(tmp_path / "convlet" / "__init__.py"), version, "10000"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_is_versions_and_hashes_and_nothing_else(lock: Path) -> None:
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert [line for line in lines if not (LOCKED.match(line) or HASH.match(line))] == []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        found = HASH.match(line)
        expects_hash = found is None or found["more"] is not None
        assert bool(HASH.match(following)) == expects_hash, f"{lock.name}: after {line!r} comes {following!r}"


def test_there_is_a_lock_for_the_package_and_one_for_each_extra() -> None:
    assert [lock.name for lock in LOCKS] == ["dev.txt", "extras.txt", "keras.txt", "page.txt", "torch.txt"]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("dev.txt", ["dev"]),
        ("extras.txt", ["dev", "onnx", "parquet", "serve", "sklearn", "tensorboard"]),
        ("keras.txt", ["dev", "keras"]),
        ("page.txt", ["dev", "explore"]),
        ("torch.txt", ["dev", "onnx", "keras"]),
    ],
)
def test_a_lock_meets_what_pyproject_asks_for(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    locked = defaultdict(list)
    for line in (ROOT / "locks" / lock).read_text(encoding="utf-8").splitlines():
        if found := LOCKED.match(line):
            locked[found["name"]].append(found["version"])
    unmet = [
        f"{need}; locked: {versions or 'no version'}"
        for need in map(Requirement, wanted)
        for versions in [locked[need.name.lower()]]
        if not versions or not all(map(need.specifier.contains, versions))
    ]
    assert unmet == [], "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_what_a_locked_package_wants_with_an_extra_is_locked_with_it(lock: Path) -> None:
    """Else pip 23 takes the newest of it, once there is a newer one, and refuses that, for it has no hash."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    locked = {found["name"]: (found["extras"] or "").split(",") for line in lines if (found := LOCKED.match(line))}
    wanted = [
        need
        for name in locked
        for found in importlib.metadata.distributions(name=name)
        for need in map(Requirement, found.requires or ())
        if need.extras and (need.marker is None or need.marker.evaluate({"extra": ""}))
    ]
    assert "coverage" in {need.name for need in wanted}
    assert [str(need) for need in wanted if not need.extras <= set(locked[need.name.lower()])] == []


def test_all_locks_agree_where_they_overlap() -> None:
    dev, *extras = (
        {line for line in lock.read_text(encoding="utf-8").splitlines() if LOCKED.match(line)} for lock in LOCKS
    )
    assert all(dev <= extra for extra in extras)


def test_no_text_names_a_registry_host_or_a_path_of_one_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = {name: _text(ROOT / name) for name in listing.stdout.split("\0") if name}
    assert texts["LICENSE"], "the listing is not of this repository"
    found = {
        f"{name}:{number}: {match[0]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := ELSEWHERE.search(line))
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "https://" + "pypi" + ".org/simple",
        "see /" + "work/main/src",
        'open("/' + 'root/x")',
        "(/" + "home/me/x)",
        "C:\\" + "Users\\me",
    ],
)
def test_the_search_for_such_text_finds_it(line: str) -> None:
    assert ELSEWHERE.search(line)


@pytest.mark.parametrize("line", ["example.com/work/x", "a/home/b", "PYTHON=/path/to/python3.12", "runs/work/last"])
def test_the_search_for_such_text_lets_other_text_pass(line: str) -> None:
    assert not ELSEWHERE.search(line)


def test_every_script_of_ours_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def _text(path: Path) -> str:
    """The file's text; empty for a binary file, or for one that is deleted but not yet committed so."""
    content = path.read_bytes() if path.is_file() else b""
    return "" if b"\0" in content[:8192] else content.decode("utf-8")


def test_what_is_published_has_no_gaps_and_no_dead_links():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    tracked = set(subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split("\n"))
    for page in (page for page in pages if str(page.relative_to(ROOT)) in tracked):
        text = page.read_text("utf-8")
        assert "@" + "@" not in text, page
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / link).exists(), (page, link)


@pytest.mark.parametrize(("ends", "code"), [(0, 0), (3, 2), (143, 2), (130, -signal.SIGINT)])
def test_make_reports_no_error_of_a_training_that_was_stopped(tmp_path, ends, code):
    script = ROOT / ".ci" / "stoppable.py"
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} {script} sh -c 'exit {ends}'\n")
    done = subprocess.run(["make", "run"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    assert ("***" in done.stderr) == (ends in (3, 143))
    assert "exec $(VENV)/bin/python .ci/stoppable.py $(VENV)/bin/convlet train" in (ROOT / "Makefile").read_text()
