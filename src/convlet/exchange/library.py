"""What other tools' networks need, imported when it is asked for; and what to type where it is missing."""

from importlib import import_module
from typing import Any

from convlet.engines import installed
from convlet.engines.lookup import EXTRAS
from convlet.errors import EngineError

EXTRA = "pip install 'convlet[onnx]'"
COMMANDS = {"onnx": EXTRA, "onnxruntime": EXTRA, "torch": "pip install torch", "keras": EXTRAS["keras"]}


def library(name: str, what_for: str) -> Any:
    """The module of that name, one of COMMANDS. Raises EngineError where it is not installed."""
    if not installed(name):
        raise EngineError(f"{what_for} needs {name}, which is not installed. Install it with: {COMMANDS[name]}")
    return import_module(name)
