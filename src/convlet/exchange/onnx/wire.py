"""How much there is in the bytes of a model, before a parser is given them.

A protobuf parser makes an object of a hundred bytes of two bytes that announce an empty one, so a hostile file may take
fifty times its size. Numbers of weights take what they say; all else in a file is structure, and of that no honest
model of a small network has more than a few megabytes.
Source: Protocol Buffers, "Encoding"; field numbers as in ONNX's onnx.proto.
"""

from collections.abc import Iterator

from convlet.errors import FormatError

MOST_BYTES = 1 << 29  # of a file
MOST_FIELDS = 500_000  # that are looked at
MOST_STRUCTURE = 1 << 23  # of them, all that is no number of a weight
GRAPH, NODE, INITIALIZER, ATTRIBUTE, TENSOR = 7, 1, 5, 5, 5  # each in the one before; a tensor in an attribute
WEIGHTS = (4, 9, 10)  # of a tensor: float_data, raw_data, double_data
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def check_size(content: bytes, where: str) -> None:
    """Raise a FormatError, which names the file as `where`, unless a parser can be given these bytes."""
    if len(content) > MOST_BYTES:
        raise FormatError(f"{where}: {len(content):,} bytes; expected at most {MOST_BYTES:,}.")
    try:
        structure = len(content) - sum(_Walk().weights(memoryview(content)))
    except ValueError as error:
        raise FormatError(f"{where}: not an ONNX model: {error}.") from None
    if structure > MOST_STRUCTURE:
        raise FormatError(
            f"{where}: {structure:,} bytes beside the numbers of its weights; expected at most {MOST_STRUCTURE:,}. "
            "Save it without texts for debugging, and its weights as raw data."
        )


class _Walk:
    """One way through a model's bytes, of no more than so many fields."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS

    def weights(self, model: memoryview) -> Iterator[int]:
        """How many bytes of numbers each tensor has, those of initial values and of constants."""
        for graph in self._fields(model, GRAPH):
            for initial in self._fields(graph, INITIALIZER):
                yield from map(len, self._fields(initial, *WEIGHTS))
            for node in self._fields(graph, NODE):
                for attribute in self._fields(node, ATTRIBUTE):
                    for tensor in self._fields(attribute, TENSOR):
                        yield from map(len, self._fields(tensor, *WEIGHTS))

    def _fields(self, message: memoryview, *wanted: int) -> Iterator[memoryview]:
        """The bytes of each field of these numbers. Raises ValueError where there cannot be more."""
        position = 0
        while position < len(message):
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"it has more than {MOST_FIELDS:,} parts")
            key, position = _varint(message, position)
            kind, length = key & 7, 0
            if kind == VARINT:
                _, position = _varint(message, position)
            elif kind == BYTES:
                length, position = _varint(message, position)
            elif kind in (FIXED64, FIXED32):
                length = 8 if kind == FIXED64 else 4
            else:
                raise ValueError("it is no protobuf")
            if position + length > len(message):
                raise ValueError("it is cut short")
            if kind == BYTES and key >> 3 in wanted:
                yield message[position : position + length]
            position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A whole number of up to ten bytes, seven bits in each, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise ValueError("it is cut short")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("it is no protobuf")
