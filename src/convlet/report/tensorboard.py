"""A run as TensorBoard shows it, a file in its folder: `convlet train --log tensorboard`, `fit(log="tensorboard")`.

Its curves are those of the history, with which the file catches up every few seconds, between two steps. A run that
goes on keeps of the file what it had saved, so no step is there twice, and none is missing. Nothing that goes wrong
here ends a training: that is a warning, once.

What it is not: where the history is kept, for that is in the checkpoint, in history.json and in metrics.csv always. Nor
tensorboardX's own writer, an extra thread, for which training waits for ever once a full disk has ended it: of
tensorboardX come the messages and their checksums.
Source: TensorFlow's event.proto, summary.proto and record_writer.h.
"""

import math
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from convlet.engines import installed
from convlet.errors import EngineError, InputError
from convlet.runs.evaluation import Evaluation
from convlet.runs.files import write_file
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run

LOGS = ("tensorboard",)
EXTRA = "pip install 'convlet[tensorboard]'"
NAME = "events.out.tfevents.convlet"  # TensorBoard reads files with "tfevents" in their name, in alphabetical order
SECONDS = 2.0  # between two times that it catches up
PICTURES = ("kernels.png", "mistakes.png", "augmentation.png")  # of a run folder


def check_log(log: str | None, run_dir: Path | str | None) -> None:
    """Raise unless a run can be logged so: InputError for another name, or without a folder to log in; EngineError
    where tensorboardX is not installed.
    """
    if log is None:
        return
    if log not in LOGS:
        raise InputError(f"log={log!r}: expected {LOGS[0]!r}. Any other tool is told by watch=, in a few lines.")
    if run_dir is None:
        raise InputError(f"log={log!r} without run_dir: name the folder of the run, where the log is to stand.")
    if not installed("tensorboardX"):
        raise EngineError(f"log={log!r} needs tensorboardX, which is not installed. Install it with: {EXTRA}")


