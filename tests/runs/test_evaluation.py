"""How good a network is: against counting by hand."""

import numpy as np
import pytest
import tiny

from convlet.datasets import Dataset, Examples
from convlet.errors import DataError, InputError
from convlet.losses import softmax_cross_entropy
from convlet.runs import evaluation as room
from convlet.runs.evaluation import Evaluation, evaluate


def random_evaluation(count=200, classes=4):
    generator = np.random.default_rng(0)
    return Evaluation(generator.normal(size=(count, classes)), generator.integers(classes, size=count))


def test_counts_are_those_made_by_hand():
    found = random_evaluation()
    predicted = [max(range(4), key=lambda k, row=row: row[k]) for row in found.logits.tolist()]
    pairs = list(zip(found.labels.tolist(), predicted, strict=True))
    assert found.predictions.tolist() == predicted
    assert found.accuracy == sum(label == guess for label, guess in pairs) / 200
    assert found.confusion.tolist() == [[pairs.count((label, guess)) for guess in range(4)] for label in range(4)]
    for k in range(4):
        assert found.recall[k] == pairs.count((k, k)) / sum(label == k for label, _ in pairs)
        assert found.precision[k] == pairs.count((k, k)) / sum(guess == k for _, guess in pairs)


def test_the_loss_is_the_mean_over_all_examples():
    found = random_evaluation(199)  # a number that no batch size divides
    assert found.loss == pytest.approx(softmax_cross_entropy(found.logits, found.labels)[0], rel=1e-12)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(199))


def test_mistakes_come_the_most_confident_first():
    found = random_evaluation()
    wrong = found.mistakes()
    assert set(wrong) == {i for i in range(200) if found.predictions[i] != found.labels[i]}
    assert (np.diff(found.losses[wrong]) <= 0).all()


def test_a_class_that_never_came_has_no_recall_and_one_never_guessed_no_precision():
    found = Evaluation(np.array([[1.0, 0, 0], [1.0, 0, 0]]), np.array([0, 1]))
    assert found.recall[:2].tolist() == [1.0, 0.0] and np.isnan(found.recall[2])
    assert found.precision[0] == 0.5 and np.isnan(found.precision[1:]).all()


def test_examples_are_answered_in_order_whatever_the_batch(monkeypatch):
    run, data = tiny.train(steps=3), tiny.dataset(test=31)
    whole = evaluate(run.program, data.test).logits
    for batch in (1, 7, 31, 100):
        monkeypatch.setattr(room, "BATCH", batch)
        polled = []
        found = evaluate(run.program, data.test, poll=lambda polled=polled: polled.append(1))
        np.testing.assert_allclose(found.logits, whole, rtol=1e-5, atol=1e-6)
        assert len(polled) == -(-31 // batch)


def test_images_of_another_shape_and_unknown_classes_are_refused():
    run = tiny.train(steps=1)
    other = Examples.from_arrays(np.zeros((2, 4, 5), np.uint8), [0, 1], classes=3)
    with pytest.raises(DataError, match=r"shape \(4, 5, 1\); the network takes \(5, 4, 1\)"):
        run.evaluate(other)
    more = Dataset("more", ("a", "b", "c", "d"), Examples.from_arrays(np.zeros((2, 5, 4), np.uint8), [0, 3], classes=4))
    with pytest.raises(DataError, match="class 'a' is none of the classes"):
        run.evaluate(more.train)


def test_predicting_takes_bytes_and_floats_alike_and_gives_probabilities():
    run, images = tiny.train(steps=3), tiny.dataset().test.images
    probabilities = run.predict(images)
    assert probabilities.shape == (11, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(run.predict(images / np.float32(255)), probabilities)
    np.testing.assert_array_equal(probabilities.argmax(1), run.evaluate(tiny.dataset().test).predictions)
    assert run.predict(images[:0]).shape == (0, 3)


@pytest.mark.parametrize("shape", [(5, 4, 1), (2, 5, 5), (2, 4, 5, 1), (2, 5, 4, 3), (2, 20), ()])
def test_predicting_refuses_images_of_another_shape(shape):
    with pytest.raises(InputError, match=r"expected \(N, 5, 4, 1\)"):
        tiny.train(steps=1).predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, 255.0])
def test_predicting_refuses_pixels_that_are_no_numbers_or_were_never_scaled(value):
    with pytest.raises(DataError, match="images: "):
        tiny.train(steps=1).predict(np.full((2, 5, 4, 1), value, np.float32))
