"""Photographs of handwritten digits, made from MNIST's: paper, pen, light and camera, as a function of a seed.

They are no real photographs: what a real camera adds is imitated one kind at a time, so that a reader of photographs
(`convlet predict --digit`) can be measured for each. `photographs.py` does so.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Array = np.ndarray[Any, Any]
WHITE, BOARD = (236, 234, 228), (38, 66, 56)
PENS = {  # width as a share of the digit's height (None: as it was written), colour
    "felt-tip": (None, (25, 25, 30)),
    "ballpoint": (0.03, (30, 45, 120)),
    "marker": (0.17, (20, 20, 20)),
    "red pen": (0.07, (190, 40, 45)),
    "yellow pen": (0.10, (235, 190, 40)),
    "pencil": (0.045, (135, 135, 138)),
    "chalk": (0.08, (225, 228, 222)),
}


@dataclass(frozen=True)
class Scene:
    """What is photographed, and how. `height` is the digit's share of the picture's; `turn` is in degrees."""

    pen: str = "felt-tip"
    paper: str = "plain"  # plain, ruled, checked, table, frame, board
    light: str = "even"  # even, gradient, vignette, shadow
    noise: float = 1.5  # standard deviation, of 255
    blur: float = 0.6  # pixels
    quality: int = 90  # of the JPEG
    turn: float = 0.0
    perspective: float = 0.0  # how far a corner may move, as a share of the side
    height: float = 0.45
    rules: float = 0.2  # how dark the rules are, 0 to 1
    dirt: int = 0  # stains and crumbs
    size: tuple[int, int] = (480, 360)


KINDS: dict[str, Scene] = {
    "even light": Scene(),
    "light from one side": Scene(light="gradient"),
    "vignette": Scene(light="vignette"),
    "shadow": Scene(light="shadow"),
    "ruled paper": Scene(paper="ruled", turn=3),
    "checked paper": Scene(paper="checked", turn=3),
    "dark rules": Scene(paper="ruled", rules=0.85, turn=3, pen="ballpoint"),
    "stains and crumbs": Scene(dirt=40),
    "table edge": Scene(paper="table"),
    "frame": Scene(paper="frame"),
    "chalk on a board": Scene(paper="board", pen="chalk"),
    "ballpoint": Scene(pen="ballpoint"),
    "marker": Scene(pen="marker"),
    "red pen": Scene(pen="red pen"),
    "yellow pen": Scene(pen="yellow pen"),
    "pencil": Scene(pen="pencil"),
    "noise": Scene(noise=14),
    "out of focus": Scene(blur=4),
    "strong JPEG": Scene(quality=12),
    "turned": Scene(turn=10),
    "perspective": Scene(perspective=0.10),
    "small in the picture": Scene(height=0.12),
    "fills the picture": Scene(height=0.85),
}


def everything(random: np.random.Generator) -> Scene:
    """A scene where each thing may go wrong at once."""
    paper = str(random.choice(["plain", "ruled", "checked", "table", "frame", "board"]))
    return Scene(
        pen="chalk" if paper == "board" else str(random.choice([pen for pen in PENS if pen != "chalk"])),
        paper=paper,
        light=str(random.choice(["even", "gradient", "vignette", "shadow"])),
        noise=random.uniform(0, 8),
        blur=random.uniform(0.3, 2),
        quality=int(random.integers(35, 95)),
        turn=8,
        perspective=random.uniform(0, 0.08),
        height=random.uniform(0.25, 0.6),
        rules=random.uniform(0.1, 0.6),
        dirt=int(random.integers(0, 20)),
    )


def photograph(digit: Array, scene: Scene, random: np.random.Generator) -> Image.Image:
    """A photograph of one of MNIST's digits, (28, 28) of 0 to 255."""
    width, height = scene.size
    page = paint(strokes(digit, scene, random), scene, random)
    page = turned(page, scene, random)
    pixels = np.asarray(page, np.float64) * brightness(scene, random)[..., np.newaxis]
    if scene.paper == "table":
        pixels = on_table(pixels, random)
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(scene.blur))
    grain = random.normal(0, scene.noise, (height, width, 1)) + random.normal(0, scene.noise / 2, (height, width, 3))
    return Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, quality: int) -> bytes:
    """The picture as the camera stores it."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


# --- the pen ----------------------------------------------------------------------------------------------------------


def strokes(digit: Array, scene: Scene, random: np.random.Generator) -> Image.Image:
    """How much of each pixel of the picture is covered by ink, 0 to 255."""
    width, height = scene.size
    rows, columns = (np.flatnonzero((digit > 100).any(axis=axis)) for axis in (1, 0))
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    times = float(scene.height * height / max(tall, wide))  # pixels of the picture for one of MNIST's
    pen = PENS[scene.pen][0]
    written = as_written(digit, times) if pen is None else with_pen(digit, times, pen * tall * times)
    left = random.uniform(0.08, 0.92 - wide * times / width) * width - columns[0] * times
    top = random.uniform(0.07, 0.93 - tall * times / height) * height - rows[0] * times
    page = Image.new("L", scene.size)
    page.paste(written, (round(left), round(top)))
    return page


def as_written(digit: Array, times: float) -> Image.Image:
    """The digit enlarged, its edges made sharp again."""
    side = round(28 * times)
    large = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), np.float64)
    return Image.fromarray(((large / digit.max() - 0.42) * times * 1.5 * 255 + 127).clip(0, 255).astype(np.uint8))


def with_pen(digit: Array, times: float, width: float) -> Image.Image:
    """The digit's middle lines, drawn with a round pen so many pixels wide."""
    fine = 4
    large = Image.fromarray(digit).resize((28 * fine, 28 * fine), Image.Resampling.BICUBIC)
    lines = np.argwhere(skeleton(np.asarray(large) > 100))  # (points, 2)
    page = Image.new("L", (round(56 * times), round(56 * times)))
    draw, radius = ImageDraw.Draw(page), max(width, 1.5)
    for row, column in (lines + 0.5) * 2 * times / fine:
        draw.ellipse((column - radius, row - radius, column + radius, row + radius), fill=255)
    return page.filter(ImageFilter.GaussianBlur(float(times) / 4)).resize((page.width // 2, page.height // 2))


def skeleton(mask: Array) -> Array:
    """Lines one pixel wide in the middle of what is True (Zhang and Suen, "A fast parallel algorithm for thinning
    digital patterns", 1984).
    """
    mask = np.pad(mask, 1)
    while True:
        before = mask.sum()
        for first in (True, False):
            ring = [np.roll(mask, shift, (0, 1)) for shift in AROUND]
            count = sum(neighbour.astype(int) for neighbour in ring)
            turns = sum((~a & b).astype(int) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
            north, east, south, west = ring[0], ring[2], ring[4], ring[6]
            kept = (north & east & south) | (east & south & west)
            if not first:
                kept = (north & east & west) | (north & south & west)
            mask = mask & ~((count >= 2) & (count <= 6) & (turns == 1) & ~kept)
        if mask.sum() == before:
            return mask[1:-1, 1:-1]


AROUND = [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)]  # north, and on clockwise


# --- paper, view and light --------------------------------------------------------------------------------------------


def paint(ink: Image.Image, scene: Scene, random: np.random.Generator) -> Image.Image:
    """The page in colour, its edges repeated far outside, since the camera may look past them."""
    page = Image.new("RGB", scene.size, BOARD if scene.paper == "board" else WHITE)
    draw, (width, height) = ImageDraw.Draw(page), scene.size
    step, thick = random.uniform(0.045, 0.09) * height, int(random.integers(1, 4))
    rest = 1 - scene.rules * random.uniform(0.8, 1.2)
    blue = (int(225 * rest), int(228 * rest), int(190 * rest + 45)) if random.random() < 0.7 else (int(230 * rest),) * 3
    if scene.paper in ("ruled", "checked"):
        for y in np.arange(random.uniform(0, step), height, step):
            draw.line((0, y, width, y), fill=blue, width=thick)
    if scene.paper == "checked":
        for x in np.arange(random.uniform(0, step), width, step):
            draw.line((x, 0, x, height), fill=blue, width=thick)
    if scene.paper == "frame":
        inset = int(random.integers(0, 14))
        draw.rectangle((inset, inset, width - 1 - inset, height - 1 - inset), outline=(15, 15, 15), width=thick + 3)
    for _ in range(scene.dirt):
        (x, y), radius, shade = random.uniform(0, scene.size), random.exponential(1.5), int(random.integers(40, 200))
        draw.ellipse((x - radius, y - radius, x + radius * 1.5, y + radius), fill=(shade, shade - 10, shade - 25))
    page.paste(Image.new("RGB", scene.size, PENS[scene.pen][1]), mask=ink)
    return page


def turned(page: Image.Image, scene: Scene, random: np.random.Generator) -> Image.Image:
    """The page, turned and seen from an angle."""
    (width, height), angle = page.size, np.radians(random.uniform(-scene.turn, scene.turn))
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    middle = np.array([width / 2, height / 2])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (corners - middle) @ rotation.T + middle
    moved += random.uniform(-1, 1, (4, 2)) * scene.perspective * (width, height)
    if scene.turn == scene.perspective == 0:
        return page
    margin = max(width, height) // 2
    wide = Image.fromarray(np.pad(np.asarray(page), ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
    coefficients = projection(corners, moved + margin)
    return wide.transform(page.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)


def projection(seen: Array, real: Array) -> list[float]:
    """Pillow's eight numbers of the perspective that shows each `real` corner (4, 2) at the `seen` one."""
    rows = []
    for (x, y), (u, v) in zip(seen, real, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    return np.linalg.solve(np.array(rows), real.reshape(-1)).tolist()


def brightness(scene: Scene, random: np.random.Generator) -> Array:
    """How much light falls on each pixel, (H, W), 1 where it is brightest."""
    width, height = scene.size
    y, x = np.mgrid[0:height, 0:width]
    angle = random.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    match scene.light:
        case "gradient":
            return 1 - random.uniform(0.3, 0.65) * (along - along.min()) / np.ptp(along)
        case "vignette":
            return 1 - random.uniform(0.4, 0.7) * ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) / 0.5
        case "shadow":
            edge, soft = random.uniform(-0.25, 0.25), random.uniform(0.003, 0.03)
            return 1 - random.uniform(0.3, 0.55) / (1 + np.exp(-((along - edge) / soft).clip(-50, 50)))
    return np.full((height, width), random.uniform(0.8, 1))


def on_table(pixels: Array, random: np.random.Generator) -> Array:
    """The page on a table of wood, which is seen at one side or two."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    left, top = random.uniform(0.01, 0.06) * width, random.uniform(0.01, 0.05) * height
    slope = random.uniform(-0.02, 0.02)
    table = (x < left + slope * y) | ((y < top + slope * x) if random.random() < 0.5 else (x > width - left / 2))
    grain = 8 * np.sin(y / random.uniform(5, 20) + 3 * np.sin(x / 90)) + random.normal(0, 4, (height, width))
    wood = np.array((104, 70, 44)) * random.uniform(0.5, 1.5) + grain[..., np.newaxis]
    return np.where(table[..., np.newaxis], wood, pixels)
