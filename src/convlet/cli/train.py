"""`convlet train`."""

import math
import shlex
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from convlet import experiment
from convlet.cli.asked import Asked
from convlet.cli.choosing import timed
from convlet.cli.find_rate import check_alone, find_rate
from convlet.cli.printing import console, say, show, show_lines
from convlet.cli.progress import Watcher
from convlet.cli.shared import (
    INSISTS,
    backend_option,
    chosen_engine,
    data_changed_option,
    engine_option,
    json_option,
    names_in,
    own_data,
    picture_options,
    threads_option,
    time_limit_option,
)
from convlet.datasets import Dataset
from convlet.engines import default_engine, lookup
from convlet.environment import limit_threads
from convlet.errors import GroupError, InputError
from convlet.experiment import Experiment
from convlet.processes.group import Alone, Group
from convlet.report.facts import training
from convlet.report.tensorboard import LOGS, check_log
from convlet.report.terminal.training import training_table
from convlet.runs.folder import check_free, recipe_of
from convlet.runs.recipe import Recipe
from convlet.signals import Stopped
from convlet.training import joint
from convlet.training.pace import out_of_time

AGAIN = ("steps", "skip_broken")  # what may be said anew of a run that goes on


@click.command()
@click.argument("recipe", required=False)
@click.option("--data", help="A folder of pictures by class, its .zip, a .csv, an .npz, IDX files, or 'mnist'.")
@picture_options
@click.option("--train-images", type=click.IntRange(1), help="Train on the first so many of the data only.")
@engine_option
@click.option("--steps", type=click.IntRange(1), help="How many steps in all.")
@click.option("--epochs", type=click.IntRange(1), help="How many passes over the training images, in place of steps.")
@time_limit_option
@click.option("--batch-size", type=click.IntRange(1), help="Images a step.")
@click.option("--learning-rate", type=float, help="A constant rate, in place of the recipe's.")
@click.option("--seed", type=click.IntRange(0), help="Same seed, same run, bit by bit.")
@click.option("--patience", type=click.IntRange(1), help="Stop after so many epochs without a better validation.")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Where to keep the run. Default: runs/RECIPE-NUMBER.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue the run in this folder.")
@data_changed_option
@click.option("--from", "parent", type=click.Path(path_type=Path), metavar="RUN", help="Start from this run's weights.")
@click.option("--freeze", metavar="LAYER,...", help="Of that run, leave these layers as they are; train all others.")
@click.option(
    "--find-rate", "finding", is_flag=True, help="Train nothing: try growing rates, draw the losses, suggest."
)
@click.option("--log", type=click.Choice(LOGS), help="Keep the curves in the run folder for this tool, too.")
@backend_option
@click.option("--hosts", metavar="HOST:PORT,...", help="Train by several processes: one for each, met at the first.")
@click.option("--process-id", type=click.IntRange(0), help="Which of the hosts this process is, from 0.")
@threads_option
@json_option
def train(
    recipe: str | None,
    data: str | None,
    engine: str | None,
    backend: str | None,
    run_dir: Path | None,
    resume: Path | None,
    data_changed: str | None,
    parent: Path | None,
    freeze: str | None,
    finding: bool,
    log: str | None,
    hosts: str | None,
    process_id: int | None,
    threads: int | None,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Train a network, evaluate it on the test images, and keep everything in a run folder.

    RECIPE is a .toml file or a built-in that `convlet recipe` lists: deep-mnist is the default, quick takes seconds.
    With --data alone, one is chosen that suits the images; `convlet init DATA` prints it.

    With --time-limit, training takes no more steps than fit into it, with compiling, evaluation and pictures; how many
    is told from its first steps. The learning rate comes down by the end of it.

    With --from, the network and its first weights are those of another run, on the same data or on other --data; where
    the number of classes is another, the last layer is made anew. RECIPE then says how to train, or else that run's.
    --freeze conv2d_1,conv2d_2 trains all layers but those; without it, what is frozen in that run stays so.

    With --find-rate nothing is trained: the rate grows from 1e-6 to 10 over 200 steps (or --steps), or until the loss
    diverges. The curve is drawn into RECIPE-rates.svg in the current folder.

    With --hosts, the same command is started once for each of them, with a --process-id of its own, and the network
    trains on all their devices with JAX. Process 0 keeps the run. What schedulers set need not be said: the
    --process-id, and with --hosts auto the hosts too.
    """
    _refuse_together(parent, hosts, data_changed, resume, freeze, overrides["time_limit"])
    ends = time.monotonic() + (overrides["time_limit"] or math.inf)
    check_log(log, run_dir or resume or "runs")
    used = limit_threads(threads)
    asked = Asked(recipe, data, parent, names_in(freeze), overrides)
    if finding:
        others = {"resume": resume, "hosts": hosts, "process_id": process_id, "run_dir": run_dir, "log": log}
        _try_rates(asked, others, chosen_engine(engine, backend), as_json)
        return
    group = _group(hosts, process_id, engine, backend)
    named = "keras" if hosts else chosen_engine(engine, backend)
    same = {"--engine": engine, "--backend": backend, "--log": log, "--hosts": hosts, "--process-id": process_id}
    with ExitStack() as stack:
        if resume is not None:
            _refuse_changes(recipe, run_dir, parent, overrides)
            planned, images = _going_on(stack, group, resume, asked, named, data_changed is not None)
            # a run that stops while it is prepared has not noted them yet
            same |= {"--steps": overrides["steps"], "--data": data, "--data-changed": data_changed}
        else:
            planned, images = _begun(stack, group, run_dir, asked, named, ends)
        results = _perform(replace(planned, saves=group.is_main, log=log), images, used, group.count, same)
    if group.is_main:
        _show(as_json, results, images)


def _try_rates(asked: Asked, others: dict[str, Any], engine: str | None, as_json: bool) -> None:
    """What --find-rate does in place of training. Raises InputError where one of the `others` would change nothing."""
    check_alone(others | asked.options)
    begun = replace(asked, options=asked.options | {"steps": None}).begun()
    find_rate(*begun, engine=engine or default_engine(), steps=asked.options["steps"], as_json=as_json)


def _refuse_together(
    parent: Path | None,
    hosts: str | None,
    data_changed: str | None,
    resume: Path | None,
    freeze: str | None,
    time_limit: float | None,
) -> None:
    """Raise an InputError where options are given that do not go together."""
    if parent is not None and hosts is not None:
        raise InputError(f"--from={parent} with --hosts: only a single process starts from another run's weights.")
    if data_changed is not None and resume is None:
        raise InputError(
            f"--data-changed={data_changed} without --resume: a new run takes what there is; leave it out."
        )
    if freeze is not None and parent is None:
        raise InputError(f"--freeze={freeze} without --from: name the run whose layers stay as they are.")
    if hosts is not None and time_limit is not None:
        raise InputError("--time-limit with --hosts: only a single process trains within a time; say --steps.")


def _going_on(
    stack: ExitStack, group: Group, run: Path, asked: Asked, engine: str | None, changed: bool
) -> tuple[Experiment, Dataset]:
    """The run to go on with, and its data."""
    _say_waiting(group)
    steps = asked.options["steps"]
    now: dict[str, Any] = {"source": asked.data, "skip_broken": bool(asked.options["skip_broken"])}
    now["data_changed"] = changed

    def load(folder: Path) -> Dataset:
        _refuse_several(recipe_of(folder), group)
        return _resumed_data(run, folder, **now)

    folder, images = stack.enter_context(joint.resume(group, run, steps, load))
    return experiment.resumed(folder, engine, steps=steps, **now), images


def _begun(
    stack: ExitStack, group: Group, run_dir: Path | None, asked: Asked, engine: str | None, ends: float
) -> tuple[Experiment, Dataset]:
    """The new run that is asked for, in a folder of its own, and its data; it is to end in time."""
    with joint.told(group):
        recipe, images, initial = asked.begun()
        _refuse_several(recipe, group)
    if group.count == 1 and (ends < math.inf or asked.is_chosen):
        if run_dir is not None:
            check_free(run_dir)
        recipe, ends = timed(recipe, images, engine, ends, is_chosen=asked.is_chosen)
    _say_waiting(group)
    own_dir = stack.enter_context(joint.begin(group, recipe, images, run_dir))
    return replace(experiment.new(recipe, images, own_dir, engine), initial=initial, until=ends), images


def _refuse_several(recipe: Recipe, group: Group) -> None:
    """Raise an InputError where several processes were to train several networks."""
    if group.count > 1 and recipe.ensemble is not None:
        raise InputError(
            "ensemble with --hosts: only a single process trains several networks. Take the ensemble out of the "
            "recipe; convlet init DATA > mine.toml writes down one that is chosen."
        )


def _resumed_data(run: Path, folder: Path, *, source: str | None, skip_broken: bool, data_changed: bool) -> Dataset:
    """What a run that goes on in a folder is trained on; where it cannot be had, the error says what to type."""
    remedy = ""
    if source is None:
        moved = f"convlet train --resume {shlex.quote(str(run))} --data DATA"
        remedy = f"If it was moved, name its place: {moved}."
    now = recipe_of(folder).data.at(source, skip_broken=skip_broken)
    return own_data(folder, now, remedy, changed=data_changed, insists=INSISTS)


def _say_waiting(group: Group) -> None:
    if group.count > 1:
        say(f"Process {group.place} of {group.count}: waiting for the others.")


def _perform(
    planned: Experiment, images: Dataset, threads: int, processes: int, same: dict[str, Any]
) -> dict[str, Any]:
    """Train and evaluate, in sight; the figures. Where it stops, say how to go on, with the `same` options."""
    watcher = Watcher(console(err=True, quiet=not planned.saves), planned.recipe, images, threads, processes)
    try:
        with watcher as watch:
            run, evaluation = experiment.perform(planned, images, watch, watch.preparing)
    except (Stopped, GroupError) as error:
        if planned.saves:
            _say_how_to_go_on(planned, error, same)
        raise
    if planned.saves and (short := out_of_time(run)):
        say(f"{short} Go on with:", shlex.join(["convlet", "train", "--resume", str(planned.run_dir)]))
    elif planned.saves and not run.clock.taken:
        say(f"The run had ended, at step {run.history.steps}. Go further with --steps.")
    return training.training_json(run, evaluation, threads, processes, planned.recipe.network)


def _show(as_json: bool, results: dict[str, Any], images: Dataset) -> None:
    """The figures, and for people what to type next."""
    show(as_json, results, training_table(results))
    if not as_json:
        name = shlex.quote(results["run_dir"])
        part = "" if images.test is not None else f" --part {list(images.parts)[-1]}"
        several = [f"convlet runs {name}"] if (Path(results["run_dir"]) / "network-1").exists() else []
        show_lines(
            f"{'Report, curves' if images.test is not None else 'Curves'}, kernels and weights are in "
            f"{results['run_dir']}. Next:",
            f"convlet evaluate {name}{part}",
            f"convlet summary {name}",
            *several,
        )


def _say_how_to_go_on(planned: Experiment, error: Stopped | GroupError, same: dict[str, Any]) -> None:
    """What to type to continue a run that has stopped, with the options that are to be the same again."""
    before_training = error.outcome if isinstance(error, Stopped) and error.run is None else ""
    given = [str(part) for option, value in same.items() if value is not None for part in (option, value)]
    command = shlex.join(["convlet", "train", "--resume", str(planned.run_dir), *given])
    say(f"Stopped{before_training or ' and saved.'} Go on with:", command)


def _group(hosts: str | None, process_id: int | None, engine: str | None, backend: str | None) -> Group:
    """The processes that --hosts names, this one among them."""
    if hosts is None:
        if process_id is not None:
            raise InputError(f"--process-id={process_id} without --hosts: say with --hosts who the others are.")
        return Alone()
    if engine not in (None, "keras") or backend not in (None, "jax"):
        wrong = f"--engine={engine}" if engine not in (None, "keras") else f"--backend={backend}"
        raise InputError(f"--hosts with {wrong}: several processes need --engine keras --backend jax.")
    chosen_engine("keras", "jax")
    return lookup.group(None if hosts == "auto" else names_in(hosts), process_id)


def _refuse_changes(recipe: str | None, run_dir: Path | None, parent: Path | None, overrides: dict[str, Any]) -> None:
    """A run continues as it began: only how far, where its data is, and on what it computes can be said anew."""
    fixed = {"RECIPE": recipe, "--run-dir": run_dir, "--from": parent}
    fixed |= {f"--{name.replace('_', '-')}": value for name, value in overrides.items() if name not in AGAIN}
    for name, value in fixed.items():
        if value is not None:
            raise InputError(f"{name}={value} with --resume: a run continues as it began; leave {name} out.")
