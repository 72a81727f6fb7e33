"""Batch normalisation. Statistics are taken for each channel over images and pixels, in two passes, mean first.

Sums are made image by image, and then over the images in order, so that they do not depend on who makes which.

    partial     (N, 2, C): an image's two sums
    statistics  (2, C): mean and 1 / √(variance + ε)

Arguments otherwise as in `activations.py`. Source: Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithm 1.
"""

import math

import numpy as np

from convlet.engines.numba.compiling import kernel
from convlet.engines.numba.kernels.activations import at
from convlet.engines.numba.simd.vectors import element, put


@kernel
def sums(low, high, x, x_frame, statistics, partial, shape, squares):
    """Images [low, high): the sum of each channel, or with `squares` the sum of squared distances to the mean."""
    C = shape.C
    for n in range(low, high):
        for c in range(C):
            put(partial, n * 2 * C + c, np.float32(0))
        for h in range(shape.H):
            for w in range(shape.W):
                i = at(x_frame, n, h, w)
                for c in range(C):
                    value = element(x, i + c)
                    if squares:
                        value -= element(statistics, c)
                        value *= value
                    put(partial, n * 2 * C + c, element(partial, n * 2 * C + c) + value)


@kernel
def mean(low, high, partial, statistics, N, count, C):
    """Channels [low, high): the mean, from the images' sums; `count` is how many numbers it is the mean of."""
    for c in range(low, high):
        total = 0.0
        for n in range(N):
            total += element(partial, n * 2 * C + c)
        put(statistics, c, np.float32(total / count))


@kernel
def deviation(low, high, partial, statistics, variances, N, count, C, epsilon):
    """Channels [low, high): the (biased) variance, and 1 / √(variance + ε)."""
    for c in range(low, high):
        total = 0.0
        for n in range(N):
            total += element(partial, n * 2 * C + c)
        put(variances, c, np.float32(total / count))
        put(statistics, C + c, np.float32(1 / math.sqrt(total / count + epsilon)))


@kernel
def moving_statistics(low, high, moving_mean, moving_variance, statistics, C, epsilon):
    """Channels [low, high): the moving averages, in the place of the batch's statistics."""
    for c in range(low, high):
        put(statistics, c, element(moving_mean, c))
        put(statistics, C + c, np.float32(1 / math.sqrt(element(moving_variance, c) + epsilon)))


@kernel
def move_averages(low, high, moving_mean, moving_variance, statistics, variances, momentum):
    """Channels [low, high): the moving averages take in the batch's statistics."""
    now = np.float32(1) - momentum
    for c in range(low, high):
        put(moving_mean, c, momentum * element(moving_mean, c) + now * element(statistics, c))
        put(moving_variance, c, momentum * element(moving_variance, c) + now * element(variances, c))


@kernel
def normalize(low, high, x, x_frame, statistics, gamma, beta, y, y_frame, shape):
    """Images [low, high): y = γ (x − mean) / √(variance + ε) + β. x and y may be the same buffer."""
    C = shape.C
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(C):
                    normalized = (element(x, i + c) - element(statistics, c)) * element(statistics, C + c)
                    put(y, o + c, element(gamma, c) * normalized + element(beta, c))


@kernel
def backward_sums(low, high, d_y, y_frame, x, x_frame, statistics, partial, shape):
    """Images [low, high): the sums of d_y × the normalised input, and of d_y."""
    C = shape.C
    for n in range(low, high):
        for c in range(2 * C):
            put(partial, n * 2 * C + c, np.float32(0))
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(C):
                    normalized = (element(x, i + c) - element(statistics, c)) * element(statistics, C + c)
                    p, gradient = n * 2 * C + c, element(d_y, o + c)
                    put(partial, p, element(partial, p) + gradient * normalized)
                    put(partial, p + C, element(partial, p + C) + gradient)


@kernel
def backward_totals(low, high, partial, d_gamma, d_beta, N, C):
    """Channels [low, high): d_gamma and d_beta, from the images' sums."""
    for c in range(low, high):
        first = second = 0.0
        for n in range(N):
            first += element(partial, n * 2 * C + c)
            second += element(partial, n * 2 * C + C + c)
        put(d_gamma, c, np.float32(first))
        put(d_beta, c, np.float32(second))


@kernel
def normalize_backward(low, high, d_y, y_frame, x, x_frame, statistics, gamma, d_gamma, d_beta, d_x, shape, count):
    """Images [low, high): d_x. An input also moves the batch's mean and variance: from the gradient is taken its
    mean, and its projection on the normalised inputs.
    """
    C = shape.C
    for n in range(low, high):
        for h in range(shape.H):
            for w in range(shape.W):
                i, o = at(x_frame, n, h, w), at(y_frame, n, h, w)
                for c in range(C):
                    normalized = (element(x, i + c) - element(statistics, c)) * element(statistics, C + c)
                    shared = (element(d_beta, c) + normalized * element(d_gamma, c)) / count
                    put(d_x, i + c, element(gamma, c) * element(statistics, C + c) * (element(d_y, o + c) - shared))
