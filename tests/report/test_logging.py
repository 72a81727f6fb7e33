"""How a log is asked for, where nothing can be logged."""

import importlib.util

import pytest
import tiny

from convlet import fit
from convlet.errors import EngineError, InputError


def test_another_log_is_refused_with_what_to_write(tmp_path):
    with pytest.raises(InputError, match=r"log='wandb': expected 'tensorboard'.*watch="):
        fit(tiny.NETWORK, tiny.dataset(), steps=1, run_dir=tmp_path / "r", log="wandb")


@pytest.mark.skipif(importlib.util.find_spec("tensorboardX") is not None, reason="tensorboardX is installed")
def test_the_missing_extra_is_named_with_its_command_before_there_is_a_folder(tmp_path):
    with pytest.raises(EngineError, match=r"log='tensorboard'.*pip install 'convlet\[tensorboard\]'"):
        fit(tiny.NETWORK, tiny.dataset(), steps=1, run_dir=tmp_path / "r", log="tensorboard")
    assert not (tmp_path / "r").exists()
