"""Everything the routes ask: the content, the worker, and what is trained live. It knows nothing of HTTP."""

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convlet.datasets import Dataset, Examples
from convlet.descriptions.network import Parameters, Sequential
from convlet.engines import Program, engine
from convlet.errors import InputError
from convlet.explore.content import Content, travelling
from convlet.explore.edits import edited
from convlet.explore.sessions import Contestant, Moment, Session
from convlet.explore.starting import side_by_side
from convlet.explore.wire import Packet, pack, packet, weights
from convlet.explore.worker import Worker
from convlet.runs.evaluation import evaluate

PLANS = ("again", "side by side")  # the content's own network from the start; dense against convolutional
FEW = (10, 5000)  # training images of a plan, from … to


@dataclass
class Studio:
    """One network to look into, and what can be done with it. A `fresh` one is trained at once, by the page's wish."""

    content: Content
    fresh: bool = False
    session: Session = field(default_factory=Session)

    def __post_init__(self) -> None:
        self.worker = Worker(self.session.advance, self.session.close)
        self._programs: dict[Sequential, Program] = {}
        self.worker.start()
        if self.fresh:
            self.begin("again", None)

    def end(self) -> None:
        self.worker.end()

    def packet(self) -> Packet:
        """The content as the page reads it; of a network that is being trained, the newest weights."""
        content = self.content
        if self.fresh and self.session.contestants and (moments := self.session.contestants[0].moments):
            content = replace(content, parameters=moments[-1].parameters)
        return travelling(content, served=True, fresh=self.fresh, trainable=self.content.data is not None)

    def evaluate(self, edits: Any, moment: Any) -> "Future[dict[str, float]]":
        """Accuracy on the whole test set with edited weights, when it is this question's turn. Raises InputError."""
        examples = self._examples()
        network, parameters = self._chosen(moment)
        changed = edited(network, parameters, edits)
        return self.worker.ask(lambda: self._evaluated(network, changed, examples))

    def _examples(self) -> Examples:
        if self.content.unseen is None:
            raise InputError("evaluate: the run's data has no images that it was not trained on.")
        return self.content.unseen

    def _chosen(self, moment: Any) -> tuple[Sequential, Parameters]:
        if moment is None:
            return self.content.network, self.content.parameters
        each, at = self.moment(moment)
        return each.recipe.network, at.parameters

    def _evaluated(self, network: Sequential, parameters: Parameters, examples: Examples) -> dict[str, float]:
        if network not in self._programs:
            self._programs[network] = engine(self.content.engine).compile(network, parameters)
        program = self._programs[network]
        program.restore(replace(program.state(), parameters=parameters, slots={}))
        with np.errstate(over="ignore", invalid="ignore"):
            evaluation = evaluate(program, examples)
        return {"accuracy": evaluation.accuracy, "images": len(examples)}

    def begin(self, plan: str, images: int | None) -> "Future[None]":
        """Train live, from the start; the answer comes when that has begun. Cancelled before, it does not begin.

        Raises InputError where there is nothing to train on, or no such plan.
        """
        data = self.content.data
        if data is None:
            raise InputError("training: the run's data cannot be found.")
        if images is not None and not FEW[0] <= images <= FEW[1]:
            raise InputError(f"images={images}: expected {FEW[0]} to {FEW[1]:,}.")
        wanted = self._wanted(plan, data, images)
        begun: Future[None] = Future()

        def begin() -> None:
            if begun.set_running_or_notify_cancel():  # who asked may have given up waiting for its turn
                self.session.begin(plan, wanted, self.content.engine, lambda: begun.set_result(None))

        self.worker.ask(begin)
        return begun

    def _wanted(self, plan: str, data: Dataset, images: int | None) -> list[Any]:
        if plan == "side by side":
            return side_by_side(data, images or 200)
        if plan != "again":
            raise InputError(f"plan={plan!r}: expected one of {', '.join(PLANS)}.")
        few = data if images is None else replace(data, train=data.train.take(slice(min(images, len(data.train)))))
        return [(self.content.name, self.content.recipe, few)]

    def command(self, action: str) -> "Future[None]":
        """pause, resume, step or stop the training, between two steps; the answer comes when that is done."""
        return self.worker.ask(lambda: self.session.command(action))

    def status(self) -> Packet:
        """How far the training is: words and whole numbers, and each network's curves as arrays."""
        session = self.session
        arrays: dict[str, Any] = {}
        for place, each in enumerate(session.contestants):
            rows = [(m.step, m.loss, m.trained, m.unseen) for m in each.moments]
            arrays[f"curves/{place}"] = np.array(rows, np.float32).reshape(-1, 4)
        contestants = [
            {
                "name": each.name,
                "step": each.step,
                "total": each.total,
                "weights": each.recipe.network.weights,
                "images": len(each.data.train),
            }
            for each in session.contestants
        ]
        places, buffer = pack(arrays)
        words = {
            "number": session.number,
            "phase": session.phase,
            "plan": session.plan,
            "prepared": list(session.prepared),
            "kind": session.kind,
            "contestants": contestants,
        }
        return Packet({**words, "arrays": places}, buffer)

    def moment(self, which: Any) -> tuple[Contestant, Moment]:
        """A network of the session at a moment, [session, place, step]. Raises InputError where it is not kept."""
        match which:
            case [int(number), int(place), int(step)] if number == self.session.number:
                contestants = self.session.contestants
                if 0 <= place < len(contestants):
                    each = contestants[place]
                    found = next((m for m in each.moments if m.step == step), None)
                    if found is not None:
                        return each, found
        raise InputError("moment: no such moment is kept: expected [session, place, step].")

    def moment_packet(self, which: Any) -> Packet:
        """The network at a moment, as the page reads it."""
        each, at = self.moment(which)
        return packet(each.recipe.network, weights(at.parameters), classes=list(self.content.classes))
