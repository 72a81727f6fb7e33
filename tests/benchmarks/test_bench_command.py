"""`convlet bench`: what it prints and draws, and what it refuses."""

import json

import pytest
from benchmarking import TINY, fake
from click.testing import CliRunner

from convlet.benchmarks import competitors, selection, workloads
from convlet.benchmarks.competitors import COMPETITORS
from convlet.cli import main


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """`convlet bench` where there is only the tiny workload, and three competitors."""
    monkeypatch.setattr(selection, "WORKLOADS", {"tiny": lambda: TINY})
    monkeypatch.setattr(workloads, "WORKLOADS", {"tiny": lambda: TINY})
    known = {"numpy": COMPETITORS["numpy"], "Raises": fake("Raises"), "Absent": fake("Absent", requires=("no_such",))}
    monkeypatch.setattr(competitors, "COMPETITORS", known)
    monkeypatch.setenv("CONVLET_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    short = ["bench", "--rounds", "1", "--seconds", "0.01"]
    return lambda *arguments: CliRunner().invoke(main, [*short, *arguments])


def test_bench_prints_one_json_object_and_draws(bench, tmp_path):
    done = bench("--competitors", "numpy,Absent", "--json", "--picture", "bench.svg")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["schema"] == 1 and facts["plan"]["rounds"] == 1
    assert [each["status"] for each in facts["workloads"][0]["competitors"]] == ["measured", "skipped"]
    assert "tiny: round 1 of 1" in done.stderr
    assert (tmp_path / "bench.svg").read_text().startswith("<?xml")


def test_bench_fails_where_a_competitor_does_after_showing_all(bench):
    done = bench()
    assert done.exit_code == 1
    assert "convlet numpy" in done.stdout and "✗ failed Raises of Fake: RuntimeError: out of paper" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--picture", "bench.pdf"), "--picture=bench.pdf: expected a name that ends in .svg or .png."),
        (("--workloads", "huge"), "workloads='huge'"),
        (("--seeds", "3"), "--seeds: it goes with --accuracy"),
    ],
)
def test_bench_refuses_what_it_cannot_do_before_measuring(bench, arguments, complaint):
    refused = bench(*arguments)
    assert refused.exit_code == 2 and complaint in refused.stderr and "round" not in refused.stderr
