"""`convlet export`."""

from pathlib import Path

import click

from convlet.cli.printing import show
from convlet.cli.shared import json_option, threads_option
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.locale import LANGUAGES

SUFFIXES = (".html",)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--lang", type=click.Choice(list(LANGUAGES)), help="Default: what the reader's browser asks for.")
@threads_option
@json_option
def export(run: Path, file: Path, lang: str | None, threads: int | None, as_json: bool) -> None:
    """Take the run in folder RUN along as one FILE.

    page.html is the page of `convlet explore`, with network, weights and images inside: it needs no server and no
    network. Everything but training works in it.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise InputError(f"FILE={str(file)!r}: expected a name that ends in {' or '.join(SUFFIXES)}.")
    limit_threads(threads)
    from convlet.explore import content, exporting

    written = exporting.write(content.of_run(run), file, lang)
    size = f"{written['bytes'] / 1e6:.1f} MB, weights as float16"
    show(as_json, {"file": str(file), **written}, f"{file}: {size}; {_effect(written)}.")


def _effect(written: dict[str, int]) -> str:
    """What the smaller numbers do to the predictions."""
    if not written["images"]:
        return "the run's images were not found, so none travel with it"
    changed = written["changed"] or "none"
    return f"of {written['images']:,} test images {changed} change{'s' * (changed == 1)} class by that"
