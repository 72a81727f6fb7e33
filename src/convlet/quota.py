"""How much processor time Linux grants this process: the quota of its control groups, which containers are made of.

A container of 1.5 processors still sees all of the machine's. As many threads as those would be halted for most of
every tenth of a second, and wait for one another. Groups lie in each other, each may have a quota, and the smallest
counts.
"""

import functools
import math
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OURS = Path("/proc/self/cgroup")


@functools.cache
def processor_quota() -> float:
    """So many processors' time this process may use; infinite where nothing limits it.

    Its files are read once a process: every worklist asks, and reading takes longer than a small one does.
    """
    return min((_granted(folder) for folder in _folders()), default=math.inf)


def _folders() -> Iterator[Path]:
    """The folders of the groups that this process is in, those around them too, in both versions of the system."""
    try:
        lines = OURS.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        inside = Path(path.strip("/"))
        for mount in (controllers, "cpu") if controllers else ("", "unified"):
            # In a container, the path may be the host's: then what the container sees as the root is its own group.
            yield from (GROUPS / mount / part for part in (inside, *inside.parents) if ".." not in part.parts)


def _granted(folder: Path) -> float:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("utf-8").split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text("utf-8") for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):  # no such file; or "max"
        return math.inf
