"""From a model's nodes to steps: what every operator does so is in `layering.py`, `viewing.py` and `arithmetic.py`.

What it is not: it knows no operator but Constant and Shape, which are no layers.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from convlet.checks import Shape
from convlet.descriptions.layers import Activation, Layer
from convlet.errors import InputError
from convlet.exchange.graph.folding import FOLDS
from convlet.exchange.graph.nodes import Array, Given, Model, Node
from convlet.exchange.graph.steps import WITH_SUMS, Step, Value

LARGEST = 1 << 26  # numbers of one image's output: no layer here has a thousandth of that
CHANNELS = (1, 3, 4)  # of images
BETWEEN = "::"  # the name of a step that is no node's own
ROOM = 1 << 28  # bytes that may be made of a model, beside four times those of its own arrays


class Building:
    """What a model's values have become so far: arrays, or values of steps."""

    def __init__(self, model: Model, where: str) -> None:
        self.model, self.where = model, where
        self.arrays: dict[str, Array] = dict(model.arrays)
        self.values: dict[str, Value] = {}
        self._uses = Counter(name for node in model.nodes for name in node.inputs) + Counter(model.outputs)
        self.batch: int | None = None
        self._room = ROOM + 4 * sum(array.nbytes for array in model.arrays.values())
        self.node: Node = Node("", (), "", {})  # the one at hand

    def build(self, operators: Mapping[str, Callable[["Building", Node], Value]]) -> Value:
        """What comes out. Raises InputError for what no layer of ours does, naming the node."""
        if len(self.model.inputs) != 1 or len(self.model.outputs) != 1:
            given, made = [value.name for value in self.model.inputs], list(self.model.outputs)
            raise InputError(f"{self.where}: inputs {given}, outputs {made}; expected one of each: images, and logits.")
        self._begin(self.model.inputs[0])
        for node in self.model.nodes:
            self.node = node
            try:
                self._add(node, operators)
            except InputError as error:
                raise InputError(f"{self.where}: {node}: {error}") from None
            except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
                broken = f"it is not as ONNX has it: {type(error).__name__}: {str(error)[:200]}"
                raise InputError(f"{self.where}: {node}: {broken}") from None
        name = self.model.outputs[0]
        if name not in self.values:
            raise InputError(f"{self.where}: its output {name!r} does not depend on its input.")
        return self.values[name].settled(self.step)

    def _begin(self, given: Given) -> None:
        """The image, or the row of numbers, that the model is given."""
        self.batch, *sizes = given.dims or (None,)
        dims = [size for size in sizes if size is not None]
        if len(dims) < len(sizes) or not given.dims:
            raise InputError(
                f"{self.where}: input {given.name!r} of axes {given.dims}: expected all but the first to be known: a "
                "network here has images of one size. Export it so."
            )
        if given.type not in (1, 2, 10, 11):
            raise InputError(
                f"{self.where}: input {given.name!r} of ONNX's type {given.type}: expected floats or bytes."
            )
        if len(dims) == 3:
            last = self._channels_last(given.name, dims) if given.channels_last is None else given.channels_last
            axes = ("N", "H", "W", "C") if last else ("N", "C", "H", "W")
            sized = dict(zip(axes[1:], dims, strict=True))
            value = Value(self._image((sized["H"], sized["W"], sized["C"])), axes)
        else:
            value = Value(self._image((math.prod(dims),)), view=tuple(dims))
        value = value.times(255.0) if given.type == 2 else value  # bytes are images from 0 to 1 here
        self.values[given.name] = self._counted(value, given.name)

    def _image(self, shape: Shape) -> Step:
        return Step(None, (), self._sized(shape))

    def _sized(self, shape: Shape) -> Shape:
        if math.prod(shape) > LARGEST:
            raise InputError(f"an output of shape {shape} an image: expected at most {LARGEST:,} numbers.")
        return shape

    def _channels_last(self, name: str, dims: list[int]) -> bool:
        """Whether images come as (H, W, C): they are transposed at once, or flattened and only so they are images."""
        names = {name}
        for node in self.model.nodes:
            if names.isdisjoint(node.inputs):
                continue
            if node.operator == "Transpose":
                return tuple(node.attributes.get("perm", ())) == (0, 3, 1, 2)
            if node.operator in ("Flatten", "Reshape"):
                break
            if node.operator not in ("Cast", "Identity", "Sub", "Div", "Mul", "Add"):
                return False
            names.add(node.output)
        return dims[0] not in CHANNELS and dims[2] in CHANNELS

    def _add(self, node: Node, operators: Mapping[str, Callable[["Building", Node], Value]]) -> None:
        if node.operator == "Constant":
            self.arrays[node.output] = np.asarray(next(iter(node.attributes.values())))
        elif node.operator == "Shape" and node.inputs[0] in self.values:
            sizes = np.array(
                [-1, *self.take(0).dims], np.int64
            )  # of N it is known as little as of what Reshape has −1 for
            self.arrays[node.output] = sizes[node.attributes.get("start", 0) : node.attributes.get("end")]
        elif node.operator in FOLDS and all(name in self.arrays or not name for name in node.inputs):
            given = [self.arrays[name] if name else None for name in node.inputs]  # a place may be left out
            while given and given[-1] is None:
                given.pop()
            folded = FOLDS[node.operator](node.attributes, *given)
            if not any(np.may_share_memory(folded, each) for each in given if each is not None):
                self._take_room(folded)
            self.arrays[node.output] = folded
        elif node.operator in operators:
            value = operators[node.operator](self, node)
            self.values[node.output] = self._counted(value, node.output)
        else:
            raise InputError("no layer of convlet does what this operator does.")

    def _counted(self, value: Value, name: str) -> Value:
        value.step.waiting += self._uses[name]
        self._take_room(value.scale, value.offset, *([] if value.order is None else [value.order]))
        return value

    def _take_room(self, *made: float | Array) -> None:
        """Raise an InputError where more is made of a model than an honest one asks for: nodes are cheap to write."""
        self._room -= sum(np.asarray(each).nbytes for each in made)
        if self._room < 0:
            raise InputError(f"more than {ROOM:,} bytes are made of the model, beside four times its own numbers.")

    def known(self, place: int) -> bool:
        """Whether the node at hand has an array as its input of this place."""
        return len(self.node.inputs) > place and self.node.inputs[place] in self.arrays

    def take(self, place: int) -> Value:
        """The value that the node at hand is given at a place."""
        name = self.node.inputs[place]
        if name not in self.values:
            what = "an array" if name in self.arrays else "no value that a node before it gives"
            raise InputError(f"its input {name!r} is {what}; expected what has become of the images.")
        self.values[name].step.waiting -= 1
        return self.values[name]

    def array(self, place: int, default: Array | None = None) -> Array:
        """The array that the node at hand is given at a place. Raises InputError where that is computed from images."""
        names = self.node.inputs
        if len(names) <= place or not names[place]:
            if default is None:
                raise InputError(f"it has {len(names)} inputs; expected more.")
            return default
        if names[place] not in self.arrays:
            raise InputError(
                f"its input {names[place]!r} depends on the images; expected numbers that are in the file."
            )
        return self.arrays[names[place]]

    def step(self, layer: Layer, *inputs: Step, weights: dict[str, Array] | None = None, named: str = "") -> Step:
        """A new step of this layer, of which nothing is learnt where nothing of the node is.

        Raises NetworkError where it cannot take what it is given.
        """
        shape = self._sized(layer.output_shape(inputs[0].shape))
        if not self.node.trainable and any(each.trainable for each in layer.parameters(inputs[0].shape)):
            layer = replace(layer, trainable=False)
        weights = {name: np.ascontiguousarray(array, np.float32) for name, array in (weights or {}).items()}
        self._take_room(*weights.values())
        for each in inputs:
            each.used += 1
        own = "" if self.node.output in self.model.outputs else self.node.output
        return Step(layer, inputs, shape, weights, _name(named or own))

    def settled(self, value: Value) -> Value:
        """The same value as a step's own output. What it takes for that has not the name of the node at hand."""
        return value.settled(partial(self.step, named=BETWEEN))

    def free(self, step: Step) -> bool:
        """Whether a step is nobody else's: what it gives may still be changed."""
        return step.waiting == 0 and step.used == 0

    def activated(self, value: Value, activation: str) -> Value:
        """An activation of a value: of the layer that sums it, where nobody else is given the sums; or a layer."""
        value = self.settled(value)
        step = value.step
        if isinstance(step.layer, WITH_SUMS) and step.layer.activation is None and self.free(step):
            step.layer = replace(step.layer, activation=activation)
            return value
        return value.of(self.step(Activation(activation), step))


def _name(text: str) -> str:
    """A layer's name from one of a weight's or a value's in the model; none where a program has only counted.

    >>> _name("features.0.weight"), _name("conv2d_1/kernel"), _name("onnx::MatMul_12"), _name("/Relu_1_output_0")
    ('features_0', 'conv2d_1', '', '')
    """
    if "::" in text or text.startswith("/"):
        return ""
    text = re.sub(r"[./](weight|kernel|gamma)$", "", text)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:60]
    return "" if re.fullmatch(r"[\d_]*", name) else name
