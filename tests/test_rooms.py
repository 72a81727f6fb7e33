"""Each room imports only from rooms before it, so the package can be read in one direction."""

import ast
import re
from pathlib import Path

import pytest

import convlet

# In reading order. A module or folder of `src/convlet` is a room; a new one is added here, after all it builds on.
# An engine is a room of its own: nothing but the door may know of it, and that by name only.
ROOMS = [
    *(
        "errors",
        "checks",
        "quota",
        "environment",
        "signals",
        "listening",
        "showing",
        "randomness",
        "losses",
        "statistics",
        "locale",
    ),
    *("descriptions", "processes", "engines", "engines.numpy", "engines.numba", "engines.keras"),
    *("datasets", "runs", "training", "comparison", "inspection"),
    *("report", "experiment", "fitting", "exchange", "sklearn"),
    "convlet",
    *("benchmarks", "explore", "serving", "cli", "__main__"),
]

GROUND = ROOMS[: ROOMS.index("descriptions")]
ENGINES = (["numpy"], ["numba"], ["keras"])
SOURCE = Path(convlet.__file__).parent
MOST_LINES = 350  # of a file; most have far less


def room_of(module):
    """The room that `convlet.a.b.c` belongs to: `a`, or `a.b` for an engine."""
    parts = module.split(".")[1:]
    if not parts:
        return "convlet"
    return ".".join(parts[:2]) if parts[:1] == ["engines"] and parts[1:2] in ENGINES else parts[0]


