"""A network with its weights, ready to be used: what training returns, and what a checkpoint becomes again."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convlet.datasets import Dataset, Examples, Pair, part_of, pixels
from convlet.datasets.images import with_channels
from convlet.datasets.labels import numbered
from convlet.descriptions.network import Sequential
from convlet.engines import Program, default_engine
from convlet.engines import engine as find_engine
from convlet.environment import limit_threads
from convlet.errors import DataError, InputError, NumericsError, StorageError
from convlet.losses import softmax
from convlet.runs.checkpoint import Checkpoint, checkpoint_bytes, load_checkpoint, read_checkpoint, save_checkpoint
from convlet.runs.data_source import DataSource
from convlet.runs.evaluation import Evaluation, evaluate
from convlet.runs.folder import recipe_of
from convlet.runs.history import History
from convlet.showing import shown
from convlet.signals import Stop

Array = NDArray[Any]


@dataclass
class Clock:
    """Seconds of this process: compiling, training in all, of that the steps, of these waiting for batches; how many
    steps.
    """

    compile: float = 0.0
    train: float = 0.0
    steps: float = 0.0
    waiting: float = 0.0
    taken: int = 0


@dataclass(repr=False)
class Run:
    """A trained network, or one in training. `total_steps` is how many steps it was asked to take in all.

    `data` is where the data it was trained on is found, with their fingerprint; None where that is not known. `turn` is
    which network takes its steps, counted from 1, and of how many: only in an ensemble more than one. `out_of_time`: it
    ended before its last step because its time was over.
    """

    network: Sequential
    program: Program
    classes: tuple[str, ...]
    history: History
    seed: int
    engine: str
    total_steps: int
    run_dir: Path | None = None
    data: DataSource | None = None
    clock: Clock = field(default_factory=Clock)
    turn: tuple[int, int] = (1, 1)
    out_of_time: bool = False

    def __repr__(self) -> str:
        """How far it is, on which engine, and where it is kept."""
        where = f", in {self.run_dir}" if self.run_dir else ""
        taken, left = self.history.steps, self.total_steps > self.history.steps
        steps = f"step {taken:,} of {self.total_steps:,}" if left else f"{taken:,} steps"
        return f"<Run of {self.network.weights:,} weights, {steps}, {self.engine} engine{where}>"

    def _repr_html_(self) -> str:
        """What it is, and how it learnt, for a notebook."""
        return str(shown("html.notebook", "run_html", self))

    def evaluate(self, examples: Examples | Pair | str | Path, *, stop: Stop | None = None) -> Evaluation:
        """The network's answers to labelled images: a part of a data set, such as `mnist.test`, or (images, labels).

        Or, by a name or path as `datasets.load` takes it, to other data, its pictures prepared as those it was trained
        on: to the test part, or all of it where it has no parts. Classes are known by their names.

        Raises InputError where these are no such images, DataError where they are of another shape or class,
        NumericsError where the loss is not a finite number.
        """
        examples = self._examples(examples)
        if examples.image_shape != self.network.input_shape:
            raise DataError(f"images: shape {examples.image_shape}; the network takes {self.network.input_shape}.")
        with np.errstate(over="ignore", invalid="ignore"):
            evaluation = evaluate(self.program, examples, poll=stop.check if stop else lambda: None)
            loss = evaluation.loss
        if not math.isfinite(loss):
            first = int(np.argmax(~np.isfinite(evaluation.losses)))
            worst, _ = examples.batch(slice(first, first + 1))
            raise NumericsError(f"after step {self.history.steps}: {self.explain(worst, f'the loss is {loss}')}")
        return evaluation

    def _examples(self, given: Examples | Pair | str | Path) -> Examples:
        """Labelled images, with the numbers that this run has for their classes."""
        if isinstance(given, Examples):
            return given.labelled_by(self.classes)
        if isinstance(given, str | Path):
            other = (self.data or DataSource()).other(str(given)).suited_to(self.network)
            return part_of(other.load_parts(), "test").labelled_by(self.classes)
        if isinstance(given, tuple | list) and len(given) == 2:
            return Examples.from_arrays(*given, classes=self.classes)
        expected = "a part of a data set, such as data.test, a pair of arrays, (images, labels), or a path"
        raise InputError(f"examples: {type(given).__name__}; expected {expected}.")

    def predict(self, images: ArrayLike | Sequence[str | Path]) -> Array:
        """Probabilities (N, classes) of images (N, H, W) or (N, H, W, C): uint8, or float in [0, 1].

        A lone image is a batch of one, image[np.newaxis]; what looks into one takes it alone: `feature_maps(image)`.
        Or of pictures, by a list of their files, a folder, a .zip or a pattern: prepared as those were that the network
        was trained on, in the order of `convlet predict`.

        Raises DataError where they are no such images, or one cannot be read, InputError where they have another shape
        than the network takes, NumericsError where its answer would be no number.
        """
        if isinstance(images, str | Path) or (
            isinstance(images, list | tuple) and images and all(isinstance(image, str | Path) for image in images)
        ):
            images = self._pictures([images] if isinstance(images, str | Path) else images)
        array = np.asarray(images)
        given, shape = with_channels(array, axes=4), array.shape
        if given.shape[1:] != self.network.input_shape:
            expected = ", ".join(map(str, self.network.input_shape))
            one = " One image is a batch of one: image[np.newaxis]." if self._is_one(shape) else ""
            raise InputError(f"images: shape {shape}; expected (N, {expected}).{one}")
        batch = pixels(given) if len(given) else given
        with np.errstate(over="ignore", invalid="ignore"):
            probabilities = softmax(self.program.predict(batch))
        if not np.isfinite(probabilities).all():
            first = int(np.argmax(~np.isfinite(probabilities).all(axis=1)))
            raise NumericsError(self.explain(batch[first : first + 1], f"the probabilities of image {first} are NaN"))
        return probabilities

    def _pictures(self, sources: Sequence[str | Path]) -> Array:
        """The pixels (N, H, W, C) of pictures, as the network takes them."""
        from convlet.datasets.collections.unlabelled import named_pictures  # Pillow is not needed for arrays
        from convlet.datasets.readers.pictures import prepared, quiet

        fit = self.data.preparation.fit if self.data else None
        with quiet():
            return np.stack(
                [prepared(each.content(), each.name, self.network.input_shape, fit) for each in named_pictures(sources)]
            )

    def feature_maps(self, image: Array) -> dict[str, Array]:
        """What each layer makes of one image (H, W) or (H, W, C), by the layer's name.

        Of a batch give one at a time, images[0]; `predict` alone takes a batch, of one image too: image[np.newaxis].

        A convolution's or pooling's output is (OH, OW, channels), a dense layer's (units,): the last one's are logits.
        Raises DataError where it is no image, InputError where it has another shape than the network takes.
        """
        outputs = self.program.activations(self._one(image))
        return {name: array[0] for name, array in outputs.items()}

    def input_gradients(self, image: Array, label: int | str) -> Array:
        """How the logit of one class changes with each pixel of one image: (H, W, C), a pixel from 0 to 1.

        `image` is as `feature_maps` takes it; `label` is the class as a label of the training data names it. Raises as
        `feature_maps` does, and DataError where it is no class.
        """
        return self.program.input_gradients(self._one(image), numbered([label], self.classes))[0]

    def _one(self, image: Array) -> Array:
        """One image (H, W) or (H, W, C) as a batch of its own, (1, H, W, C) in float32."""
        given = with_channels(np.asarray(image), axes=3)
        if given.shape != self.network.input_shape:
            one = " Of several, give one at a time: images[0]." if self._is_one(np.shape(image)[1:]) else ""
            raise InputError(f"image: shape {np.shape(image)}; expected {self.network.input_shape}.{one}")
        return pixels(given[np.newaxis])

    def _is_one(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is one image of the network's: (H, W, C), or (H, W) of one channel."""
        return self.network.input_shape in (shape, (*shape, 1))

    def report(
        self,
        path: str | Path,
        data: Dataset | str | Path | None = None,
        *,
        part: str | None = None,
        inspect: bool = False,
    ) -> Path:
        """Write the report of this run as one HTML file: how good it is, what to fix first, its mistakes. Returns it.

        Of its own data, or of others, a Dataset or as `datasets.load` takes them; of their test images, or of the last
        part there is. With `inspect`, it says what is wrong with the data, too, as `convlet.inspect` does.

        Raises as `evaluate` does, DataError where its data cannot be had, InputError where they have no such part,
        StorageError where the file cannot be written.
        """
        written: Path = shown("html.run.report", "of_run", self, path, data, part, inspect)
        return written

    def to_keras(self) -> Any:
        """The network as a plain Keras model of its own, with the weights of this moment: images to logits.

        Its images are float32 from 0 to 1, (N, H, W, C). Raises EngineError where Keras, or what it computes with, is
        not installed.
        """
        program: Any = find_engine("keras").compile(self.network, self.program.state().parameters)
        return program.model

    def to_torch(self) -> Any:
        """The network as an nn.Sequential of PyTorch's in eval mode, with the weights of this moment: images to logits.

        Its images are float32 from 0 to 1, channels first, (N, C, H, W). A residual block is a small module of its own.
        Raises EngineError where PyTorch is not installed.
        """
        return import_module("convlet.exchange.torch").torch_module(self.network, self.program.state().parameters)

    def export(self, path: str | Path, *, softmax: bool = False, uint8: bool = False, weights: str = "float32") -> None:
        """Write the network for other tools: `model.onnx`, `model.keras` for Keras alone, `model.h` for small devices.

        A model.onnx takes images (N, H, W, C) of float32 from 0 to 1, with `uint8` bytes; it gives logits, with
        `softmax` probabilities, and its metadata name the classes. A model.h is one C99 header with weights and
        functions, of one image, with `uint8` of bytes; with `weights="int8"` it computes in integers, by scales from
        the run's validation images. Each is checked before it is written.

        Raises InputError where it cannot be such a file, EngineError where what is needed is not installed, or does not
        agree with the network; StorageError where the file cannot be written.
        """
        import_module("convlet.exchange.exporting").export(
            self, Path(path), softmax=softmax, uint8=uint8, weights=weights
        )

    def explain(self, batch: Array, what: str) -> str:
        """Where numbers that are not finite came from, and what to do: `what` they are, of a batch (N, H, W, C)."""
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.program.activations(batch)
        where = next((name for name, array in outputs.items() if not np.isfinite(array).all()), None)
        place = f"layer {where!r} is the first whose output is not finite" if where else "its logits are far too large"
        last = self.run_dir / "last.safetensors" if self.run_dir else None
        kept = f" {last} holds the last good weights." if last and last.exists() else ""
        return f"{what}; {place}. Try a lower learning rate.{kept}"

    def checkpoint(self) -> Checkpoint:
        """All that is needed to go on from here. Of where its data is it holds the name, and no folder's."""
        fingerprint, data = "", None
        if self.data:
            fingerprint, data = self.data.sha256 or "", self.data.without_place()
        return Checkpoint(
            self.network, self.classes, self.program.state(), self.history, self.seed, fingerprint, data=data
        )

    def save(self, path: str | Path) -> None:
        """Write network, weights, optimizer state and history to one safetensors file. Raises StorageError."""
        save_checkpoint(Path(path), self.checkpoint())

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, here or in another process, is made through a checkpoint: `copy`, `pickle`, a pool of workers."""
        content, own = checkpoint_bytes(self.checkpoint()), {"total_steps": self.total_steps, "data": self.data}
        return _restored, (content, self.engine, self.run_dir, {**own, "clock": replace(self.clock)})


def _restored(content: bytes, engine: str, run_dir: Path | None, own: dict[str, Any]) -> Run:
    return replace(run_of(read_checkpoint(content, "a copy of a run"), engine, run_dir), **own)


def load(path: str | Path, *, engine: str | None = None, threads: int | None = None) -> Run:
    """The network in a checkpoint, or in a run folder, ready to predict and evaluate.

    Of a run with patience it has the best weights, as that run itself has at its end; of any other the last. `engine`
    is the fastest that runs here unless one is named; `threads` is how many this process uses from now on.

    Raises StorageError where there is none, FormatError where it is damaged.
    """
    if threads is not None:
        limit_threads(threads)
    path = Path(path)
    if not path.is_file() and not (path / "last.safetensors").exists():
        left = f" Its best weights are in {path / 'best.safetensors'}." if (path / "best.safetensors").exists() else ""
        if (path / "network-1/last.safetensors").exists():
            left = f" It was stopped before its networks became one: go on with it, or name {path / 'network-1'}."
        raise StorageError(f"{path}: cannot be read: expected the folder of a run, or a checkpoint in it.{left}")
    checkpoint = _of_run(path) if path.is_dir() else load_checkpoint(path)
    return run_of(checkpoint, engine or default_engine(), path if path.is_dir() else path.parent)


def run_of(checkpoint: Checkpoint, engine: str, run_dir: Path | None) -> Run:
    """The run that a checkpoint was saved of, on an engine."""
    program = find_engine(engine).compile(checkpoint.network, checkpoint.state.parameters)
    program.restore(replace(checkpoint.state, slots={}))  # it knows its step, and is not to be trained on
    return Run(
        checkpoint.network,
        program,
        checkpoint.classes,
        checkpoint.history,
        checkpoint.seed,
        engine,
        total_steps=checkpoint.history.steps,
        run_dir=run_dir,
        data=_data(checkpoint, run_dir),
    )


def _data(checkpoint: Checkpoint, folder: Path | None) -> DataSource | None:
    """What a run says of its data: in its folder, where it may be said anew, or in its checkpoint."""
    in_folder = recipe_of(folder).data if folder is not None and (folder / "recipe.toml").exists() else None
    data = in_folder or checkpoint.data
    return replace(data, sha256=checkpoint.data_sha256 or data.sha256) if data else None


def _of_run(folder: Path) -> Checkpoint:
    last, best = load_checkpoint(folder / "last.safetensors"), folder / "best.safetensors"
    if not ((folder / "recipe.toml").exists() and recipe_of(folder).keeps_best):
        return last
    if best.exists():
        return replace(last, state=load_checkpoint(best).state)
    if last.history.validations:
        warnings.warn(f"{best}, this run's best weights, is missing: these are the last ones.", stacklevel=3)
    return last
