"""Which backend Keras computes with. One process has one: Keras settles it when it is imported, for good.

In order: what `use_backend` was told; the environment variable KERAS_BACKEND; the first that is installed of
TensorFlow, JAX and PyTorch. Keras's own file in the home directory is not asked, so that a run depends on its call.
"""

import os
import sys
from importlib import import_module

from convlet.checks import one_of
from convlet.engines import BACKENDS, installed
from convlet.engines.keras.library_output import hold_back_stderr
from convlet.environment import chosen_threads
from convlet.errors import EngineError

# What each backend reads, when it begins, to know how many threads it may use. PyTorch is told by a call.
THREADS = {
    "tensorflow": ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    "jax": ("PJRT_NPROC",),
    "torch": (),
}


def use_backend(name: str) -> None:
    """Choose the backend, "tensorflow", "jax" or "torch", before anything imports Keras.

    Raises InputError for an unknown name; EngineError where Keras or the backend is not installed, or where Keras is
    already at work with another one.
    """
    one_of("backend", name, BACKENDS)
    for module in ("keras", name):
        if not installed(module):
            raise EngineError(f"backend={name!r}: {module} is not installed. Install it with: {install_command(name)}")
    if (current := _current()) not in (None, name):
        raise EngineError(
            f"backend={name!r}: Keras was already imported with {current!r}, and keeps it until the process ends. "
            f"Choose first, or start again with KERAS_BACKEND={name}."
        )
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its later chatter does not belong in a run's messages


def load_backend() -> str:
    """Settle the backend, where that is still open, import Keras with it, and name it. Raises as `use_backend` does."""
    name = _current() or os.environ.get("KERAS_BACKEND") or next(filter(installed, BACKENDS), "tensorflow")
    one_of("KERAS_BACKEND", name, BACKENDS)
    use_backend(name)
    threads = chosen_threads()
    if _current() is None:
        os.environ.update({variable: str(threads) for variable in THREADS[name]})
        with hold_back_stderr():  # TensorFlow greets, whatever level of messages it is told
            import_module("keras")
    if name == "torch":
        import_module("torch").set_num_threads(threads)
    return name


def install_command(backend: str = "tensorflow") -> str:
    """What to type to have Keras with this backend."""
    return f"pip install 'convlet[keras]' {BACKENDS[backend]}"


def _current() -> str | None:
    """The backend that Keras has in this process, if it is imported at all."""
    keras = sys.modules.get("keras")
    return keras.config.backend() if keras else None