class Log:
    """Follows a run of a recipe into a file of its folder; call it after every step. Use it as a context manager."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self._folder, self._recipe = folder, recipe
        self._path: Path | None = None  # from the first step on
        self._last: dict[str, int] = {}  # the last step of each curve that is in the file
        self._validations_told = 0  # there may be two after a step: of an ensemble's last network, and of all
        self._run: Run | None = None
        self._at, self._due, self._failed = time.time(), -math.inf, False
        self._timed = (0, 0.0)  # steps and their seconds, when the pace was told last

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *exception: object) -> None:
        """However training ended, what it came to is told."""
        if (run := self._run) is not None:
            self._safely(lambda: self._catch_up(run))

    def __call__(self, run: Run) -> None:
        self._run = run
        if time.monotonic() >= self._due and not self._failed:
            self._safely(lambda: self._catch_up(run))
            self._due = time.monotonic() + SECONDS

    def end(self, run: Run, evaluation: Evaluation | None) -> None:
        """What is known at the end: how good it is on the test images, and its pictures."""
        self._safely(lambda: self._end(run, evaluation))

    def _safely(self, write: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            write()
        except Exception as error:  # whatever it is, training does not end for it
            self._failed = True
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            warnings.warn(f"the log for TensorBoard ends here, the run goes on: {reason}", stacklevel=3)

    def _catch_up(self, run: Run) -> None:
        """Write what the history has, and the file has not."""
        if self._path is None:
            self._begin(run)
        history, now, before = run.history, time.time(), self._last.get("loss/training", 0)
        events = [*self._steps(run, before), *self._validations(run), *self._pace(run)]
        events.sort(key=lambda event: event[0])
        each = (now - self._at) / max(history.steps - before, 1)  # seconds: steps are spread over the time they took
        self._write([(min(now, self._at + each * (step - before)), step, summary) for step, summary in events])
        self._at = now

    def _steps(self, run: Run, before: int) -> Iterator[tuple[int, Any]]:
        history, rate = run.history, self._recipe.optimizer.rate
        for step in range(before, history.steps):
            right = history.correct[step] / history.batch_size
            values = {"loss/training": history.losses[step], "accuracy/training": right}
            if self._recipe.ensemble is None:  # of which each network has a rate of its own
                values["learning_rate"] = rate(step, run.total_steps)
            yield step + 1, self._scalars(step + 1, values)

    def _validations(self, run: Run) -> Iterator[tuple[int, Any]]:
        validations, told = run.history.validations, self._validations_told
        for step, loss, accuracy in validations[told:]:
            yield step, self._scalars(step, {"loss/validation": loss, "accuracy/validation": accuracy})
        self._validations_told = len(validations)

    def _pace(self, run: Run) -> Iterator[tuple[int, Any]]:
        """Images a second, of the steps since the last time."""
        steps, seconds = run.clock.taken - self._timed[0], run.clock.steps - self._timed[1]
        if steps and seconds > 0:
            self._timed = run.clock.taken, run.clock.steps
            rate = steps * run.history.batch_size / seconds
            yield run.history.steps, self._scalars(run.history.steps, {"images_per_second": rate})

    def _end(self, run: Run, evaluation: Evaluation | None) -> None:
        self._catch_up(run)
        step, now = run.history.steps, time.time()
        pictures = {name: self._folder / name for name in PICTURES if (self._folder / name).exists()}
        shown = {name.removesuffix(".png"): path.read_bytes() for name, path in pictures.items()}
        summaries = []
        if evaluation is not None:
            shown["confusion"] = _confusion(evaluation, run)
            tested = {"loss/test": evaluation.loss, "accuracy/test": evaluation.accuracy}
            summaries += [self._scalars(step, tested)] if step > self._last.get("loss/test", 0) else []
        summaries += [self._picture(step, *each) for each in shown.items() if step > self._last.get(each[0], 0)]
        self._write([(now, step, summary) for summary in summaries])

    def _begin(self, run: Run) -> None:
        """A new file, with what an earlier one has of the steps that the run had saved; that one goes.

        It is never cut where it stands, for TensorBoard may be reading it.
        """
        earlier = sorted(self._folder.glob(f"{NAME}.[0-9]*"))
        content = earlier[-1].read_bytes() if earlier else b""
        whole, self._last = _whole(content, run.history.steps - run.clock.taken)
        last = self._last.get("loss/validation", 0)
        self._validations_told = sum(step <= last for step, _, _ in run.history.validations)
        number = int(earlier[-1].suffix[1:]) + 1 if earlier else 1
        path = self._folder / f"{NAME}.{number:04d}"
        write_file(path, content[:whole] or self._beginning())
        for file in earlier:
            file.unlink()
        self._path, self._at = path, time.time()

    def _beginning(self) -> bytes:
        """Which format it is; that whatever was read of this run before is to be forgotten; and the recipe."""
        proto, now = _of("proto.event_pb2"), time.time()
        start = proto.SessionLog(status=proto.SessionLog.START)
        page = "".join(f"    {line}\n" for line in self._recipe.to_toml().splitlines())  # Markdown's form of code
        told = _of("summary").text("recipe", page)
        events = ({"file_version": "brain.Event:2"}, {"session_log": start}, {"summary": told})
        return b"".join(_record(proto.Event(wall_time=now, step=0, **event)) for event in events)

    def _write(self, events: list[tuple[float, int, Any]]) -> None:
        event = _of("proto.event_pb2").Event
        assert self._path is not None
        with self._path.open("ab") as file:
            file.write(b"".join(_record(event(wall_time=at, step=step, summary=told)) for at, step, told in events))

    def _scalars(self, step: int, values: dict[str, float]) -> Any:
        summary = _of("proto.summary_pb2").Summary
        self._last |= dict.fromkeys(values, step)
        return summary(value=[summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])

    def _picture(self, step: int, tag: str, png: bytes) -> Any:
        summary = _of("proto.summary_pb2").Summary
        self._last[tag] = step
        width, height = struct.unpack(">II", png[16:24])  # where every PNG has them
        picture = summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        return summary(value=[summary.Value(tag=tag, image=picture)])


@cache
def _of(module: str) -> Any:
    """A module of tensorboardX, found once: it is asked for at every step."""
    return import_module(f"tensorboardX.{module}")


def _confusion(evaluation: Evaluation, run: Run) -> bytes:
    from convlet.report.figures.confusion import confusion  # not before there is something to draw: matplotlib is slow
    from convlet.report.figures.style import to_bytes

    return to_bytes(confusion(evaluation, run.classes, "Confusion matrix"), "png")


def _record(event: Any) -> bytes:
    """An event as it stands in a file: its length and its bytes, each with a checksum."""
    content = event.SerializeToString()
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    return struct.pack("<I", _of("record_writer").masked_crc32c(content))


def _whole(content: bytes, saved: int) -> tuple[int, dict[str, int]]:
    """How many bytes of a file are whole records, up to the first of a step that was not saved; each curve's last step
    in them.
    """
    event, end, last = _of("proto.event_pb2").Event, 0, dict[str, int]()
    while end + 12 <= len(content):
        length = int.from_bytes(content[end : end + 8], "little")
        begins, after = end + 12, end + 12 + length + 4
        told = content[begins : after - 4]
        sums = content[end + 8 : begins] + content[after - 4 : after]
        if sums != _checksum(content[end : end + 8]) + _checksum(told):
            break
        read = event.FromString(told)
        if read.step > saved:
            break
        last |= {value.tag: read.step for value in read.summary.value}
        end = after
    return end, last
