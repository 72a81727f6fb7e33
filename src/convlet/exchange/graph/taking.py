"""A graph as a network of ours with its weights, or as a checkpoint of one that classifies."""

from dataclasses import dataclass, replace

import numpy as np

from convlet.descriptions.layers import Rescaling
from convlet.descriptions.network import Parameters, Sequential
from convlet.engines import State
from convlet.errors import InputError
from convlet.exchange.graph.blocks import network_of
from convlet.exchange.graph.building import Building
from convlet.exchange.graph.nodes import Model, Node
from convlet.exchange.graph.operators import OPERATORS
from convlet.exchange.graph.steps import Value
from convlet.runs.checkpoint import Checkpoint
from convlet.runs.history import History

LAST = ("Softmax", "LogSoftmax")  # of logits: predictions are probabilities all the same
BYTES = 2  # ONNX's number of their type
SMALL = 1 / 64  # a first factor below it, such as 1 / 255, is one for bytes


def checkpoint_of(model: Model, where: str) -> Checkpoint:
    """A model that classifies, as a checkpoint. Raises InputError, with `where` in front, for what is none of ours."""
    return classifier_of(of_images(without_softmax(model), where), where)


def classifier_of(model: Model, where: str) -> Checkpoint:
    """The same of a model that is without its softmax, and of a run's images, already."""
    found = imported(model, where)
    if found.output.image or found.output.order is not None:
        raise InputError(f"{where}: it gives {found.output.dims} an image; expected one number a class.")
    try:
        count = found.network.check_classifier()
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if count < 2:
        raise InputError(
            f"{where}: it gives one number an image, as for two classes by a sigmoid; expected one for each class. Let "
            "it end in two units: one whose weights are 0, and its own."
        )
    classes = model.classes if len(model.classes) == count else tuple(map(str, range(count)))
    return Checkpoint(found.network, classes, State(found.parameters), History(batch_size=1), seed=0)


@dataclass(frozen=True)
class Imported:
    """A network of ours, with its weights, and in what form a model gives what it gives."""

    network: Sequential
    parameters: Parameters
    images: Value
    output: Value


def imported(model: Model, where: str) -> Imported:
    """A model as a network. Raises InputError, with `where` in front, for what is none of ours."""
    building = Building(model, where)
    with np.errstate(all="ignore"):  # of weights that are no numbers
        output = building.build(OPERATORS)
    images = building.values[model.inputs[0].name]
    try:
        network, parameters = network_of(images.step, output.step)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    for name, array in parameters.items():
        if not np.isfinite(array).all():
            raise InputError(f"{where}: {name} has a weight that is NaN or infinite: such a network answers nothing.")
    return Imported(network, parameters, images, output)


def of_images(model: Model, where: str) -> Model:
    """The model as one that is given bytes, where it is given floats and begins by dividing them by 255 or so.

    For floats from 0 to 1, as a run is given them, nobody would do that; of bytes, a run's images are the same.
    """
    first = imported(model, where).network.layers[:1]
    given = model.inputs[0]
    if given.type == BYTES or not any(isinstance(layer, Rescaling) and abs(layer.scale) < SMALL for layer in first):
        return model
    return replace(model, inputs=(replace(given, type=BYTES), *model.inputs[1:]))


def without_softmax(model: Model) -> Model:
    """The model without a softmax that is all that its output is."""
    last = closing(model)
    if last is None:
        return model
    nodes = tuple(node for node in model.nodes if node is not last)
    return replace(model, nodes=nodes, outputs=last.inputs[:1])


def closing(model: Model) -> Node | None:
    """The softmax, or its logarithm, among the classes, that is all that a model's output is; None where it is none."""
    giving = {node.output: node for node in model.nodes}
    last = giving.get(model.outputs[0]) if model.outputs else None
    while last is not None and last.operator == "Identity":
        last = giving.get(last.inputs[0])
    if last is None or last.operator not in LAST or last.attributes.get("axis", -1) not in (1, -1):
        return None  # along another axis it is no part of the answer for one image
    return last
