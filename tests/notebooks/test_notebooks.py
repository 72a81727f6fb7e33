"""The notebooks of examples/ run from beginning to end, and are stored without what they answered.

What this is not: a proof that their networks learn what the text says. They train for a moment here.
"""

import json
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def test_there_are_three():
    assert [path.stem for path in NOTEBOOKS] == ["explained", "own_images", "tutorial"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)


@pytest.mark.filterwarnings("default")  # the kernel's own libraries warn of each other
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="a notebook's kernel is an extra: make test-extras")
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = re.sub(r"\bsteps=\d+", "steps=20", re.sub(r"\bepochs=\d+", "epochs=1", cell.source))
    nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    said = [output.text.count("validation accuracy") for output in shown if output.output_type == "stream"]
    assert path.stem == "own_images" or max(said, default=0) <= 5  # a cell is to be read in one look
    pictures = [output for output in shown if "image/png" in output.get("data", {})]
    assert path.stem == "own_images" or pictures  # plots are shown
