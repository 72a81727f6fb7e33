"""Layers in their places: the name of each, what it is given and what it gives.

A layer that holds others, such as a residual block, becomes them and itself, in one flat order. It is the only thing
that makes a network more than a row: a value may then be given to several layers, and a layer several values.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from convlet.checks import Shape
from convlet.descriptions.layers import Layer, Parameter
from convlet.descriptions.measured import Measured
from convlet.errors import InputError, NetworkError

BYTES = 4  # of a float32, for estimates of memory
IMAGE = "@image"  # the name of the network's own input; no layer can have it


@dataclass(frozen=True)
class Placed:
    """A layer in its place in a network: what it is given and what it gives, for one image.

    `inputs` names the layers whose outputs it is given, before it in the network; or IMAGE. Where there are several,
    all of one shape, it is given their sum. `inside` names the layers that hold it, the outermost first.
    """

    layer: Layer
    input_shape: Shape
    output_shape: Shape
    inputs: tuple[str, ...] = (IMAGE,)
    inside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The layer's parameters by their public names; none is trainable where the layer is frozen."""
        parameters, frozen = self.layer.parameters(self.input_shape), not self.layer.trainable
        return {f"{self.name}/{p.name}": replace(p, trainable=False) if frozen else p for p in parameters}

    @property
    def learnt(self) -> dict[str, Parameter]:
        """Those that are learnt, now or, where the layer is frozen, before: all but the measured ones."""
        return {f"{self.name}/{p.name}": p for p in self.layer.parameters(self.input_shape) if p.trainable}

    @property
    def weights(self) -> int:
        """How many learnt numbers the layer has, frozen or not."""
        return sum(p.size for p in self.learnt.values())

    @property
    def multiply_adds(self) -> int:
        return self.layer.multiply_adds(self.input_shape)

    @property
    def uses_per_weight(self) -> int:
        """How many times each weight is used on one image."""
        return self.layer.uses_per_weight(self.input_shape)

    @property
    def output_bytes(self) -> int:
        """Bytes of one image's output, in float32."""
        return math.prod(self.output_shape) * BYTES


def named(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers with a name each, and all that they hold: their own, or their kind's and a number.

    Raises InputError for a name that is no name, or that two layers have.
    """
    result = _numbered(layers, {})
    names = [layer.name for layer in flat(result)]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name) or names.count(name) > 1:
            raise InputError(f"name={name!r}: expected a name of letters, digits, - and _ that no other layer has.")
    return result


def _numbered(layers: Sequence[Layer], counts: dict[str, int]) -> tuple[Layer, ...]:
    """In the order of `flat`, so that numbers go up as one reads."""
    result = []
    for layer in layers:
        whole = layer.with_branches([_numbered(branch, counts) for branch in layer.branches])
        kind = _snake(type(layer).__name__)
        counts[kind] = counts.get(kind, 0) + 1
        result.append(whole if layer.name != "" else replace(whole, name=f"{kind}_{counts[kind]}"))
    return tuple(result)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("2_d", "2d")


def flat(layers: Sequence[Layer]) -> Iterator[Layer]:
    """All layers, those inside others before these."""
    for layer in layers:
        for branch in layer.branches:
            yield from flat(branch)
        yield layer


def unnamed(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers without the names that `named` would give them again."""
    automatic = named(nameless(layers))
    given = {layer.name for layer, other in zip(flat(layers), flat(automatic), strict=True) if layer.name == other.name}
    return _without(layers, given)


def nameless(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers without any names, to be named anew beside others."""
    return _without(layers, {layer.name for layer in flat(layers)})


def _without(layers: Sequence[Layer], names: set[str]) -> tuple[Layer, ...]:
    """The layers, without those names."""
    whole = (layer.with_branches([_without(branch, names) for branch in layer.branches]) for layer in layers)
    return tuple(replace(layer, name="") if layer.name in names else layer for layer in whole)


def places(
    layers: Sequence[Layer], shape: Shape, before: str = IMAGE, inside: tuple[str, ...] = ()
) -> Iterator[Placed]:
    """Every layer in its place, from a value of this shape and name on. Raises NetworkError, naming the layer."""
    for layer in layers:
        branches = [list(places(branch, shape, before, (*inside, layer.name))) for branch in layer.branches]
        for branch in branches:
            yield from branch
        placed = _joining(layer, branches, shape, before) if branches else _place(layer, shape, before)
        yield replace(placed, inside=inside)
        shape, before = placed.output_shape, layer.name


def _place(layer: Layer, shape: Shape, before: str) -> Placed:
    try:
        after = layer.output_shape(shape)
        for parameter in layer.parameters(shape):
            _check_measured(parameter, before)
    except NetworkError as error:
        raise NetworkError(f"layer {layer.name!r} cannot take an input of shape {shape}: {error}") from None
    return Placed(layer, shape, after, (before,))


def _check_measured(parameter: Parameter, before: str) -> None:
    """Raise a NetworkError where an initial value is to be measured from images, and cannot be."""
    if isinstance(parameter.initializer, Measured):
        parameter.initializer.check(parameter.shape)
        if before != IMAGE:
            raise NetworkError(
                f"its {parameter.name} is measured from the training images (Normalization, PatchWhitening); "
                "let it be the first layer, which is given these."
            )


def _joining(layer: Layer, branches: Sequence[Sequence[Placed]], shape: Shape, before: str) -> Placed:
    """The layer at its branches' ends; a branch of no layers ends where it begins."""
    ends = [(branch[-1].output_shape, branch[-1].name) if branch else (shape, before) for branch in branches]
    try:
        joined = layer.joined_shape([shape for shape, _ in ends])
    except NetworkError as error:
        raise NetworkError(f"layer {layer.name!r} given an input of shape {shape}: {error}") from None
    return Placed(layer, joined, layer.output_shape(joined), tuple(name for _, name in ends))
