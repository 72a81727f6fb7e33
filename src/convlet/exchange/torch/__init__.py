"""Networks to and from PyTorch: live modules, with their weights.

What it is not: a reader of files. `torch.load` of a stranger's file runs what is in it; make the module yourself, and
load weights into it by `load_state_dict`. Nothing here is imported before it is asked for, nor is PyTorch.

    taking      a module as a run:
    reading     what torch.fx follows of its forward, as a graph
    leaves      PyTorch's own modules in it; calls.py: functions, methods, arithmetic

    writing     a network as a module
    kinds       each kind of layer as modules
    modules     what PyTorch lacks of our layers
"""

from collections.abc import Sequence
from typing import Any

from convlet.checks import Shape
from convlet.descriptions.network import Parameters
from convlet.descriptions.network import Sequential as Network
from convlet.exchange.library import library
from convlet.runs.run import Run

__all__ = ["from_torch", "torch_module"]


def from_torch(
    module: Any,
    input_shape: Shape,
    *,
    classes: Sequence[str] | None = None,
    engine: str | None = None,
    threads: int | None = None,
) -> Run:
    """A module of PyTorch's, such as an nn.Sequential, as a run that has yet to take a step: with its weights.

    `input_shape` is one image as convlet has them, (H, W, C), where the module takes (N, C, H, W); or (size,). Its
    classes are `classes`, or numbers. The module is left as it is, and answers in eval mode as the run does: that is
    tried on a few images. A softmax at its end is left out, since a network gives logits.

    Raises InputError where it has what no layer here does, naming the module; EngineError where PyTorch is not
    installed, or the two answer differently.
    """
    library("torch", "from_torch")
    from convlet.exchange.torch.taking import taken

    return taken(module, input_shape, classes=classes, engine=engine, threads=threads)


def torch_module(network: Network, parameters: Parameters) -> Any:
    """The network with its weights as an nn.Sequential in eval mode: images (N, C, H, W) of float32 to logits.

    A residual block is a small module of its own. Raises EngineError where PyTorch is not installed.
    """
    library("torch", "a network as a module of PyTorch's")
    from convlet.exchange.torch.writing import written

    return written(network, parameters)
