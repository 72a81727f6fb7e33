"""How wrong a batch of predictions is: softmax cross-entropy, from logits.

Softmax turns logits z into probabilities, exp(z_k) / Σ exp(z_j); the loss of an image is −log of the probability of
its label. Taken together they need no probability near zero: −log softmax(z)_k = log Σ exp(z_j) − z_k, and shifting
all z by their maximum changes nothing but keeps exp in range. The gradient is softmax(z) minus 1 at the label.

A label is certain. A target is not: a share t_k of 1 for each class, as label smoothing makes of labels. Its loss is
Σ t_k × (log Σ exp(z_j) − z_k), and its gradient softmax(z) − t.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def softmax(logits: Array) -> Array:
    """Probabilities (N, classes) of logits (N, classes); each row sums to 1.

    >>> softmax(np.array([[0.0, 0.0]]))
    array([[0.5, 0.5]])
    """
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def cross_entropies(logits: Array, labels: Array) -> Array:
    """Each image's loss (N,), from logits (N, classes) and integer labels (N,)."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=-1)) - shifted[np.arange(len(labels)), labels]


def _soft_cross_entropies(logits: Array, targets: Array) -> Array:
    """Each image's loss (N,), from logits and targets (N, classes)."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    each = np.log(np.exp(shifted).sum(axis=-1, keepdims=True)) - shifted
    return (targets.astype(logits.dtype) * each).sum(axis=-1)


def smoothed(labels: Array, classes: int, smoothing: float) -> NDArray[np.float32]:
    """Targets (N, classes) of labels (N,): `smoothing` of each is shared out evenly, and the label has the rest.

    Source: Szegedy et al., "Rethinking the Inception architecture", CVPR 2016, section 7.

    >>> smoothed(np.array([1]), 2, 0.5).tolist()
    [[0.25, 0.75]]
    """
    certain = np.eye(classes)[labels]
    return ((1 - smoothing) * certain + smoothing / classes).astype(np.float32)


def softmax_cross_entropy(
    logits: Array, labels: Array, weights: Array | None = None, targets: Array | None = None
) -> tuple[float, Array]:
    """The mean loss of a batch and its gradient with respect to the logits (N, classes).

    With weights (N,), each image's loss counts so many times: Σ weight × loss / N. Targets (N, classes) take the
    labels' place.
    """
    d_logits = softmax(logits)
    if targets is None:
        losses = cross_entropies(logits, labels)
        d_logits[np.arange(len(labels)), labels] -= 1
    else:
        losses = _soft_cross_entropies(logits, targets)
        d_logits -= targets.astype(logits.dtype)
    if weights is not None:
        weights = weights.astype(logits.dtype)
        losses, d_logits = losses * weights, d_logits * weights[:, None]
    return float(losses.mean()), d_logits / len(labels)