def module_of(path, root):
    parts = ("convlet", *path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source, module, modules):
    """The full names of all convlet modules that this text imports, anywhere in it, relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import; rooms are imported by their full name"
            # `from convlet import x` is the module x where there is one, and a name of the package otherwise
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [member if member in modules else node.module for member in members]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "convlet")


def wrong_imports(root, rooms):
    """Every import that goes against the order, in words."""
    order = {room: place for place, room in enumerate(rooms)}
    files = {module_of(path, root): path for path in sorted(root.rglob("*.py"))}
    wrong = []
    for module, path in files.items():
        here = room_of(module)
        if here not in order:
            wrong.append(f"{here} is in no place: add it to ROOMS in {Path(__file__).name}")
            continue
        for target in imported_modules(path.read_text(encoding="utf-8"), module, files):
            there = room_of(target)
            if there not in order or order[there] > order[here]:
                wrong.append(f"{module} imports {target}")
            if there.startswith("engines.") and there != here:
                wrong.append(f"{module} imports {target}: an engine is reached through the door")
    return wrong


def test_rooms_import_only_from_rooms_before_them():
    assert wrong_imports(SOURCE, ROOMS) == []


def test_readme_draws_every_room_in_this_order():
    """Rooms of a line stand in any order; what stands deeper is a part of a room, and is there."""
    text = (SOURCE.parents[1] / "README.md").read_text("utf-8")
    lines = text.partition("    src/convlet/\n")[2].partition("    tests/")[0].splitlines()
    drawn, room = [], SOURCE
    for line in lines:
        names = re.findall(r"[\w-]+(?:/|\.py)", line[:37])
        for name in names:
            inside = line.startswith(" " * 8)
            assert (room / name if inside else SOURCE / name).exists(), f"README draws {name} where it is not"
            if not inside:
                room = SOURCE / name
                drawn.append(name.removesuffix("/").removesuffix(".py"))
    rooms = [room for room in ROOMS if "." not in room and room not in ("convlet", "__main__")]
    assert sorted(drawn) == sorted(rooms)
    assert [room for room in drawn if room not in GROUND] == [room for room in rooms if room not in GROUND]


def test_the_reference_engine_imports_nothing_but_numpy_the_standard_library_and_convlet():
    import sys

    allowed = {"numpy", "convlet", *sys.stdlib_module_names}
    for path in (SOURCE / "engines" / "numpy").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, path


# --------------------------------------------------------------------------------- and these tests can indeed fail


@pytest.fixture
def package(tmp_path):
    """A little package in good order."""
    for folder in ("engines/numpy", "engines/numba"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "__init__.py").write_text("from convlet.losses import Loss\n")
    (tmp_path / "errors.py").write_text("import math\n")
    (tmp_path / "losses.py").write_text("from convlet import errors\nfrom convlet.errors import Root\n")
    (tmp_path / "engines/__init__.py").write_text("import convlet.losses\n")
    (tmp_path / "engines/numpy/__init__.py").write_text("from convlet.engines.numpy.dense import dense\n")
    (tmp_path / "engines/numpy/dense.py").write_text("from convlet.engines import State\n")
    (tmp_path / "engines/numba/__init__.py").write_text("")
    return tmp_path


def test_a_package_in_good_order_has_no_wrong_imports(package):
    assert wrong_imports(package, ROOMS) == []


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("errors.py", "from convlet.losses import Loss", "convlet.errors imports convlet.losses"),
        ("errors.py", "from convlet import losses", "convlet.errors imports convlet.losses"),
        ("errors.py", "import convlet.losses as l", "convlet.errors imports convlet.losses"),
        ("errors.py", "from convlet import Loss", "convlet.errors imports convlet"),
        ("errors.py", "def late():\n    import convlet.engines", "convlet.errors imports convlet.engines"),
        ("losses.py", "if False:\n    from convlet.nowhere import x", "convlet.losses imports convlet.nowhere"),
        (
            "engines/numba/__init__.py",
            "from convlet.engines.numpy import dense",
            "convlet.engines.numba imports convlet.engines.numpy.dense: an engine is reached through the door",
        ),
        ("attic.py", "", "attic is in no place: add it to ROOMS in test_rooms.py"),
    ],
)
def test_an_import_against_the_order_is_noticed(package, file, text, complaint):
    (package / file).write_text(text)
    assert complaint in wrong_imports(package, ROOMS)


def test_a_relative_import_is_noticed(package):
    (package / "losses.py").write_text("from .errors import Root")
    with pytest.raises(AssertionError, match=r"convlet\.losses: relative import"):
        wrong_imports(package, ROOMS)


def test_a_file_that_is_too_long_is_noticed(package):
    (package / "errors.py").write_text("import math\n" * (MOST_LINES + 1))
    (package / "losses.py").write_text("import math\n" * MOST_LINES)
    assert too_long(package) == {"errors.py": MOST_LINES + 1}


def test_every_file_that_a_rooms_map_names_is_in_that_room():
    for path in SOURCE.rglob("__init__.py"):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        there = {file.name for file in path.parent.rglob("*")}
        missing = {name for name in re.findall(r"\b\w+\.(?:py|js)\b", text) if name not in there}
        assert not missing, f"{path}: {missing}"


def test_only_the_command_line_and_the_line_of_fit_write_to_a_stream():
    may = {
        "report/terminal/quiet_line.py",
        "report/terminal/printed.py",  # only asks stdout what it can hold, and prints
        "signals.py",  # only flushes them, before a process ends
        "engines/keras/library_output.py",  # only keeps libraries from them
    }
    writes = re.compile(r"\bsys\.(?:__)?std(?:out|err)|\bclick\.echo")  # print() itself is lint's
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "cli" not in path.relative_to(SOURCE).parts[:1] and writes.search(path.read_text(encoding="utf-8"))
    }
    assert found == may


def too_long(*roots):
    """Every file of Python or JavaScript with too many lines, and how many."""
    files = sorted(path for root in roots for ending in ("*.py", "*.js") for path in root.rglob(ending))
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in files}
    return {name: lines for name, lines in lengths.items() if lines > MOST_LINES}


def test_no_file_of_the_package_or_its_tests_is_too_long_to_be_read_at_one_sitting():
    assert too_long(SOURCE, Path(__file__).parent) == {}


def test_examples_import_public_names_where_there_are_any():
    """What is public in `convlet`, or in one of its public modules, is taken from there."""
    for path in sorted((SOURCE.parents[1] / "examples").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("convlet."):
                public = {alias.name for alias in node.names} & set(convlet.__all__)
                assert not public, f"{path.name}: {public} from {node.module}; it is in convlet itself"
