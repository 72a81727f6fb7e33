"""The same function first: who gives other losses or logits than the numpy engine gets no figure.

Dropout is off here, since every framework draws its own. The measure is the numpy engine in float64.
"""

import numpy as np

from convlet.benchmarks.peers.peer import plain_rate
from convlet.benchmarks.worker import CHECKED, LOGITS
from convlet.benchmarks.workloads import Array, Workload, without_dropout
from convlet.descriptions.network import Parameters
from convlet.engines import Batch, engine
from convlet.errors import NumericsError
from convlet.losses import smoothed

FIRST = 1e-4  # relative, of the first loss and of logits: some float32 roundings, and Winograd's
LATER = 1e-3  # relative, of the next ones: Adam's first steps have the size of the rate wherever a gradient's sign is


def reference(workload: Workload, parameters: Parameters) -> Array:
    """What must come out: the losses of the first steps on the first batch, or the first images' logits."""
    plain = without_dropout(workload)
    exact = {name: array.astype(np.float64) for name, array in parameters.items()}
    images, labels = workload.examples()
    images, labels = images[: workload.batch_size], labels[: workload.batch_size]
    if workload.task == "inference":
        return engine("numpy").compile(plain.network, exact).predict(images[:LOGITS])
    program = engine("numpy").compile(plain.network, exact, plain.optimizer)
    rate = plain_rate(plain.optimizer)
    share, classes = workload.label_smoothing, plain.network.output_shape[0]
    batch = Batch(images, labels, targets=smoothed(labels, classes, share) if share else None)
    return np.array([program.step(batch, rate)[0] for _ in range(CHECKED)])


def agree(found: Array, expected: Array) -> float:
    """How far they are apart, relative to the largest number expected. Raises NumericsError beyond the tolerance."""
    if found.shape != expected.shape:
        raise NumericsError(f"computes something else: shape {found.shape}; expected {expected.shape}.")
    differences = np.abs(found - expected) / np.abs(expected).max()
    allowed = np.full(expected.shape, FIRST)
    if expected.ndim == 1:
        differences = np.abs(found - expected) / np.abs(expected)
        allowed[1:] = LATER
    if not (differences <= allowed).all():  # not: a NaN must not pass
        place = np.unravel_index(int(np.argmax(np.nan_to_num(differences / allowed, nan=np.inf))), expected.shape)
        what = f"loss of step {place[0] + 1}" if expected.ndim == 1 else "a logit"
        raise NumericsError(
            f"computes something else: {what} is {found[place]:.6g}; the numpy engine's is {expected[place]:.6g}."
        )
    return float(differences.max())
