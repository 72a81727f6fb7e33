"""How a run learnt, what was chosen for it, and how to do it again."""

from dataclasses import replace
from typing import Any

from convlet.descriptions.optimizers import optimizer_to_table
from convlet.descriptions.tables import to_table
from convlet.environment import environment
from convlet.report.facts.assessment import Assessment
from convlet.report.html.elements import Child, Html, element
from convlet.report.html.frame import scrolling, section
from convlet.report.html.pictures import data_address
from convlet.report.numbers import count, shape, short
from convlet.runs.checkpoint import weights_sha256
from convlet.runs.ensemble import Ensemble
from convlet.runs.recipe import Recipe


def learning(svg: bytes) -> Html:
    """The learning curves, as the run folder has them."""
    picture = element("img", src=data_address(svg, "image/svg+xml"), alt="Loss and accuracy over the steps")
    return section("curves", "How it learnt", element("div", scrolling(picture), class_="wide"))


def chosen(assessed: Assessment) -> Html:
    """What the recipe says, with its reasons where it has any."""
    data, network = assessed.data, assessed.run.network
    parts = ", ".join(f"{count(len(part))} {name}" for name, part in data.parts.items())
    cost = f"{count(network.weights)} weights, {short(network.multiply_adds)} multiply-adds an image"
    rows: list[tuple[str, Child]] = [
        ("data", f"{data.name}: {parts}; {len(data.classes)} classes, images of {shape(network.input_shape)}"),
        ("network", f"{network_words(assessed)}; {cost}"),
    ]
    recipe = assessed.recipe
    if recipe is not None:
        rows += _of_recipe(recipe, network.weights // max(1, recipe.network.weights))
    rows.append(
        ("engine", f"{assessed.run.engine}; {count(assessed.run.history.steps)} steps taken, seed {assessed.run.seed}")
    )
    facts = element(
        "dl", *(child for name, value in rows for child in (element("dt", name), element("dd", value))), class_="facts"
    )
    why = [element("p", line) for line in (recipe.description if recipe is not None else "").splitlines()]
    notes = [element("li", note) for note in data.collected.notes] if data.collected else []
    reasons = element("ul", *notes, class_="quiet") if notes else None
    return section("chosen", "What was chosen", *why, facts, reasons)


def network_words(assessed: Assessment) -> str:
    """The network's layers in a line."""
    words = [placed.layer.describe() for placed in assessed.run.network]
    return " → ".join(words) if len(words) <= 16 else f"{len(words)} layers, from {words[0]} to {words[-1]}"


def _of_recipe(recipe: Recipe, answering: int) -> list[tuple[str, Child]]:
    training = recipe.training
    many, what = (training.steps, "step") if training.epochs is None else (training.epochs, "epoch")
    long = f"{count(many or 0)} {what}{'s' * (many != 1)}"
    rows: list[tuple[str, Child]] = [
        ("optimizer", _words(optimizer_to_table(recipe.optimizer))),
        ("training", f"{long} of {count(training.batch_size)} images{', each network' if recipe.ensemble else ''}"),
    ]
    if recipe.ensemble is not None:
        rows.append(("ensemble", ensemble_words(recipe.ensemble, answering)))
    if training.label_smoothing:
        rows.append(("label smoothing", f"{training.label_smoothing:g}"))
    if training.class_weights is not None:
        rows.append(("class weights", str(training.class_weights)))
    if recipe.augmentation:
        rows.append(("augmentation", "; ".join(_words(to_table(each)) for each in recipe.augmentation)))
    return rows


def ensemble_words(ensemble: Ensemble, answering: int) -> str:
    """Which networks there are, and which of them answer, in a line: so many, where some had no time or went wrong."""
    factors = {"rate": ensemble.rates, "decay": ensemble.decays}
    each = [
        f"{name} × {', '.join(f'{one:g}' for one in values)}"
        for name, values in factors.items()
        if set(values) != {1.0}
    ]
    if ensemble.seeds > 1:
        each.append(f"{ensemble.seeds} seeds{' of each' * (ensemble.networks > ensemble.seeds)}")
    best = f"the {ensemble.kept} best" if ensemble.kept < ensemble.networks else "all"
    which = best if answering == ensemble.kept else f"{answering} of them"
    return "; ".join([f"{ensemble.networks} networks", *each, f"{which} answer{' together' * (answering > 1)}"])


def _words(table: dict[str, Any]) -> str:
    """A table of a recipe in a line: `Adam, learning_rate 0.001`."""
    own = {name: value for name, value in table.items() if name != "type"}
    inside = [f"{name} {_words(value) if isinstance(value, dict) else value}" for name, value in own.items()]
    return ", ".join([str(table["type"]), *inside]) if "type" in table else ", ".join(inside)


def again(assessed: Assessment) -> Html:
    """The whole recipe, the commands, the fingerprints, and the versions."""
    recipe, run = assessed.recipe, assessed.run
    parts: list[Child] = []
    if recipe is not None:
        own = replace(recipe, data=recipe.data.without_place())  # folders have users' names
        data = "" if own.data.source == "mnist" else " --data DATA"
        commands = f"convlet train recipe.toml{data} --engine {run.engine}"
        whole = element("details", element("summary", "recipe.toml"), element("pre", own.to_toml()))
        parts += [element("pre", commands), whole]
    facts = {"weights": weights_sha256(run.program.state().parameters)}
    if assessed.own is not None:
        facts["data"] = assessed.own.sha256
    rows = [(f"{name}, SHA-256", element("code", value)) for name, value in facts.items()]
    rows += [("this report is by", _environment())]
    parts.append(
        element(
            "dl",
            *(child for name, value in rows for child in (element("dt", name), element("dd", value))),
            class_="facts",
        )
    )
    remark = "The same recipe, data, seed, engine and versions give the same weights, bit for bit."
    return section("again", "How to repeat it", *parts, remark=remark)


def _environment() -> Html:
    found = environment()
    versions = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return element("span", f"{versions}, Python {found['python']}, {found['system']}, {found['processor']}")
