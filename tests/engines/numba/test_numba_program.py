"""The numba engine against the reference in float64: every layer, whole networks, and what must hold around them."""

import multiprocessing
import os
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from cases import LAYERS, NETWORKS, ids
from comparing import GRADIENT32, VALUE32, assert_agree, assert_same_bits
from interrupting import control_c, needs_alarm
from numba import config

from convlet import fit
from convlet.datasets import Dataset, Examples
from convlet.descriptions.initializers import Constant
from convlet.descriptions.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import SGD, Adam
from convlet.engines import Batch, State, engine
from convlet.engines.numba.assembly.lowering import Switches
from convlet.engines.numba.program import compile
from convlet.engines.numba.running import threads
from convlet.errors import EngineError, InputError

DEEP = NETWORKS["the seed's deep network in small"]
REGULAR = Sequential(
    [
        *(Conv2D(8, 5, padding="same", activation="relu"), MaxPooling2D(2)),
        *(Conv2D(64, 5, padding="same", activation="relu"), MaxPooling2D(2), Flatten()),
        *(Dense(40, activation="relu"), Dropout(0.5), Dense(10)),
    ],
    (12, 12, 1),
)
OPTIMIZERS = [
    SGD(0.1),
    SGD(0.1, weight_decay=0.1),
    SGD(0.1, momentum=0.9, weight_decay=0.01),
    SGD(0.1, momentum=0.9, nesterov=True),
    Adam(0.01),
    Adam(0.01, weight_decay=0.1, epsilon=1e-3),
]


@pytest.fixture(autouse=True)
def _all_threads_again():
    yield
    threads.set_threads(None)


def batch(network, images=7, seed=0):
    """(images, labels, masks)"""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((images, *network.input_shape)).astype(np.float32)
    return x, rng.integers(network.output_shape[0], size=images), network.dropout_masks(images, seed, 0)


def both(network, optimizer=None, seed=0, **options):
    """The network as a program of this engine, and of the reference in float64, with the same parameters."""
    parameters = network.initial_parameters(seed)
    exact = {name: array.astype(np.float64) for name, array in parameters.items()}
    return compile(network, parameters, optimizer, **options), engine("numpy").compile(network, exact, optimizer)


def single(arrays):
    """float64 arrays as float32, to compare with."""
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def assert_same_function(network, images=7, **options):
    """Predictions, every layer's output, loss and every gradient."""
    ours, reference = both(network, **options)
    x, labels, masks = batch(network, images)
    assert_agree(ours.predict(x), reference.predict(x).astype(np.float32), VALUE32, "logits")
    assert_agree(ours.activations(x), single(reference.activations(x)), VALUE32, "activations")
    (loss, gradients), (expected, expected_gradients) = (
        p.gradients(Batch(x, labels, masks)) for p in (ours, reference)
    )
    assert abs(loss - expected) < 1e-5
    assert_agree(gradients, single(expected_gradients), GRADIENT32, "gradients")


# ------------------------------------------------------------------------------------------ every layer, every network
@pytest.mark.parametrize("case", LAYERS, ids=ids)
def test_every_layer_computes_what_the_reference_does(case):
    """Between two layers that learn, so that the gradient by the layer's inputs counts too."""
    shape = case.input_shape
    before = Conv2D(shape[2], 1) if len(shape) == 3 else Dense(shape[0])
    assert_same_function(Sequential([before, case.layer, Flatten(), Dense(3)], shape), images=max(case.images, 2))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimizer", [Adam(0.01), SGD(0.05, momentum=0.9)], ids=["Adam", "SGD"])
def test_the_first_twenty_losses_are_the_references(name, optimizer):
    ours, reference = both(NETWORKS[name], optimizer)
    for step in range(20):
        x, labels, masks = batch(NETWORKS[name], seed=step)
        (loss, correct), (expected, expected_correct) = (
            p.step(Batch(x, labels, masks), 0.01) for p in (ours, reference)
        )
        assert abs(loss - expected) < 1e-4
        assert correct == expected_correct


@pytest.mark.parametrize("images", [1, 2, 49, 50, 51])
def test_any_number_of_images(images):
    assert_same_function(REGULAR, images)


