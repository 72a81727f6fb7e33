"""Without PyTorch and Keras, what needs them says what to type."""

import numpy as np
import pytest

import convlet as cl
from convlet.errors import EngineError


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
    monkeypatch.setattr("convlet.exchange.library.installed", lambda name: False)


def test_to_and_from_others_say_what_to_install():
    images = np.zeros((4, 3, 3), np.uint8)
    run = cl.fit(
        cl.Sequential([cl.Flatten(), cl.Dense(2)], (3, 3, 1)),
        (images, [0, 1, 0, 1]),
        steps=1,
        batch_size=2,
        engine="numpy",
        progress=False,
    )
    with pytest.raises(EngineError, match=r"from_keras needs keras, .* pip install 'convlet\[keras\]' tensorflow-cpu"):
        cl.from_keras(None)
    for act in (run.to_torch, lambda: cl.from_torch(None, (3, 3, 1))):
        with pytest.raises(EngineError, match=r"needs torch, which is not installed\. .* pip install torch"):
            act()
