"""Fine-tuning with frozen layers, from their names to a run that is saved, resumed and described."""

import re
from dataclasses import replace

import cases
import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from comparing import assert_same_bits

import convlet as cl
from convlet.cli import main
from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
from convlet.errors import InputError
from convlet.report.facts.network import summary_json
from convlet.runs.checkpoint import load_checkpoint
from convlet.runs.folder import recipe_of

DATA = tiny.dataset()
QUICK = {"steps": 4, "batch_size": 4, "engine": "numpy", "progress": False}
LOWER = ("conv2d_1", "batch_normalization_1")
FIVE = (DATA.train.images, np.arange(23) % 5)


@pytest.fixture(scope="module")
def run():
    return cl.fit(tiny.NETWORK, DATA, **QUICK)


def of_layers(run, names):
    """A run's parameters of these layers."""
    return {name: array for name, array in run.program.state().parameters.items() if name.split("/")[0] in names}


def frozen_in(network):
    """The names of a network's frozen layers."""
    return {layer.name for layer in network.layers if not layer.trainable}


def command(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


# ------------------------------------------------------------------------------------------------------- networks
def test_a_network_is_frozen_by_names_and_only_those_layers_are():
    frozen = tiny.NETWORK.freeze(*LOWER)
    assert (frozen_in(frozen), frozen_in(tiny.NETWORK)) == (set(LOWER), set())
    assert {name for name, p in frozen.parameters.items() if p.trainable} == {"dense_1/kernel", "dense_1/bias"}
    assert frozen_in(frozen.freeze("dense_1")) == {"dense_1"}
    assert frozen.freeze() == tiny.NETWORK


def test_a_layer_that_is_not_there_cannot_be_frozen():
    with pytest.raises(InputError, match=r"freeze='conv2d_2': .*'conv2d_1', .* Did you mean 'conv2d_1'\?"):
        tiny.NETWORK.freeze("conv2d_2")


@pytest.mark.parametrize(
    "layer", {type(case.layer): case.layer for case in cases.LAYERS + cases.BLOCKS + cases.FIRST}.values(), ids=repr
)
def test_every_kind_of_layer_takes_true_or_false_and_nothing_else(layer):
    assert replace(layer, trainable=False).describe() == f"{layer.describe()} frozen"
    with pytest.raises(InputError, match=r"trainable='no': expected True or False"):
        replace(layer, trainable="no")


def test_only_a_frozen_layer_says_so_in_a_table_and_comes_back():
    frozen = tiny.NETWORK.freeze("conv2d_1")
    table = frozen.to_table()
    assert [row.get("trainable") for row in table["layers"]] == [False, None, None, None, None]
    assert "name" not in table["layers"][0]
    assert Sequential.from_table(table) == frozen


def test_frozen_weights_count_as_weights_and_have_no_moments(capsys):
    network = Sequential([Conv2D(4, 3, use_bias=False), BatchNormalization(), Flatten(), Dense(2)], (8, 8, 1))
    facts = summary_json(network.freeze("conv2d_1", "batch_normalization_1"), None, Adam())
    head = 6 * 6 * 4 * 2 + 2
    assert (facts["weights"], facts["trained_weights"]) == (36 + 8 + head, head)
    assert facts["weights_bytes"] == 4 * (36 + 8 + 8 + head)
    assert facts["training_bytes"] == facts["weights_bytes"] + 2 * 4 * head
    network.freeze(*LOWER).summary()
    assert re.search(r"of them frozen +44 +so 290 are trained", capsys.readouterr().out)
    network.summary()
    assert "frozen" not in capsys.readouterr().out


# ----------------------------------------------------------------------------------------------------------- runs
def test_fine_tuning_trains_all_but_the_frozen_layers(run):
    tuned = cl.fit(run, DATA, freeze=LOWER, **QUICK)
    assert_same_bits(of_layers(tuned, LOWER), of_layers(run, LOWER))
    assert not np.array_equal(*(of_layers(each, ["dense_1"])["dense_1/kernel"] for each in (tuned, run)))
    assert frozen_in(tuned.network) == set(LOWER)


def test_frozen_layers_stay_frozen_in_the_next_run_until_it_names_others(run):
    tuned = cl.fit(run, DATA, freeze=LOWER, **QUICK)
    assert frozen_in(cl.fit(tuned, DATA, **QUICK).network) == set(LOWER)
    assert frozen_in(cl.fit(tuned, DATA, freeze=["dense_1"], **QUICK).network) == {"dense_1"}
    assert frozen_in(cl.fit(tuned, DATA, freeze=[], **QUICK).network) == set()


def test_a_new_last_layer_is_trained_on_frozen_ones(run):
    tuned = cl.fit(run, FIVE, freeze=LOWER, **QUICK)
    assert tuned.network.output_shape == (5,)
    assert_same_bits(of_layers(tuned, LOWER), of_layers(run, LOWER))
    with pytest.raises(InputError, match=r"freeze='dense_1': for 5 classes: .*, this layer is made anew"):
        cl.fit(run, FIVE, freeze=["dense_1"], **QUICK)


def test_what_cannot_be_frozen_is_refused(run):
    for wrong, message in {
        "conv2d_1": r"freeze='conv2d_1': expected a list of layers' names",
        ("conv2d_9",): r"freeze='conv2d_9': .* Did you mean 'conv2d_1'",
        (*LOWER, "dense_1"): r"every layer with weights is frozen; leave at least one",
    }.items():
        with pytest.raises(InputError, match=message):
            cl.fit(run, DATA, freeze=wrong, **QUICK)
    with pytest.raises(InputError, match=r"freeze=\['conv2d_1'\]: it goes with a run; of a network, give network.fre"):
        cl.fit(tiny.NETWORK, DATA, freeze=["conv2d_1"], **QUICK)


def test_a_run_with_frozen_layers_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    def stop(each):
        if each.history.steps == 2:
            raise SystemExit

    network = tiny.NETWORK.freeze(*LOWER)
    whole = tiny.train(network=network, steps=4, run_dir=tmp_path / "whole")
    with pytest.raises(SystemExit):
        tiny.train(network=network, steps=4, run_dir=tmp_path / "r", watch=stop)
    assert tiny.fingerprint(tiny.train(network=network, steps=4, run_dir=tmp_path / "r", resume=True)) == (
        tiny.fingerprint(whole)
    )
    saved = load_checkpoint(tmp_path / "r" / "last.safetensors")
    assert {name.split("/")[0] for name in saved.state.slots} == {"dense_1"}
    with pytest.raises(InputError, match="trainable=True"):
        tiny.train(network=tiny.NETWORK, steps=5, run_dir=tmp_path / "r", resume=True)


def test_the_command_line_freezes_layers_of_the_run_that_it_starts_from(tmp_path):
    tiny.save_npz(tmp_path / "d.npz", DATA)
    network = Sequential([Conv2D(2, 3), Flatten(), Dropout(0.5), Dense(3)], tiny.SHAPE)
    first = cl.fit(network, tmp_path / "d.npz", run_dir=tmp_path / "r", **QUICK)
    options = ("--freeze", "conv2d_1", "--steps", 3, "--engine", "numpy", "--run-dir", tmp_path / "tuned")
    done = command("train", "--from", tmp_path / "r", *options)
    assert done.exit_code == 0, done.output
    assert "with conv2d_1 frozen" in done.output.replace("\n", " ")
    assert "trainable = false" in (tmp_path / "tuned" / "recipe.toml").read_text("utf-8")
    assert frozen_in(recipe_of(tmp_path / "tuned").network) == {"conv2d_1"}
    tuned = cl.load(tmp_path / "tuned", engine="numpy")
    assert_same_bits(of_layers(tuned, ["conv2d_1"]), of_layers(first, ["conv2d_1"]))
    assert command("train", "--freeze", "conv2d_1").exit_code == 2
