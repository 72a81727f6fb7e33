"""`convlet inspect`."""

from pathlib import Path
from typing import Any

import click

from convlet.cli.printing import say, show
from convlet.cli.shared import engine_option, json_option, loaded, preparing_options, threads_option
from convlet.datasets import COLLECTIONS, kind_of
from convlet.environment import limit_threads
from convlet.errors import InputError
from convlet.inspection import inspect as look_at
from convlet.report.facts.inspection import inspection_json
from convlet.report.terminal.inspection import inspection_table
from convlet.runs.data_source import DataSource


@click.command()
@click.argument("data")
@preparing_options
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with the pictures, too.")
@click.option("--no-training", is_flag=True, help="Leave out what needs small networks: doubtful labels, odd images.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the small networks.")
@engine_option
@threads_option
@json_option
def inspect(
    data: str,
    html: Path | None,
    no_training: bool,
    seed: int,
    engine: str | None,
    threads: int | None,
    as_json: bool,
    **pictures: Any,
) -> None:
    """What is in DATA, and what is wrong with it, the worst first: broken, dark and blurred files; copies, also between
    parts or of different classes; doubtful labels; shortcuts; images unlike all others.

    DATA is what `train --data` takes. Small networks are trained for seconds, to judge images that they never saw.
    """
    limit_threads(threads)
    if html is not None and not html.absolute().parent.is_dir():  # said before minutes of work, not after them
        raise InputError(f"--html={html}: there is no folder {html.parent}; make it, or name another file.")
    source = DataSource(data, skip_broken=kind_of(data) in COLLECTIONS, **pictures)  # broken ones are looked for
    found = look_at(loaded(source), training=not no_training, engine=engine, seed=seed, threads=threads, tell=say)
    written = () if html is None else ("", f"The page with the pictures: {found.report(html)}")
    show(as_json, inspection_json(found), inspection_table(found), *written)
