"""`convlet explore` and `convlet export` on the command line: what they refuse, and what they say."""

import socket

import pytest
from commands import convlet, refused


@pytest.mark.parametrize("name", ["page.pdf", "page", "page.htm", "model.onnx.zip"])
def test_export_names_the_files_that_it_can_write(digits, tmp_path, name):
    run, _ = digits
    refused("export", run, tmp_path / name, says="expected a name that ends in .html, .onnx, .keras or .h")


def test_export_writes_one_file_and_says_what_float16_changes(digits, tmp_path):
    run, _ = digits
    result = convlet("export", run, tmp_path / "page.html", "--json")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert '"images": 10000' in result.stdout and '"changed": ' in result.stdout
    assert text.startswith("<!doctype html>") and "src=" not in text.split("<script")[0]


def test_export_overwrites_nothing_with_half_a_page(digits, tmp_path, monkeypatch):
    from convlet.explore import exporting

    def broken(*arguments):
        raise OSError("no space left on this device")

    run, _ = digits
    (tmp_path / "page.html").write_text("before")
    monkeypatch.setattr(exporting, "page", broken)
    convlet("export", run, tmp_path / "page.html", code=1)
    assert (tmp_path / "page.html").read_text() == "before"


@pytest.mark.parametrize("verb", [["explore"], ["export"]])
def test_what_is_no_run_is_refused(verb, tmp_path):
    arguments = [*verb, tmp_path / "nothing", *([tmp_path / "page.html"] if verb == ["export"] else ["--no-browser"])]
    if verb == ["explore"]:
        pytest.importorskip("uvicorn", reason="the page's server is an extra: make test-page")
    refused(*arguments, says="expected the folder of a run", code=1)


def test_a_damaged_run_is_refused(digits, tmp_path):
    import shutil

    run, _ = digits
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "last.safetensors").write_bytes(b"not a checkpoint")
    refused("export", tmp_path / "run", tmp_path / "page.html", says="not a checkpoint of convlet", code=1)
    assert not (tmp_path / "page.html").exists()


def test_without_its_extra_explore_says_what_to_install(monkeypatch):
    monkeypatch.setattr("convlet.cli.explore.installed", lambda module: False)
    refused("explore", says="pip install 'convlet[explore]'", code=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_another_address_than_this_machines_own_is_warned_of(host, monkeypatch):
    pytest.importorskip("uvicorn", reason="the page's server is an extra: make test-page")
    import pages

    from convlet.explore import content, server

    monkeypatch.setattr(content, "starting", pages.content)
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    result = convlet("explore", "--no-browser", "--host", host, "--port", "0")
    assert "/?token=" in result.stdout
    assert ("Show it to nobody" in result.stderr) == (host == "0.0.0.0")


def test_a_port_that_is_taken_is_said_to_be(monkeypatch):
    pytest.importorskip("uvicorn", reason="the page's server is an extra: make test-page")
    import pages

    from convlet.explore import content, server

    monkeypatch.setattr(content, "starting", pages.content)
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = convlet("explore", "--no-browser", "--port", str(port))
    assert f"--port {port}: it is taken" in result.stderr
    assert f"127.0.0.1:{port}/" not in result.stdout
