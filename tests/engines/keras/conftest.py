"""Which backend these tests run on: one a process, KERAS_BACKEND or the first that is installed.

KERAS_BACKEND=tensorflow pytest tests/engines/keras
KERAS_BACKEND=jax pytest tests/engines/keras

JAX compiles each step for each size of batch, and that is what its tests spend their time on: so they keep to the same
few networks and sizes, and what one has compiled the next finds.
"""

import pytest

from convlet.engines.keras.backend import load_backend
from convlet.errors import EngineError


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """What JAX compiles is kept for this worker's other tests, and for the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield


@pytest.fixture(scope="session")
def backend():
    """The backend's name; where Keras or the backend is missing, the test is skipped and says so."""
    try:
        return load_backend()
    except EngineError as error:
        pytest.skip(f"not run: {error}")


@pytest.fixture(scope="session")
def jax(backend):
    """For tests of several processes, which only JAX has."""
    if backend != "jax":
        pytest.skip(f"not run: several processes need the backend 'jax', and this is {backend!r}")
