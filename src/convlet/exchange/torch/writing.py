"""A network of ours as an nn.Sequential, its blocks as modules that add.

PyTorch flattens channel by channel, where ours goes pixel by pixel: so a layer behind a flattened image has its weights
in another order there. `state_dict` has the layers' names.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from torch import nn

from convlet.descriptions.layers import Dense, Flatten, Layer, Residual
from convlet.descriptions.network import IMAGE, Parameters, Placed
from convlet.descriptions.network import Sequential as Network
from convlet.exchange.graph.nodes import Array
from convlet.exchange.torch.kinds import KINDS, Modules, Site
from convlet.exchange.torch.modules import Residual as Block


def written(network: Network, parameters: Parameters) -> nn.Sequential:
    """The network with its weights, in eval mode; see `torch_module`."""
    return _Writing(network, parameters).row(network.layers).eval()


class _Writing:
    """A network on its way to PyTorch.

    `_orders` says by a layer's name in which order PyTorch has what it gives, where that is a flattened image: which of
    our numbers stands at each place.
    """

    def __init__(self, network: Network, parameters: Parameters) -> None:
        self._places, self._parameters = {placed.name: placed for placed in network}, parameters
        self._orders: dict[str, Array | None] = {IMAGE: None}
        self._names: set[str] = set()
        for placed in network:
            self._orders[placed.name] = self._order(placed)

    def _order(self, placed: Placed) -> Array | None:
        if isinstance(placed.layer, Flatten) and len(placed.input_shape) == 3 and self._ends_in_dense(placed.name):
            numbers = np.arange(np.prod(placed.input_shape)).reshape(placed.input_shape)
            return numbers.transpose(2, 0, 1).ravel()
        return None if isinstance(placed.layer, Dense) else self._orders[placed.inputs[0]]

    def _ends_in_dense(self, name: str) -> bool:
        """Whether all that becomes of a value goes number by number into dense layers, whose weights have any order."""

        def ends(user: Placed) -> bool:
            return isinstance(user.layer, Dense) or (len(user.inputs) == 1 and self._ends_in_dense(user.name))

        users = [placed for placed in self._places.values() if name in placed.inputs]
        return bool(users) and all(map(ends, users))

    def row(self, layers: Sequence[Layer]) -> nn.Sequential:
        """Layers in a row, each with the name of its own."""
        named: OrderedDict[str, nn.Module] = OrderedDict()
        for layer in layers:
            for ending, module in self._modules(layer).items():
                named[self._name(layer.name + ending)] = module
        return nn.Sequential(named)

    def _name(self, name: str) -> str:
        """The name, or with marks behind it where that is another module's, or of nn.Sequential itself."""
        while name in self._names or hasattr(nn.Sequential, name) or name == "training":
            name += "_"
        self._names.add(name)
        return name

    def _modules(self, layer: Layer) -> Modules:
        """A layer's modules, with its weights; nothing of a frozen one is learnt."""
        if isinstance(layer, Residual):
            return {"": Block(self.row(layer.layers), self.row(layer.shortcut))}
        placed = self._places[layer.name]
        before, after = self._orders[placed.inputs[0]], self._orders[layer.name]
        weights = {name.rpartition("/")[2]: self._parameters[name] for name in placed.parameters}
        if before is not None:  # rows of a kernel, or a number for each
            weights = {name: array if name == "bias" else array[before] for name, array in weights.items()}
        made = KINDS[type(layer)](
            layer, Site(placed.input_shape, weights, channels_last=after is None and len(placed.input_shape) == 3)
        )
        for module in made.values():
            if not layer.trainable:
                module.requires_grad_(False)
        return made
