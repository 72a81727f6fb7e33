"""The profile of a step: that every block is in it, both ways, with its costs. Never how long anything takes."""

import io
import json

import pytest
from benchmarking import NETWORK, TINY
from click.testing import CliRunner
from rich.console import Console

from convlet.benchmarks import profile, workloads
from convlet.cli import main
from convlet.engines.numba.assembly.lowering import lower
from convlet.report.terminal.profile import profile_table


@pytest.fixture(scope="module")
def facts():
    """Of the tiny workload, as the command prints them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(workloads.WORKLOADS, "tiny", lambda: TINY)
        patch.setattr(profile, "ROUNDS", 2)
        patch.setattr(profile, "STEPS", 2)
        done = CliRunner().invoke(main, ["bench", "--profile", "tiny", "--json"], catch_exceptions=False)
        shown = CliRunner().invoke(main, ["bench", "--profile", "tiny"], catch_exceptions=False)
    return json.loads(done.stdout) | {"shown": shown.stdout}


def test_a_profile_has_every_block_forward_and_backward_and_what_belongs_to_none(facts):
    blocks = [list(block.names) for block in lower(NETWORK)]
    ways = {
        way: [stage["layers"] for stage in facts["stages"] if stage["pass"] == way] for way in ("forward", "backward")
    }
    assert ways == {"forward": blocks, "backward": blocks[::-1]}
    assert [stage["pass"] for stage in facts["stages"] if not stage["layers"]] == ["loss", "update"]


def test_a_profile_counts_operations_as_the_network_does(facts):
    gflop = sum(stage["gflops"] * stage["ms"] for stage in facts["stages"] if stage["gflops"])
    assert gflop == pytest.approx(1e3 * TINY.gflop, rel=0.05)


def test_a_stage_s_time_is_that_of_its_kernels_and_its_memory_holds_its_outputs(facts):
    for stage in facts["stages"]:
        assert stage["ms"] == pytest.approx(sum(each["ms"] for each in stage["kernels"]), rel=0.02)
    first, N = facts["stages"][0], facts["batch_size"]
    assert first["bytes"] >= 4 * N * (8 * 6 * 2 + 4 * 3 * 3)  # its images and its pooled outputs


def test_a_profile_is_shown_as_a_table(facts):
    for word in ("conv2d_1", "backward", "update", "GFLOP/s"):
        assert word in facts["shown"]


@pytest.mark.parametrize(
    ("compiled", "found", "says"),
    [(25, 0, "4 s to compile 25 kernels"), (3, 22, "4 s to compile 3 kernels and to read 22 that were kept"),
     (0, 25, "4 s to read 25 that were kept")],
)  # fmt: skip
def test_a_profile_says_whether_its_kernels_were_compiled_in_its_time(facts, compiled, found, says):
    told = facts | {"compile_seconds": 4.0, "kernels_compiled": compiled, "kernels_found": found}
    text = io.StringIO()
    Console(file=text, width=200).print(profile_table(told))
    assert f"threads; {says}\n" in "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def test_what_would_change_nothing_beside_a_profile_is_refused():
    done = CliRunner().invoke(main, ["bench", "--profile", "tiny", "--rounds", "3", "--seeds", "2"])
    assert done.exit_code == 2
    assert "--rounds, --seeds would change nothing" in " ".join(done.output.split())
