"""Where a kernel or a pool goes on an image: sizes, strides, padding and positions, worked out once."""

from dataclasses import dataclass

from convlet.checks import Pair, Shape, one_of, whole_number
from convlet.errors import InputError, NetworkError

PADDINGS = ("valid", "same")
Padding = str | tuple[Pair, Pair]  # a name, or ((top, bottom), (left, right))


def padding_of(value: object) -> Padding:
    """One canonical form of a layer's padding. Raises InputError where it is none."""
    if isinstance(value, str):
        one_of("padding", value, PADDINGS)
        return value
    try:
        rows, columns = (tuple(whole_number("padding", pixels, at_least=0) for pixels in side) for side in value)  # type: ignore[attr-defined]
        (top, bottom), (left, right) = rows, columns
    except (InputError, TypeError, ValueError):
        expected = "'valid', 'same' or how many pixels of zeros go around: ((top, bottom), (left, right))"
        raise InputError(f"padding={value!r}: expected {expected}.") from None
    return (top, bottom), (left, right)


@dataclass(frozen=True)
class Window:
    """Where a kernel or a pool goes on an image: everything about its geometry, worked out once.

    "same" padding visits every SH-th row, and pads evenly, the odd one at the bottom (or right), as TensorFlow does;
    "valid" visits only where the window lies wholly inside the image, and so it does in an image with as many pixels
    around it as are given.

    >>> Window.over((28, 28, 1), (5, 5), (1, 1), "same")
    Window(size=(5, 5), strides=(1, 1), positions=(28, 28), padding=((2, 2), (2, 2)))
    """

    size: Pair  # (KH, KW)
    strides: Pair  # (SH, SW)
    positions: Pair  # (OH, OW)
    padding: tuple[Pair, Pair]  # ((top, bottom), (left, right))

    @classmethod
    def over(cls, image: Shape, size: Pair, strides: Pair, padding: Padding) -> "Window":
        """The window over an image (H, W, C). Raises NetworkError where it does not fit."""
        (height, kh, sh), (width, kw, sw) = zip(image, size, strides, strict=False)
        if padding == "same":
            oh, ow = -(-height // sh), -(-width // sw)
            rows, columns = max((oh - 1) * sh + kh - height, 0), max((ow - 1) * sw + kw - width, 0)
            return cls(size, strides, (oh, ow), ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)))
        around = ((0, 0), (0, 0)) if isinstance(padding, str) else padding
        height, width = height + sum(around[0]), width + sum(around[1])
        if kh > height or kw > width:
            raise NetworkError(
                f"a window of {kh} × {kw} does not fit in {height} × {width} pixels; "
                "make it smaller, pool less before it, or use padding='same'."
            )
        return cls(size, strides, ((height - kh) // sh + 1, (width - kw) // sw + 1), around)
