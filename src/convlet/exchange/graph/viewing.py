"""Operators that are another view of the same numbers: their axes in another order, or another shape."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convlet.descriptions.layers import Flatten
from convlet.errors import InputError
from convlet.exchange.graph.building import Building
from convlet.exchange.graph.nodes import Array, Node
from convlet.exchange.graph.steps import FIRST, Value


def transpose(building: Building, node: Node) -> Value:
    """The same numbers, their axes in another order."""
    value = building.take(0)
    rank = len(value.dims) + 1
    order = [int(axis) for axis in node.attributes.get("perm", range(rank - 1, -1, -1))]
    if order[0] != 0 or sorted(order) != list(range(rank)):
        raise InputError(f"perm={order}: expected the images' axis, 0, to stay the first.")
    if value.image:
        return replace(value, axes=tuple(value.axes[axis] for axis in order))
    value = building.settled(value)
    behind = [axis - 1 for axis in order[1:]]
    places = _places(value).transpose(behind)
    return replace(value, view=places.shape, order=_order(places))


def _places(value: Value) -> Array:
    """Which of the step's numbers stands where, in the model's shape of a row of numbers."""
    order = np.arange(math.prod(value.step.shape)) if value.order is None else value.order
    return order.reshape(value.view)


def _order(places: Array) -> Array | None:
    """Places in a row; None where they are in their own order."""
    row = places.ravel()
    return None if (row == np.arange(row.size)).all() else row


def flatten(building: Building, node: Node) -> Value:
    """A row of numbers for each image."""
    value, axis = building.take(0), node.attributes.get("axis", 1)
    if axis not in (1, 1 - len(value.dims) - 1):
        raise InputError(f"axis={axis}: expected 1, a row of numbers for each image.")
    return _viewed(building, value, (math.prod(value.dims),))


def reshape(building: Building, node: Node) -> Value:
    """The same numbers in another shape: of images, a row of numbers."""
    value, told = (
        building.take(0),
        [int(size) for size in building.array(1, np.array(node.attributes.get("shape", ())))],
    )
    before = (-1, *value.dims)
    if not node.attributes.get("allowzero"):
        told = [size or before[place] for place, size in enumerate(told)]
    first, rest = told[0], told[1:]
    if first != -1 and first != building.batch:
        raise InputError(f"to shape {told}: expected the images' axis to stay the first.")
    known, total = math.prod(size for size in rest if size != -1), math.prod(value.dims)
    rest = [total // max(known, 1) if size == -1 else size for size in rest]
    if math.prod(rest) != total or min(rest, default=1) < 1:
        raise InputError(f"to shape {told}: {total} numbers an image do not fit in it.")
    return _viewed(building, value, tuple(rest))


def squeeze(building: Building, node: Node) -> Value:
    """The same numbers without axes of one number."""
    value = building.take(0)
    sizes, told = (-1, *value.dims), building.array(1, np.array(node.attributes.get("axes", ())))
    axes = {int(axis) % len(sizes) for axis in told} or {place for place, size in enumerate(sizes) if size == 1}
    if any(sizes[axis] != 1 for axis in axes):
        raise InputError(f"axes={sorted(axes)} of {list(sizes)}: expected axes of one number.")
    return _viewed(building, value, tuple(size for axis, size in enumerate(sizes) if axis and axis not in axes))


def unsqueeze(building: Building, node: Node) -> Value:
    """The same numbers with further axes of one number."""
    value = building.take(0)
    told, sizes = building.array(1, np.array(node.attributes.get("axes", ()))), list(value.dims)
    rank = 1 + len(sizes) + told.size
    for axis in sorted(int(axis) % rank for axis in told):
        if axis == 0:
            raise InputError("axes=[0]: expected the images' axis to stay the first.")
        sizes.insert(axis - 1, 1)
    return _viewed(building, value, tuple(sizes))


def _viewed(building: Building, value: Value, dims: Sequence[int]) -> Value:
    """The same numbers of each image in another shape."""
    dims = tuple(dims)
    if dims == value.dims:
        return value
    if not value.image:
        return _pictured(building, value, dims) if len(dims) == 3 and dims[1:] != (1, 1) else replace(value, view=dims)
    if len(dims) == 3 and dims[1:] != (1, 1):
        raise InputError(f"from {value.dims} to {dims}: expected images to stay as they are, or to become rows.")
    value = building.settled(value)
    numbers = np.arange(math.prod(value.step.shape)).reshape(value.step.shape)
    places = numbers.transpose(["HWC".index(axis) for axis in value.axes[1:]])
    return Value(building.step(Flatten(), value.step), view=dims, order=_order(places))


def _pictured(building: Building, value: Value, dims: tuple[int, ...]) -> Value:
    """Rows of numbers that are given as such, and are images of one channel: so the network is given images."""
    step = value.step
    alone = building.free(step) and step.layer is None and not step.inputs
    if not alone or dims[0] != 1 or not value.plain or value.order is not None:
        raise InputError(f"from {value.dims} to {dims}: no layer of convlet makes images of rows of numbers.")
    step.shape = (dims[1], dims[2], 1)
    building.values[building.model.inputs[0].name] = Value(step, FIRST)
    return Value(step, FIRST)
