"""Which backend these tests run on: one a process, KERAS_BACKEND or the first that is installed.

KERAS_BACKEND=tensorflow pytest tests/keras
KERAS_BACKEND=jax pytest tests/keras
"""

import pytest

from convlet.engines.keras.backend import load_backend
from convlet.errors import EngineError


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