SIZES = (50, 112, 50, 1, 112, 50)  # a larger batch after a smaller one, and that one again


@pytest.mark.parametrize("name", ["regular", *NETWORKS])
def test_a_larger_batch_in_between_changes_nothing(name):
    network = NETWORKS.get(name, REGULAR)
    ours, reference = both(network, SGD(0.01))
    for seed, size in enumerate(SIZES):
        x, labels, masks = batch(network, size, seed)
        assert_agree(ours.predict(x), reference.predict(x).astype(np.float32), VALUE32, f"logits of {size}")
        assert_agree(ours.activations(x), single(reference.activations(x)), VALUE32, f"activations of {size}")
        (loss, gradients), (expected, wanted) = (p.gradients(Batch(x, labels, masks)) for p in (ours, reference))
        assert abs(loss - expected) < 1e-5
        assert_agree(gradients, single(wanted), GRADIENT32, f"gradients of {size}")
    for seed, size in enumerate(SIZES):
        (loss, correct), (expected, wanted) = (
            p.step(Batch(*batch(network, size, seed)), 0.01) for p in (ours, reference)
        )
        assert abs(loss - expected) < 1e-4 and correct == wanted
    assert_agree(ours.state().parameters, single(reference.state().parameters), GRADIENT32, "weights after the steps")


def test_a_fit_that_validates_on_more_images_than_a_batch_reports_what_the_reference_does():
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=450)
    images = (0.2 * rng.random((450, 12, 12, 1)) + 0.08 * labels[:, None, None, None]).astype(np.float32)
    parts = Examples(images[:150], labels[:150]), Examples(images[150:], labels[150:])
    data = Dataset("shades of grey", tuple("0123456789"), *parts)
    options = {"batch_size": 50, "epochs": 10, "report_every": 10}
    optimizer = SGD(0.03, momentum=0.9)
    runs = [fit(REGULAR, data, optimizer=optimizer, engine=name, **options) for name in ("numba", "numpy")]
    assert len(runs[0].history.reports) == 3
    assert runs[0].history.reports == runs[1].history.reports
    np.testing.assert_allclose(runs[0].history.validations, runs[1].history.validations, atol=1e-3)


@pytest.mark.parametrize(
    "switches",
    [Switches(fusion=False), Switches(sparse=False), Switches(winograd=False), Switches(False, False, False)],
)
def test_fused_sparse_and_winograd_paths_change_nothing(switches):
    assert_same_function(REGULAR, 5, switches=switches)


# ------------------------------------------------------------------------------------------------------------- steps
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_step_is_the_gradients_and_the_reference_update(optimizer):
    ours, _ = both(REGULAR, optimizer)
    for step in range(1, 4):
        x, labels, masks = batch(REGULAR, seed=step)
        before = ours.state()
        _, gradients = ours.gradients(Batch(x, labels, masks))
        assert_same_bits(ours.state().parameters, before.parameters, "gradients must change nothing")
        ours.step(Batch(x, labels, masks), 0.01)
        after = ours.state()
        for name, gradient in gradients.items():
            parameter, gradient = before.parameters[name].astype(np.float64), gradient.astype(np.float64)
            slots = {slot: before.slots[f"{name}/{slot}"].astype(np.float64) for slot in optimizer.slots}
            optimizer.update(parameter, gradient, slots, 0.01, step)
            np.testing.assert_allclose(after.parameters[name], parameter, rtol=1e-5, atol=1e-6, err_msg=name)
            for slot, array in slots.items():
                np.testing.assert_allclose(after.slots[f"{name}/{slot}"], array, rtol=1e-4, atol=1e-7, err_msg=name)
        assert after.step == step


def trained(network, steps=4, images=9):
    program = compile(network, network.initial_parameters(0), Adam(0.01))
    for step in range(steps):
        program.step(Batch(*batch(network, images - step % 2, seed=step)), 0.01)
    return program


def test_results_are_the_same_to_the_bit_with_any_number_of_threads():
    states = []
    for count in (1, 2, 4):
        threads.set_threads(count)
        states.append(trained(REGULAR).state())
    for state in states[1:]:
        assert_same_bits(state.parameters, states[0].parameters)
        assert_same_bits(state.slots, states[0].slots)


