"""The classifier itself. Its words are scikit-learn's where scikit-learn has one, and convlet's for all else."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from convlet.datasets import Dataset
from convlet.descriptions.augmentation import Augmentation
from convlet.descriptions.network import Parameters, Sequential
from convlet.descriptions.optimizers import Optimizer
from convlet.engines import Batch, Program, State, default_engine
from convlet.engines import engine as find_engine
from convlet.environment import limit_threads
from convlet.errors import DataError, InputError
from convlet.fitting import fit
from convlet.losses import softmax
from convlet.runs.choosing import validated
from convlet.runs.history import History
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run
from convlet.sklearn.inputs import Scale, as_rows, data_set, image_shape_of, names_of
from convlet.sklearn.tasks import EnoughError, Tasks
from convlet.sklearn.words import CHOSEN, check_takes, given_shape, named, rate_without_end, recipe_for, with_words
from convlet.training.batches import batch_indices, batch_of_step
from convlet.training.fit import check_data
from convlet.training.initial import initial_parameters

Array = NDArray[Any]
TYPES = [np.float64, np.float32, np.uint8]  # what is of none of these becomes the first


class ConvletClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """A small convolutional network as a scikit-learn classifier.

    X is (N, features), which `image_shape` makes images, or (N, H, W) or (N, H, W, C). Bytes are from 0 (black) to 255;
    of floats on any scale black and white are taken from the training data. Rows without an `image_shape` are given to
    a dense network. Samples that are equal, and of one class, are one sample of their summed weight.

    Parameters (each is convlet's word of the same name, or scikit-learn's):
        network: "chosen", by the images' shape and number; a Sequential; a Recipe, or the name or path of one.
        image_shape: (height, width) or (height, width, channels) of what the rows of X are.
        optimizer: of convlet.optimizers; by default the recipe's, or Adam along one cycle.
        epochs: how often each sample is seen; by default as often as makes about a thousand steps.
        batch_size: samples a step; by default the recipe's, or 64.
        augmentation: a list, such as [convlet.augmentation.Shift(0.1)].
        label_smoothing: how much of each label is shared out evenly.
        class_weight: None, "balanced", or a weight for each class.
        early_stopping: hold out `validation_fraction` of each class, and keep the best weights, after
            `n_iter_no_change` validations without a better accuracy: epochs, unless a recipe says otherwise.
        warm_start: `fit` goes on from the weights that are there.
        engine, threads: which engine computes, and on how many processors.
        random_state: a whole number makes every fit the same, to the bit.
        verbose: a line of progress on stderr.

    Attributes of a fitted one: `classes_`, `n_features_in_`, `run_`, the convlet Run with its network, history and
    everything that can be done with it; `n_iter_`, how many steps were taken; `scale_`, the values of X that are black
    and white to the run: it, and what it exports, take images (X - black) / (white - black).
    """

    def __init__(
        self,
        network: str | Sequential | Recipe = CHOSEN,
        *,
        image_shape: Sequence[int] | None = None,
        optimizer: Optimizer | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        augmentation: Sequence[Augmentation] | None = None,
        label_smoothing: float | None = None,
        class_weight: str | dict[Any, float] | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        engine: str | None = None,
        threads: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.network = network
        self.image_shape = image_shape
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.engine = engine
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "ConvletClassifier":
        """Train on samples X with labels y, each counting by its sample_weight. Returns the classifier itself."""
        begun, network = self.run_ if self.warm_start and hasattr(self, "run_") else None, named(self.network)
        held_out = self.validation_fraction if self.early_stopping else None
        data = self._data_set(network, X, y, sample_weight, anew=begun is None, held_out=held_out)
        recipe = self._recipe(network, data, check_random_state(self.random_state).randint(2**31))
        if begun is not None:
            recipe = replace(recipe, ensemble=None)  # several networks are one by then
        tasks = Tasks(self, recipe, len(data.train), {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}})
        try:
            run = self._trained(begun, recipe, data, tasks)
        except EnoughError:
            run = tasks.run  # as it is after that epoch
        self.__dict__.update(self._fitted(run), _learns=False)
        self.__dict__.pop("_memory", None)  # of an optimizer that trained another run
        tasks.end(run)
        return self

    def _trained(self, begun: Run | None, recipe: Recipe, data: Dataset, tasks: Tasks) -> Run:
        """A run of the recipe, from the weights of one that has begun, if any."""
        how: dict[str, Any] = {"threads": self.threads, "engine": self.engine, "progress": bool(self.verbose)}
        if begun is None:
            return fit(recipe, data, watch=tasks, **how)
        words = {name: getattr(recipe.training, name) for name in ("batch_size", "steps", "epochs", "seed", "patience")}
        words |= {"label_smoothing": recipe.training.label_smoothing, "optimizer": recipe.optimizer}
        return fit(begun, data, augmentation=recipe.augmentation, watch=tasks, **words, **how)

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "ConvletClassifier":
        """See each of these samples once, from the weights that are there, at a constant rate.

        The first call says all `classes` there will be, as everywhere in scikit-learn. The optimizer's memory is kept
        between calls. A schedule needs to know when training ends, so here it is refused.
        """
        rate, optimizer = rate_without_end(self.optimizer)
        if self.class_weight == "balanced":
            raise InputError("class_weight='balanced': partial_fit does not know all samples; give sample_weight.")
        self._limit_threads()
        begun, network = self.run_ if hasattr(self, "run_") else None, named(self.network)
        data = self._data_set(network, X, y, sample_weight, classes, anew=begun is None)
        seed = begun.seed if begun else check_random_state(self.random_state).randint(2**31)
        recipe = replace(self._recipe(network, data, seed, epochs=1), optimizer=optimizer)
        run = begun or _before_the_first_step(recipe, data, self.engine or default_engine())
        if not self.__dict__.get("_learns"):
            run.program = _learning(run, optimizer, self.__dict__.pop("_memory", {}))
        recipe = replace(recipe, network=run.network)
        for batch in _once_through(recipe, data, run):
            loss, correct = run.program.step(batch, rate(run.history.steps))
            run.history.record(loss, correct)
        run.total_steps = run.history.steps
        self.__dict__.update(self._fitted(run), _learns=True)
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each class, in the order of `classes_`: (N, classes)."""
        check_is_fitted(self)
        self._limit_threads()
        rows, shape = as_rows(X)
        images = self._images(validate_data(self, rows, dtype=TYPES, reset=False), shape)
        batch = images if len(images) > 1 else np.concatenate([images, images])  # one alone is summed in another order
        return np.asarray(softmax(self.run_.program.predict(batch)[: len(images)].astype(np.float64)))

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """The logarithms of these."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def predict(self, X: ArrayLike) -> Array:
        """The likeliest class of each sample: (N,)."""
        places = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[places])

    @property
    def scale_(self) -> tuple[float, float]:
        """The values of X that are black and white to the run."""
        return self._scale.black, self._scale.white

    def __getstate__(self) -> dict[str, Any]:
        """For pickling and copying; with the optimizer's memory where `partial_fit` will want it."""
        state = dict(super().__getstate__())
        if state.pop("_learns", False):
            state["_memory"] = self.run_.program.state().slots
        return state

    def __sklearn_tags__(self) -> Any:
        """Images have more than two axes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _data_set(
        self,
        network: Any,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any = None,
        *,
        anew: bool,
        held_out: float | None = None,
    ) -> Dataset:
        """What to train on. Where nothing has begun, classes, the images' shape and scale are what is found here."""
        rows, shape = as_rows(X)
        rows, y = validate_data(self, rows, y, dtype=TYPES, reset=anew)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if anew:
            self._begin(network, rows, shape, y if classes is None else classes)
        codes = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        if (strange := self.classes_[codes] != y).any():
            raise ValueError(f"y: {y[strange].tolist()[0]!r} is none of the classes: {self.classes_.tolist()}.")
        weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        if self.class_weight is not None:
            weights = weights * compute_sample_weight(self.class_weight, y)
        return data_set(self._images(rows, shape), codes, weights, names_of(self.classes_), held_out)

    def _begin(self, network: Any, rows: Array, shape: tuple[int, ...], labels: Any) -> None:
        classes = np.unique(column_or_1d(labels))
        if len(classes) < 2:
            raise ValueError(
                f"y: one class only, {classes.tolist()}; a classifier needs samples of two or more classes."
            )
        self.classes_ = classes
        self._shape = image_shape_of(shape, self.image_shape, given_shape(network))
        check_takes(network, self._shape)
        self._scale = Scale.of(rows)

    def _images(self, rows: Array, shape: tuple[int, ...]) -> Array:
        """Samples as images (N, H, W, C), from 0 to 1 on the scale of those trained on."""
        return self._scale(rows).reshape(len(rows), *image_shape_of(shape, None, self._shape))

    def _recipe(self, network: Any, data: Dataset, seed: int, epochs: int | None = None) -> Recipe:
        recipe = recipe_for(network, data, self.batch_size)
        words: dict[str, Any] = {
            "optimizer": self.optimizer,
            "augmentation": self.augmentation,
            "batch_size": self.batch_size,
        }
        words |= {"epochs": epochs or self.epochs, "label_smoothing": self.label_smoothing, "seed": seed}
        words["patience"] = self.n_iter_no_change if data.validation is not None else None
        recipe = with_words(recipe, len(data.train), words)
        try:
            check_data(recipe, data)
        except DataError as error:  # scikit-learn knows one error for what does not fit
            raise ValueError(f"network: {error}") from None
        return validated(recipe, len(data.train)) if network == CHOSEN else recipe

    def _limit_threads(self) -> None:
        if self.threads is not None:
            limit_threads(self.threads)

    def _fitted(self, run: Run) -> dict[str, Any]:
        """The attributes of a classifier that has this run."""
        return {"run_": run, "n_iter_": run.history.steps}


