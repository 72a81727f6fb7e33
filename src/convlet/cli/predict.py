"""`convlet predict`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convlet.cli.printing import said_if_slow, say, show
from convlet.cli.shared import backend_option, chosen_engine, engine_option, json_option, picture_kind, threads_option
from convlet.datasets.digits import Box, find_digit, light_border
from convlet.datasets.readers.pictures import fitted, open_picture
from convlet.environment import limit_threads
from convlet.errors import DataError
from convlet.report.facts.evaluation import prediction_json
from convlet.report.numbers import label, probability
from convlet.report.terminal.evaluation import prediction_table
from convlet.runs.files import write_file
from convlet.runs.run import load as load_run

LIGHT = "The background is light, but MNIST's digits are light on dark: --digit brings an image into that form."
SURE = 0.9  # of a digit's probability: below it the second guess is named too


@dataclass(frozen=True)
class Seen:
    """What was made of a file: the picture in it, what the network is given of it, and why to doubt that, or ""."""

    path: Path
    picture: Image.Image
    pixels: NDArray[np.uint8]
    box: Box | None = None
    doubt: str = ""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="IMAGE...")
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
    images: tuple[Path, ...],
    digit: bool,
    shown: Path | None,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """The class of each IMAGE, with probabilities, by the run in folder RUN.

    A file that cannot be read is named, and the others are answered; the exit code is 1 then.
    """
    kind = picture_kind("--show", shown)
    limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    read = [_look(path, trained.network.input_shape, digit) for path in images]
    seen = [one for one in read if isinstance(one, Seen)]
    if not digit and trained.network.input_shape == (28, 28, 1) and any(light_border(one.pixels) for one in seen):
        say(LIGHT)
    probabilities = np.empty((0, len(trained.classes)))
    if seen:
        with said_if_slow(trained.engine):
            probabilities = trained.predict(np.stack([one.pixels for one in seen]))
    names = [str(one.path) for one in seen]
    facts = prediction_json(names, probabilities, trained.classes)
    if digit:
        facts = [{**fact, "doubt": _doubt(one, fact)} for one, fact in zip(seen, facts, strict=True)]
    if seen or as_json:
        table = {"run": str(run), "predictions": _in_order(images, read, facts)}
        show(as_json, table, prediction_table(names, probabilities, trained.classes))
    if shown is not None and seen:
        _draw(shown, kind, seen, facts)
    _remark([fact for fact in facts if fact.get("doubt")], "" if shown else "--show FILE.png shows what was seen.")
    if len(seen) < len(read):
        click.get_current_context().exit(1)


def _look(path: Path, image_shape: tuple[int, ...], digit: bool) -> Seen | DataError:
    """What is in a file, or the error that it ended in, which is said."""
    try:
        picture = open_picture(path)
        if not digit:
            return Seen(path, picture, fitted(picture, image_shape))
        found = find_digit(picture, str(path))
        return Seen(path, picture, fitted(Image.fromarray(found.pixels), image_shape), found.box, found.doubt)
    except DataError as error:
        say(f"convlet: {error}")
        return error


def _doubt(seen: Seen, fact: dict[str, Any]) -> str | None:
    """Why a digit may be another one, or none; None where nothing speaks for it."""
    (first, chance), *others = fact["probabilities"].items()
    if chance >= SURE or not others:
        return seen.doubt or None
    second, other = others[0]
    guesses = f"{label(first)} ({probability(chance, 0)}) or {label(second)} ({probability(other, 0)})"
    return f"{guesses}, and {seen.doubt}" if seen.doubt else guesses


def _in_order(
    images: tuple[Path, ...], read: list[Seen | DataError], facts: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """An answer or an error for each image, in the order in which they were given."""
    answers = iter(facts)
    return [
        next(answers) if isinstance(one, Seen) else {"image": str(path), "error": str(one)}
        for path, one in zip(images, read, strict=True)
    ]


def _draw(path: Path, kind: str, seen: list[Seen], facts: list[dict[str, Any]]) -> None:
    from convlet.report.figures.seen import seen_pictures  # matplotlib takes a second, and few ask for it
    from convlet.report.figures.style import to_bytes

    views = [(one.picture, one.box, one.pixels) for one in seen]
    write_file(path, to_bytes(seen_pictures(views, facts), kind))
    say(f"What was seen: {path}")


def _remark(doubtful: list[dict[str, Any]], hint: str) -> None:
    for fact in doubtful:
        say(" ".join(f"{fact['image']}: in doubt: {fact['doubt']}. {hint if fact is doubtful[-1] else ''}".split()))
