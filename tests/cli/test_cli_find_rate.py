"""`convlet train --find-rate`: a curve, a suggestion with its reason, and nothing trained."""

import json
from pathlib import Path

import pytest
from commands import convlet, refused


def test_a_suggestion_is_printed_with_its_reason_and_the_curve_drawn(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--engine", "numpy", "--find-rate", "--steps", "30")
    printed = json.loads(convlet("train", shop / "tiny.toml", *options, "--json").stdout)
    assert printed.keys() >= {"schema", "suggestion", "reason", "rates", "losses", "smooth", "diverged", "picture"}
    assert len(printed["rates"]) == len(printed["losses"]) <= 30 and printed["rates"][0] == 1e-6
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-rates.svg"]  # no run folder
    picture = Path("tiny-rates.svg").read_bytes()
    assert picture.startswith(b"<?xml") and b"mathdefault" not in picture
    shown = convlet("train", shop / "tiny.toml", *options).stdout
    assert shown.startswith("Suggested learning rate: ") and printed["reason"] in shown
    assert shown.endswith("Nothing was trained. The curve is in:\n  tiny-rates.svg\n")
    assert Path("tiny-rates.svg").read_bytes() == picture


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--resume", "run"), "--resume=run with --find-rate: it trains nothing; leave --resume out."),
        (("--run-dir", "run"), "--run-dir=run with --find-rate"),
        (("--learning-rate", "0.1"), "--learning-rate=0.1 with --find-rate"),
        (("--epochs", "3"), "--epochs=3 with --find-rate"),
        (("--steps", "5"), "steps=5: expected a whole number of at least 10"),
    ],
)
def test_options_that_say_nothing_of_it_are_refused(shop, tmp_path, monkeypatch, option, says):
    monkeypatch.chdir(tmp_path)
    refused("train", shop / "tiny.toml", "--engine", "numpy", "--find-rate", *option, says=says)
    assert not list(tmp_path.iterdir())
