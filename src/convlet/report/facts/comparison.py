"""What is to be said where engines were compared, as plain dictionaries: what `--json` prints."""

import math
from collections.abc import Sequence
from typing import Any

from convlet.comparison import TOLERANCES, Comparison


def comparison_json(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The same as plain numbers; what is not finite is None."""
    return {
        "within": all(comparison.within for comparison in comparisons),
        "tolerances": dict(TOLERANCES),
        "engines": [
            {
                "engine": comparison.engine,
                "within": comparison.within,
                "batch": comparison.batch,
                "losses": [_finite(loss) for loss in comparison.losses],
                "differences": [
                    {
                        "kind": difference.kind,
                        "name": difference.name,
                        "largest": _finite(difference.largest),
                        "relative": _finite(difference.relative),
                        "within": difference.within,
                    }
                    for difference in comparison.differences
                ],
            }
            for comparison in comparisons
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
