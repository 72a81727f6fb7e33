"""How many processors a run uses, said once for every engine."""

import os

from threadpoolctl import threadpool_limits

from convlet.checks import whole_number
from convlet.environment import cores

VARIABLE = "CONVLET_THREADS"


def limit_threads(count: int | None) -> int:
    """Use this many threads, or as many as there are processors; returns how many. Raises InputError.

    The numba engine reads the variable; NumPy's own matrix products take their limit here. No result depends on it.
    """
    said = os.environ.get(VARIABLE)
    if count is None and said:
        threads = whole_number(VARIABLE, int(said) if said.isdecimal() else said)
    else:
        threads = cores() if count is None else whole_number("threads", count)
    os.environ[VARIABLE] = str(threads)
    threadpool_limits(threads, user_api="blas")
    return threads