def test_training_continues_from_a_state_to_the_bit():
    program, other = trained(REGULAR), trained(REGULAR, steps=2)
    other.restore(State(*(getattr(program.state(), part) for part in ("parameters", "slots", "step"))))
    for p in (program, other):
        p.step(Batch(*batch(REGULAR, seed=77)), 0.01)
    assert_same_bits(other.state().parameters, program.state().parameters)
    assert_same_bits(other.predict(batch(REGULAR)[0]), program.predict(batch(REGULAR)[0]))


def test_buffers_carry_nothing_from_one_step_to_the_next():
    clean, poisoned = trained(REGULAR), trained(REGULAR)
    for name, array in poisoned._steps.memory.all().items():
        if (":" in name and not name.startswith("keep")) or name.startswith("d_"):
            array[:] = np.nan if array.dtype == np.float32 else 3
    for p in (clean, poisoned):
        p.step(Batch(*batch(REGULAR, 9, seed=5)), 0.01)
    assert_same_bits(poisoned.state().parameters, clean.state().parameters)


def test_a_steady_step_allocates_nothing_worth_mentioning():
    program, arrays = trained(REGULAR, steps=4), batch(REGULAR, 9)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(5):
            program.step(Batch(*arrays), 0.01)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 20_000 and now - before < 5_000


@needs_alarm
def test_an_interrupt_breaks_nothing():
    """At any moment: a prediction is right the next time, and a step was taken as a whole or not at all."""
    program, other, interrupts = trained(REGULAR), trained(REGULAR), 0
    x, labels, masks = batch(REGULAR)
    expected = program.predict(x)
    with control_c(np.random.default_rng(0)) as interrupted:
        for _ in range(200):
            interrupts += interrupted(lambda: program.predict(x))
            assert_same_bits(program.predict(x), expected)
        for _ in range(200):
            steps = program.state().step
            interrupts += interrupted(lambda: program.step(Batch(x, labels, masks), 0.001))
            for _ in range(program.state().step - steps):
                other.step(Batch(x, labels, masks), 0.001)
            assert_same_bits(program.state().parameters, other.state().parameters)
            assert_same_bits(program.state().slots, other.state().slots)
    assert interrupts > 40
    assert other.state().step > 10


# ------------------------------------------------------------------------------------------- numbers and arguments
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_batch_without_a_finite_loss_is_reported_and_changes_nothing(value):
    program = trained(REGULAR)
    before, (x, labels, masks) = program.state(), batch(REGULAR)
    x[3, 5, 5, 0] = value
    loss, _ = program.step(Batch(x, labels, masks), 0.01)
    assert not np.isfinite(loss)
    after = program.state()
    assert_same_bits(after.parameters, before.parameters)
    assert_same_bits(after.slots, before.slots)
    assert after.step == before.step
    assert np.isnan(program.predict(x)[3]).all() and np.isfinite(program.predict(x)[[0, 1, 2, 4, 5, 6]]).all()


def test_of_equal_numbers_the_first_wins_everywhere():
    ours, reference = both(DEEP)
    x, labels, masks = batch(DEEP)
    x[:] = 1
    (_, gradients), (_, expected) = (p.gradients(Batch(x, labels, masks)) for p in (ours, reference))
    assert_agree(gradients, single(expected), GRADIENT32)


def test_of_equal_logits_the_first_is_the_prediction():
    network = Sequential([Flatten(), Dense(3, kernel_initializer=Constant(0.0))], (2, 2, 1))
    x, _, masks = batch(network, images=6)
    for program in both(network, SGD(0.1)):
        _, correct = program.step(Batch(x, np.array([0, 0, 0, 2, 1, 2]), masks), 0.1)
        assert correct == 3


