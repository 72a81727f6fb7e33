"""A packet as one body: how long its description is (uint32, little-endian), the description as JSON, the buffer."""

import json
import struct

from convlet.explore.wire import ALIGNMENT, Packet

HEAD = 8  # bytes: the length, and four that keep the rest aligned


def framed(packet: Packet) -> bytes:
    """One body, in which the buffer begins at a multiple of eight bytes. Its reader is `page/framing.js`."""
    description = json.dumps(packet.description, separators=(",", ":"), allow_nan=False).encode()
    description += b" " * (-len(description) % ALIGNMENT)
    return struct.pack("<II", len(description), 0) + description + packet.buffer
