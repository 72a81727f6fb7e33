"""What the benchmark can measure: workloads that are what they are named after, and who takes part."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from benchmarking import NETWORK, TINY, fake

from convlet.benchmarks import sweeps, workloads
from convlet.benchmarks.competitors import COMPETITORS
from convlet.benchmarks.selection import select
from convlet.benchmarks.workloads import without_dropout
from convlet.descriptions.layers import Activation, Dense, Dropout, Flatten, Residual
from convlet.descriptions.network import Sequential
from convlet.errors import InputError
from convlet.runs.recipe import built_in_text


def test_workloads_are_the_networks_they_are_named_after():
    sizes = {name: (work.network.input_shape, work.batch_size) for name in workloads.WORKLOADS
             for work in [workloads.workload(name)]}  # fmt: skip
    assert sizes == {
        "deep-mnist": ((28, 28, 1), 50),
        "lenet-5": ((28, 28, 1), 32),
        "vgg-small": ((32, 32, 3), 64),
        "vgg-normalized": ((32, 32, 3), 64),
        "all-convolutional": ((32, 32, 3), 64),
        "resnet": ((32, 32, 3), 64),
        "air-s": ((28, 28, 1), 256),
        "depthwise": ((32, 32, 3), 64),
        "network-in-network": ((32, 32, 3), 64),
        "dense": ((28, 28, 1), 128),
        "first-kernels": ((28, 28, 1), 128),
        "deep-mnist-1000-images": ((28, 28, 1), 1000),
        "deep-mnist-1-image": ((28, 28, 1), 1),
        "air-s-1000-images": ((28, 28, 1), 1000),
    }
    rates = {name: workloads.workload(name).optimizer.learning_rate for name in sizes}
    assert all(isinstance(rate, float) for rate in rates.values()), rates  # a peer's optimizer takes no schedule
    assert workloads.workload("lenet-5").network.weights == 61_706  # 156 + 2,416 + 48,120 + 10,164 + 850


def test_the_deep_network_s_step_is_4_1_billion_operations():
    assert workloads.workload("deep-mnist").gflop == pytest.approx(4.10, abs=0.005)
    assert workloads.workload("deep-mnist-1-image").gflop == pytest.approx(2 * 13.884e-3, abs=1e-5)


def test_images_are_mnist_where_they_fit_and_made_up_elsewhere_the_same_each_time():
    images, labels = workloads.workload("lenet-5").examples()
    assert images.shape == (32 * 32, 28, 28, 1) and labels[:5].tolist() == [7, 3, 4, 6, 1]
    made_up, classes = TINY.examples()
    assert made_up.shape == (1000, 8, 6, 2) and made_up.dtype == np.float32 and set(classes) == set(range(10))
    assert 0 <= made_up.min() < 0.01 and 0.99 < made_up.max() < 1
    np.testing.assert_array_equal(made_up, TINY.examples()[0])


def test_without_dropout_the_weights_keep_their_names():
    assert without_dropout(TINY).network.parameters.keys() == NETWORK.parameters.keys()
    assert len(without_dropout(TINY).network.layers) == 6


def test_dropout_inside_a_block_is_left_out_too():
    network = Sequential([Residual([Dropout(0.5), Activation("relu")]), Flatten(), Dense(2)], (2, 2, 1))
    kept = without_dropout(replace(TINY, network=network)).network
    assert [type(placed.layer).__name__ for placed in kept] == ["Activation", "Residual", "Flatten", "Dense"]


@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_a_sweep_grows(name):
    values = [work.value for work in sweeps.sweep(name)]
    assert values == sorted(set(values)) and values[0] >= 1


def test_only_what_is_chosen_is_measured():
    chosen = select(["lenet-5"], ["numba", "jax", "numba"])
    assert [work.name for work in chosen.workloads] == ["lenet-5"]
    assert [each.name for each in chosen.competitors] == ["numba", "jax"]
    assert [each.name for each in select(None, None).competitors] == list(COMPETITORS)
    assert {each.name for each in select(None, None, "batch").competitors} == {"numba", "pytorch-best", "sgemm"}


def test_a_recipe_that_comes_along_or_a_file_of_ones_own_is_a_workload_too(tmp_path):
    file = tmp_path / "mine.toml"
    text = built_in_text("quick").replace('name = "quick"', 'name = "mine"')
    file.write_text(text.replace("batch_size = 256", "batch_size = 32"))
    built, own = select(["quick", str(file)], ["numba"]).workloads
    assert (built.name, built.batch_size, own.name, own.batch_size) == ("quick", 256, "mine", 32)
    assert own.network == built.network and own.label_smoothing == 0.1


def test_a_copied_recipe_is_called_as_its_file_is_and_two_of_one_name_are_refused(tmp_path):
    mine, again = tmp_path / "mine.toml", tmp_path / "again" / "mine.toml"
    again.parent.mkdir()
    for file in (mine, again):
        file.write_text(built_in_text("quick"))
    chosen = select(["quick", str(mine)], ["numba"]).workloads
    assert [(each.name, each.title.partition(":")[0]) for each in chosen] == [("quick", "quick"), ("mine", "mine")]
    with pytest.raises(InputError, match=r"again/mine\.toml': called 'mine', as '.*mine\.toml' is; .* Call the file"):
        select([str(mine), str(again)], ["numba"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((["lenet5"], None), "workloads='lenet5': expected some of .* Did you mean 'lenet-5'?"),
        ((["mine.tml"], None), "workloads='mine.tml': expected some of .*, or recipes: a name or a .toml file."),
        ((None, ["pytorch-bst"]), "competitors='pytorch-bst': expected some of .* Did you mean 'pytorch-best'?"),
        ((["lenet-5"], None, "batch"), "sweep='batch', workloads=lenet-5: expected one of them, not both."),
        ((None, None, "batsh"), "sweep='batsh': expected one of .* Did you mean 'batch'?"),
    ],
)
def test_a_wrong_choice_is_refused(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        select(*arguments)


def test_the_benchmark_imports_no_framework():
    frameworks = "{'torch', 'tensorflow', 'keras', 'jax', 'onnx', 'onnxruntime'}"
    check = f"import sys, convlet.cli, convlet.benchmarks.worker; print(sorted({frameworks} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_what_is_absent_says_so_with_what_to_type():
    assert fake("Right", requires=("no_such_module",), install="pip install it").missing() == (
        "no_such_module not installed: pip install it"
    )
    assert "no-such-compiler" in fake("Right", programs=("no-such-compiler",)).missing()
    assert fake("Right", requires=("json",)).missing() == ""
