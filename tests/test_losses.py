"""Softmax cross-entropy: by hand, at the extremes, and by its laws."""

import math

import naive
import numpy as np
import pytest
from comparing import GRADIENT, ROUNDING, assert_agree
from differences import central_differences
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from convlet.losses import cross_entropies, smoothed, softmax, softmax_cross_entropy

logit_arrays = nps.arrays(np.float64, nps.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(-30, 30))


def test_softmax_by_hand():
    assert_agree(softmax(np.log([[1.0, 2.0, 5.0]])), np.array([[0.125, 0.25, 0.625]]), ROUNDING)


def test_the_loss_and_its_gradient_by_hand():
    """Probabilities 1/4 and 3/4; labels 1 and 0; so losses log 4/3 and log 4, gradients halved."""
    logits = np.log([[1.0, 3.0], [1.0, 3.0]])
    loss, d_logits = softmax_cross_entropy(logits, np.array([1, 0]))
    assert loss == pytest.approx((math.log(4 / 3) + math.log(4)) / 2, rel=1e-12)
    assert_agree(d_logits, np.array([[0.125, -0.125], [-0.375, 0.375]]), ROUNDING)


def test_one_image_at_a_time_gives_each_ones_loss():
    logits = np.log([[1.0, 3.0], [1.0, 3.0]])
    assert_agree(cross_entropies(logits, np.array([1, 0])), np.log([4 / 3, 4.0]), ROUNDING)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_neither_overflow_nor_lose_the_loss(dtype):
    logits = np.array([[1e4, 0, -1e4], [1e4, 0, -1e4]], dtype)
    loss, d_logits = softmax_cross_entropy(logits, np.array([0, 2]))
    assert loss == 1e4  # the mean of 0 and 2e4, where a log of a probability would be infinite
    assert_agree(d_logits, np.array([[0, 0, 0], [0.5, 0, -0.5]], dtype), ROUNDING)


@given(logit_arrays, st.randoms())
def test_the_loss_is_the_naive_one_and_its_gradient_the_measured_one(logits, random):
    labels = np.array([random.randrange(logits.shape[1]) for _ in logits])
    loss, d_logits = softmax_cross_entropy(logits, labels)
    assert_agree(loss, naive.loss(logits.tolist(), labels.tolist()), ROUNDING)
    measured = central_differences(lambda: softmax_cross_entropy(logits, labels)[0], {"logits": logits})
    assert_agree(d_logits, measured["logits"], GRADIENT)


@given(logit_arrays, st.floats(-1e3, 1e3))
def test_shifting_all_logits_changes_neither_loss_nor_gradient(logits, shift):
    labels = np.zeros(len(logits), int)
    loss, d_logits = softmax_cross_entropy(logits, labels)
    shifted_loss, shifted = softmax_cross_entropy(logits + shift, labels)
    assert_agree(shifted_loss, loss, ROUNDING._replace(absolute=1e-11))
    assert_agree(shifted, d_logits, ROUNDING._replace(absolute=1e-11))


@given(logit_arrays)
def test_probabilities_sum_to_one_and_gradients_to_zero(logits):
    _, d_logits = softmax_cross_entropy(logits, np.zeros(len(logits), int))
    assert_agree(softmax(logits).sum(axis=1), np.ones(len(logits)), ROUNDING)
    assert_agree(d_logits.sum(axis=1), np.zeros(len(logits)), ROUNDING)


def test_smoothed_labels_by_hand():
    assert (
        smoothed(np.array([2, 0]), 4, 0.2).tolist()
        == np.float32([[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]]).tolist()
    )


def test_certain_targets_are_the_labels():
    logits, labels = np.log([[1.0, 3.0], [1.0, 3.0]]), np.array([1, 0])
    loss, d_logits = softmax_cross_entropy(logits, labels)
    other, d_other = softmax_cross_entropy(logits, labels, targets=smoothed(labels, 2, 0.0))
    assert other == pytest.approx(loss, rel=1e-12)
    assert_agree(d_other, d_logits, ROUNDING)


@given(logit_arrays, st.randoms())
def test_the_loss_of_targets_is_that_of_every_label_times_its_share(logits, random):
    shares = np.array([[random.random() + 0.01 for _ in row] for row in logits])
    targets = shares / shares.sum(axis=1, keepdims=True)
    weights, labels = np.array([random.random() for _ in logits]), np.zeros(len(logits), int)
    loss, d_logits = softmax_cross_entropy(logits, labels, weights, targets)
    parts = [
        weight * share * naive.loss([row], [k])
        for row, weight, own in zip(logits.tolist(), weights, targets, strict=True)
        for k, share in enumerate(own)
    ]
    assert loss == pytest.approx(sum(parts) / len(logits), rel=1e-12, abs=1e-12)
    measured = central_differences(
        lambda: softmax_cross_entropy(logits, labels, weights, targets)[0], {"logits": logits}
    )
    assert_agree(d_logits, measured["logits"], GRADIENT)


def test_logits_and_labels_are_not_modified():
    logits, labels = np.array([[1.0, 2.0]]), np.array([1])
    softmax_cross_entropy(logits, labels)
    assert logits.tolist() == [[1, 2]] and labels.tolist() == [1]
