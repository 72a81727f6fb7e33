"""How much of everything, and for how long: so that nobody who asks can take the server from the others."""

import math
from dataclasses import dataclass

from convlet.checks import number, whole_number

MB = 10**6


@dataclass(frozen=True)
class Limits:
    """What a server allows. Raises InputError for what makes no sense.

    `max_batch` images are computed together, `max_wait` milliseconds at most are waited for others to join; `max_body`
    MB has a request; `max_waiting` requests are in the house at once; after `deadline` seconds nobody waits any longer.
    """

    max_batch: int = 64
    max_wait: float = 0.0
    max_body: int = 8
    max_waiting: int = 256
    deadline: float = 10.0
    headers_seconds: float = 10.0  # for a request's first line and headers to arrive, from when one may come
    body_seconds: float = 20.0  # for its body
    most_pixels: int = 32 * 10**6  # of a picture, decoded
    most_images: int = 1000  # of a request
    image_bytes: int = 256 * MB  # of the images that wait, as the network takes them: pictures may come far smaller

    def __post_init__(self) -> None:
        for name in ("max_batch", "max_body", "max_waiting"):
            whole_number(name, getattr(self, name))
        number("max_wait", self.max_wait, low=0)
        number("deadline", self.deadline, low=0, open_low=True)

    @property
    def body_bytes(self) -> int:
        """The bytes of one body."""
        return self.max_body * MB

    @property
    def held_bytes(self) -> int:
        """The bytes of all bodies that are in the house at once."""
        return 32 * self.body_bytes

    def images_waiting(self, shape: tuple[int, ...]) -> int:
        """How many images (H, W, C) of float32 may wait for their turn at once."""
        return max(1, self.image_bytes // (4 * math.prod(shape)))

    @property
    def longest(self) -> float:
        """Seconds after which no request can still be at work."""
        return self.body_seconds + self.deadline + self.headers_seconds