def _before_the_first_step(recipe: Recipe, data: Dataset, engine: str) -> Run:
    seed = recipe.training.seed
    program = find_engine(engine).compile(recipe.network, initial_parameters(recipe.network, data, seed))
    return Run(recipe.network, program, data.classes, History(recipe.training.batch_size), seed, engine, 0)


def _once_through(recipe: Recipe, data: Dataset, run: Run) -> Iterator[Batch]:
    """Batches in which each sample is once, the last one short; order and dropout are those of no other call."""
    seed, images, size = (recipe.training.seed + run.history.steps) % 2**31, len(data.train), recipe.training.batch_size
    whole = replace(recipe, training=recipe.training.changed(seed=seed))
    for step in range(images // size):
        yield batch_of_step(whole, data.train, step, engine=run.engine)
    if rest := images % size:
        left = batch_indices(images, size, seed, images // size)[:rest]
        last = replace(whole, training=whole.training.changed(batch_size=rest))
        yield batch_of_step(last, data.train.take(left), 0, engine=run.engine)


def _learning(run: Run, optimizer: Optimizer, memory: Parameters) -> Program:
    """The run's network ready to be trained by the optimizer, which goes on with its memory, if it is its own."""
    state = run.program.state()
    program = find_engine(run.engine).compile(run.network, state.parameters, optimizer)
    fresh, kept = program.state().slots, memory or state.slots
    same = {name: slot.shape for name, slot in kept.items()} == {name: slot.shape for name, slot in fresh.items()}
    program.restore(State(state.parameters, kept if same else fresh, state.step))
    return program
