"""PyTorch is given nothing to compute that its users would not have written."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is what convlet is compared with: pip install torch")

from convlet.benchmarks.peers.peer import Job
from convlet.benchmarks.peers.pytorch import PyTorch
from convlet.descriptions.layers import Conv2D, Dense, Flatten, Residual
from convlet.descriptions.network import Sequential
from convlet.descriptions.optimizers import Adam


def operations(node):
    """Names of all that the gradient goes back through."""
    found, waiting = set(), [node]
    while waiting:
        if (each := waiting.pop()) is not None and each not in found:
            found.add(each)
            waiting += [before for before, _ in each.next_functions]
    return [each.name() for each in found]


def test_a_network_with_shortcuts_adds_only_where_two_ways_meet():
    layers = [Conv2D(3, 3, padding="same"), Residual([Conv2D(3, 3, padding="same")]), Flatten(), Dense(4)]
    network = Sequential(layers, (6, 5, 2))
    peer = PyTorch(Job(network, network.initial_parameters(0), Adam(0.01), "training", 2, 1))
    images, _ = peer.hold(np.ones((2, 6, 5, 2), np.float32), np.array([1, 3]))
    names = operations(peer.model(images).grad_fn)
    assert names.count("ConvolutionBackward0") == 2
    assert names.count("AddBackward0") == 1
