"""`convlet train`."""

import shlex
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from convlet import experiment
from convlet.cli.printing import console, say, show, show_lines
from convlet.cli.progress import Watcher
from convlet.cli.shared import (
    DEFAULT_RECIPE,
    backend_option,
    chosen_engine,
    engine_option,
    json_option,
    names_in,
    threads_option,
    with_data,
)
from convlet.datasets import Dataset
from convlet.engines import lookup
from convlet.environment import limit_threads
from convlet.errors import GroupError, InputError
from convlet.experiment import Experiment
from convlet.processes.group import Alone, Group
from convlet.report.facts import training
from convlet.report.terminal.training import training_table
from convlet.runs import recipe as recipes
from convlet.runs.recipe import Recipe
from convlet.signals import Stopped
from convlet.training import joint


@click.command()
@click.argument("recipe", required=False)
@click.option("--data", help="'mnist', a folder of IDX files, or an .npz; in place of the recipe's.")
@click.option("--train-images", type=click.IntRange(1), help="Train on the first so many of the data only.")
@engine_option
@click.option("--steps", type=click.IntRange(1), help="How many steps in all.")
@click.option("--epochs", type=click.IntRange(1), help="How many passes over the training images, in place of steps.")
@click.option("--batch-size", type=click.IntRange(1), help="Images a step.")
@click.option("--learning-rate", type=float, help="A constant rate, in place of the recipe's.")
@click.option("--seed", type=click.IntRange(0), help="Same seed, same run, bit by bit.")
@click.option("--patience", type=click.IntRange(1), help="Stop after so many epochs without a better validation.")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Where to keep the run. Default: runs/RECIPE-NUMBER.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue the run in this folder.")
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
    hosts: str | None,
    process_id: int | None,
    threads: int | None,
    as_json: bool,
    **overrides: Any,
) -> None:
    """Train a network, evaluate it on the test images, and keep everything in a run folder.

    RECIPE is a .toml file or a built-in: deep-mnist (the default), first-kernels or lenet-5.

    With --hosts, the same command is started once for each of them, with a --process-id of its own, and the network
    trains on all their devices with JAX. Process 0 keeps the run. What schedulers set need not be said: the
    --process-id, and with --hosts auto the hosts too.
    """
    used = limit_threads(threads)
    group = _group(hosts, process_id, engine, backend)
    named = "keras" if hosts else chosen_engine(engine, backend)
    with ExitStack() as stack:
        if resume is not None:
            _refuse_changes(recipe, data, run_dir, overrides)
            _say_waiting(group)
            folder, images = stack.enter_context(joint.resume(group, resume, overrides["steps"]))
            planned = experiment.resumed(folder, named, steps=overrides["steps"])
        else:
            with joint.told(group):
                chosen = _overridden(with_data(recipes.load_recipe(recipe or DEFAULT_RECIPE), data), overrides)
                images = chosen.data.load()
            _say_waiting(group)
            own_dir = stack.enter_context(joint.begin(group, chosen, images, run_dir))
            planned = experiment.new(chosen, images, own_dir, named)
        same = {"--engine": engine, "--backend": backend, "--hosts": hosts, "--process-id": process_id}
        results = _perform(replace(planned, keep=group.is_main), images, used, group.count, same)
    if group.is_main:
        _show(as_json, results, images)


def _say_waiting(group: Group) -> None:
    if group.count > 1:
        say(f"Process {group.place} of {group.count}: waiting for the others.")


def _perform(
    planned: Experiment, images: Dataset, threads: int, processes: int, same: dict[str, Any]
) -> dict[str, Any]:
    """Train and evaluate, in sight; the figures. Where it stops, say how to go on, with the `same` options."""
    watcher = Watcher(console(err=True, quiet=not planned.keep), planned.recipe, images, threads, processes)
    try:
        with watcher as watch:
            run, evaluation = experiment.perform(planned, images, watch, watch.preparing)
    except (Stopped, GroupError):
        if planned.keep:
            _say_how_to_go_on(planned.run_dir, same)
        raise
    if planned.keep and not run.clock.taken:
        say(f"The run had ended, at step {run.history.steps}. Go further with --steps.")
    return training.training_json(run, evaluation, threads, processes)


def _show(as_json: bool, results: dict[str, Any], images: Dataset) -> None:
    """The figures, and for people what to type next."""
    show(as_json, results, training_table(results))
    if not as_json:
        name = shlex.quote(results["run_dir"])
        part = "" if images.test is not None else f" --part {list(images.parts)[-1]}"
        show_lines(
            f"Curves, confusion matrix, mistakes, kernels and weights are in {results['run_dir']}. Next:",
            f"convlet evaluate {name}{part}",
            f"convlet summary {name}",
        )


def _say_how_to_go_on(folder: Path, same: dict[str, Any]) -> None:
    """What to type to continue a run that has stopped, with the options that are to be the same again."""
    given = [str(part) for option, value in same.items() if value is not None for part in (option, value)]
    command = shlex.join(["convlet", "train", "--resume", str(folder), *given])
    say("Stopped and saved. Go on with:", command)


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


def _refuse_changes(recipe: str | None, data: str | None, run_dir: Path | None, overrides: dict[str, Any]) -> None:
    """A run continues as it began: only how far, on which engine and with how many threads can be said anew."""
    fixed = {"RECIPE": recipe, "--data": data, "--run-dir": run_dir}
    fixed |= {f"--{name.replace('_', '-')}": value for name, value in overrides.items() if name != "steps"}
    for name, value in fixed.items():
        if value is not None:
            raise InputError(f"{name}={value} with --resume: a run continues as it began; leave {name} out.")


def _overridden(recipe: Recipe, overrides: dict[str, Any]) -> Recipe:
    """The recipe with what the command line says in place of its own."""
    given = {name: value for name, value in overrides.items() if value is not None}
    if (rate := given.pop("learning_rate", None)) is not None:
        recipe = replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=rate))
    if (count := given.pop("train_images", None)) is not None:
        recipe = replace(recipe, data=replace(recipe.data, train_images=count))
    if "steps" in given and "epochs" not in given:
        given["epochs"] = None
    elif "epochs" in given and "steps" not in given:
        given["steps"] = None
    return replace(recipe, training=replace(recipe.training, **given))
