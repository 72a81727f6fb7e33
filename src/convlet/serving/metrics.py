"""What the server counts, in the text format that Prometheus reads (version 0.0.4).

Everything is counted on the event loop's thread; the batches' sizes too, when their answers are handed over.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """How many values are at most each of some bounds."""

    def __init__(self, bounds: Iterable[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts, self._sum = [0] * (len(self._bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str) -> Iterator[str]:
        """Its lines of the text, without the two that introduce them."""
        total = 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum}"
        yield f"{name}_count {total}"


class Metrics:
    """Requests by path and status, how long predictions took, how many images were computed together."""

    def __init__(self) -> None:
        self.in_progress = 0
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds, self._batches = Histogram(SECONDS), Histogram(IMAGES)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request, and the time from its headers to its answer where that was a prediction."""
        self._requests[path, status] += 1
        if path == "/predict" and status == 200:
            self._seconds.observe(seconds)

    def computed(self, images: int) -> None:
        """Count a batch."""
        self._batches.observe(images)

    def text(self, waiting: int) -> str:
        """All of it, and how many images wait for their turn now."""
        return "\n".join([*self._lines(waiting), ""])

    def _lines(self, waiting: int) -> Iterator[str]:
        yield from _introduced("convlet_requests_total", "counter", "Requests that were answered, by path and status.")
        for (path, status), count in sorted(self._requests.items()):
            yield f'convlet_requests_total{{path="{path}",status="{status}"}} {count}'
        yield from _introduced("convlet_requests_in_progress", "gauge", "Requests that are not answered yet.")
        yield f"convlet_requests_in_progress {self.in_progress}"
        yield from _introduced("convlet_images_waiting", "gauge", "Images that wait for their turn.")
        yield f"convlet_images_waiting {waiting}"
        yield from _introduced(
            "convlet_predict_seconds", "histogram", "Seconds from a request's headers to its answer."
        )
        yield from self._seconds.lines("convlet_predict_seconds")
        yield from _introduced("convlet_batch_images", "histogram", "Images that were computed together.")
        yield from self._batches.lines("convlet_batch_images")


def _introduced(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
