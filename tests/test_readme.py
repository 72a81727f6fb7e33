"""The Python that README shows runs as it stands there (with few steps and images)."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pictured import folder

import convlet as cl

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def few():
    mnist = cl.datasets.mnist()
    return replace(mnist, **{name: part.take(slice(40)) for name, part in mnist.parts.items()})


def shortened(block):
    """The block on the reference engine, in two steps of four images, silently."""
    quick = 'steps=2, batch_size=4, engine="numpy", progress=False'
    text = re.sub(r",? *batch_size=\d+", "", block)
    return re.sub(r'steps=[\d_]+|time_limit="5m"', quick, text)


def test_what_readme_shows_of_python_runs(few, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cl.datasets, "mnist", lambda: few)
    monkeypatch.chdir(tmp_path)
    folder(Path("photos"), count=3)
    names = {"np": np, "images": few.train.images, "labels": few.train.labels}
    names |= {"others": few.test.images, "their_labels": few.test.labels}
    blocks = [block for block in BLOCKS if "keras" not in block]
    assert len(blocks) >= 3 and sum("cl.fit(" in block for block in blocks) == 3
    for block in blocks:
        exec(shortened(block), names)
    assert 0 <= float(capsys.readouterr().out.split()[0]) <= 1
    assert names["tuned"].history.steps == 2 and cl.load(tmp_path / "runs/mine", engine="numpy").history.steps == 2


def test_what_readme_shows_of_keras_runs(few, monkeypatch, tmp_path):
    pytest.importorskip("keras")
    (block,) = (block for block in BLOCKS if "keras" in block)
    monkeypatch.chdir(tmp_path)
    network = cl.Sequential([cl.Flatten(), cl.Dense(10)], (28, 28, 1))
    cl.fit(network, few, steps=1, run_dir="runs/mine", engine="numpy", progress=False)
    exec(block, {"cl": cl, "images": few.test.images})
    assert Path("mine.keras").exists()
