"""A table that describes no network is refused with its place, and the nearest name that there is."""

import pytest

from convlet.descriptions.layers import LAYERS
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import optimizer_from_table
from convlet.errors import RecipeError

WHOLE = "expected a whole number of at least 1."
NAME = "expected a name of letters, digits, - and _ that no other layer has."
IMAGES = "expected images (H, W, C); put this layer before Flatten."


def network(layer, /, **rest):
    return lambda: Sequential.from_table({"input_shape": [4, 4, 1], "layers": [{"type": "Flatten"}, layer], **rest})


def optimizer(**table):
    return lambda: optimizer_from_table(table)


KINDS = ", ".join(map(repr, LAYERS))
STARTS = "'Constant', 'Uniform', 'TruncatedNormal', 'GlorotUniform', 'HeNormal', 'Identity', 'PatchWhitening'"
RATES = "'SGD', 'Adam', 'AdamW', 'Muon'"
HERE = "network.layers[1]"
DENSE = "Dense knows 'name', 'trainable', 'units', 'activation', 'use_bias', 'kernel_initializer', 'bias_initializer'."

TABLES = [
    (network({"type": "Dense", "unit": 3}), f"{HERE}: unknown key 'unit'. Did you mean 'units'? {DENSE}"),
    (network({"type": "Dense", "units": 3, "Units": 4}), f"{HERE}: unknown key 'Units'. Did you mean 'units'? {DENSE}"),
    (network({"type": "Dense", "units": 3, "zzz": 4}), f"{HERE}: unknown key 'zzz'. {DENSE}"),
    (network({"type": "Dense", "units": 3, "_": 4}), f"{HERE}: unknown key '_'. {DENSE}"),
    (network({"type": "Flatten", "axis": 1}), f"{HERE}: unknown key 'axis'. Flatten knows 'name', 'trainable'."),
    (
        network({"type": "Dense", "units": 3, "kernel_initializer": {"type": "HeNormal", "gain": 2}}),
        f"{HERE}.kernel_initializer: unknown key 'gain'. HeNormal knows no keys.",
    ),
    (
        network({"type": "Dense", "units": 3, "bias_initializer": {"type": "Constant", "valeu": 2}}),
        f"{HERE}.bias_initializer: unknown key 'valeu'. Did you mean 'value'? Constant knows 'value'.",
    ),
    (network({"type": "dence"}), f"{HERE}: unknown type 'dence'; expected one of {KINDS}. Did you mean 'Dense'?"),
    (network({"type": 3}), f"{HERE}: unknown type 3; expected one of {KINDS}."),
    (network({"type": ["Dense"]}), f"{HERE}: unknown type ['Dense']; expected one of {KINDS}. Did you mean 'Dense'?"),
    (network({"units": 3}), f"{HERE}: 'type' is missing; expected one of {KINDS}."),
    (network("Dense"), f"{HERE}: expected a table with a 'type', not 'Dense'."),
    (network(None), f"{HERE}: expected a table with a 'type', not None."),
    (network({"type": "Dense"}), f"{HERE}: 'units' is missing; Dense needs it."),
    (network({"type": "Dense", "units": -3}), f"{HERE}: units=-3: {WHOLE}"),
    (network({"type": "Dense", "units": 3, "name": 3}), f"network: name=3: {NAME}"),
    (network({"type": "Dense", "units": {"type": "Constant"}}), f"{HERE}: units={{'type': 'Constant'}}: {WHOLE}"),
    (
        network({"type": "Dense", "units": 3, "kernel_initializer": {"type": "Flatten"}}),
        f"{HERE}.kernel_initializer: unknown type 'Flatten'; expected one of {STARTS}.",
    ),
    (network({"type": "HeNormal"}), f"{HERE}: unknown type 'HeNormal'; expected one of {KINDS}."),
    (
        network({"type": "Conv2D", "filters": 3, "kernel_size": 3}),
        f"network: layer 'conv2d_1' cannot take an input of shape (16,): {IMAGES}",
    ),
    (
        network({"type": "Flatten"}, layer=[]),
        "network: unknown key 'layer'; expected 'input_shape' and 'layers'. Did you mean 'layers'?",
    ),
    (lambda: Sequential.from_table([]), "network: expected a table with 'input_shape' and 'layers', not []."),
    (
        lambda: Sequential.from_table({"layers": []}),
        "network: expected 'input_shape' = [rows, columns, channels] and a list of 'layers'.",
    ),
    (
        lambda: Sequential.from_table({"input_shape": [3], "layers": {"type": "Dense"}}),
        "network: expected 'input_shape' = [rows, columns, channels] and a list of 'layers'.",
    ),
    (
        lambda: Sequential.from_table({"input_shape": [3], "layers": []}),
        "network: layers=[]: expected at least one layer.",
    ),
    (optimizer(type="Adamm"), f"optimizer: unknown type 'Adamm'; expected one of {RATES}. Did you mean 'Adam'?"),
    (
        optimizer(type="SGD", momentun=0.9),
        "optimizer: unknown key 'momentun'. Did you mean 'momentum'? "
        "SGD knows 'learning_rate', 'decays', 'rate_factors', 'clip_norm', 'average', 'momentum', 'nesterov', "
        "'weight_decay'.",
    ),
    (optimizer(type="SGD", learning_rate=[1]), "optimizer: learning_rate=[1]: expected a number."),
    (
        optimizer(type="SGD", learning_rate={"type": "Adam"}),
        "optimizer.learning_rate: unknown type 'Adam'; expected one of 'Cosine', 'OneCycle', 'Steps'.",
    ),
    (
        optimizer(type="SGD", learning_rate={"type": "Cosine", "stop": 0.1}),
        "optimizer.learning_rate: unknown key 'stop'. Cosine knows 'start', 'end'.",
    ),
    (
        optimizer(type="SGD", learning_rate={"type": "Cosine"}),
        "optimizer.learning_rate: 'start' is missing; Cosine needs it.",
    ),
    (optimizer(type="Cosine", start=0.1), f"optimizer: unknown type 'Cosine'; expected one of {RATES}."),
]


@pytest.mark.parametrize(("call", "message"), TABLES, ids=[message[:60] for _, message in TABLES])
def test_a_wrong_table_is_refused_with_its_place_and_the_nearest_known_name(call, message):
    with pytest.raises(RecipeError) as error:
        call()
    assert str(error.value) == message
    assert error.value.__suppress_context__ or error.value.__context__ is None
