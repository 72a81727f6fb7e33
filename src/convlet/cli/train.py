"""`convlet train`."""

import math
import shlex
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from convlet import experiment
from convlet.cli.choosing import OF_DATA, chosen_for, say_chosen, sourced, timed
from convlet.cli.find_rate import check_alone, find_rate
from convlet.cli.printing import console, say, show, show_lines
from convlet.cli.progress import Watcher
from convlet.cli.shared import (
    DEFAULT_RECIPE,
    INSISTS,
    backend_option,
    chosen_engine,
    data_changed_option,
    engine_option,
    json_option,
    loaded,
    names_in,
    own_data,
    picture_options,
    threads_option,
    time_limit_option,
    with_data,
)
from convlet.datasets import Dataset
from convlet.descriptions.network import Parameters
from convlet.engines import default_engine, lookup
from convlet.environment import limit_threads
from convlet.errors import GroupError, InputError
from convlet.experiment import Experiment
from convlet.processes.group import Alone, Group
from convlet.report.facts import training
from convlet.report.tensorboard import LOGS, check_log
from convlet.report.terminal.training import training_table
from convlet.runs import recipe as recipes
from convlet.runs.checkpoint import recipe_at
from convlet.runs.choosing import validated
from convlet.runs.folder import check_free, recipe_of
from convlet.runs.recipe import Recipe
from convlet.runs.run import load as load_run
from convlet.signals import Stopped
from convlet.training import joint
from convlet.training.continuing import from_run

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
    if parent is not None and hosts is not None:
        raise InputError(f"--from={parent} with --hosts: only a single process starts from another run's weights.")
    if data_changed is not None and resume is None:
        raise InputError(
            f"--data-changed={data_changed} without --resume: a new run takes what there is; leave it out."
        )
    if freeze is not None and parent is None:
        raise InputError(f"--freeze={freeze} without --from: name the run whose layers stay as they are.")
    if hosts is not None and overrides["time_limit"] is not None:
        raise InputError("--time-limit with --hosts: only a single process trains within a time; say --steps.")
    ends = time.monotonic() + (overrides["time_limit"] or math.inf)
    check_log(log, run_dir or resume or "runs")
    used = limit_threads(threads)
    if finding:
        check_alone(
            {"resume": resume, "hosts": hosts, "process_id": process_id, "run_dir": run_dir, "log": log, **overrides}
        )
        chosen, images, initial = _begun(recipe, parent, data, freeze, overrides | {"steps": None})
        on = chosen_engine(engine, backend) or default_engine()
        find_rate(chosen, images, initial, engine=on, steps=overrides["steps"], as_json=as_json)
        return
    group = _group(hosts, process_id, engine, backend)
    named = "keras" if hosts else chosen_engine(engine, backend)
    with ExitStack() as stack:
        if resume is not None:
            _refuse_changes(recipe, run_dir, parent, overrides)
            _say_waiting(group)
            now: dict[str, Any] = {"source": data, "skip_broken": bool(overrides["skip_broken"])}
            now["data_changed"] = data_changed is not None
            load = partial(_resumed_data, resume, **now)
            folder, images = stack.enter_context(joint.resume(group, resume, overrides["steps"], load))
            planned = experiment.resumed(folder, named, steps=overrides["steps"], **now)
        else:
            with joint.told(group):
                chosen, images, initial = _begun(recipe, parent, data, freeze, overrides)
            alone = _is_chosen(recipe, parent, data)
            if group.count == 1 and (ends < math.inf or alone):
                if run_dir is not None:
                    check_free(run_dir)
                chosen, ends = timed(chosen, images, named, ends, is_chosen=alone)
            _say_waiting(group)
            own_dir = stack.enter_context(joint.begin(group, chosen, images, run_dir))
            planned = replace(experiment.new(chosen, images, own_dir, named), initial=initial, until=ends)
        same = {"--engine": engine, "--backend": backend, "--log": log, "--hosts": hosts, "--process-id": process_id}
        if resume is not None:  # a run that stops while it is prepared has not noted them yet
            same |= {"--steps": overrides["steps"], "--data": data, "--data-changed": data_changed}
        results = _perform(replace(planned, saves=group.is_main, log=log), images, used, group.count, same)
    if group.is_main:
        _show(as_json, results, images)


