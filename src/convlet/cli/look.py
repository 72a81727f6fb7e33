"""`convlet look`."""

import shlex
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convlet.cli.printing import said_if_slow, say, show, show_lines
from convlet.cli.shared import (
    PARTS,
    backend_option,
    chosen_engine,
    engine_option,
    json_option,
    other_data,
    own_data,
    threads_option,
)
from convlet.datasets import part_of
from convlet.datasets.digits import find_digit
from convlet.datasets.readers.pictures import fitted, open_picture
from convlet.environment import limit_threads
from convlet.errors import ConvletError, InputError, StorageError
from convlet.report.facts.evaluation import prediction_json
from convlet.report.figures.kernels import kernels
from convlet.report.figures.maps import feature_maps
from convlet.report.figures.style import to_bytes
from convlet.report.numbers import count, label, probability, visible
from convlet.runs.files import write_file
from convlet.runs.run import Run
from convlet.runs.run import load as load_run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("image", type=click.Path(path_type=Path), required=False)
@click.option("--index", type=click.IntRange(0), help="Which image of the data, in place of a file. Default: 0.")
@click.option("--data", help="What `train --data` takes. Default: the data the run was trained on.")
@click.option("--part", type=click.Choice(PARTS), help="Default: test, where there is one.")
@click.option("--digit", is_flag=True, help="Bring a drawn or photographed digit into MNIST's form first.")
@click.option("--output", type=click.Path(path_type=Path), help="The folder to write to. Default: the run's.")
@engine_option
@backend_option
@threads_option
@json_option
def look(
    run: Path,
    image: Path | None,
    index: int | None,
    data: str | None,
    part: str | None,
    digit: bool,
    output: Path | None,
    engine: str | None,
    backend: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Pictures of what is inside a run: every layer's weights, and what every layer makes of an image.

    IMAGE is a file; without one it is the first of the test images, or the one that --index names.
    """
    for option, value in (("--index", index), ("--data", data)):
        if image is not None and value is not None:
            raise InputError(f"{option}={value} with IMAGE {image}: expected one of them.")
    limit_threads(threads)
    trained = load_run(run, engine=chosen_engine(engine, backend))
    folder = output or trained.run_dir or Path()
    written = [_kernels(trained, folder)]
    if image is not None:
        picture = open_picture(image)
        if digit:
            picture = Image.fromarray(find_digit(picture, str(image)).pixels)
        pixels = fitted(picture, trained.network.input_shape)
        written.append(_maps(trained, pixels, folder / f"maps-{visible(image.stem)}.png", str(image), image.name))
    else:
        written.append(_of_the_data(trained, run, data, part, index, folder))
    rows = [row for row in written if row is not None]
    show(as_json, {"run": str(run), "written": rows})
    if not as_json:
        show_lines("Written:", *(row["file"] for row in rows))


def _kernels(run: Run, folder: Path) -> dict[str, Any] | None:
    """The picture of all weights, written; None where there are none."""
    figure = kernels(run.network, run.program.state().parameters)
    if figure is None:
        return None
    _write(folder / "kernels.png", to_bytes(figure, "png"))
    return {"file": str(folder / "kernels.png"), "shows": "kernels"}


def _of_the_data(
    run: Run, path: Path, data: str | None, part: str | None, index: int | None, folder: Path
) -> dict[str, Any] | None:
    """The maps of an image of the data; None, and said so, where nobody asked for one and there is none."""
    remedy = f"Name an IMAGE, or give --data: convlet look {shlex.quote(str(path))} --data DATA."
    try:
        images = other_data(run, data) if data else own_data(path, run.data, remedy)
    except ConvletError as error:
        if index is not None or data is not None:
            raise
        say(f"convlet: {error} Without them only the kernels are drawn.")
        return None
    part, number = part or list(images.parts)[-1], index or 0
    examples = part_of(images, part)
    if number >= len(examples):
        raise InputError(f"--index={number}: there are {len(examples):,} {part} images, counted from 0.")
    pixels, labels = examples.batch(slice(number, number + 1))
    where = f"{part} image {count(number)} of {label(images.name)}, labelled {label(images.classes[int(labels[0])])}"
    return _maps(run, pixels[0], folder / f"maps-{part}-{number}.png", f"{part}:{number}", where)


def _maps(run: Run, pixels: NDArray[Any], file: Path, name: str, where: str) -> dict[str, Any]:
    """What every layer makes of an image, drawn and written; `pixels` (H, W, C), uint8 or floats from 0 to 1."""
    image = pixels.astype(np.float32) / 255 if pixels.dtype == np.uint8 else pixels
    with said_if_slow(run.engine):
        probabilities = run.predict(pixels[np.newaxis])  # first, as it says which shape the network takes
        outputs = run.program.activations(image[np.newaxis])
    [found] = prediction_json([name], probabilities, run.classes)
    remark = f"{visible(where)}: taken for {label(found['class'])}, {probability(found['probability'])}"
    _write(file, to_bytes(feature_maps(run.network, outputs, image, run.classes, remark), "png"))
    facts = {name: found[name] for name in ("image", "class", "probability")}
    return {"file": str(file), "shows": "feature maps", **facts}


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"--output={path.parent}: cannot be made: {error.strerror or error}.") from None
    write_file(path, data)
