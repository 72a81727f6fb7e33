"""`convlet predict`."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convlet.cli.printing import said_if_slow, say, show, show_text
from convlet.cli.shared import backend_option, chosen_engine, engine_option, json_option, picture_kind, threads_option
from convlet.datasets.collections.unlabelled import Named, named_pictures
from convlet.datasets.digits import Box, find_digit, light_border
from convlet.datasets.readers.pictures import fitted, picture_in, quiet
from convlet.environment import limit_threads
from convlet.errors import DataError, InputError
from convlet.report.facts.evaluation import prediction_json
from convlet.report.numbers import label, probability
from convlet.report.terminal.evaluation import prediction_table
from convlet.runs.files import write_file
from convlet.runs.run import Run
from convlet.runs.run import load as load_run

LIGHT = "The background is light, but MNIST's digits are light on dark: --digit brings an image into that form."
SURE = 0.9  # of a digit's probability: below it the second guess is named too
AT_ONCE = 500  # images that are read, and then answered
COLUMNS = ("image", "class", "probability", "error")  # of a CSV


@dataclass(frozen=True)
class Seen:
    """What was made of a file: the picture in it, what the network is given of it, and why to doubt that, or ""."""

    name: str
    picture: Image.Image
    pixels: NDArray[np.uint8]
    box: Box | None = None
    doubt: str = ""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--format", "form", type=click.Choice(["table", "csv", "jsonl"]), help="Of the answers. Default: table.")
@click.option("--digit", is_flag=True, help="Find a drawn or photographed digit, and bring it into MNIST's form.")
@click.option(
    "--show", "shown", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw what was seen, as .png or .svg."
)
@engine_option
@backend_option
@threads_option
@json_option
def predict(
    run: Path,
    images: tuple[str, ...],
    form: str | None,
    digit: bool,
    shown: Path | None,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """The class of each IMAGE, with probabilities, by the run in folder RUN.

    IMAGE is a file, a folder, a .zip, a pattern such as 'photos/*.png', or - for a list of them on standard input.

    A file that cannot be read is named, and the others are answered; the exit code is 1 then.
    """
    if as_json and form is not None:
        raise InputError(f"--format={form} with --json: expected one of them.")
    kind = picture_kind("--show", shown)
    used = limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    shape, fit = trained.network.input_shape, trained.data.preparation.fit if trained.data else None
    told, kept, broken = Answers.none(len(trained.classes)), Answers.none(len(trained.classes)), False
    lines = Lines(form) if form in ("csv", "jsonl") else None
    light = digit or shape != (28, 28, 1)  # whether nothing is to be said of that any more
    for read in _read_in_batches(_sources(images), partial(_look, shape, fit, digit), used):
        answers = _answered(trained, read, digit)
        broken |= len(answers.seen) < len(answers.rows)
        if not light and any(light_border(one.pixels) for one in answers.seen):
            say(LIGHT)
            light = True
        if lines is not None:
            lines.show(answers.rows)
        told = told.followed_by(answers if lines is None else answers.doubtful(), pictures=False)
        if shown is not None:
            kept = kept.followed_by(answers, pictures=True)
    if lines is None and (len(told.probabilities) or as_json):
        names = [row["image"] for row in told.rows if "error" not in row]
        table = {"run": str(run), "predictions": told.rows}
        show(as_json, table, prediction_table(names, told.probabilities, trained.classes))
    if shown is not None and kept.seen:
        _draw(shown, kind, kept.seen, [row for row in kept.rows if "error" not in row])
    _remark(told.doubtful().rows, "" if shown else "--show FILE.png shows what was seen.")
    if broken:
        click.get_current_context().exit(1)


@dataclass(frozen=True)
class Answers:
    """What is answered of some images: a row for each, those that could be seen, and (seen, classes) probabilities."""

    rows: list[dict[str, Any]]
    seen: list[Seen]
    probabilities: NDArray[Any]

    @classmethod
    def none(cls, classes: int) -> "Answers":
        """No answers yet."""
        return cls([], [], np.empty((0, classes)))

    def followed_by(self, others: "Answers", *, pictures: bool) -> "Answers":
        """These and others; the pictures themselves only where they are to be drawn."""
        seen = self.seen + others.seen if pictures else []
        probabilities = np.concatenate([self.probabilities, others.probabilities])
        return Answers(self.rows + others.rows, seen, probabilities)

    def doubtful(self) -> "Answers":
        """Those alone that there is a doubt of."""
        return Answers([row for row in self.rows if row.get("doubt")], [], self.probabilities[:0])


class Lines:
    """Answers as lines, each shown as soon as it is known: a CSV, or JSON objects."""

    def __init__(self, form: str) -> None:
        self._form, self._begun = form, False

    def show(self, rows: Sequence[dict[str, Any]]) -> None:
        """Show a line for each."""
        if self._form == "jsonl":
            show_text("".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))
            return
        text = io.StringIO()
        table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
        if not self._begun:
            table.writeheader()
        table.writerows(rows)
        self._begun = True
        show_text(text.getvalue())


def _sources(images: Iterable[str]) -> Iterator[str]:
    """What was named, and in place of - what standard input names, a line each."""
    for image in images:
        if image == "-":
            lines = (line.rstrip("\n") for line in sys.stdin if line.strip())
            if (first := next(lines, None)) is None:
                raise InputError("IMAGE='-': standard input names no image; expected a path on each line.")
            yield first
            yield from lines
        else:
            yield image


def _read_in_batches(
    sources: Iterable[str], look: Callable[[Named], Seen | DataError], threads: int
) -> Iterator[list[tuple[str, Seen | DataError]]]:
    """What is in each picture, or the error that it ended in, which is said, by its name; some at a time."""
    pictures = named_pictures(sources)
    with ThreadPoolExecutor(threads) as pool:
        while batch := list(islice(pictures, AT_ONCE)):
            with quiet():
                read = list(pool.map(look, batch))
            for one in read:
                if isinstance(one, DataError):
                    say(f"convlet: {one}")
            yield [(named.name, one) for named, one in zip(batch, read, strict=True)]


def _look(image_shape: tuple[int, ...], fit: str | None, digit: bool, named: Named) -> Seen | DataError:
    """What is in a picture, brought into the form that the run was trained on, or what is wrong with it."""
    try:
        least = max(image_shape[:2]) if fit is not None and not digit else None
        picture = picture_in(named.content(), named.name, least)
        if not digit:
            return Seen(named.name, picture, fitted(picture, image_shape, fit or "stretch"))
        found = find_digit(picture, named.name)
        pixels = fitted(Image.fromarray(found.pixels), image_shape)
        return Seen(named.name, picture, pixels, found.box, found.doubt)
    except DataError as error:
        return error


def _answered(trained: Run, read: list[tuple[str, Seen | DataError]], digit: bool) -> Answers:
    """The run's answers to what was seen, in order, among the errors."""
    seen = [one for _, one in read if isinstance(one, Seen)]
    probabilities = np.empty((0, len(trained.classes)))
    if seen:
        with said_if_slow(trained.engine):
            probabilities = trained.predict(np.stack([one.pixels for one in seen]))
    facts = prediction_json([one.name for one in seen], probabilities, trained.classes)
    if digit:
        facts = [{**fact, "doubt": _doubt(one, fact)} for one, fact in zip(seen, facts, strict=True)]
    answers = iter(facts)
    rows = [next(answers) if isinstance(one, Seen) else {"image": name, "error": str(one)} for name, one in read]
    return Answers(rows, seen, probabilities)


def _doubt(seen: Seen, fact: dict[str, Any]) -> str | None:
    """Why a digit may be another one, or none; None where nothing speaks for it."""
    (first, chance), *others = fact["probabilities"].items()
    if chance >= SURE or not others:
        return seen.doubt or None
    second, other = others[0]
    guesses = f"{label(first)} ({probability(chance, 0)}) or {label(second)} ({probability(other, 0)})"
    return f"{guesses}, and {seen.doubt}" if seen.doubt else guesses


def _draw(path: Path, kind: str, seen: list[Seen], facts: list[dict[str, Any]]) -> None:
    from convlet.report.figures.seen import seen_pictures  # matplotlib takes a second, and few ask for it
    from convlet.report.figures.style import to_bytes

    views = [(one.picture, one.box, one.pixels) for one in seen]
    write_file(path, to_bytes(seen_pictures(views, facts), kind))
    say(f"What was seen: {path}")


def _remark(doubtful: list[dict[str, Any]], hint: str) -> None:
    for fact in doubtful:
        say(" ".join(f"{fact['image']}: in doubt: {fact['doubt']}. {hint if fact is doubtful[-1] else ''}".split()))
