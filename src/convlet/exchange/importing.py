"""Another tool's network as a run of ours, kept in a folder as if it had been trained here."""

from dataclasses import replace
from pathlib import Path

from convlet.errors import ConvletError
from convlet.runs.checkpoint import Checkpoint, save_checkpoint
from convlet.runs.data_source import DataSource
from convlet.runs.folder import abandon_run, begin_run, claim_folder, hold
from convlet.runs.history import History
from convlet.runs.recipe import Recipe, Training


def keep(checkpoint: Checkpoint, name: str, folder: Path | None, data: DataSource) -> Path:
    """Keep a network in a new run folder: the one named, or `runs/<name>-<number>`; which one it is.

    Its recipe would train it for one pass through the data. Raises StorageError where that cannot be, RecipeError where
    nothing can be called by that name.
    """
    recipe = Recipe(name, checkpoint.network, Training(epochs=1), data=data, description="Taken in from another tool.")
    folder = folder or claim_folder(Path("runs"), name)
    kept = replace(
        checkpoint,
        history=History(recipe.training.batch_size),
        data_sha256=data.sha256 or "",
        recipe=recipe.to_toml(),
        data=data.without_place(),
    )
    with hold(folder):
        begin_run(folder, recipe)
        try:
            save_checkpoint(folder / "last.safetensors", kept)
        except ConvletError:
            abandon_run(folder)
            raise
    return folder
