"""One experiment by several processes, on one machine or many.

Every process does all that a run does, on the same batches, and computes its share of each. What they have in common
is settled when they meet: the recipe, the data and the version, or the saved run of the main process. Only the main
process's folder and output are kept; the others work in a folder that vanishes.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from convlet import __version__, storage
from convlet.datasets import Dataset
from convlet.engines import Group
from convlet.recipe import Recipe


@contextmanager
def begin(group: Group, recipe: Recipe, data: Dataset, run_dir: Path | None) -> Iterator[Path | None]:
    """Meet, to train this recipe on this data; gives where this process keeps the run.

    Raises InputError where the processes do not agree, GroupError where they do not come.
    """
    text = recipe.to_toml()
    recipe_sha256 = hashlib.sha256(text.encode()).hexdigest()
    group.join({"convlet": __version__, "recipe (sha256)": recipe_sha256, "data (sha256)": data.sha256})
    with _own_folder(group) as folder:
        yield folder or run_dir


@contextmanager
def resume(group: Group, run_dir: Path, steps: int | None) -> Iterator[Path]:
    """Meet, to continue the run that the main process has in its folder; gives a copy of it to each of the others.

    Raises StorageError where there is none, InputError where the processes do not agree, GroupError where they do not
    come.
    """
    files = storage.files_to_continue(run_dir) if group.is_main else {}
    files = group.join({"convlet": __version__, "steps": str(steps)}, files)
    with _own_folder(group) as folder:
        if folder is not None:
            for name, content in files.items():
                storage.write_file(folder / name, content)
        yield folder or run_dir


@contextmanager
def _own_folder(group: Group) -> Iterator[Path | None]:
    """A folder for this process alone, which vanishes; None for the main process, which has the run's."""
    if group.is_main:
        yield None
        return
    with TemporaryDirectory(prefix="convlet-") as folder:
        yield Path(folder)
