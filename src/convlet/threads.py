"""How many processors a run uses, said once for every engine."""

import os

from threadpoolctl import threadpool_limits

from convlet.checks import whole_number
from convlet.environment import THREADS, chosen_threads


def limit_threads(count: int | None) -> int:
    """Use this many threads, or `chosen_threads`; returns how many. Raises InputError.

    The numba engine reads the variable; NumPy's own matrix products take their limit here. No result depends on it.
    """
    threads = chosen_threads() if count is None else whole_number("threads", count)
    os.environ[THREADS] = str(threads)
    threadpool_limits(threads, user_api="blas")
    return threads
