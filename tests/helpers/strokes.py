"""Handwritten digits as strokes of a pen: a few skeletons for each digit, and a hand that never writes one twice alike.

A drawing is a list of strokes, a stroke a list x, y, x, y, … in thousandths of the pad, as the page keeps them.
"""

import numpy as np

# Points a pen goes through, x to the right and y down, in a box of 1 × 1; between them it goes smoothly, and at "|" it
# turns a corner.
SKELETONS = {
    0: [
        ["50 4, 26 18, 18 50, 28 84, 52 96, 75 82, 83 48, 72 16, 48 4"],
        ["62 6, 36 10, 20 40, 22 74, 45 95, 70 84, 82 52, 76 22, 56 5"],
    ],
    1: [["52 4, 50 50, 48 96"], ["34 24, 54 5 | 54 5, 53 50, 52 96"]],
    2: [
        ["20 26, 36 7, 62 5, 78 22, 68 46, 44 70, 18 94 | 18 94, 50 93, 84 94"],
        ["24 20, 44 5, 70 10, 74 32, 56 58, 20 92 | 20 92, 52 90, 82 95"],
    ],
    3: [
        ["22 15, 48 4, 74 18, 66 40, 42 48 | 42 48, 70 56, 80 76, 54 95, 20 86"],
        ["20 8, 50 7, 76 9 | 76 9, 60 26, 46 42 | 46 42, 74 54, 76 80, 48 95, 20 84"],
    ],
    4: [
        ["32 5, 26 28, 18 52 | 18 52, 50 53, 84 52", "68 14, 67 50, 65 96"],
        ["66 96, 66 50, 66 4 | 66 4, 40 36, 14 66 | 14 66, 50 66, 88 66"],
    ],
    5: [
        ["76 6, 52 7, 30 7 | 30 7, 28 24, 26 44 | 26 44, 52 38, 76 52, 76 78, 50 96, 20 86"],
        ["32 8, 30 26, 28 44 | 28 44, 54 40, 76 58, 70 84, 44 96, 18 84", "32 8, 54 8, 78 6"],
    ],
    6: [
        ["68 5, 42 24, 24 58, 28 86, 50 96, 74 84, 72 62, 50 54, 27 70"],
        ["56 4, 36 30, 24 64, 36 92, 62 94, 74 74, 58 56, 34 64, 26 76"],
    ],
    7: [["18 8, 48 8, 82 7 | 82 7, 62 44, 44 96"], ["20 10, 50 8, 80 8 | 80 8, 60 50, 50 96", "34 52, 54 51, 74 50"]],
    8: [
        ["72 15, 50 4, 29 18, 44 42, 68 62, 70 86, 48 97, 27 84, 36 60, 62 40, 73 20, 71 12"],
        ["50 48, 30 34, 34 10, 58 5, 72 24, 52 48 | 52 48, 28 66, 32 92, 58 96, 76 78, 54 50"],
    ],
    9: [
        ["73 24, 52 5, 28 18, 32 42, 56 46, 73 26 | 73 26, 72 60, 62 96"],
        ["74 14, 46 6, 26 28, 40 48, 66 38, 74 14 | 74 14, 71 54, 72 96"],
    ],
}
DRAWINGS = 10  # of each digit
POINTS = 12  # of a pen between two points of a skeleton


def drawings(seed=0):
    """[(digit, strokes), …]: ten of each digit."""
    generator = np.random.default_rng(seed)
    return [
        (digit, written(styles[number % len(styles)], generator))
        for digit, styles in SKELETONS.items()
        for number in range(DRAWINGS)
    ]


def written(style, generator):
    """One drawing in this style, as a hand happens to write it: its size, place, slant, proportions and trembling."""
    size = generator.uniform(420, 780)  # thousandths of the pad
    width, slant, turn = generator.uniform(0.75, 1.1), generator.uniform(-0.1, 0.25), generator.normal(0, 0.05)
    place = generator.uniform(80, 920 - size, 2) if size < 840 else np.array([80.0, 80.0])
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    strokes = []
    for stroke in style:
        pieces = [points_of(piece) for piece in stroke.split("|")]
        line = np.concatenate([smooth(piece + generator.normal(0, 0.018, piece.shape)) for piece in pieces])
        x, y = line[:, 0] - 0.5, line[:, 1] - 0.5
        line = np.stack([x * width - slant * y, y], axis=1) @ turned.T + 0.5
        strokes.append((place + size * line).clip(0, 1000).round().reshape(-1).tolist())
    return strokes


def points_of(piece):
    return np.array([[float(number) / 100 for number in point.split()] for point in piece.split(",")])


def smooth(points):
    """A curve through the points (Catmull and Rom's): each piece takes its direction from the neighbours."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, POINTS, endpoint=False)[:, np.newaxis]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    return np.concatenate([*pieces, points[-1:]])
