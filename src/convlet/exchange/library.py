"""The two libraries that ONNX needs, imported when they are asked for; and what to type where one is missing."""

from importlib import import_module
from typing import Any

from convlet.engines import installed
from convlet.errors import EngineError

EXTRA = "pip install 'convlet[onnx]'"


def library(name: str, what_for: str) -> Any:
    """The module `onnx` or `onnxruntime`. Raises EngineError where it is not installed."""
    if not installed(name):
        raise EngineError(f"{what_for} needs {name}, which is not installed. Install it with: {EXTRA}")
    return import_module(name)
