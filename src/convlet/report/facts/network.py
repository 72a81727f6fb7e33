"""What is to be said of a network: layers, weights, costs, as plain dictionaries: what `--json` prints.

The tables are made from these, so a number on the screen and the same number in the JSON cannot differ.
"""

from collections import Counter
from typing import Any

from convlet.descriptions.layers import AveragePooling2D, BatchNormalization, MaxPooling2D
from convlet.descriptions.network import BYTES, Placed, Sequential
from convlet.descriptions.optimizers import Optimizer

Facts = dict[str, Any]


def summary_json(network: Sequential, training_images: int | None, optimizer: Optimizer | None = None) -> Facts:
    """A network's layers, weights and costs, and how its weights compare with the training images.

    What an optimizer remembers (`slots`) is as large as the weights that it is of, each.

    `unshared_weights` is what a dense layer from the same inputs to the same outputs would need: no weight reused.
    Memory is in bytes, of float32; multiply-adds are of one image's forward pass.
    """
    rows = [_layer_facts(placed) for placed in network]
    unshared = sum(row["unshared_weights" if "unshared_weights" in row else "weights"] for row in rows)
    held, remembered = (
        sum(p.size for p in network.parameters.values()),
        optimizer.remembered(network) if optimizer else {},
    )
    facts: Facts = {
        "input_shape": list(network.input_shape),
        "layers": rows,
        "weights": network.weights,
        "trained_weights": network.trained_weights,
        "idle_biases": idle_biases(network),
        "unshared_weights": unshared,
        "training_images": training_images,
        "weights_per_training_image": _per(network.weights, training_images),
        "unshared_weights_per_training_image": _per(unshared, training_images),
        "multiply_adds": network.multiply_adds,
        "output_bytes": sum(placed.output_bytes for placed in network),
        "weights_bytes": held * BYTES,
        "optimizer": type(optimizer).__name__ if optimizer else None,
        "slots": list(dict.fromkeys(slot.rpartition("/")[2] for slot in remembered)),
        "training_bytes": (held + sum(network.parameters[name].size for name in remembered.values())) * BYTES,
    }
    return facts


def idle_biases(network: Sequential) -> list[str]:
    """The layers whose bias changes nothing that is learnt, for a batch's normalisation takes each channel's mean away.

    Between the two may be pools, for the largest or the mean of numbers moves with them, but nothing that bends them.
    """
    by_name = {placed.name: placed for placed in network}
    readers = Counter(name for placed in network for name in placed.inputs)
    found = []
    for placed in network:
        if not (isinstance(placed.layer, BatchNormalization) and placed.layer.trainable):
            continue
        before = by_name.get(placed.inputs[0])
        while before and readers[before.name] == 1 and isinstance(before.layer, MaxPooling2D | AveragePooling2D):
            before = by_name.get(before.inputs[0])
        if before and readers[before.name] == 1 and before.layer.trainable and _is_biased(before):
            found.append(before.name)
    return found


def _is_biased(placed: Placed) -> bool:
    return f"{placed.name}/bias" in placed.parameters and getattr(placed.layer, "activation", None) is None


def _layer_facts(placed: Placed) -> Facts:
    facts: Facts = {
        "name": placed.name,
        "kind": placed.layer.describe(),
        "inputs": list(placed.inputs),
        "inside": list(placed.inside),
        "output_shape": list(placed.output_shape),
        "weights": placed.weights,
        "uses": placed.uses_per_weight,
        "multiply_adds": placed.multiply_adds,
        "output_bytes": placed.output_bytes,
    }
    if (unshared := placed.layer.unshared_weights(placed.input_shape)) is not None:
        facts["unshared_weights"] = unshared
    return facts


def _per(weights: int, images: int | None) -> float | None:
    return weights / images if images else None