@pytest.mark.parametrize("pool", [MaxPooling2D(2, padding="same"), MaxPooling2D(3, strides=2), MaxPooling2D((1, 4))])
def test_of_equal_numbers_the_first_wins_where_pooling_stands_alone(pool):
    """Every output of the convolution is 0; which of them won shows in its kernel's gradient."""
    network = Sequential([Conv2D(2, 3, kernel_initializer=Constant(0.0)), pool, Flatten(), Dense(3)], (9, 9, 1))
    ours, reference = both(network)
    (_, gradients), (_, expected) = (program.gradients(Batch(*batch(network))) for program in (ours, reference))
    assert_agree(gradients, single(expected), GRADIENT32)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(8, 8, 8), (6, 11, 8), (11, 7, 8), (10, 10, 8)])
@pytest.mark.parametrize("pooling", [[], [MaxPooling2D(2)]], ids=["", "pooled"])
def test_what_is_no_number_in_one_image_reaches_none_of_its_neighbours(shape, pooling, bad):
    """Winograd's tiles stretch beyond the last row and column; what they find there must be the image's own."""
    layers = [Conv2D(64, 3, activation="relu"), *pooling, Conv2D(64, 3, padding="same", activation="relu")]
    network = Sequential([*layers, Flatten(), Dense(3)], shape)
    program = compile(network, network.initial_parameters(0))
    x, _, _ = batch(network, images=4)
    expected = program.predict(x)
    for image in range(4):
        spoilt = x.copy()
        spoilt[image] = bad
        answers = program.predict(spoilt)
        assert np.isnan(answers[image]).all()
        assert_same_bits(np.delete(answers, image, 0), np.delete(expected, image, 0))


def test_images_of_any_layout_and_type_are_taken_and_left_as_they_are():
    program, (x, *_) = trained(REGULAR), batch(REGULAR, 6)
    expected = program.predict(x)
    views = [x[::-1][::-1], np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x.astype(np.float64)]
    for view in views:
        view.flags.writeable = False
        copy = view.copy()
        assert_same_bits(program.predict(view), expected)
        np.testing.assert_array_equal(view, copy)
    whole = np.arange(6 * 144, dtype=np.uint8).reshape(6, 12, 12, 1)
    assert_same_bits(program.predict(whole), program.predict(whole.astype(np.float32)))
    assert program.predict(x[:0]).shape == (0, 10)


def test_many_images_are_predicted_as_few_are():
    program, (x, *_) = trained(REGULAR), batch(REGULAR, 250)
    np.testing.assert_allclose(program.predict(x)[200:], program.predict(x[200:]), rtol=1e-5, atol=1e-6)


def test_float64_parameters_are_refused():
    with pytest.raises(EngineError, match='engine="numpy" for float64'):
        compile(DEEP, DEEP.initial_parameters(0, np.float64))


def test_arrays_that_do_not_fit_are_refused():
    program, (x, labels, masks) = trained(REGULAR), batch(REGULAR)
    with pytest.raises(InputError, match="images: shape"):
        program.predict(x[:, 1:])
    with pytest.raises(InputError, match="labels: from 0 to 10; expected 0 to 9"):
        program.step(Batch(x, np.array([10, 0, 0, 0, 0, 0, 0]), masks), 0.01)
    with pytest.raises(InputError, match="labels: shape"):
        program.step(Batch(x, labels[1:], masks), 0.01)
    with pytest.raises(InputError, match="optimizer=None"):
        compile(DEEP, DEEP.initial_parameters(0)).step(Batch(*batch(DEEP)), 0.01)


def test_masks_that_are_missing_or_of_another_shape_are_refused():
    program, (x, labels, masks) = trained(REGULAR), batch(REGULAR)
    before = program.state()
    with pytest.raises(InputError, match=r"masks\['dropout_1'\]: missing"):
        program.step(Batch(x, labels), 0.01)
    for wrong in (masks["dropout_1"][1:], masks["dropout_1"][:, :1], masks["dropout_1"].reshape(-1)):
        with pytest.raises(InputError, match=r"masks\['dropout_1'\]: of shape .* \(7, 40\)"):
            program.gradients(Batch(x, labels, {"dropout_1": wrong}))
    with pytest.raises(InputError, match="masks: 'another'; expected the names of the network's dropout layers"):
        program.gradients(Batch(x, labels, {**masks, "another": x}))
    assert_same_bits(program.state().parameters, before.parameters)


