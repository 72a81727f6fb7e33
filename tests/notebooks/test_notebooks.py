"""The notebooks of examples/ run from beginning to end, and are stored without what they answered.

What this is not: a proof that their networks learn what the text says. They train for a moment here.
"""

import json
import math
import re
from pathlib import Path

import pytest

TRAINED_ON = 55_000  # images of MNIST, where a cell does not shorten it
EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def test_there_are_three():
    assert [path.stem for path in NOTEBOOKS] == ["explained", "own_images", "tutorial"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


def cells_of(path):
    return [cell["source"] for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def validations(source):
    """How many a cell's training says, from its words alone; 0 where it trains nothing. They are counted in epochs."""
    said = {word: int(n) for word, n in re.findall(r"\b(steps|epochs|batch_size|validate_every)=([\d_]+)", source)}
    shortened = re.search(r"\bshortened\(([\d_]+)\)", source)
    images = int(shortened[1]) if shortened else TRAINED_ON
    epochs = said.get("epochs", said.get("steps", 0) * min(said.get("batch_size", 128), images) / images)
    return math.ceil(epochs / said.get("validate_every", 1))


def test_validations_are_counted_from_a_cells_words():
    assert validations("cl.fit(deep, mnist.shortened(100), steps=1_000, validate_every=40)") == 25
    assert validations("cl.fit(deep, mnist.shortened(1_000), batch_size=100, steps=300)") == 30
    assert validations("cl.fit(deep, epochs=7)") == 7 and validations("run.predict(images)") == 0


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_says_few_validations_for_it_is_to_be_read_in_one_look(path):
    said = [validations("".join(source)) for source in cells_of(path)]
    assert 1 <= max(said) <= 5


@pytest.mark.filterwarnings("default")  # the kernel's own libraries warn of each other
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="a notebook's kernel is an extra: make test-extras")
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = re.sub(r"\bsteps=[\d_]+", "steps=20", re.sub(r"\bepochs=[\d_]+", "epochs=1", cell.source))
    nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    pictures = [output for output in shown if "image/png" in output.get("data", {})]
    assert path.stem == "own_images" or pictures  # plots are shown
