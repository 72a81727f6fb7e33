"""What an object shows of itself: a method such as `network.summary()` asks the report for it, by name.

The report knows everything that can be shown, so nothing below it can import it. As with the engines, what is found
here is imported only when it is asked for: whoever shows nothing never waits for rich or matplotlib.
"""

from importlib import import_module
from typing import Any


def shown(module: str, what: str, *arguments: Any, **options: Any) -> Any:
    """What the function `what` of `convlet.report.<module>` gives for these arguments."""
    return getattr(import_module(f"convlet.report.{module}"), what)(*arguments, **options)