@pytest.mark.parametrize("name", ["regular", *NETWORKS])
def test_no_images_have_activations_of_no_images(name):
    network = NETWORKS.get(name, REGULAR)
    outputs = trained(network, steps=0).activations(batch(network)[0][:0])
    assert {name: array.shape for name, array in outputs.items()} == {
        placed.name: (0, *placed.output_shape) for placed in network
    }


def test_prepare_tells_which_kernels_it_compiles():
    told = []
    compile(DEEP, DEEP.initial_parameters(0), Adam(0.01)).prepare(4, lambda *said: told.append(said))
    done, total, names = zip(*told, strict=True)
    assert list(done) == list(range(total[0]))
    assert any("conv2d_1" in name for name in names) and any("dense_2" in name for name in names)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_what_training_needs_is_compiled_by_prepare_and_by_nothing_else():
    code = """
import numpy as np
from convlet.engines import Batch, engine
from convlet.engines.numba.running import entries, worklist
from convlet.descriptions.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam

def compiled():
    return len(entries._entries) + sum(len(f.overloads) for f in (worklist.start, worklist.help, worklist.finish))

layers = [Conv2D(3, 3), BatchNormalization(), Activation("relu"), Dropout(0.25), Flatten(), Dense(37, "tanh"),
          Dropout(0.5), Dense(7)]
network = Sequential(layers, (9, 7, 2))
program = engine("numba").compile(network, network.initial_parameters(0), Adam(0.01))
assert compiled() == 0
said = []
program.prepare(50, lambda *now: said.append(now))
prepared = compiled()
assert prepared == len(said) + 2, (prepared, said)  # three functions are one part, "threads"
images, labels = np.zeros((1000, 9, 7, 2), np.float32), np.zeros(50, np.int64)
for N in (1000, 50, 1, 3, 9, 17, 30, 104, 120):
    program.predict(images[:N])
for N in (50, 13):
    program.step(Batch(images[:N], labels[:N], network.dropout_masks(N, 0, 0)), 0.01)
assert compiled() == prepared
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_progress_may_stop_the_preparation():
    def stop(done, total, part):
        if done == 2:
            raise KeyboardInterrupt

    program = compile(REGULAR, REGULAR.initial_parameters(0), Adam(0.01))
    with pytest.raises(KeyboardInterrupt):
        program.prepare(4, stop)
    program.prepare(4)
    assert_same_bits(program.predict(batch(REGULAR)[0]), trained(REGULAR, steps=0).predict(batch(REGULAR)[0]))


# ------------------------------------------------------------------------------------- threads, processes, no compiler
def test_two_python_threads_may_train_at_once():
    expected, states = trained(REGULAR).state().parameters, {}
    workers = [threading.Thread(target=lambda i=i: states.update({i: trained(REGULAR).state()})) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert len(states) == 3
    for state in states.values():
        assert_same_bits(state.parameters, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python warns of forks beside threads
def test_a_forked_child_trains_on():
    program = trained(REGULAR)
    child = multiprocessing.get_context("fork").Process(target=program.step, args=(Batch(*batch(REGULAR)), 0.01))
    child.start()
    child.join(timeout=60)
    assert child.exitcode == 0


def test_it_computes_the_same_without_a_compiler():
    code = """
import numpy as np
from convlet.engines import Batch, engine
from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam
layers = [Conv2D(2, 3, activation="relu"), MaxPooling2D(2), BatchNormalization(), Flatten(), Dense(3, "tanh"),
          Dropout(0.5), Dense(2)]
network = Sequential(layers, (6, 6, 1))
parameters = network.initial_parameters(0)
x, labels = np.random.default_rng(0).random((3, 6, 6, 1)).astype(np.float32), np.array([0, 1, 1])
losses = []
for name in ("numba", "numpy"):
    program = engine(name).compile(network, parameters, Adam(0.01))
    losses.append([program.step(Batch(x, labels, network.dropout_masks(3, 0, i)), 0.01)[0] for i in range(3)])
assert np.allclose(*losses, atol=1e-4), losses
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
