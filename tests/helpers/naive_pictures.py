"""Moved pictures once more: slowly, pixel by pixel, in plain Python floats, from the words of the descriptions.

It imports nothing from the package and no NumPy. A picture is [row][column] → a number. What is moved is told as what
happens to a point of the old picture, (row, column) from the middle, and turned round here by solving for that point.
"""

import math


def moved(picture, changes, border, displacement=lambda r, c: (0.0, 0.0)):
    """The picture after these changes, each a function of a point, in their order."""
    H, W = len(picture), len(picture[0])
    middle = (H - 1) / 2, (W - 1) / 2

    def change(point):
        for each in changes:
            point = each(point)
        return point

    origin = change((0.0, 0.0))
    down, right = change((1.0, 0.0)), change((0.0, 1.0))
    a, d = down[0] - origin[0], down[1] - origin[1]
    b, e = right[0] - origin[0], right[1] - origin[1]
    determinant = a * e - b * d
    output = []
    for r in range(H):
        line = []
        for c in range(W):
            y, x = r - middle[0] - origin[0], c - middle[1] - origin[1]
            i = (e * y - b * x) / determinant + middle[0]
            j = (a * x - d * y) / determinant + middle[1]
            more = displacement(r, c)
            line.append(bilinear(picture, i + more[0], j + more[1], border))
        output.append(line)
    return output


def bilinear(picture, i, j, border):
    """The mean of the four pixels around a point, each by how near it is."""
    total = 0.0
    for row in (math.floor(i), math.floor(i) + 1):
        for column in (math.floor(j), math.floor(j) + 1):
            near = (1 - abs(i - row)) * (1 - abs(j - column))
            total += near * pixel(picture, row, column, border)
    return total


def pixel(picture, row, column, border):
    """A pixel, or what is beyond the border: found by walking, one pixel at a time."""
    H, W = len(picture), len(picture[0])
    if border == "constant" and not (0 <= row < H and 0 <= column < W):
        return 0.0
    walk = {"reflect": reflected, "edge": stopped, "constant": stopped}[border]
    return picture[walk(row, H)][walk(column, W)]


def stopped(i, n):
    return 0 if i < 0 else n - 1 if i >= n else i


def reflected(i, n):
    """To and fro between the first pixel and the last, which are each met once."""
    if n == 1:
        return 0
    place, step = 0, 1
    for _ in range(abs(i)):
        if not 0 <= place + step < n:
            step = -step
        place += step
    return place


def bump(distance):
    """The cubic B-spline, by its distance from the point in cells: the usual formula of its two halves."""
    t = abs(distance)
    if t >= 2:
        return 0.0
    return (2 - t) ** 3 / 6 if t >= 1 else 2 / 3 - t**2 + t**3 / 2


def spline(points, cells, r, c, H, W):
    """The displacement of a pixel: all points of a grid, each as much as its bump reaches there."""
    y, x = (r * cells / (H - 1) if H > 1 else 0), (c * cells / (W - 1) if W > 1 else 0)
    sides = range(cells + 3)
    return sum(points[i][j] * bump(y - (i - 1)) * bump(x - (j - 1)) for i in sides for j in sides)