def _begun(
    recipe: str | None, parent: Path | None, data: str | None, freeze: str | None, overrides: dict[str, Any]
) -> tuple[Recipe, Dataset, Parameters | None]:
    """What a new run begins with: its recipe, its data, and first weights where they are another run's."""
    if data is not None and _is_chosen(recipe, parent, data):
        choice, images = chosen_for(data, overrides)
        say_chosen(choice, images)
        return validated(_overridden(choice.recipe, overrides), len(images.train)), images, None
    chosen = _overridden(with_data(_recipe(recipe, parent), data), overrides)
    chosen, images = _with_images(chosen, recipe, parent, data)
    chosen, initial = _started_from(parent, chosen, images, names_in(freeze))
    return chosen, images, initial


def _is_chosen(recipe: str | None, parent: Path | None, data: str | None) -> bool:
    """Whether nobody says how to train, only on what."""
    return recipe is None and parent is None and data is not None


def _with_images(chosen: Recipe, name: str | None, parent: Path | None, data: str | None) -> tuple[Recipe, Dataset]:
    """The recipe and its data; pictures as its network takes them, where that was named, or is another run's."""
    if name is not None or parent is not None:
        chosen = replace(chosen, data=chosen.data.suited_to(chosen.network))
    if parent is not None and data is None:
        return chosen, own_data(parent, chosen.data, "Give --data DATA.")
    return chosen, loaded(chosen.data)


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
    if planned.saves and run.history.steps < run.total_steps and time.monotonic() >= planned.until:
        say(
            f"Out of time after step {run.history.steps:,} of {run.total_steps:,}: it went slower than its first steps "
            "did. Go on with:",
            shlex.join(["convlet", "train", "--resume", str(planned.run_dir)]),
        )
    elif planned.saves and not run.clock.taken:
        say(f"The run had ended, at step {run.history.steps}. Go further with --steps.")
    return training.training_json(run, evaluation, threads, processes)


def _show(as_json: bool, results: dict[str, Any], images: Dataset) -> None:
    """The figures, and for people what to type next."""
    show(as_json, results, training_table(results))
    if not as_json:
        name = shlex.quote(results["run_dir"])
        part = "" if images.test is not None else f" --part {list(images.parts)[-1]}"
        show_lines(
            f"{'Report, curves' if images.test is not None else 'Curves'}, kernels and weights are in "
            f"{results['run_dir']}. Next:",
            f"convlet evaluate {name}{part}",
            f"convlet summary {name}",
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


def _recipe(recipe: str | None, parent: Path | None) -> Recipe:
    """The recipe of that name; that of the run to start from, or the usual one, where none is named."""
    if recipe is None and parent is not None:
        if (found := recipe_at(parent)) is None:
            raise InputError(f"--from={parent}: it carries no recipe. Name one, such as {DEFAULT_RECIPE}.")
        return found
    return recipes.load_recipe(recipe or DEFAULT_RECIPE)


def _started_from(
    parent: Path | None, recipe: Recipe, images: Dataset, freeze: list[str] | None
) -> tuple[Recipe, Parameters | None]:
    """The recipe with the network, and the first weights, of the run that --from names."""
    if parent is None:
        return recipe, None
    run = load_run(parent, engine="numpy")
    network, initial, said = from_run(run, images.classes, recipe.training.seed, freeze)
    say(said)
    return replace(recipe, network=network), initial


def _refuse_changes(recipe: str | None, run_dir: Path | None, parent: Path | None, overrides: dict[str, Any]) -> None:
    """A run continues as it began: only how far, where its data is, and on what it computes can be said anew."""
    fixed = {"RECIPE": recipe, "--run-dir": run_dir, "--from": parent}
    fixed |= {f"--{name.replace('_', '-')}": value for name, value in overrides.items() if name not in AGAIN}
    for name, value in fixed.items():
        if value is not None:
            raise InputError(f"{name}={value} with --resume: a run continues as it began; leave {name} out.")


def _overridden(recipe: Recipe, overrides: dict[str, Any]) -> Recipe:
    """The recipe with what the command line says in place of its own."""
    recipe = replace(recipe, data=sourced(recipe.data, overrides))
    if (rate := overrides.get("learning_rate")) is not None:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=rate))
    of_others = (*OF_DATA, "learning_rate", "time_limit")
    given = {name: value for name, value in overrides.items() if value is not None and name not in of_others}
    return replace(recipe, training=recipe.training.changed(**given))
