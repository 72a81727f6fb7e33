"""Operators that work number by number: with constants, on two values, and curves."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from convlet.checks import Shape
from convlet.descriptions.layers import Activation, Layer, Rescaling, Residual
from convlet.errors import InputError
from convlet.exchange.graph.building import Building
from convlet.exchange.graph.nodes import LEAKY_SLOPE, Array, Node
from convlet.exchange.graph.steps import NOTHING_AROUND, WITH_SUMS, Curve, Step, Value

CLOSE = 1e-5  # constants of curves are written with six digits by some
LARGEST = float(np.finfo(np.float32).max)  # as a bound it is none
FAR = 1e4  # a number that is added and taken away again leaves float32 too few digits beyond


def add(building: Building, node: Node) -> Value:
    """A constant added, as a bias where it is one; or two values, the ends of a block."""
    if building.known(0) or building.known(1):
        place = int(building.known(0))
        value = _bare(building, building.take(place))
        return _plus(building, value, building.array(1 - place))
    return _sum(building, building.take(0), building.take(1))


def subtract(building: Building, node: Node) -> Value:
    """A constant taken away, a value taken from one, or from another."""
    if building.known(1):
        return _plus(building, _bare(building, building.take(0)), -building.array(1))
    if building.known(0):
        return _plus(building, _bare(building, building.take(1)).times(-1.0), building.array(0))
    return _sum(building, building.take(0), _bare(building, building.take(1)).times(-1.0))


def multiply(building: Building, node: Node) -> Value:
    """A value times a constant; or a value times a curve of itself, which some activations are."""
    if building.known(0) or building.known(1):
        place = int(building.known(0))
        value = _bare(building, building.take(place))
        return value.times(_for_each(value, building.array(1 - place)))
    return _product(building, building.take(0), building.take(1))


def divide(building: Building, node: Node) -> Value:
    """A value divided by a constant."""
    value, divisor = _bare(building, building.take(0)), building.array(1)
    if not np.all(divisor):
        raise InputError("a division by 0.")
    return value.times(_for_each(value, 1 / divisor.astype(np.float64)))


def negative(building: Building, node: Node) -> Value:
    """A value with its sign changed."""
    return _bare(building, building.take(0)).times(-1.0)


def same(building: Building, node: Node) -> Value:
    """The value itself."""
    return building.take(0)


def cast(building: Building, node: Node) -> Value:
    """The value itself, of another float type. Raises InputError for whole numbers."""
    if node.attributes["to"] not in (1, 10, 11):
        raise InputError(f"to ONNX's type {node.attributes['to']}: expected floats.")
    return building.take(0)


def _bare(building: Building, value: Value) -> Value:
    """The value, which arithmetic may be done with: pixels that are put around it come first."""
    return value if value.around == NOTHING_AROUND else building.settled(value)


def _for_each(value: Value, numbers: Array) -> float | Array:
    """A constant as one number, or one for each channel or unit in our order."""
    numbers = numbers.astype(np.float64)
    if numbers.size == 1 and numbers.ndim <= len(value.dims) + 1:
        return float(numbers.ravel()[0])
    shape: Shape = (1,) * (1 + len(value.dims) - numbers.ndim) + numbers.shape
    if len(shape) > 1 + len(value.dims) or shape[0] != 1:
        raise InputError(f"a constant of shape {numbers.shape}: expected the same for every image.")
    if not value.image:
        row = np.broadcast_to(numbers.reshape(shape[1:]), value.view).ravel()
        if value.order is None:
            return row
        ours = np.empty_like(row)
        ours[value.order] = row
        return ours
    channels = value.axes.index("C")
    if any(size != 1 for axis, size in enumerate(shape) if axis != channels):
        raise InputError(f"a constant of shape {numbers.shape}: expected one number, or one for each channel.")
    if shape[channels] != value.step.shape[2]:
        raise InputError(f"a constant of shape {numbers.shape} for {value.step.shape[2]} channels.")
    return numbers.ravel()


def _plus(building: Building, value: Value, constant: Array) -> Value:
    """A value and a constant: the bias of a layer that has none, where nobody else is given its sums."""
    numbers, step = _for_each(value, constant), value.step
    layer = step.layer
    alone = value.plain and building.free(step)
    if alone and isinstance(layer, WITH_SUMS) and not (layer.activation or layer.use_bias) and layer.trainable:
        step.layer = replace(layer, use_bias=True)
        step.weights["bias"] = np.zeros(step.shape[-1], np.float32) + np.float32(numbers)
        return value
    return value.plus(numbers)


def _sum(building: Building, first: Value, second: Value) -> Value:
    """Two values added."""
    first, second = _bare(building, first), _bare(building, second)
    if not _alike(first, second):
        raise InputError(f"of {first.dims} and {second.dims}: expected two of one shape, their axes in one order.")
    if first.step is second.step:
        return replace(first, scale=first.scale + second.scale, offset=first.offset + second.offset)
    first, second = building.settled(first), building.settled(second)
    for each in (first, second):
        each.step.used += 1
    return first.of(Step(None, (first.step, second.step), first.step.shape, name=""))


def _alike(first: Value, second: Value) -> bool:
    """Whether two values have one shape, and the numbers of their steps stand in one order."""
    order, other = (np.arange(0) if value.order is None else value.order for value in (first, second))
    axes = first.axes == second.axes or not first.image
    same = first.dims == second.dims and first.image == second.image
    return same and axes and np.array_equal(order, other)


def _product(building: Building, first: Value, second: Value) -> Value:
    """A value times a curve of itself: SiLU, GELU and hard swish are made so."""
    for value, other in ((first, second), (second, first)):
        curve = other.step.curve
        if curve and curve.of.step is value.step and building.free(other.step) and _is_number(value, curve.of, other):
            found = _known_product(value, other, curve)
            if found:
                activation, factor = found
                for each in other.step.inputs:
                    each.used -= 1  # the curve alone is nothing of the network any more
                factor = 1.0 if math.isclose(factor, 1, rel_tol=CLOSE) else factor
                return building.activated(replace(value, scale=1.0), activation).times(factor)
    raise InputError("two values that depend on the images, multiplied: expected SiLU, GELU or hard swish.")


def _is_number(value: Value, *others: Value) -> bool:
    """Whether a value is scaled by numbers alone, and so are others, in the same order."""
    for each in (value, *others):
        if np.ndim(each.scale) or np.ndim(each.offset) or each.around != NOTHING_AROUND:
            return False
    return value.offset == 0 and all(_alike(value, each) for each in others)


def _known_product(value: Value, other: Value, curve: Curve) -> tuple[str, float] | None:
    """Which activation a value times a curve of it is, and how many times that."""
    inner, offset, factor = float(curve.of.scale), float(curve.of.offset), float(value.scale) * float(other.scale)
    if curve.operator == "Sigmoid" and (inner, offset, other.offset) == (1, 0, 0):
        return "silu", factor
    if curve.operator == "Erf" and offset == 0 and math.isclose(inner, math.sqrt(0.5), rel_tol=CLOSE):
        return ("gelu", 2 * factor) if math.isclose(float(other.scale), float(other.offset), rel_tol=CLOSE) else None
    if curve.operator == "Clip" and other.offset == 0 and curve.low == 0 and inner > 0:
        clipped = math.isclose(offset, 3 * inner, rel_tol=CLOSE) and math.isclose(curve.high, 6 * inner, rel_tol=CLOSE)
        return ("hard_swish", factor * curve.high) if clipped else None
    return None


def plain_curve(activation: str) -> Callable[[Building, Node], Value]:
    """An operator that is an activation of ours."""
    return lambda building, node: building.activated(building.take(0), activation)


def leaky_relu(building: Building, node: Node) -> Value:
    """Leaky ReLU; of another slope than ours it is a block that does the same."""
    return _sloped(building, building.take(0), float(node.attributes.get("alpha", 0.01)))


def p_relu(building: Building, node: Node) -> Value:
    """ReLU with one learnt slope, which is not learnt any more."""
    slope = building.array(1)
    if slope.size != 1:
        raise InputError(f"a slope of shape {slope.shape}: expected one for all channels.")
    return _sloped(building, building.take(0), float(slope.ravel()[0]))


def _sloped(building: Building, value: Value, slope: float) -> Value:
    if math.isclose(slope, LEAKY_SLOPE, rel_tol=CLOSE):
        return building.activated(value, "leaky_relu")
    value = building.settled(value)
    block = Residual([Activation("relu"), Rescaling(1 - slope)], shortcut=[Rescaling(slope)])
    return value.of(building.step(block, value.step))


def elu(building: Building, node: Node) -> Value:
    """ELU; of another height than 1 it is a block that does the same."""
    height = float(node.attributes.get("alpha", 1.0))
    if height == 1:
        return building.activated(building.take(0), "elu")
    value = building.settled(building.take(0))
    block = Residual([Activation("elu"), Rescaling(height)], shortcut=[Activation("relu"), Rescaling(1 - height)])
    return value.of(building.step(block, value.step))


def gelu(building: Building, node: Node) -> Value:
    """GELU, the exact one."""
    if node.attributes.get("approximate", "none") != "none":
        raise InputError(f"approximate={node.attributes['approximate']!r}: expected 'none', x × Φ(x) itself.")
    return building.activated(building.take(0), "gelu")


def softmax(building: Building, node: Node) -> Value:
    """Softmax among channels, or a row's numbers. Before opset 13 all axes from its own on were one."""
    value, late = building.settled(building.take(0)), building.model.opset >= 13
    axis = int(node.attributes.get("axis", -1 if late else 1)) % (len(value.dims) + 1)
    if value.image:
        fits = value.axes[axis] == "C" and (late or value.step.shape[:2] == (1, 1))
    else:
        others = [size for place, size in enumerate(value.view, 1) if place < axis or (late and place > axis)]
        fits = axis > 0 and all(size == 1 for size in others)
    if not fits:
        raise InputError(f"axis={axis} of {('N', *value.dims)}: expected that of the channels, or a row's own.")
    return building.activated(value, "softmax")


