"""One experiment by one process or several, on one machine or many.

Every process does all that a run does, on the same batches, and computes its share of each. What they have in common
is settled when they meet: the recipe, the data and the version, or the saved run of the main process. Only the main
process's folder and output are kept; the others work in a folder that vanishes.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from convlet.datasets import Dataset
from convlet.errors import DataError
from convlet.processes.group import Files, Group
from convlet.runs.files import write_file
from convlet.runs.folder import check_free, data_of, files_to_continue
from convlet.runs.recipe import Recipe

DATA = "data_sha256"  # what the main process sends beside the run's files


@contextmanager
def begin(group: Group, recipe: Recipe, data: Dataset, run_dir: Path | None) -> Iterator[Path | None]:
    """Meet, to train this recipe on this data; gives where this process keeps the run.

    Raises StorageError where the main process's folder cannot be used, InputError where the processes do not agree,
    GroupError where one does not come or cannot begin.
    """
    if group.is_main and run_dir is not None:
        with told(group):
            check_free(run_dir)
    recipe_sha256 = hashlib.sha256(recipe.to_toml().encode()).hexdigest()
    group.join({"convlet": version("convlet"), "recipe (sha256)": recipe_sha256, "data (sha256)": data.sha256})
    with _own_folder(group) as folder:
        yield folder or run_dir


@contextmanager
def resume(
    group: Group, run_dir: Path, steps: int | None, load: Callable[[Path], Dataset] = data_of
) -> Iterator[tuple[Path, Dataset]]:
    """Meet, to continue the run that the main process has in its folder; gives a copy of it to each of the others.

    Each has the folder then, and the run's data, as `load` gives it for the folder, from where every process has it.

    Raises StorageError where there is none, InputError where the processes do not agree, GroupError where one does
    not come or cannot begin.
    """
    files: Files = {}
    data: Dataset | None = None
    if group.is_main:
        with told(group):
            data = load(run_dir)
            if group.count > 1:
                files = {**files_to_continue(run_dir), DATA: data.sha256.encode()}
    with _own_folder(group) as folder:

        def accept(files: Files) -> None:
            nonlocal data
            assert folder is not None
            expected = files.pop(DATA).decode()
            for name, content in files.items():
                write_file(folder / name, content)
            data = load(folder)
            if data.sha256 != expected:
                raise DataError(f"data (sha256): {data.sha256} here, {expected} in process 0; all must have the same.")

        group.join({"convlet": version("convlet"), "steps": str(steps)}, files, accept)
        assert data is not None
        yield folder or run_dir, data


@contextmanager
def told(group: Group) -> Iterator[None]:
    """What goes wrong inside is told to the other processes, which would wait in vain."""
    try:
        yield
    except Exception as error:
        group.refuse(str(error) or type(error).__name__)
        raise


@contextmanager
def _own_folder(group: Group) -> Iterator[Path | None]:
    """A folder for this process alone, which vanishes; None for the main process, which has the run's."""
    if group.is_main:
        yield None
        return
    with TemporaryDirectory(prefix="convlet-") as folder:
        yield Path(folder)
