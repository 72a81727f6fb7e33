"""What a request brings → images as a network takes them: a picture, several in a form, or numbers as JSON.

All of it is what somebody sends: only RefusedError, for what cannot be taken apart, and the library's own errors, for
what is in it, come out. It decodes on a thread of its own, and stops between pictures where nobody waits any longer.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_string
from email.message import Message as Headers
from itertools import chain
from typing import Any, NoReturn

import numpy as np

from convlet.datasets.images import pixels, scaled
from convlet.datasets.readers.pictures import prepared
from convlet.errors import InputError
from convlet.listening import RefusedError
from convlet.serving.limits import Limits
from convlet.serving.predictor import Array, Predictor

ARRAYS, FORM, BYTES = "application/json", "multipart/form-data", "application/octet-stream"
LONGEST_HEAD, LONGEST_NAME = 2000, 200  # bytes of a part's headers; letters of a file's name
LONGEST_TOLD = 40  # letters that an error repeats of what was sent
DEEPEST = 4  # lists within lists


@dataclass(frozen=True)
class Reader:
    """Reads what requests bring, for one predictor."""

    predictor: Predictor
    limits: Limits

    def read(self, body: bytes, content_type: str, wanted: Callable[[], bool]) -> tuple[list[str], Array]:
        """Names of images, and the images (N, H, W, C), of float32 from 0 to 1; of none where it is not `wanted` now.

        Raises RefusedError with 400, 413 or 415, and InputError, DataError or FormatError for what is no such image.
        """
        header = Headers()
        header["content-type"] = content_type
        kind = header.get_content_type() if content_type else "none"
        if kind == ARRAYS:
            images = self._few(pixels(_arrays(body, self.predictor.image_shape)))
            return [str(index) for index in range(len(images))], images
        if kind == FORM:
            return self._pictures(_files(body, header.get_boundary(), self._most), wanted)
        if kind == BYTES or kind.startswith("image/"):
            return self._pictures([("0", body)], wanted)
        raise RefusedError(415, f"content-type: {kind}; expected image/…, {BYTES}, {FORM} or {ARRAYS}.")

    @property
    def _most(self) -> int:
        """How many images a request may have."""
        return min(self.limits.most_images, self.limits.images_waiting(self.predictor.image_shape))

    def _few(self, images: Any) -> Any:
        if len(images) > self._most:
            raise RefusedError(413, f"More than {self._most:,} images: send them as several requests.")
        return images

    def _pictures(self, files: list[tuple[str, bytes]], wanted: Callable[[], bool]) -> tuple[list[str], Array]:
        shape, fit, most = self.predictor.image_shape, self.predictor.fit, self.limits.most_pixels
        read = [prepared(content, name, shape, fit, most=most) for name, content in self._few(files) if wanted()]
        names = [name for name, _ in files]
        return names, scaled(np.stack(read)) if read else np.empty((0, *shape), np.float32)


def _files(body: bytes, boundary: str | None, most: int) -> list[tuple[str, bytes]]:
    """The names and bytes of the files in a form (RFC 7578), at most one more than `most`."""
    if not boundary:
        raise RefusedError(400, f"content-type: {FORM} without its boundary.")
    files = list[tuple[str, bytes]]()
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"), most + 2)[1:]:
        if piece.startswith(b"--"):
            break
        head, blank, content = piece.partition(b"\r\n\r\n")
        field, name = _names(head) if blank else ("", None)
        if name is None:
            raise RefusedError(400, _no_file(field, content))
        files.append((name or str(len(files)), content))
    else:
        if len(files) <= most:
            raise RefusedError(400, "body: the form breaks off before its last boundary.")
    if not files:
        raise RefusedError(400, "body: the form has no file.")
    return files


def _names(head: bytes) -> tuple[str, str | None]:
    """The field's name and the file's in the headers of a part, the latter None where there is none."""
    if len(head) > LONGEST_HEAD:  # the standard library takes quadratic time
        return "", None
    try:
        headers = message_from_string(head.decode("utf-8", "replace").lstrip())
        field, name = headers.get_param("name", "", "content-disposition"), headers.get_filename()
    except (ValueError, LookupError, TypeError):  # of an encoding that is none
        return "", None
    return field if isinstance(field, str) else "", None if name is None else name[:LONGEST_NAME]


def _no_file(field: str, content: bytes) -> str:
    """What was sent in place of a file, and what to send."""
    part = f"field {field[:LONGEST_TOLD]!r}" if field else "a part of the form"
    text = content.decode("utf-8", "replace")
    sent = f"the text {text[:LONGEST_TOLD]!r}{'…' if len(text) > LONGEST_TOLD else ''}" if text else "nothing"
    return (
        f"body: {part} is {sent}; expected a file, with a filename. "
        "With curl, write @ in front of the file's name: -F image=@picture.png."
    )


def _arrays(body: bytes, image_shape: tuple[int, ...]) -> Array:
    """The images (N, H, W, C) in JSON's lists: one image or several, whole numbers to 255 or numbers to 1."""
    try:
        given = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise RefusedError(400, "body: not JSON.") from None
    values, shape = [given], list[int]()
    while len(shape) <= DEEPEST and values and set(map(type, values)) == {list}:
        lengths = set(map(len, values))
        if len(lengths) > 1:
            raise InputError(
                f"images: lists of {min(lengths)} and of {max(lengths)} side by side; expected equal ones."
            )
        shape.append(lengths.pop())
        values = list(chain.from_iterable(values))
    return _in_shape(_numbers(values), tuple(shape), image_shape)


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _numbers(values: list[Any]) -> Array:
    kinds = set(map(type, values))
    if not kinds <= {int, float}:
        raise InputError("images: expected lists of numbers, all equally deep.")
    if kinds == {int} and max(values) > 1:
        if min(values) < 0 or max(values) > 255:
            raise InputError(f"images: whole numbers from {min(values)} to {max(values)}; expected 0 to 255.")
        return np.array(values, np.uint8)
    try:
        return np.array(values, np.float64)
    except OverflowError:  # a whole number beyond 1e308
        raise InputError("images: numbers beyond all measure; expected 0 (black) to 1 (white).") from None


def _in_shape(values: Array, shape: tuple[int, ...], image_shape: tuple[int, ...]) -> Array:
    """Numbers as images (N, H, W, C), if `shape` says that they are; one channel may be left out."""
    allowed = [image_shape, image_shape[:-1]] if image_shape[-1] == 1 else [image_shape]
    if not values.size or (shape not in allowed and shape[1:] not in allowed):
        one = " or ".join(str(list(each)) for each in allowed)
        raise InputError(f"images: shape {list(shape)}; expected {one} for one image, or several of them in a list.")
    return values.reshape(-1, *image_shape)