def sigmoid(building: Building, node: Node) -> Value:
    """Sigmoid; multiplied by what it is of it is SiLU."""
    value = building.take(0)
    settled = building.activated(value, "sigmoid")
    if isinstance(settled.step.layer, Activation):
        settled.step.curve = Curve("Sigmoid", value)
    return settled


def erf(building: Building, node: Node) -> Value:
    """The error function, which is nothing of ours but within GELU."""
    value = _bare(building, building.take(0))
    value.step.used += 1
    return value.of(Step(None, (value.step,), value.step.shape, curve=Curve("Erf", value)))


def clip(building: Building, node: Node) -> Value:
    """What lies below or above two bounds brought to them: ReLU, ReLU6, or a block that does the same."""
    nothing = np.array(math.nan)
    low = float(building.array(1, np.array(node.attributes.get("min", nothing))))
    high = float(building.array(2, np.array(node.attributes.get("max", nothing))))
    return _clipped(building, building.take(0), low, high)


def hard_sigmoid(building: Building, node: Node) -> Value:
    """A slope from 0 to 1; multiplied by what it is of it is hard swish."""
    value = building.take(0).times(float(node.attributes.get("alpha", 0.2)))
    return _clipped(building, value.plus(float(node.attributes.get("beta", 0.5))), 0.0, 1.0)


