"""How many processors a run uses, said once for every engine."""

import os

from threadpoolctl import threadpool_limits

from convlet.checks import whole_number
from convlet.environment import cores

VARIABLE = "CONVLET_THREADS"


def limit_threads(count: int | None) -> int:
    """Use this many threads, or as many as there are processors; returns how many.

    The numba engine reads the variable; NumPy's own matrix products take their limit here. No result depends on it.
    """
    threads = whole_number("threads", count) if count is not None else int(os.environ.get(VARIABLE, cores()))
    os.environ[VARIABLE] = str(threads)
    threadpool_limits(threads, user_api="blas")
    return threads
