"""The residual block: what layers make of a value is added to the value itself."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace

from convlet.checks import Shape
from convlet.descriptions.layers.layer import Layer, check_layers, described
from convlet.descriptions.tables import set_canonical
from convlet.errors import InputError, NetworkError


@dataclass(frozen=True)
class Residual(Layer):
    """Its layers in a row, from its input on, and at their end their output plus its input.

    Where shapes or channels change on the way, a `shortcut` of layers brings the input to the same shape, such as
    `[Conv2D(64, 1, strides=2)]`. Input any shape; output as the layers' own. A frozen block freezes all in it.

    A network holds what is inside as layers of its own, in its one row: first the block's layers, then the shortcut's,
    then the addition, which has the block's name.
    Source: He et al., "Deep residual learning for image recognition", CVPR 2016, section 3.2.
    """

    layers: Sequence[Layer]
    shortcut: Sequence[Layer] = ()
    _: KW_ONLY

    def __post_init__(self) -> None:
        super().__post_init__()
        layers, shortcut = check_layers("layers", self.layers), check_layers("shortcut", self.shortcut)
        if not layers:
            raise InputError("layers=[]: expected at least one layer, whose output is added to the block's input.")
        set_canonical(self, layers=layers, shortcut=shortcut)
        if not self.trainable:
            frozen = [tuple(replace(layer, trainable=False) for layer in branch) for branch in self.branches]
            set_canonical(self, layers=frozen[0], shortcut=frozen[1])

    @property
    def branches(self) -> tuple[tuple[Layer, ...], ...]:
        return tuple(self.layers), tuple(self.shortcut)

    def with_branches(self, branches: Sequence[Sequence[Layer]]) -> "Residual":
        layers, shortcut = branches
        return replace(self, layers=layers, shortcut=shortcut)

    def joined_shape(self, shapes: Sequence[Shape]) -> Shape:
        layers, shortcut = shapes
        if layers != shortcut:
            other, remedy = (
                "input is",
                "Give it a shortcut that ends in the first, such as [Conv2D(filters, 1, strides)].",
            )
            if self.shortcut:
                other, remedy = "shortcut gives", "Let both end in the same shape."
            raise NetworkError(f"its layers give {layers}, its {other} {shortcut}: these cannot be added. {remedy}")
        return layers

    def describe(self) -> str:
        def of(layers: Sequence[Layer]) -> str:
            return f"of {len(layers)} layer{'s' if len(layers) > 1 else ''}"

        shortcut = f", shortcut {of(self.shortcut)}" if self.shortcut else ""
        return described(self, of(self.layers) + shortcut)
