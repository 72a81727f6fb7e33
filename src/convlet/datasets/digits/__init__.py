"""A picture of a handwritten digit, drawn or photographed → the 28 × 28 pixels that MNIST would have made of it.

    finding    from the picture to one digit, and why to doubt it: all stages, in their order
    ink        how much ink is on each pixel, whatever the light and the paper
    rules      ruled lines, checks and frames, painted over
    pieces     which pixels hang together
    centring   MNIST's own preparation: cut, scaled to 20 × 20, centred by its mass in 28 × 28

What it is not: it reads no file and knows no network.
"""

from convlet.datasets.digits.centring import like_mnist
from convlet.datasets.digits.finding import Box, Digit, find_digit, light_border

__all__ = ["Box", "Digit", "find_digit", "light_border", "like_mnist"]
