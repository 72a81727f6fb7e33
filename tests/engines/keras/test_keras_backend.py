"""Choosing Keras's backend: nothing is imported too early, and every refusal says what to do."""

import os
import subprocess
import sys

import pytest

from convlet.engines import lookup
from convlet.engines.keras import backend as backends
from convlet.engines.keras.library_output import hold_back_stderr, stdout_to_stderr
from convlet.errors import EngineError, InputError


def run(code, **environment):
    """What a fresh Python prints."""
    environment = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True
    ).stdout


def test_until_something_is_compiled_no_framework_is_imported():
    code = "import sys, convlet.engines.keras; print({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    assert run(code) == "set()\n"


def test_without_keras_the_engine_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(lookup, "installed", lambda module: False)
    with pytest.raises(EngineError, match=r"keras is not installed. Install it with: pip install 'convlet\[keras\]'"):
        lookup.engine("keras")


@pytest.mark.parametrize(("name", "package"), [("tensorflow", "tensorflow-cpu"), ("jax", "jax"), ("torch", "torch")])
def test_without_a_backend_the_message_names_its_package(monkeypatch, name, package):
    monkeypatch.setattr(backends, "installed", lambda module: module == "keras")
    with pytest.raises(
        EngineError, match=rf"backend='{name}': {name} is not installed.* 'convlet\[keras\]' {package}$"
    ):
        backends.use_backend(name)


def test_an_unknown_backend_is_refused_with_the_nearest_known_one():
    with pytest.raises(InputError, match=r"backend='tensorflo': .* Did you mean 'tensorflow'\?"):
        backends.use_backend("tensorflo")


def test_an_unknown_backend_in_the_environment_is_refused_by_its_name(monkeypatch):
    monkeypatch.setattr(backends, "_current", lambda: None)
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(InputError, match="KERAS_BACKEND='theano': expected one of 'tensorflow', 'jax', 'torch'"):
        backends.load_backend()


def test_without_a_wish_the_first_installed_backend_is_taken(monkeypatch):
    monkeypatch.setattr(backends, "_current", lambda: None)
    monkeypatch.setattr(backends, "installed", lambda module: module in ("keras", "jax", "torch"))
    monkeypatch.setattr(backends, "import_module", [].append)  # this process may yet need another one
    monkeypatch.setenv("KERAS_BACKEND", "")
    assert backends.load_backend() == "jax"
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_once_keras_is_imported_its_backend_stays(backend, monkeypatch):
    monkeypatch.setattr(backends, "installed", lambda module: True)
    other = "jax" if backend == "tensorflow" else "tensorflow"
    __import__("keras")
    backends.use_backend(backend)
    with pytest.raises(
        EngineError, match=f"already imported with '{backend}'.* start again with KERAS_BACKEND={other}"
    ):
        backends.use_backend(other)


def test_what_use_backend_was_told_goes_before_the_environment(backend):
    code = f"from convlet.engines.keras import use_backend; use_backend({backend!r})"
    assert (
        run(f"{code}; import keras; print(keras.config.backend())", KERAS_BACKEND="numpy").splitlines()[-1] == backend
    )


def test_importing_keras_and_its_backend_says_nothing(backend):
    code = "from convlet.engines.keras.backend import load_backend; print(load_backend())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert (done.stdout, done.stderr) == (f"{backend}\n", "")


def test_what_was_held_back_is_said_where_it_ends_with_an_error(capfd):
    with hold_back_stderr():
        os.write(2, b"a greeting")
    with pytest.raises(ImportError), hold_back_stderr():
        os.write(2, b"what went wrong\n")
        raise ImportError
    assert capfd.readouterr().err == "what went wrong\n"


def test_what_is_said_on_stdout_can_go_to_stderr(capfd):
    with stdout_to_stderr():
        os.write(1, b"a greeting\n")
    os.write(1, b"a result\n")
    assert capfd.readouterr() == ("a result\n", "a greeting\n")


def test_the_backend_uses_as_many_threads_as_it_is_told(backend):
    """By the processor time of large matrix products, against the time on the clock."""
    code = """
import time, numpy as np
from convlet.engines.keras.backend import load_backend
load_backend()
from keras import ops
matrix = ops.ones((1500, 1500))
def work(times):
    for _ in range(times):
        product = ops.matmul(matrix, matrix)
    return np.asarray(ops.convert_to_numpy(product)).sum()
work(2)
started, used = time.perf_counter(), time.process_time()
work(20)
print((time.process_time() - used) / (time.perf_counter() - started))
"""
    assert float(run(code, CONVLET_THREADS="1")) < 1.3
