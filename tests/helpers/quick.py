"""`cl.fit` in a blink: a tiny network on tiny data for four steps."""

from contextlib import chdir

import numpy as np
import tiny
from click.testing import CliRunner

import convlet as cl
from convlet.cli import main

DATA = tiny.dataset()
PAIR = (DATA.train.images, np.array(tiny.CLASSES)[DATA.train.labels])
QUICK = {"steps": 4, "batch_size": 4, "engine": "numpy", "progress": False}


def fit(network=tiny.NETWORK, data=DATA, **options):
    return cl.fit(network, data, **{**QUICK, **options})


def save(folder):
    """The folder of a run on an .npz that was named by a relative path, from another folder."""
    tiny.save_npz(folder / "d.npz", DATA)
    with chdir(folder):
        fit(data="d.npz", run_dir="r")
    return folder / "r"


def command(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
