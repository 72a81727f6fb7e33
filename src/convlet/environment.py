"""The machine, the versions a figure came from, the processors a run uses: a number never travels alone."""

import math
import os
import platform
import sys
from typing import Any

from convlet.checks import whole_number
from convlet.quota import processor_quota

THREADS = "CONVLET_THREADS"
OTHERS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
PACKAGES = ("convlet", "numpy", "numba", "llvmlite", "keras", "tensorflow-cpu", "tensorflow", "jax", "torch")


def environment() -> dict[str, Any]:
    """Versions, processor and cores, as plain text and numbers. No name of a user, a machine or a folder."""
    from importlib.metadata import PackageNotFoundError, version  # here, for `import convlet` need not wait for it

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "packages": versions,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": cores(),
    }


def cores() -> int:
    """How many processors this process may use: those it may run on, but no more than its quota grants."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, processor_quota())))


def chosen_threads() -> int:
    """How many threads a run may use where it is not told: what the first of these says, in this order.

    The variable CONVLET_THREADS; NUMBA_NUM_THREADS; OMP_NUM_THREADS; the processors this process may use. Raises
    InputError where the first, which is ours, says no whole number of at least 1. In another it is passed over.
    """
    said = os.environ.get(THREADS)
    if said:
        return whole_number(THREADS, int(said) if said.isdecimal() else said)
    others = (os.environ.get(name, "").split(",")[0].strip() for name in OTHERS)  # OpenMP's may be a list, by depth
    return next((int(other) for other in others if other.isdecimal() and int(other) > 0), 0) or cores()


def peak_memory_mb() -> float:
    """The most memory this process has had, in MB; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # bytes there, KiB elsewhere


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def limit_threads(count: int | None) -> int:
    """Use this many threads, or `chosen_threads`; returns how many. Raises InputError.

    The numba engine reads the variable; NumPy's own matrix products take their limit here. No result depends on it.
    """
    from threadpoolctl import threadpool_limits  # here, likewise

    threads = chosen_threads() if count is None else whole_number("threads", count)
    os.environ[THREADS] = str(threads)
    threadpool_limits(threads, user_api="blas")
    return threads
