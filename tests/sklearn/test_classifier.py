"""scikit-learn's own checks of an estimator, all of them, and what its users do with one."""

import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn.callback", reason="scikit-learn is an extra: make test-extras")
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from convlet import Adam, Conv2D, Dense, Ensemble, Flatten, OneCycle, Recipe, Sequential, Training, load_recipe
from convlet.errors import DataError
from convlet.sklearn import ConvletClassifier

CHECKS = 63  # of scikit-learn 1.9
README = Path(__file__).parents[2] / "README.md"


@parametrize_with_checks([ConvletClassifier(random_state=0)])
def test_scikit_learns_own_check(estimator, check):
    """None is expected to fail."""
    check(estimator)


def test_readme_says_how_many_checks_there_are():
    if sklearn.__version__.startswith("1.9."):
        assert len(list(estimator_checks_generator(ConvletClassifier()))) == CHECKS
    assert f"all {CHECKS} checks" in README.read_text("utf-8")


@pytest.fixture(scope="module")
def digits():
    """(X, y) of 400 digits as rows of 64, from 0 to 16."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X[:400], y[:400]


SMALL = Sequential([Conv2D(8, 3, activation="relu"), Flatten(), Dense(10)], (8, 8, 1))


def small(**words):
    return ConvletClassifier(SMALL, **{"random_state": 0, "epochs": 8, **words})


def test_rows_are_images_where_the_network_or_image_shape_says_so(digits):
    X, y = digits
    rows = small().fit(X[:300], y[:300])
    assert rows.score(X[300:], y[300:]) > 0.85
    images = small(image_shape=(8, 8)).fit(X[:300].reshape(-1, 8, 8), y[:300])
    assert_array_equal(images.predict_proba(X[300:]), rows.predict_proba(X[300:].reshape(-1, 8, 8, 1)))
    with pytest.raises(ValueError, match=r"X: shape \(300, 64\).*image_shape=\(7, 9\)"):
        ConvletClassifier(image_shape=(7, 9)).fit(X[:300], y[:300])
    says = r"a Sequential takes images of \(8, 8, 1\), but those of X are \(16, 4, 1\)\. Let network be 'chosen'"
    with pytest.raises(ValueError, match=says):
        small(image_shape=(16, 4)).fit(X[:300], y[:300])
    with pytest.raises(ValueError, match=r"network: recipe 'lenet-5' takes images of \(28, 28, 1\), .* \(8, 8, 1\)"):
        ConvletClassifier("lenet-5", image_shape=(8, 8)).fit(X[:300], y[:300])


def test_the_scale_of_x_is_known_and_the_run_takes_what_it_makes(digits):
    X, y = digits
    classifier = small(epochs=1).fit(X[:300], y[:300])
    black, white = classifier.scale_
    assert (black, white) == (0, 16) and not hasattr(small(), "scale_")
    assert "scale_" not in vars(classifier)  # it is kept once, as by classifiers that were pickled before it had a name
    images = ((X - black) / (white - black)).reshape(-1, 8, 8)
    assert_array_equal(classifier.run_.predict(images).argmax(axis=1), classifier.predict_proba(X).argmax(axis=1))
    with pytest.raises(DataError, match="images / 16"):
        classifier.run_.predict(X.reshape(-1, 8, 8))
    assert small(epochs=1).fit((15 * X[:300]).astype(np.uint8), y[:300]).scale_ == (0, 255)


def test_without_a_shape_rows_are_learnt_densely_and_images_by_a_network_that_is_chosen(digits):
    X, y = digits
    dense = ConvletClassifier(random_state=0).fit(X[:300], y[:300])
    assert dense.score(X[300:], y[300:]) > 0.85 and dense.run_.network.input_shape == (1, 1, 64)
    chosen = ConvletClassifier(image_shape=(8, 8), epochs=1, engine="numpy", random_state=0).fit(X[:60], y[:60])
    assert chosen.run_.network.input_shape == (8, 8, 1) and len(chosen.run_.network.layers) > 10


def test_a_recipe_or_its_name_says_how_to_train():
    images, labels = np.random.default_rng(0).random((40, 28, 28)), np.arange(40) % 10
    classifier = ConvletClassifier("first-kernels", epochs=1, random_state=0).fit(images, labels)
    assert classifier.run_.network == load_recipe("first-kernels").network and classifier.n_iter_ == 1
    with pytest.raises(ValueError, match=r"network: .*2 classes"):
        ConvletClassifier("first-kernels").fit(images, labels % 2)
    with pytest.raises(ValueError, match="network=3"):
        ConvletClassifier(3).fit(images, labels)
    with pytest.raises(ValueError, match="network=None"):
        ConvletClassifier(None).fit(images, labels)


def test_a_recipe_is_read_once_a_fit(tmp_path, monkeypatch):
    images, labels = np.random.default_rng(0).random((40, 28, 28)), np.arange(40) % 10
    read = []
    monkeypatch.setattr("convlet.sklearn.words.load_recipe", lambda name: (read.append(name), load_recipe(name))[1])
    ConvletClassifier("first-kernels", epochs=1, random_state=0).fit(images, labels)
    assert read == ["first-kernels"]


def test_a_chosen_network_that_may_stop_early_is_validated_after_each_epoch(digits):
    X, y = digits[0][:60], digits[1][:60]
    chosen = ConvletClassifier(image_shape=(8, 8), early_stopping=True, epochs=3, engine="numpy", random_state=0)
    assert len(chosen.fit(X, y).run_.history.validations) == 3


def test_threads_hold_for_all_that_computes(digits, monkeypatch):
    X, y = digits[0][:40], digits[1][:40]
    used = []
    monkeypatch.setattr("convlet.sklearn.classifier.limit_threads", used.append)
    learner = small(threads=1, engine="numpy", optimizer=Adam(0.01)).partial_fit(X, y, classes=range(10))
    learner.predict(X)
    small(engine="numpy", optimizer=Adam(0.01)).partial_fit(X, y, classes=range(10)).predict(X)
    assert used == [1, 1]


def test_equal_random_states_give_equal_bits_and_others_other_ones(digits):
    X, y = digits
    first, same, other = (small(random_state=seed).fit(X, y).predict_proba(X) for seed in (1, 1, 2))
    assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3


def test_the_scale_is_that_of_the_training_data(digits):
    X, y = digits
    plain = small().fit(X, y)
    assert_allclose(small().fit(X * 16 - 128, y).predict_proba(X[:9] * 16 - 128), plain.predict_proba(X[:9]), atol=1e-5)
    bytes_ = small().fit((X * 15).astype(np.uint8), y)
    half = np.full((1, 64), 128, np.uint8)
    assert_allclose(bytes_._images(half, half.shape), 128 / 255, rtol=1e-6)


def test_labels_may_be_texts_and_come_back_as_they_were(digits):
    X, y = digits
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[y]
    classifier = small().fit(X, names)
    assert set(classifier.predict(X)) <= set(names) and classifier.run_.classes == tuple(sorted(set(names)))
    assert classifier.score(X, names) > 0.9


def test_a_search_runs_in_threads_and_in_processes_and_gives_the_same(digits):
    X, y = digits
    pipeline = make_pipeline(MinMaxScaler(), small(epochs=2))
    scores = []
    for backend in ("threading", "loky"):
        with parallel_config(backend, n_jobs=2):
            search = GridSearchCV(pipeline, {"convletclassifier__batch_size": [32, 64]}, cv=2).fit(X, y)
        scores.append(search.cv_results_["mean_test_score"])
    assert_array_equal(*scores)
    assert min(scores[0]) > 0.3


def test_partial_fit_remembers_and_so_does_a_copy_of_it(digits):
    X, y = digits
    learner = small(optimizer=Adam(0.01)).partial_fit(X[:200], y[:200], classes=range(10))
    copied = pickle.loads(pickle.dumps(learner))
    for _ in range(6):
        for each in (learner, copied):
            each.partial_fit(X[200:], y[200:])
    assert_array_equal(learner.predict_proba(X), copied.predict_proba(X))
    assert learner.score(X, y) > 0.8
    forgetful = pickle.loads(pickle.dumps(learner))
    forgetful.__dict__.pop("_memory")
    for each in (learner, forgetful):
        each.partial_fit(X, y)
    assert np.abs(learner.predict_proba(X) - forgetful.predict_proba(X)).max() > 1e-4  # the memory was what mattered
    with pytest.raises(ValueError, match="y: 11 is none of the classes"):
        learner.partial_fit(X[:1], [11])
    with pytest.raises(ValueError, match="partial_fit takes a number"):
        small(optimizer=Adam(OneCycle(0.01))).partial_fit(X, y)


def test_partial_fit_sees_each_sample_once(digits):
    X, y = digits
    learner = small(batch_size=64).partial_fit(X[:100], y[:100], classes=range(10))
    assert learner.n_iter_ == 2
    steps, own = [], learner.run_.program.step
    learner.run_.program.step = lambda batch, rate: (steps.append(batch.images), own(batch, rate))[1]
    learner.partial_fit(X[:100], y[:100])
    seen = np.concatenate(steps)
    assert [len(step) for step in steps] == [64, 36] and len(np.unique(seen.reshape(100, -1), axis=0)) == 100


def test_fit_forgets_what_partial_fit_remembered(digits):
    X, y = digits
    copied = pickle.loads(pickle.dumps(small().partial_fit(X, y)))
    fresh = small()
    for each in (copied, fresh):
        each.fit(X, y).partial_fit(X[:100], y[:100])
    assert_array_equal(copied.predict_proba(X), fresh.predict_proba(X))


def test_a_warm_start_goes_on_from_the_weights_that_are_there(digits):
    X, y = digits
    classifier = small(warm_start=True, epochs=3).fit(X, y)
    before = classifier.score(X, y)
    assert classifier.fit(X, y).score(X, y) > before
    cold = small(epochs=3).fit(X, y)
    assert_array_equal(cold.predict_proba(X), cold.fit(X, y).predict_proba(X))


def test_stopping_early_keeps_the_best_weights(digits):
    X, y = digits
    classifier = small(early_stopping=True, validation_fraction=0.25, n_iter_no_change=2, epochs=60).fit(X, y)
    history = classifier.run_.history
    assert len(history.validations) < 60 and history.best[2] == max(row[2] for row in history.validations)
    with pytest.raises(ValueError, match="validation"):
        small(early_stopping=True, validation_fraction=1.5).fit(X, y)


def test_a_class_of_more_weight_is_named_more_often(digits):
    X, y = digits[0], (digits[1] == 3).astype(int)
    network = Sequential([Flatten(), Dense(2)], (8, 8, 1))
    light, heavy = (
        ConvletClassifier(network, epochs=2, class_weight=weights, random_state=0).fit(X, y)
        for weights in (None, {0: 1, 1: 50})
    )
    assert heavy.predict(X).sum() > light.predict(X).sum()
    with pytest.raises(ValueError, match="class_weight='balanced'"):
        small(class_weight="balanced").partial_fit(*digits)


class Watcher:
    """A callback that counts epochs, and ends training after some."""

    def __init__(self, most):
        self.most, self.tasks, self.scores = most, [], []
        self.most_epochs = None  # how many epochs a fit is expected to have

    def setup(self, estimator, context):
        self.tasks.append("setup")

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.tasks.append(f"begin {context.task_name}")
        self.most_epochs = context.max_subtasks if context.task_name == "fit" else self.most_epochs

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.tasks.append(f"end {context.task_name}")
        self.scores.append(fitted_estimator.score(X, y))
        return context.task_name == "epoch" and self.tasks.count("end epoch") >= self.most


def test_callbacks_follow_each_epoch_and_may_end_training(digits):
    watcher = Watcher(most=3)
    classifier = small(epochs=9).set_callbacks(watcher).fit(*digits)
    epoch = ["begin epoch", "end epoch"]
    assert watcher.tasks == ["setup", "begin fit", *3 * epoch, "end fit", "teardown"]
    assert classifier.n_iter_ < 9 * len(digits[0]) / classifier.run_.history.batch_size
    assert watcher.scores[-1] == classifier.score(*digits) > watcher.scores[0]


def test_callbacks_follow_the_epochs_of_all_networks_of_an_ensemble_which_is_trained_further_as_one(digits):
    both = Recipe("both", SMALL, Training(50, epochs=2), Adam(0.01), ensemble=Ensemble(rates=(1, 0.5)))
    watcher = Watcher(most=99)
    classifier = ConvletClassifier(both, random_state=0, warm_start=True, engine="numpy").set_callbacks(watcher)
    epoch, seen = ["begin epoch", "end epoch"], []
    for epochs in (4, 2):
        classifier.fit(*digits)
        seen += ["setup", "begin fit", *epochs * epoch, "end fit", "teardown"]
        assert watcher.tasks == seen
        assert watcher.most_epochs == epochs and classifier.run_.network.weights == 2 * SMALL.weights


def test_a_search_shows_its_progress_by_scikit_learns_own_bar(digits, capsys):
    X, y = digits
    search = GridSearchCV(small(epochs=2, engine="numpy"), {"batch_size": [32, 64]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X, y)
    assert capsys.readouterr().out.count("ConvletClassifier") >= 5  # two by two, and the best on all


def test_a_clone_is_as_new(digits):
    classifier = small().fit(*digits)
    assert clone(classifier).get_params() == classifier.get_params() and not hasattr(clone(classifier), "run_")
