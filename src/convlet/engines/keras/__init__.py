"""The engine for large machines and many of them: the same description as a Keras 3 model, on one of three backends.

    backend.py         which backend Keras computes with: TensorFlow, JAX or PyTorch
    model.py           the description as Keras models, masks of dropout being inputs
    kinds.py           each kind of layer as Keras's
    layers.py          the two layers that Keras lacks
    optimizer.py       our optimizer as Keras's, and its arrays by their public names
    program.py         the door, in backend-neutral words
    on_tensorflow.py   on_jax.py   on_torch.py      one step of training, compiled, in each backend's own words
    sharding.py        JAX's arrays on several devices: weights on all, a batch divided among them
    distribution.py    several processes become one run
    library_output.py  what libraries say that nobody asked

What it is not: a way to load Keras files. Weights cross as plain arrays, both ways, bit for bit. Importing this
package imports neither Keras nor a backend; the first `compile` does.
"""

from typing import TYPE_CHECKING

from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import Optimizer
from convlet.engines.checks import check_kinds
from convlet.engines.keras.backend import load_backend, use_backend
from convlet.engines.keras.distribution import group

if TYPE_CHECKING:  # importing it imports Keras
    from convlet.engines.keras.program import KerasProgram

__all__ = ["compile", "group", "use_backend"]


def compile(network: Sequential, parameters: Parameters, optimizer: Optimizer | None = None) -> "KerasProgram":
    """A program for this network, with a copy of these parameters; see `convlet.engines.Engine`.

    Raises EngineError where Keras or its backend is missing, or a kind of layer has no counterpart.
    """
    load_backend()
    from convlet.engines.keras.kinds import KINDS
    from convlet.engines.keras.program import KerasProgram

    check_kinds("keras", network, KINDS)
    return KerasProgram(network, parameters, optimizer)
