"""What `convlet evaluate` and `convlet report` share: the same options, and a run's answers to a part of some data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from convlet.cli.printing import said_if_slow
from convlet.cli.shared import (
    backend_option,
    chosen_engine,
    data_changed_option,
    engine_option,
    images_for,
    json_option,
    reading_options,
    threads_option,
)
from convlet.datasets import part_of
from convlet.environment import limit_threads
from convlet.report.facts.assessment import Assessment, assess
from convlet.runs.run import load as load_run

Command = TypeVar("Command", bound=Callable[..., Any])
OPTIONS = (data_changed_option, reading_options, engine_option, backend_option, threads_option, json_option)


def assessing_options(command: Command) -> Command:
    """The options of both, in this order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def assessed(
    verb: str,
    run: Path,
    data: str | None,
    part: str | None,
    *,
    data_changed: str | None,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    **reading: Any,
) -> Assessment:
    """How good the run in a folder is on a part of some data: by default on the last part that there is.

    Raises InputError where there is no such part, before anything is computed.
    """
    limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    images = images_for(run, trained, data, verb, data_changed, reading)
    part = part or list(images.parts)[-1]
    part_of(images, part)
    with said_if_slow(trained.engine):
        return assess(trained, images, part)
