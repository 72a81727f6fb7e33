"""The end of the network: softmax cross-entropy, its gradient, and how many predictions were right."""

import math

import numpy as np

from convlet.engines.numba.compiling import kernel
from convlet.engines.numba.simd.vectors import element, put

LOSS, CORRECT = range(2)  # places in results


@kernel
def softmax_cross_entropy(low, high, logits, labels, d_logits, results, N, classes, stride, learning):
    """The mean loss and the number of right predictions of images [low, high) = [0, N), and d_logits (N, stride).

    results (float64): LOSS and CORRECT. Of equal logits the first is the prediction, as in NumPy; and a NaN wins.
    Cost: N × classes exponentials, on one thread.
    """
    loss, correct = 0.0, 0
    for n in range(low, high):
        row, label = n * stride, element(labels, n)
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
            put(d_logits, row + k, (element(d_logits, row + k) / total - np.float32(k == label)) / np.float32(N))
        loss += math.log(total) - (element(logits, row + label) - largest)
        correct += winner == label
    put(results, LOSS, loss / N)
    put(results, CORRECT, np.float64(correct))
    return learning != 0 and not math.isfinite(loss)  # nothing is learnt from such a batch: the pass ends here
