"""Augmentations that move pixels. All of a list become one map, so a picture is interpolated once.

Amounts are shares of the image's height and width, so the same words suit every size. Where a moved picture needs
pixels from beyond its border, they come from there: "reflect" mirrors it (the outermost row once), "edge" repeats its
outermost pixels, "constant" is black. There is one map, so there is one border: "reflect" where none is named.
"""

from dataclasses import KW_ONLY, dataclass

from convlet.checks import number, one_of, true_or_false, whole_number
from convlet.descriptions.augmentation.augmentation import Augmentation
from convlet.descriptions.tables import set_canonical

BORDERS = ("reflect", "edge", "constant")
MOST_CELLS = 64  # along each side; finer ones distort nothing that is still seen


@dataclass(frozen=True)
class Geometric(Augmentation):
    """What moves pixels."""


@dataclass(frozen=True)
class Bordered(Geometric):
    """What moves pixels in from beyond the border."""

    _: KW_ONLY
    border: str | None = None

    def __post_init__(self) -> None:
        one_of("border", self.border, (*BORDERS, None))


@dataclass(frozen=True)
class Shift(Bordered):
    """Moved along rows and columns, each by up to `amount` of the image's height or width, also by parts of pixels."""

    amount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, amount=number("amount", self.amount, low=0, high=1, open_low=True))


@dataclass(frozen=True)
class Crop(Bordered):
    """Padded by `padding` pixels on every side, and cut to its own size again at a random place: moved by whole pixels.

    Source: He et al., "Deep residual learning for image recognition", 2016, section 4.2.
    """

    padding: int

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, padding=whole_number("padding", self.padding))


@dataclass(frozen=True)
class Rotation(Bordered):
    """Turned about its middle by up to so many degrees, to either side."""

    degrees: float

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, degrees=number("degrees", self.degrees, low=0, high=360, open_low=True))


@dataclass(frozen=True)
class Scale(Bordered):
    """Enlarged about its middle by a factor from 1 / (1 + `amount`) to 1 + `amount`, smaller as often as larger."""

    amount: float

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, amount=number("amount", self.amount, low=0, high=4, open_low=True))


@dataclass(frozen=True)
class Shear(Bordered):
    """Slanted by up to so many degrees to the left or right, as handwriting is."""

    degrees: float

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, degrees=number("degrees", self.degrees, low=0, high=80, open_low=True))


@dataclass(frozen=True)
class Flip(Geometric):
    """Left and right exchanged, in half of all cases.

    `alternating`: at every other epoch, half of the images at the odd ones; so in two epochs each image is seen both
    ways. Source: Jordan, "94 % on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.6.

    A mirrored digit or letter is none: on data of that kind a flip is refused, unless `insist`.
    """

    alternating: bool = False
    insist: bool = False

    def __post_init__(self) -> None:
        set_canonical(self, alternating=true_or_false("alternating", self.alternating))
        set_canonical(self, insist=true_or_false("insist", self.insist))


@dataclass(frozen=True)
class Elastic(Bordered):
    """Distorted as rubber: the corners of a grid of `cells` × `cells` are moved, each by up to `amount` of the image.

    What lies between follows smoothly, along cubic B-splines. It is added to where all other kinds together point.
    Sources: Simard et al., "Best practices for convolutional neural networks applied to visual document analysis",
    ICDAR 2003, section 2, for the idea; Rueckert et al., "Nonrigid registration using free-form deformations", 1999,
    section II.B, for the splines.
    """

    amount: float = 0.1
    cells: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        set_canonical(self, amount=number("amount", self.amount, low=0, high=1, open_low=True))
        set_canonical(self, cells=whole_number("cells", self.cells, at_most=MOST_CELLS))
