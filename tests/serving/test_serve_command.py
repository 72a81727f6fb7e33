"""`convlet serve` on the command line: what it refuses, and what it says."""

import asking
import pytest
import tiny
from commands import convlet, refused


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tiny.train(steps=4, run_dir=tmp_path_factory.mktemp("serve") / "run").run_dir


@pytest.fixture
def calls(monkeypatch):
    """What the server was asked to serve; it ends at once."""
    server = pytest.importorskip("convlet.serving.server", reason="the server is an extra: make test-extras")
    made = []

    def serve(predictor, limits, *, said, **others):
        made.append((predictor, limits, others))
        said("http://127.0.0.1:8000/")

    monkeypatch.setattr(server, "serve", serve)
    return made


def test_without_its_extra_serve_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr("convlet.cli.serve.installed", lambda module: False)
    refused("serve", run, says="pip install 'convlet[serve]'", code=1)


def test_a_run_is_served_with_the_limits_that_are_told(run, calls):
    told = ["--max-batch", 3, "--max-wait", 0.5, "--max-body", 2, "--max-waiting", 9, "--deadline", 4]
    result = convlet("serve", run, *told, "--port", 0, "--allow-host", "a.test", "--threads", 1, "--engine", "numpy")
    assert "http://127.0.0.1:8000/" in result.stdout and result.stderr == ""
    ((predictor, limits, others),) = calls
    assert (predictor.name, predictor.classes) == ("run", tiny.CLASSES)
    assert (limits.max_batch, limits.max_wait, limits.body_bytes, limits.max_waiting) == (3, 0.5, 2_000_000, 9)
    assert limits.deadline == 4
    assert others == {"host": "127.0.0.1", "port": 0, "names": ("a.test",), "threads": 1}


def test_another_address_than_this_machines_own_is_said_to_let_others_in(run, calls):
    result = convlet("serve", run, "--host", "0.0.0.0", "--engine", "numpy")
    assert result.stderr == "--host 0.0.0.0: every machine that reaches this one can ask, and nothing is encrypted.\n"


@pytest.mark.parametrize("option", ["max-batch", "max-body", "max-waiting", "deadline"])
def test_a_limit_that_allows_nothing_is_refused(run, calls, option):
    refused("serve", run, f"--{option}", 0, says=f"{option.replace('-', '_')}=0")


def test_a_run_that_is_not_there_is_named(tmp_path, calls):
    refused("serve", tmp_path / "none", says="none: cannot be read", code=1)


def test_a_port_that_is_taken_is_named(run):
    pytest.importorskip("uvicorn", reason="the server is an extra: make test-extras")
    with asking.served() as server:
        refused(
            "serve", run, "--port", server.port, "--engine", "numpy", says=f"port {server.port}: it is taken", code=1
        )
