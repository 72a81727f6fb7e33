"""The end of the network: softmax cross-entropy, its gradient, and how many were right; or one logit alone."""

import math

import numpy as np

from convlet.engines.numba.compiling import kernel
from convlet.engines.numba.simd.vectors import element, put

LOSS, CORRECT = range(2)  # places in results


@kernel
def softmax_cross_entropy(
    low, high, logits, labels, weights, targets, soft, d_logits, results, N, classes, stride, learning
):
    """The mean loss and the number of right predictions of images [low, high) = [0, N), and d_logits (N, stride).

    An image's loss, and so its gradient, is multiplied by its weight (N,). Where soft[0] is not 0, the targets
    (N, classes) take the labels' place in both.

    results (float64): LOSS and CORRECT. Of equal logits the first is the prediction, as in NumPy; and a NaN wins.
    Cost: N × classes exponentials, on one thread.
    """
    loss, correct, uncertain = 0.0, 0, element(soft, 0) != 0
    for n in range(low, high):
        row, label, weight = n * stride, element(labels, n), element(weights, n)
        winner, largest = 0, element(logits, row)
        for k in range(1, classes):
            z = element(logits, row + k)
            if z > largest or (z != z and largest == largest):
                winner, largest = k, z
        total = np.float32(0)
        for k in range(classes):
            e = np.float32(math.exp(element(logits, row + k) - largest))
            put(d_logits, row + k, e)
            total += e
        for k in range(classes):
            target = element(targets, n * classes + k) if uncertain else np.float32(k == label)
            difference = element(d_logits, row + k) / total - target
            put(d_logits, row + k, weight * difference / np.float32(N))
        if uncertain:
            for k in range(classes):
                own = math.log(total) - (element(logits, row + k) - largest)
                loss += weight * element(targets, n * classes + k) * own
        else:
            loss += weight * (math.log(total) - (element(logits, row + label) - largest))
        correct += winner == label
    put(results, LOSS, loss / N)
    put(results, CORRECT, np.float64(correct))
    return learning != 0 and not math.isfinite(loss)  # nothing is learnt from such a batch: the pass ends here


@kernel
def one_logit(low, high, classes, d_logits, stride):
    """Images [low, high): the gradient of one logit by all, d_logits (N, stride): 1 at the image's class, else 0."""
    for n in range(low, high):
        for k in range(stride):
            put(d_logits, n * stride + k, np.float32(k == element(classes, n)))
