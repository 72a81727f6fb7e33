"""Chains: parts of a batch go through many jobs on their own, and nothing but the order of the work is different."""

import numpy as np
import pytest
from programs import MODERN, SHORTCUTS, assert_same_function, batch
from small_networks import NETWORKS

from convlet.descriptions.layers import Conv2D, Dense, DepthwiseConv2D, GlobalMaxPooling2D, MaxPooling2D
from convlet.descriptions.network import Sequential
from convlet.engines import Batch
from convlet.engines.numba.assembly import convolution
from convlet.engines.numba.assembly.chains import chained
from convlet.engines.numba.program import compile
from convlet.engines.numba.running import threads
from convlet.engines.numba.running.entries import Scratch
from convlet.engines.numba.running.worklist import Chain, Worklist

N = 33  # three images in one part, two in the others
SEPARATE = Sequential(
    [
        *(Conv2D(16, 3, padding="same", activation="silu"), DepthwiseConv2D(3, 2, activation="relu"), Conv2D(24, 1)),
        *(MaxPooling2D(2, padding="same"), Conv2D(16, 5, padding="same", activation="relu"), MaxPooling2D(2)),
        *(GlobalMaxPooling2D(), Dense(3)),
    ],
    (15, 13, 2),
)
KNOWN = {"shortcuts": SHORTCUTS, "modern": MODERN, "separate": SEPARATE, **NETWORKS}
NAMES = ["shortcuts", "modern", "separate", "a residual network in small"]


@pytest.mark.parametrize("name", NAMES)
def test_no_part_of_a_chain_needs_anything_of_another(name):
    network = KNOWN[name]
    program, images = compile(network, network.initial_parameters(0)), Batch(*batch(network, N))
    _, expected = program.gradients(images)
    program.gradients(Batch(*batch(network, N, seed=1)))  # what is left of these images is wrong
    passes = program._gradients
    passes._take(images.images)
    passes._take_labels(images.labels)
    passes._take_masks(images.masks, N)
    for step in chained(passes.jobs(N), N):
        jobs = step.jobs if isinstance(step, Chain) else (step,)
        for part in reversed(range(step.parts)):
            for job in jobs:
                arguments = [np.empty(a.size, a.dtype) if isinstance(a, Scratch) else a for a in job.arguments]
                job.kernel(*job.part(part, step.parts), *arguments)
    for parameter, gradient in program._weights.gradients(passes.gradients()).items():
        np.testing.assert_array_equal(gradient, expected[parameter], err_msg=parameter)


@pytest.mark.parametrize("name", NAMES)
def test_chains_give_the_same_bits_with_any_number_of_threads(name):
    network, found = KNOWN[name], []
    for count in (1, 2, 4):
        threads.set_threads(count)
        try:
            program = compile(network, network.initial_parameters(0))
            found.append(program.gradients(Batch(*batch(network, N)))[1])
        finally:
            threads.set_threads(None)
    for parameter, gradient in found[0].items():
        for other in found[1:]:
            np.testing.assert_array_equal(other[parameter], gradient, err_msg=parameter)


@pytest.mark.parametrize("name", NAMES)
def test_weights_that_are_too_large_for_a_chain_give_the_same_bits(name, monkeypatch):
    network, found = KNOWN[name], []
    for largest in (convolution.CACHED, 0):
        monkeypatch.setattr(convolution, "CACHED", largest)
        program = compile(network, network.initial_parameters(0))
        found.append(program.gradients(Batch(*batch(network, N)))[1])
    for parameter, gradient in found[0].items():
        np.testing.assert_array_equal(found[1][parameter], gradient, err_msg=parameter)


def test_a_batch_that_is_worked_through_in_chains_gives_what_the_reference_gives():
    for network in (SHORTCUTS, SEPARATE):
        assert_same_function(network, images=N)


def test_a_network_without_statistics_goes_forward_in_one_chain():
    program = compile(SEPARATE, SEPARATE.initial_parameters(0))
    first, *rest = chained(program._inference.jobs(N), N)
    assert isinstance(first, Chain) and len(first.jobs) >= 7
    assert not any(isinstance(step, Chain) for step in rest)


@pytest.mark.parametrize("name", NAMES)
def test_every_job_is_done_once(name):
    program = compile(KNOWN[name], KNOWN[name].initial_parameters(0))
    jobs = program._gradients.jobs(N)
    done = [job for step in chained(jobs, N) for job in (step.jobs if isinstance(step, Chain) else (step,))]
    assert sorted(job.label for job in done) == sorted(job.label for job in jobs)


def test_few_images_are_shared_by_rows_so_that_all_threads_have_some():
    program = compile(SEPARATE, SEPARATE.initial_parameters(0))
    steps = chained(program._inference.jobs(1), 1)
    assert not any(isinstance(step, Chain) for step in steps)
    for chain in Worklist(steps).chains:
        (job,) = chain.jobs
        busy = [low < high for low, high in (job.part(k, chain.parts) for k in range(chain.parts))]
        assert sum(busy) == min(chain.parts, job.groups * job.together), "a part with nothing to do: others have it all"
