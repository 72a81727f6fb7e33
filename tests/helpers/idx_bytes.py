"""The bytes of an IDX file, written from the format's description and nothing of convlet."""

import gzip
import lzma
import struct

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
PACK = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


def header(*sizes, code=0x08):
    return struct.pack(f">BBBB{len(sizes)}I", 0, 0, code, len(sizes), *sizes)


def idx_bytes(array):
    big_endian = array.astype(array.dtype.newbyteorder(">"))
    return header(*array.shape, code=CODES[array.dtype.name]) + big_endian.tobytes()
