"""What the verbs have in common: options that mean the same everywhere, and what they choose."""

import re
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from convlet.checks import duration
from convlet.cli.printing import SLOW_SECONDS, say
from convlet.datasets import ByPart, Dataset, Progress
from convlet.datasets.collections.preparation import CHANNELS, FITS
from convlet.engines import BACKENDS, ENGINES, use_backend
from convlet.errors import ChangedError, DataError, InputError
from convlet.runs.data_source import DataSource
from convlet.runs.folder import split_of
from convlet.runs.recipe import Recipe
from convlet.runs.run import Run

Data = TypeVar("Data", Dataset, ByPart)
DEFAULT_RECIPE = "deep-mnist"
PARTS = ("test", "validation", "train", "all")
EXPLORE_EXTRA = "pip install 'convlet[explore]'"
SERVE_EXTRA = "pip install 'convlet[serve]'"

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
engine_option = click.option("--engine", type=click.Choice(ENGINES), help="Default: the fastest that runs here.")
backend_option = click.option("--backend", type=click.Choice(BACKENDS), help="What the keras engine computes with.")
threads_option = click.option("--threads", type=click.IntRange(1), help="Default: one for each processor it may use.")


class _Size(click.ParamType):  # type: ignore[type-arg]  # generic in newer Clicks alone
    """(H, W): one number for both, or two with an x between."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        found = re.fullmatch(r"([1-9]\d{0,4})(?:[x×]([1-9]\d{0,4}))?", str(value).lower())
        if not found:
            self.fail(f"{value!r}: expected pixels, such as 64, or rows x columns, such as 48x64.", param, ctx)
        return int(found[1]), int(found[2] or found[1])


SKIP_BROKEN = click.option("--skip-broken", is_flag=True, default=None, help="Leave out pictures that cannot be read.")
COLUMNS = (
    click.option("--paths-column", metavar="NAME", help="The column of a table that has the pictures' paths."),
    click.option("--labels-column", metavar="NAME", help="The column that has their classes."),
    click.option("--part-column", metavar="NAME", help="The column that has their parts: train, validation or test."),
)


class _Duration(click.ParamType):  # type: ignore[type-arg]  # likewise
    """Seconds, by their number or with units."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        return duration("--time-limit", value)


time_limit_option = click.option(
    "--time-limit", type=_Duration(), metavar="TIME", help="End within this time, such as 90s, 5m or 1h30m."
)
PICTURE_OPTIONS = (
    click.option("--image-size", type=_Size(), metavar="H[xW]", help="Pixels of every image. Default: by the data."),
    click.option("--fit", type=click.Choice(FITS), help="How pictures of other proportions get there. Default: crop."),
    click.option("--channels", type=click.IntRange(*CHANNELS), help="1 for grey, 3 for colour. Default: by the data."),
    SKIP_BROKEN,
    *COLUMNS,
)


INSISTS = "Or take them as they are: --data-changed ok."
data_changed_option = click.option(
    "--data-changed",
    type=click.Choice(["ok"]),
    help="Take the run's pictures as they are now, though some have changed.",
)


def picture_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how pictures are prepared."""
    return _with(PICTURE_OPTIONS, command)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those that say how they are found, where a run says how they are prepared."""
    return _with((SKIP_BROKEN, *COLUMNS), command)


def preparing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Those that say how they are prepared, where broken ones are looked for."""
    return _with([option for option in PICTURE_OPTIONS if option is not SKIP_BROKEN], command)


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def chosen_engine(engine: str | None, backend: str | None) -> str | None:
    """The engine that --engine and --backend ask for; None where neither says."""
    if backend is None:
        return engine
    if engine not in (None, "keras"):
        raise InputError(f"--backend={backend} with --engine={engine}: only the keras engine has backends.")
    use_backend(backend)
    return "keras"


def with_data(recipe: Recipe, data: str | None) -> Recipe:
    """The recipe, on what --data says in place of its own."""
    if data is None:
        return recipe
    return replace(recipe, data=replace(recipe.data.other(data), train_images=recipe.data.train_images))


def other_data(run: Run, data: str, **options: Any) -> ByPart:
    """Other data than a run was trained on, prepared as its own was but for these options, and said."""
    source = (run.data or DataSource()).other(data).suited_to(run.network)
    return _said(replace(source, **options).load_parts)


def loaded(source: DataSource, **further: Any) -> Dataset:
    """The data set, with what there is to say of it said; how far it is, where its pictures take a while to decode."""
    return _said(partial(source.load, **further))


def _said(load: Callable[[Progress], Data]) -> Data:
    """The data, with what there is to say of it said."""
    next_time = time.monotonic() + SLOW_SECONDS

    def progress(done: int, total: int) -> None:
        nonlocal next_time
        if time.monotonic() > next_time and done < total:
            next_time = time.monotonic() + 5 * SLOW_SECONDS
            say(f"Decoded {done:,} of {total:,} pictures.")

    data = load(progress)
    for note in data.collected.said if data.collected else ():
        say(note)
    return data


def own_data(run: Path, source: DataSource | None, remedy: str, *, changed: bool = False, insists: str = "") -> Dataset:
    """What a run was trained on, in the parts that it was in; as it is now, though it has `changed`, if that is said.

    Raises DataError or InputError where that cannot be had; it ends with the remedy, and where the data have changed,
    with what `insists` on them.
    """
    try:
        if source is None:
            raise DataError(f"{run}: it does not say what it was trained on.")
        return loaded(source, split=split_of(run), changed=changed)
    except (DataError, InputError) as error:
        ways = [remedy, insists] if isinstance(error, ChangedError) else [remedy]
        raise type(error)(" ".join([str(error), *filter(None, ways)])) from None


def images_for(
    run: Path, trained: Run, data: str | None, verb: str, changed: str | None, reading: dict[str, Any]
) -> Dataset | ByPart:
    """What a verb looks at a run with: DATA, if it is named, or else the run's own, read by the options given.

    Raises as `own_data` and `other_data` do, InputError where DATA comes with what is said of the run's own.
    """
    given = {name: value for name, value in reading.items() if value is not None}
    if data is None:
        source = trained.data and replace(trained.data, **given)
        remedy = f"Give DATA: convlet {verb} {shlex.quote(str(run))} DATA."
        return own_data(run, source, remedy, changed=bool(changed), insists=INSISTS)
    if changed:
        raise InputError(f"--data-changed {changed} with DATA: it is for the run's own data; leave one of them out.")
    return other_data(trained, data, **given)


def picture_kind(option: str, path: Path | None) -> str:
    """How a picture is written, by the name that an option gives: svg or png, as without. Raises InputError."""
    kind = path.suffix.lstrip(".").lower() if path else "png"
    if kind not in ("svg", "png"):
        raise InputError(f"{option}={path}: expected a name that ends in .svg or .png.")
    return kind


def names_in(text: str | None) -> list[str] | None:
    """The names in a list with commas; None where none was given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
