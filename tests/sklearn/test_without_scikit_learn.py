"""Where scikit-learn is not installed, what asks for it says what to type."""

import importlib.util

import pytest


@pytest.mark.skipif(importlib.util.find_spec("sklearn") is not None, reason="scikit-learn is installed")
def test_the_missing_extra_is_named_with_its_command():
    with pytest.raises(ImportError, match=r"pip install 'convlet\[sklearn\]'"):
        import convlet.sklearn  # noqa: F401
