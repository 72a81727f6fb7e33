"""How many threads: what is said, and in what order; and what a control group grants, in a made-up tree of files."""

import math
import os

import pytest

from convlet import environment, quota
from convlet.environment import chosen_threads, cores
from convlet.errors import InputError

VARIABLES = ("CONVLET_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A function that makes /sys/fs/cgroup and /proc/self/cgroup what it is told."""

    def make(ours, files):
        (tmp_path / "ours").write_text(ours)
        for name, text in files.items():
            (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "groups" / name).write_text(text)

    monkeypatch.setattr(quota, "OURS", tmp_path / "ours")
    monkeypatch.setattr(quota, "GROUPS", tmp_path / "groups")
    quota.processor_quota.cache_clear()
    yield make
    quota.processor_quota.cache_clear()


def old(folder, granted, period=100_000):
    return {f"{folder}/cpu.cfs_quota_us": f"{granted}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


TREES = {
    "2: a container's own": ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
    "2: without a quota": ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
    "2: of a group around": ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, 0.5),
    "2: the smallest": ("0::/a/b\n", {"a/cpu.max": "400000 100000\n", "a/b/cpu.max": "300000 100000\n"}, 3),
    "2: not of a group beside": ("0::/a\n", {"b/cpu.max": "100000 100000\n"}, math.inf),
    "2: a path of the host's": ("0::/../../pod\n", {"cpu.max": "200000 100000\n", "pod/cpu.max": "1 1\n"}, 2),
    "1: a container's own": ("3:cpu,cpuacct:/docker/4711\n", old("cpu,cpuacct", 250_000), 2.5),
    "1: linked as cpu": ("3:cpuacct,cpu:/\n", old("cpu", 10_000), 0.1),
    "1: of a group around": ("1:cpu:/a/b\n", old("cpu/a", 100_000) | old("cpu/a/b", -1), 1),
    "1: without a quota": ("1:cpu:/\n", old("cpu", -1), math.inf),
    "1: of another kind": ("1:cpuset:/\n2:cpuacct:/\n", old("cpuset", 100_000) | old("cpuacct", 100_000), math.inf),
    "both": ("1:cpu:/\n0::/\n", old("cpu", 300_000) | {"unified/cpu.max": "100000 50000\n"}, 2),
    "unreadable": ("0::/\n", {"cpu.max": "many\n"}, math.inf),
    "a period of nothing": ("1:cpu:/\n", old("cpu", 1, 0), math.inf),
    "nothing": ("", {}, math.inf),
    "nonsense": ("\n::\ncpu\n", {}, math.inf),
}


@pytest.mark.parametrize(("ours", "files", "processors"), TREES.values(), ids=TREES)
def test_the_smallest_quota_of_all_groups_around_this_process_counts(tree, ours, files, processors):
    tree(ours, files)
    assert quota.processor_quota() == processors


def test_the_files_are_read_once_a_process(tree):
    """Every worklist asks: an interrupt that meets the reading would leave a file open."""
    tree("0::/\n", {"cpu.max": "150000 100000\n"})
    assert quota.processor_quota() == 1.5
    tree("0::/\n", {"cpu.max": "50000 100000\n"})
    assert quota.processor_quota() == 1.5


def test_where_there_are_no_control_groups_nothing_limits(tree):
    assert quota.processor_quota() == math.inf


@pytest.mark.parametrize(
    ("granted", "allowed", "expected"), [(0.1, 8, 1), (1.0, 8, 1), (1.5, 8, 2), (3.0, 2, 2), (math.inf, 8, 8)]
)
def test_a_quota_is_rounded_up_and_never_gives_more_than_there_are(monkeypatch, granted, allowed, expected):
    monkeypatch.setattr(environment, "processor_quota", lambda: granted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(allowed)), raising=False)
    assert cores() == expected


SAID = [
    ({}, None),
    ({"OMP_NUM_THREADS": "3"}, 3),
    ({"OMP_NUM_THREADS": "5,2,1"}, 5),
    ({"OMP_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "4"}, 4),
    ({"OMP_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "4", "CONVLET_THREADS": "6"}, 6),
    ({"NUMBA_NUM_THREADS": "many", "OMP_NUM_THREADS": "2"}, 2),
    ({"NUMBA_NUM_THREADS": "0", "OMP_NUM_THREADS": "-1", "CONVLET_THREADS": ""}, None),
]


@pytest.mark.parametrize(("variables", "expected"), SAID)
def test_the_first_variable_that_says_something_counts(monkeypatch, variables, expected):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, said in variables.items():
        monkeypatch.setenv(name, said)
    assert chosen_threads() == (expected or cores())


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "many"])
def test_our_own_variable_must_say_a_whole_number(monkeypatch, said):
    monkeypatch.setenv("CONVLET_THREADS", said)
    with pytest.raises(InputError, match="CONVLET_THREADS="):
        chosen_threads()
