"""Every layer once more: slowly, in loops over single numbers, in plain Python floats.

It imports nothing from the package and no NumPy, so that it can be wrong only in its own way. Arrays are nested lists;
images are [image][row][column][channel], vectors [image][number]. Geometry is written differently too: positions are
found by trying them, and padding by TensorFlow's published formula.
"""

import math


def loss(logits, labels):
    """Mean of −log of the probability of each image's label."""
    return sum(-math.log(softmax(row)[label]) for row, label in zip(logits, labels, strict=True)) / len(labels)


# ---------------------------------------------------------------------------------------- one number or one row

ACTIVATIONS = {
    None: lambda x: x,
    "relu": lambda x: x if x > 0 else 0.0,
    "leaky_relu": lambda x: x if x > 0 else x / 5,
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "gelu": lambda x: x * (1 + math.erf(x / 2**0.5)) / 2,
    "hard_swish": lambda x: 0.0 if x < -3 else x if x > 3 else (x * x + 3 * x) / 6,
    "tanh": lambda x: (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
}


def softmax(row):
    return [math.exp(x) / sum(math.exp(other) for other in row) for x in row]


def activate(activation, value):
    """The activation of a nested list of any depth; softmax takes the innermost lists whole."""
    if activation == "softmax" and not isinstance(value[0], list):
        return softmax(value)
    if isinstance(value, list):
        return [activate(activation, part) for part in value]
    return ACTIVATIONS[activation](value)


# ------------------------------------------------------------------------------------------------------ windows


def positions(size, window, stride, padding):
    """Where windows begin along one axis, in pixels of the image; negative inside the padding."""
    if not isinstance(padding, str):
        before, after = padding
        return [
            at for at in range(-before, size + after) if (at + before) % stride == 0 and at + window <= size + after
        ]
    if padding == "valid":
        return [start for start in range(size) if start % stride == 0 and start + window <= size]
    missing = max(window - (stride if size % stride == 0 else size % stride), 0)  # TensorFlow's formula for SAME
    return [start - missing // 2 for start in range(size) if start % stride == 0]


def sections(image, window, strides, padding):
    """For each row and column of the output, the (row, column) inside the window and pixel of all that is real."""
    height, width = len(image), len(image[0])
    rows, columns = (padding, padding) if isinstance(padding, str) else padding
    return [
        [
            [
                ((i, j), image[top + i][left + j])
                for i in range(window[0])
                for j in range(window[1])
                if 0 <= top + i < height and 0 <= left + j < width
            ]
            for left in positions(width, window[1], strides[1], columns)
        ]
        for top in positions(height, window[0], strides[0], rows)
    ]


def conv2d(images, kernel, bias, strides, padding):
    window = len(kernel), len(kernel[0])
    channels, filters = range(len(kernel[0][0])), range(len(kernel[0][0][0]))
    outputs = []
    for image in images:
        output = []
        for row in sections(image, window, strides, padding):
            line = []
            for section in row:
                pixel = []
                for f in filters:
                    total = bias[f] if bias else 0.0
                    for (i, j), values in section:
                        for c in channels:
                            total += values[c] * kernel[i][j][c][f]
                    pixel.append(total)
                line.append(pixel)
            output.append(line)
        outputs.append(output)
    return outputs


def depthwise(images, kernel, bias, strides, padding):
    """Each channel as an image of its own, convolved by its own kernel."""
    alone = []
    for c in range(len(kernel[0][0])):
        one = [[[[pixel[c]] for pixel in row] for row in image] for image in images]
        own = [[[entry[c]] for entry in row] for row in kernel]
        alone.append(conv2d(one, own, bias and [bias[c]], strides, padding))
    return [
        [[[alone[c][n][h][w][0] for c in range(len(alone))] for w in range(len(row))] for h, row in enumerate(image)]
        for n, image in enumerate(alone[0])
    ]


def pool(images, window, strides, padding, of):
    """`of` (max, or the mean) each channel of each section, over the pixels that are the image's own."""
    return [
        [
            [[of([values[c] for _, values in section]) for c in range(len(image[0][0]))] for section in row]
            for row in sections(image, window, strides, padding)
        ]
        for image in images
    ]


def mean(values):
    return sum(values) / len(values)


def global_largest(images):
    return [[max(pixel[c] for row in image for pixel in row) for c in range(len(image[0][0]))] for image in images]


def global_average(images):
    return [[mean([pixel[c] for row in image for pixel in row]) for c in range(len(image[0][0]))] for image in images]


# ------------------------------------------------------------------------------------------------- everything else


def flatten(images):
    return [[value for row in image for pixel in row for value in pixel] for image in images]


def dense(rows, kernel, bias):
    outputs = []
    for row in rows:
        output = []
        for unit in range(len(kernel[0])):
            total = bias[unit] if bias else 0.0
            for i, value in enumerate(row):
                total += value * kernel[i][unit]
            output.append(total)
        outputs.append(output)
    return outputs


def rescaling(value, scale, offset):
    return [rescaling(part, scale, offset) for part in value] if isinstance(value, list) else scale * value + offset


def add(value, other):
    if isinstance(value, list):
        return [add(part, beside) for part, beside in zip(value, other, strict=True)]
    return value + other


def dropout(value, keep, rate):
    if isinstance(value, list):
        return [dropout(part, kept, rate) for part, kept in zip(value, keep, strict=True)]
    return value / (1 - rate) if keep else 0.0


def channel_rows(value):
    """Every innermost list of a nested list: one row of channels each."""
    return [row for part in value for row in channel_rows(part)] if isinstance(value[0], list) else [value]


def batch_statistics(inputs):
    """Mean and biased variance of each channel."""
    columns = list(zip(*channel_rows(inputs), strict=True))
    means = [mean(column) for column in columns]
    return means, [mean([(x - m) ** 2 for x in column]) for column, m in zip(columns, means, strict=True)]


def batch_normalization(value, means, variances, gamma, beta, epsilon):
    if isinstance(value[0], list):
        return [batch_normalization(part, means, variances, gamma, beta, epsilon) for part in value]
    return [gamma[c] * (x - means[c]) / math.sqrt(variances[c] + epsilon) + beta[c] for c, x in enumerate(value)]
