"""The numba engine against the reference in float64: every layer, whole networks, and what must hold around them."""

import tracemalloc

import numpy as np
import pytest
from cases import BLOCKS, LAYERS, NETWORKS, ids
from comparing import GRADIENT32, VALUE32, Tolerance, assert_agree, assert_same_bits
from programs import MODERN, REGULAR, assert_same_function, batch, both, single, trained

from convlet import fit
from convlet.datasets import Dataset, Examples
from convlet.descriptions.layers import BatchNormalization, Conv2D, Dense, Flatten
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import EMA, SGD, Adam, AdamW
from convlet.engines import Batch, State
from convlet.engines.numba.assembly import passes
from convlet.engines.numba.assembly.lowering import Switches
from convlet.engines.numba.running import threads
from convlet.engines.numba.running.worklist import Worklist

OPTIMIZERS = [
    SGD(0.1),
    SGD(0.1, weight_decay=0.1),
    SGD(0.1, momentum=0.9, weight_decay=0.01),
    SGD(0.1, momentum=0.9, nesterov=True),
    Adam(0.01),
    Adam(0.01, weight_decay=0.1, epsilon=1e-3),
    AdamW(0.01, weight_decay=0.1, rate_factors={"*/bias": 4.0, "dense_1/*": 0.5}),
    SGD(0.1, momentum=0.9, weight_decay=0.1, rate_factors={"conv2d_1/bias": 64.0}),
    Adam(0.01, clip_norm=0.01),
    SGD(0.1, momentum=0.9, weight_decay=0.1, decays="kernels", clip_norm=0.5),
]


@pytest.fixture(autouse=True)
def _all_threads_again():
    yield
    threads.set_threads(None)


# ------------------------------------------------------------------------------------------ every layer, every network
@pytest.mark.parametrize("case", LAYERS + BLOCKS, ids=ids)
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


@pytest.mark.parametrize("switches", [Switches(), Switches(winograd=False), Switches(fusion=False)])
def test_what_is_fused_with_normalisation_and_its_gradients_are_the_references(switches):
    assert_same_function(MODERN, 5, switches=switches)


def test_a_prediction_knows_of_the_steps_before_it_and_of_a_state_that_is_restored():
    program, (x, labels, masks) = trained(MODERN, steps=1), batch(MODERN)
    before, early = program.predict(x), program.state()
    program.step(Batch(x, labels, masks), 0.01)
    fresh = trained(MODERN, steps=0)
    fresh.restore(program.state())
    assert_same_bits(program.predict(x), fresh.predict(x))
    fresh.restore(early)
    assert_same_bits(fresh.predict(x), before)
    assert np.abs(program.predict(x) - before).max() > 1e-4


def test_normalisation_is_exact_where_the_mean_is_large_against_the_deviation():
    network = Sequential([Conv2D(8, 1), BatchNormalization(), Flatten(), Dense(3)], (6, 6, 8))
    ours, reference = both(network)
    x, labels, masks = batch(network)
    x[..., :4] += 300
    (loss, gradients), (expected, wanted) = (p.gradients(Batch(x, labels, masks)) for p in (ours, reference))
    assert abs(loss - expected) < 1e-4
    assert_agree(gradients, single(wanted), Tolerance(1e-3, 1e-3), "gradients")


# ------------------------------------------------------------------------------------------------------------- steps
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_step_is_the_gradients_and_the_reference_update(optimizer):
    ours, _ = both(REGULAR, optimizer)
    for step in range(1, 4):
        x, labels, masks = batch(REGULAR, seed=step)
        before = ours.state()
        _, gradients = ours.gradients(Batch(x, labels, masks))
        scale, rules = optimizer.clipping(gradients.values()), optimizer.update_rules(REGULAR)
        assert_same_bits(ours.state().parameters, before.parameters, "gradients must change nothing")
        ours.step(Batch(x, labels, masks), 0.01)
        after = ours.state()
        assert optimizer.clip_norm is None or scale < 1
        for name, gradient in gradients.items():
            parameter, gradient = before.parameters[name].astype(np.float64), scale * gradient.astype(np.float64)
            slots = {slot: before.slots[f"{name}/{slot}"].astype(np.float64) for slot in optimizer.slots}
            rules[name].update(parameter, gradient, slots, 0.01, step)
            np.testing.assert_allclose(after.parameters[name], parameter, rtol=1e-5, atol=1e-6, err_msg=name)
            for slot, array in slots.items():
                np.testing.assert_allclose(after.slots[f"{name}/{slot}"], array, rtol=1e-4, atol=1e-7, err_msg=name)
        assert after.step == step


SHAPES = {"regular": REGULAR, "modern": MODERN, "with shortcuts": NETWORKS["a residual network in small"]}
each_shape = pytest.mark.parametrize("network", SHAPES.values(), ids=SHAPES)
CLIPPED = SGD(0.01, momentum=0.9, clip_norm=0.1)


@pytest.mark.parametrize(
    ("network", "optimizer"),
    [*((network, Adam(0.01)) for network in SHAPES.values()), (REGULAR, CLIPPED)],
    ids=[*SHAPES, "clipped"],
)
def test_results_are_the_same_to_the_bit_with_any_number_of_threads(network, optimizer):
    states = []
    for count in (1, 2, 4):
        threads.set_threads(count)
        states.append(trained(network, optimizer=optimizer).state())
    for state in states[1:]:
        assert_same_bits(state.parameters, states[0].parameters)
        assert_same_bits(state.slots, states[0].slots)


@pytest.mark.parametrize("optimizer", [Adam(0.01), Adam(0.01, average=EMA(0.8))], ids=["plain", "averaged"])
def test_training_continues_from_a_state_to_the_bit(optimizer):
    program, other = trained(REGULAR, optimizer=optimizer), trained(REGULAR, steps=2, optimizer=optimizer)
    other.restore(State(*(getattr(program.state(), part) for part in ("parameters", "slots", "step"))))
    for p in (program, other):
        p.step(Batch(*batch(REGULAR, seed=77)), 0.01)
    assert_same_bits(other.state().parameters, program.state().parameters)
    assert_same_bits(other.predict(batch(REGULAR)[0]), program.predict(batch(REGULAR)[0]))


@each_shape
def test_buffers_carry_nothing_from_one_step_to_the_next(network):
    clean, poisoned = trained(network), trained(network)
    for name, array in poisoned._steps.memory.all().items():
        if (":" in name and not name.startswith("keep")) or name.startswith("d_"):
            array[:] = np.nan if array.dtype == np.float32 else 3
    for p in (clean, poisoned):
        p.step(Batch(*batch(network, 9, seed=5)), 0.01)
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


def test_every_number_of_images_is_prepared_once_whatever_comes_between(monkeypatch):
    """Else a server, whose batches have any, would write the same worklists down again and again."""
    program, images = trained(REGULAR, steps=0), np.zeros((40, *REGULAR.input_shape), np.float32)
    made = []
    monkeypatch.setattr(passes, "Worklist", lambda jobs: made.append(len(jobs)) or Worklist(jobs))
    for _ in range(2):
        for count in range(40, 1, -1):
            program.predict(images[:count])
    assert len(made) in (39, 40)  # and that of the packed weights, if this is the first
