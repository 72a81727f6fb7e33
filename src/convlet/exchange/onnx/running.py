"""A model in ONNX Runtime: what it answers, and how long that takes."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.environment import chosen_threads
from convlet.errors import EngineError
from convlet.exchange.library import library
from convlet.losses import softmax

Array = NDArray[Any]
ALONE = 50  # times that one image is asked for, to see how long that takes


@dataclass(frozen=True)
class Running:
    """A session of ONNX Runtime on the processor, of a model that `writing.py` wrote."""

    session: Any
    threads: int

    @classmethod
    def of(cls, content: bytes) -> "Running":
        """A session of the model in these bytes, with as many threads as convlet's own engines take here.

        Raises EngineError where onnxruntime is not installed, or cannot take the model.
        """
        runtime, threads = library("onnxruntime", "checking the model"), chosen_threads()
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3  # errors alone are told
        try:
            return cls(runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"]), threads)
        except Exception as error:  # its errors have no kind in common
            raise EngineError(f"ONNX Runtime cannot take the model: {error}") from None

    def answer(self, images: Array) -> Array:
        """What the model gives for images (N, H, W, C) of float32 from 0 to 1."""
        (given,) = self.session.get_inputs()
        if given.type == "tensor(uint8)":
            images = np.round(images * 255).astype(np.uint8)
        (outputs,) = self.session.run(None, {given.name: images})
        return outputs

    def probabilities(self, images: Array) -> Array:
        """The probabilities (N, classes) of images, as `answer` takes them."""
        outputs = self.answer(images)
        return outputs if self.session.get_outputs()[0].name == "probabilities" else softmax(outputs)

    def milliseconds(self, image: Array) -> float:
        """The median time of the answer to one image (1, H, W, C)."""
        times = []
        for _ in range(ALONE):
            start = time.perf_counter()
            self.answer(image)
            times.append(time.perf_counter() - start)
        return float(np.median(times)) * 1e3
