"""The line that `fit` writes in Python: in place on a terminal, sparse elsewhere, and never in the way."""

import io
import sys

import pytest
from quick import fit

from convlet.errors import InputError
from convlet.report.terminal import quiet_line


class Page(io.StringIO):
    """A stream that is, or is not, a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def impatient(monkeypatch):
    for name in ("IN_PLACE_SECONDS", "PLAIN_SECONDS", "PREPARING_SECONDS"):
        monkeypatch.setattr(quiet_line, name, -1)


def test_a_line_on_a_terminal_is_rewritten_in_place_and_ends(impatient, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Page(terminal=True))
    fit(progress=True)
    shown = sys.stderr.getvalue()
    assert shown.count("\n") == 1 and shown.endswith("\n") and shown.count("\r") >= 4
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
