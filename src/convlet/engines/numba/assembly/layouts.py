"""Where things are: the Frame of every value between two blocks, and the place of every weight.

Outside, arrays have the public layout; inside, the one that kernels want (`buffers.py`, `convolution.py`, `dense.py`).
`places` says where each number of a public array is inside, so that going in and out is one line of indexing each.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlet.checks import Shape
from convlet.descriptions.network import IMAGE
from convlet.engines.numba.assembly.blocks import Block, ConvolutionBlock
from convlet.engines.numba.buffers import Frame, Geometry, padded
from convlet.engines.numba.kernels import dense, winograd
from convlet.engines.numba.kernels.elementwise import ImageSize

Places = NDArray[np.int64]


def image_size(shape: Shape) -> ImageSize:
    """The shape as (H, W, C); a row of numbers is one pixel."""
    return ImageSize(*shape) if len(shape) == 3 else ImageSize(1, 1, math.prod(shape))


def channels(shape: Shape, first: bool) -> int:
    """The channels that a value is stored with: an image's are padded, but not the network's input's."""
    return shape[2] if len(shape) == 3 and first else padded(shape[2]) if len(shape) == 3 else shape[0]


def frame(shape: Shape, readers: Sequence[Block], first: bool) -> Frame:
    """How a value of this shape is stored for the blocks that read it, none at the end of the network.

    Borders are the largest that any of them wants; each sees it by its `view`.
    """
    H, W, _ = image_size(shape)
    wanted = [_wanted(shape, block) for block in readers if isinstance(block, ConvolutionBlock)]
    top, left = (max([0, *(getattr(each, side) for each in wanted)]) for side in ("top", "left"))
    rows = max([top + H, *(top - each.top + each.rows for each in wanted)])
    columns = max([left + W, *(left - each.left + each.columns for each in wanted)])
    return Frame(rows, columns, channels(shape, first), top, left)


def _wanted(shape: Shape, reader: ConvolutionBlock) -> Frame:
    """How a convolution wants a value stored, but for its channels."""
    (H, W, C), ((top, bottom), (left, right)) = image_size(shape), reader.window.padding
    rows, columns = top + H + bottom, left + W + right
    if reader.winograd:
        K, pooled = reader.window.size[0], geometry(reader)
        rows = max(rows, winograd.stored(pooled.H * pooled.P, K))
        columns = max(columns, winograd.stored(pooled.W * pooled.P, K))
    return Frame(rows, columns, C, top, left)


def view(stored: Frame, reader: Block) -> tuple[int, Frame]:
    """How a reader sees a stored value: from which float on, and in which Frame.

    The images begin, for a convolution, where its own border does, for borders may be larger for others' sake.
    """
    if not isinstance(reader, ConvolutionBlock):
        return 0, stored
    (top, _), (left, _) = reader.window.padding
    beyond = (stored.top - top) * stored.columns + stored.left - left
    return beyond * stored.channels, stored._replace(top=top, left=left)


def geometry(block: ConvolutionBlock) -> Geometry:
    """The block's Geometry: pooled outputs are those of whole windows of 2 × 2."""
    (OH, OW), P = block.window.positions, 2 if block.pooled else 1
    return Geometry(OH // P, OW // P, *block.window.size, *block.window.strides, P)


def frames(blocks: Sequence[Block]) -> dict[str, Frame]:
    """The Frame of each value by its name: of the image, and of each block's output by its last layer's."""
    shapes = {IMAGE: next(block.input_shape for block in blocks if block.first)}
    shapes |= {block.gives: block.output_shape for block in blocks}
    return {name: frame(shape, readers(blocks, name), name == IMAGE) for name, shape in shapes.items()}


def readers(blocks: Sequence[Block], name: str) -> list[Block]:
    """The blocks that are given a value, in order."""
    return [block for block in blocks if name in block.inputs]


def convolution_places(shape: Shape, C: int) -> tuple[Places, Places, int]:
    """Where a kernel (KH, KW, c, f) and its bias (f,) are in (KH × KW × C + 1, F); and how many floats those are."""
    KH, KW, c, f = shape
    F = padded(f)
    places = np.arange((KH * KW * C + 1) * F)
    kernel = places[: KH * KW * C * F].reshape(KH, KW, C, F)[:, :, :c, :f]
    return kernel, places[KH * KW * C * F :][:f], len(places)


def dense_places(shape: Shape, C: int, units: int) -> Places:
    """Where a dense kernel (inputs, units) is in (blocks, units, 64), for inputs (H, W, c) stored with C channels."""
    H, W, c = image_size(shape)
    inputs = np.arange(H * W * C).reshape(H, W, C)[:, :, :c].reshape(-1, 1)
    block, lane = np.divmod(inputs, dense.BLOCK)
    return (block * units + np.arange(units)) * dense.BLOCK + lane


def dense_size(shape: Shape, C: int, units: int) -> int:
    """The floats of (blocks, units, 64)."""
    H, W, _ = image_size(shape)
    return dense.blocks(H * W * C) * units * dense.BLOCK


def store_images(images: NDArray[Any], buffer: NDArray[np.float32], frame: Frame, shape: ImageSize) -> None:
    """Copy images (N, *shape), of any layout and type, to a buffer."""
    N, (H, W, C) = len(images), shape
    stored = buffer[: N * frame.size].reshape(N, frame.rows, frame.columns, frame.channels)
    stored[:, frame.top : frame.top + H, frame.left : frame.left + W, :C] = images.reshape(N, H, W, C)


def read_images(buffer: NDArray[np.float32], frame: Frame, shape: Shape, N: int) -> NDArray[np.float32]:
    """A copy (N, *shape) of what a buffer holds."""
    H, W, C = image_size(shape)
    stored = buffer[: N * frame.size].reshape(N, frame.rows, frame.columns, frame.channels)
    return stored[:, frame.top : frame.top + H, frame.left : frame.left + W, :C].reshape(N, *shape).copy()
