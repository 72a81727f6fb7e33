"""The engine's side of the door (`convlet.engines`): a network that predicts and trains with compiled kernels."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numba import config
from numpy.typing import NDArray

from convlet.descriptions.layers import Flatten
from convlet.descriptions.network import IMAGE, Parameters, Sequential
from convlet.descriptions.optimizers import Optimizer
from convlet.engines import Batch, Preparing, State
from convlet.engines.checks import check_batch, check_images, check_labels, check_optimizer, check_rate
from convlet.engines.numba.assembly import Update
from convlet.engines.numba.assembly.lowering import Switches, lower
from convlet.engines.numba.assembly.passes import Passes
from convlet.engines.numba.assembly.weights import Weights
from convlet.engines.numba.buffers import buffer
from convlet.engines.numba.cache import outcomes
from convlet.engines.numba.kernels import dense
from convlet.engines.numba.profiling import Timing, profile
from convlet.engines.numba.running import forks, threads
from convlet.engines.numba.running.entries import argument_types, entry
from convlet.errors import EngineError

Array = NDArray[Any]
CHUNK = 112  # images at a time when predicting, at most: two tiles of the dense kernel


def chunk_size(images: int) -> int:
    """How many of so many images to predict at a time: no small rest, which would read all weights for itself.

    >>> chunk_size(128), chunk_size(1000), chunk_size(5)
    (64, 112, 8)
    """
    chunks = max(1, -(-images // CHUNK))
    return -(-images // (8 * chunks)) * 8 or CHUNK


def compile(
    network: Sequential,
    parameters: Parameters,
    optimizer: Optimizer | None = None,
    *,
    switches: Switches = Switches(),  # noqa: B008 (frozen)
) -> "NumbaProgram":
    """A program for this network, with a copy of these parameters; see `convlet.engines.Engine`.

    Kernels are compiled when they are first needed, or by `prepare`. Raises EngineError for float64 parameters.
    `switches` are for tests.
    """
    return NumbaProgram(network, State(parameters), optimizer, switches)


class NumbaProgram:
    """A network that predicts and trains with compiled kernels; see `convlet.engines.Program`.

    Threads may share a program; they take turns.
    """

    def __init__(self, network: Sequential, state: State, optimizer: Optimizer | None, switches: Switches) -> None:
        self.network, self.optimizer = network, optimizer
        blocks = lower(network, switches)
        self._weights = Weights(blocks, network, optimizer)
        self._predicting, self._taken = self._weights.predicting(), buffer(1, np.int64)
        self._update = update = Update(optimizer, self._weights.rules, self._taken) if optimizer else None
        folded = lower(network, replace(switches, folding=switches.fusion))
        self._inference = Passes(folded, self._predicting, "predicting")
        self._inputs = Passes(blocks, self._predicting, "input gradients", every=not switches.sparse)
        self._gradients = Passes(blocks, self._weights, "training", every=not switches.sparse)
        self._steps = Passes(blocks, self._weights, "training", update, every=not switches.sparse)
        unfused = lower(network, Switches(False, switches.sparse, switches.winograd))
        self._layers = Passes(unfused, self._predicting, "predicting")
        self._lock = forks.lock()
        self.restore(state)

    def prepare(self, batch_size: int, progress: Preparing | None = None) -> None:
        """Compile all kernels for predicting any number of images and, with an optimizer, for steps of so many.

        `progress` is called before each, with how many are done, how many there are in all, and the next one's name.
        It may raise to stop. Raises NetworkError where steps are wanted of a network that does not classify.
        """
        if self.optimizer:
            self.network.check_classifier()
        if config.DISABLE_JIT:
            return
        with self._lock:  # and not while compiling: a fork waits for it
            jobs = [job for N in (CHUNK, *dense.SIZES) for job in self._inference.jobs(N)] + self._inference.packs()
            if self.optimizer:
                jobs += self._steps.jobs(batch_size)
        kernels = list({(job.kernel, argument_types(job.arguments)): job for job in reversed(jobs)}.values())
        for done, job in enumerate(kernels):
            if progress is not None:
                progress(done, len(kernels) + 1, job.label)
            entry(job.kernel, job.arguments)
        if progress is not None:
            progress(len(kernels), len(kernels) + 1, "threads")
        threads.prepare()

    @staticmethod
    def kernels() -> Counter[str]:
        """How many kernels this process has found on disk ("found") and has compiled ("compiled"), so far."""
        return outcomes.copy()

    def predict(self, images: Array) -> Array:
        images, chunks = np.asarray(images), []
        check_images(self.network, images)
        with self._lock:
            size = chunk_size(len(images))
            for start in range(0, len(images), size):
                chunk = images[start : start + size]
                self._inference.predict(chunk)
                chunks.append(self._inference.output(self._inference.blocks[-1], len(chunk)))
        return np.concatenate(chunks) if chunks else np.zeros((0, *self.network.output_shape), np.float32)

    def activations(self, images: Array) -> dict[str, Array]:
        images = np.asarray(images)
        check_images(self.network, images)
        with self._lock:
            chunks = [self._outputs(images[start : start + CHUNK]) for start in range(0, max(1, len(images)), CHUNK)]
        return {placed.name: np.concatenate([chunk[placed.name] for chunk in chunks]) for placed in self.network}

    def _outputs(self, images: Array) -> dict[str, Array]:
        outputs: dict[str, Array] = {IMAGE: images.astype(np.float32)}
        if len(images):
            self._layers.predict(images)
        for block in self._layers.blocks:
            if isinstance(block.layers[0].layer, Flatten):  # in a dense layer's block, where it is never computed
                flat = block.layers[0]
                outputs[flat.name] = outputs[flat.inputs[0]].reshape(len(images), *flat.output_shape)
            outputs[block.gives] = self._layers.output(block, len(images))
        return outputs

    def input_gradients(self, images: Array, classes: Array) -> Array:
        images, classes = np.asarray(images), np.asarray(classes)
        check_images(self.network, images)
        check_labels("classes", classes, len(images), self.network.check_classifier())
        gradients = np.empty(images.shape, np.float32)
        with self._lock:
            for start in range(0, len(images), CHUNK):
                part = slice(start, start + CHUNK)
                gradients[part] = self._inputs.differentiate(images[part], classes[part])
        return gradients

    def gradients(self, batch: Batch) -> tuple[float, Parameters]:
        with self._lock:
            loss, _ = self._train(self._gradients, batch)
            return loss, self._weights.gradients(self._gradients.gradients())

    def step(self, batch: Batch, learning_rate: float) -> tuple[float, int]:
        """See `convlet.engines.Program`. An interrupt (control-C) is raised before the step or after the whole of it.

        `state().step` tells which, for the last job of a step counts it.
        """
        check_optimizer(self.optimizer)
        check_rate(learning_rate)
        with self._lock:
            self._set_rule(learning_rate)
            return self._train(self._steps, batch)

    def profile(self, batch: Batch, learning_rate: float, rounds: int) -> list[Timing]:
        """Where the time of a step goes, stage by stage; takes rounds + 1 steps."""
        check_optimizer(self.optimizer)
        check_rate(learning_rate)
        check_batch(self.network, batch)
        with self._lock:
            self._set_rule(learning_rate)
            return profile(self._steps, batch, rounds)

    def _set_rule(self, learning_rate: float) -> None:
        """Write down what the optimizer's rule needs in the next step; averages are packed again when they predict."""
        check_optimizer(self.optimizer)
        if self._update is not None:
            self._update.set(learning_rate)
        if self._predicting is not self._weights:
            self._predicting.packs_current.clear()

    def state(self) -> State:
        with self._lock:
            return State(self._weights.parameters(), self._weights.slots(), int(self._taken[0]))

    def restore(self, state: State) -> None:
        self.network.check_parameters(state.parameters)
        for name, array in state.parameters.items():
            if array.dtype != np.float32:
                raise EngineError(
                    f"parameters[{name!r}]: dtype {array.dtype}; the numba engine computes in float32. "
                    'Take engine="numpy" for float64.'
                )
        with self._lock:
            self._weights.load(state.parameters, state.slots)
            self._predicting.packs_current.clear()
            self._taken[0] = state.step

    def _train(self, passes: Passes, batch: Batch) -> tuple[float, int]:
        check_batch(self.network, batch)
        passes.train(batch)
        loss, correct = passes.results()
        return float(loss), int(correct)
