"""Something to train on, and a trained run, for every test of the command line."""

import json

import pytest
import tiny
from commands import RECIPE, convlet

from convlet import experiment


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("CONVLET_THREADS", "1")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures take most of the time of a tiny run, and have tests of their own."""
    monkeypatch.setattr(experiment, "draw_run", lambda *arguments, **options: [])


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a tiny data set and a recipe for it."""
    folder = tmp_path_factory.mktemp("shop")
    data = tiny.save_npz(folder / "data.npz", tiny.dataset(train=60))
    (folder / "tiny.toml").write_text(RECIPE.format(source=data, shape=[5, 4, 1], units=3, batch=4, steps=40), "utf-8")
    (folder / "long.toml").write_text(
        (folder / "tiny.toml").read_text("utf-8").replace("steps = 40", "steps = 3000, validate_every = 30"), "utf-8"
    )
    return folder


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A run on real MNIST: one dense layer, a second of training. No test changes its folder."""
    folder = tmp_path_factory.mktemp("digits")
    recipe = folder / "digits.toml"
    recipe.write_text(RECIPE.format(source="mnist", shape=[28, 28, 1], units=10, batch=100, steps=600), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVLET_THREADS", "1")
        result = convlet("train", recipe, "--engine", "numpy", "--run-dir", folder / "run", "--json")
    return folder / "run", json.loads(result.stdout)