def _clipped(building: Building, value: Value, low: float, high: float) -> Value:
    """min(max(x, low), high), by ReLU(x − low) and ReLU(x − high); NaN is no bound, nor is float32's largest number.

    Raises InputError where the bound that is taken away and added again is so large that x is lost beside it.
    """
    low, high = (low if low > -LARGEST else -math.inf), (high if high < LARGEST else math.inf)
    taken = high if low == -math.inf else min(low, high)
    if FAR < abs(taken) < math.inf:
        raise InputError(f"a bound of {taken:g}: expected one from {-FAR:g} to {FAR:g}, or none.")
    if math.isfinite(low) and math.isfinite(high):
        return _between(building, value, min(low, high), high)
    value = _bare(building, value)
    if math.isfinite(low):
        return building.activated(value.plus(-low), "relu").plus(low)
    if math.isfinite(high):
        return building.activated(value.times(-1.0).plus(high), "relu").times(-1.0).plus(high)
    return value


def _between(building: Building, value: Value, low: float, high: float) -> Value:
    """ReLU(x − low) − ReLU(x − high) + low, as a block."""
    if np.ndim(value.scale) or np.ndim(value.offset) or value.around != NOTHING_AROUND:
        value = building.settled(value)
    scale, offset = float(value.scale), float(value.offset)

    def above(bound: float) -> list[Layer]:
        moved = [] if (scale, offset) == (1, bound) else [Rescaling(scale, offset - bound)]
        return [*moved, Activation("relu")]

    block = Residual(above(low), shortcut=[*above(high), Rescaling(-1.0, low)])
    step = building.step(block, value.step)
    step.curve = Curve("Clip", value, low, high)
    return value.of(step)
