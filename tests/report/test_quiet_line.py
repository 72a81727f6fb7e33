"""The line that `fit` writes in Python: in place on a terminal, sparse elsewhere, and never in the way."""

import io
import sys

import pytest
import tiny
from quick import fit

import convlet as cl
from convlet.errors import InputError
from convlet.report.terminal import progress, quiet_line


class Page(io.StringIO):
    """A stream that is, or is not, a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def impatient(monkeypatch):
    for room, name in (
        (quiet_line, "IN_PLACE_SECONDS"),
        (quiet_line, "PLAIN_SECONDS"),
        (progress, "PREPARING_SECONDS"),
    ):
        monkeypatch.setattr(room, name, -1)


def test_a_line_on_a_terminal_is_rewritten_in_place_and_ends(impatient, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Page(terminal=True))
    fit(progress=True)
    shown = sys.stderr.getvalue()
    assert shown.count("\n") == 2 and shown.endswith("\n") and shown.count("\r") >= 4  # a validation, and the end
    assert "step 4 of 4" in shown.split("\r")[-1] and "step 1 of 4" in shown


def test_a_line_elsewhere_stays_and_silence_is_silence(impatient, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Page(terminal=False))
    fit(progress=True)
    lines = sys.stderr.getvalue().splitlines()
    assert "\r" not in sys.stderr.getvalue() and any("step 4 of 4" in line for line in lines)
    monkeypatch.setattr(sys, "stderr", Page(terminal=False))
    fit(progress=False)
    assert sys.stderr.getvalue() == ""
    with pytest.raises(InputError, match="progress='no'"):
        fit(progress="no")


def test_a_line_that_cannot_be_written_stops_nothing(impatient, monkeypatch):
    closed = Page(terminal=True)
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert fit(progress=True).history.steps == 4


@pytest.mark.parametrize("terminal", [True, False])
def test_validations_are_said_as_on_the_command_line(monkeypatch, terminal, tmp_path):
    monkeypatch.setattr(sys, "stderr", Page(terminal))
    options = {"optimizer": cl.SGD(1e-12), "batch_size": 23, "run_dir": tmp_path / "r"}
    fit(progress=True, steps=2, **options)
    lines = [line.split("\r")[-1].rstrip() for line in sys.stderr.getvalue().rstrip("\n").split("\n")]
    assert [line[:32] for line in lines[:2]] == ["epoch 1, step 1: validation accu", "epoch 2, step 2: validation accu"]
    assert lines[0].endswith("  no better than a guess") and lines[2].startswith("step 2 of 2") and len(lines) == 3
    monkeypatch.setattr(sys, "stderr", Page(terminal))
    fit(progress=True, steps=3, resume=True, **options)
    assert "Resumed at step 2 of 3." in sys.stderr.getvalue() and "epoch 2," not in sys.stderr.getvalue()


def test_what_is_said_first_keeps_nothing_else_from_being_said(monkeypatch, impatient):
    monkeypatch.setattr(sys, "stderr", Page(terminal=False))
    with quiet_line.QuietLine(tiny.dataset()) as line:
        line.say("From the weights of a run in memory.")
        for part in range(2):
            line.preparing(part, 2, "a kernel")
    first, compiling = sys.stderr.getvalue().splitlines()
    assert first.startswith("From the weights") and compiling.startswith("Compiling for this machine")
