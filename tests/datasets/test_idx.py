"""The IDX reader: exact on good files, a FormatError on every other, in bounded memory."""

import contextlib
import gzip
import hashlib
import lzma
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from idx_bytes import CODES, PACK, header, idx_bytes

from convlet.datasets import read_idx
from convlet.datasets.readers import streams
from convlet.errors import DataError, FormatError

MIB = 1 << 20
SMALL = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)

packings = pytest.mark.parametrize("suffix", PACK)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file"


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """One file for all examples of a property."""
    return tmp_path_factory.mktemp("idx") / "file"


@contextlib.contextmanager
def memory_under(limit):
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak:,} bytes"


# Good files


@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda dtype: nps.arrays(dtype, nps.array_shapes(max_dims=4, max_side=5))
    ),
    suffix=st.sampled_from(sorted(PACK)),
)
def test_every_type_shape_and_packing_is_read_back_exactly(scratch, array, suffix):
    scratch.write_bytes(PACK[suffix](idx_bytes(array)))
    found = read_idx(scratch)
    assert (found.dtype, found.shape, found.dtype.isnative) == (array.dtype, array.shape, True)
    assert found.tobytes() == array.tobytes()  # bytes, so that NaN equals itself


@packings
def test_values_larger_than_one_piece_are_read_exactly(file, suffix):
    array = np.random.default_rng(0).integers(0, 256, (3, 1000, 999), np.uint8)
    assert array.nbytes > 2 * streams.PIECE
    file.write_bytes(PACK[suffix](idx_bytes(array)))
    assert np.array_equal(read_idx(file), array)


def test_the_packing_is_told_by_the_bytes_and_not_by_the_name(tmp_path):
    misnamed = tmp_path / "images.gz"
    misnamed.write_bytes(lzma.compress(idx_bytes(SMALL)))
    assert np.array_equal(read_idx(str(misnamed)), SMALL)


@packings
def test_the_hash_is_of_the_unpacked_bytes(file, suffix):
    content = idx_bytes(SMALL)
    file.write_bytes(PACK[suffix](content))
    read_idx(file, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(FormatError, match=r"SHA-256.*is expected.*Get the file again"):
        read_idx(file, sha256=hashlib.sha256(content + b"x").hexdigest())


# Bad files


BAD = {
    "nothing at all": (b"", "ends inside the IDX header"),
    "half a magic number": (b"\0\0", "ends inside the IDX header"),
    "a header cut short": (header(2, 3, 4)[:-1], "ends inside the IDX header"),
    "values cut short": (idx_bytes(SMALL)[:-1], "promises 24 bytes of values, 23 are there"),
    "no values": (header(2, 3, 4), "promises 24 bytes of values, 0 are there"),
    "a trailing byte": (idx_bytes(SMALL) + b"\0", "more bytes follow the 24"),
    "a wrong first byte": (b"\1" + idx_bytes(SMALL)[1:], "begins with the bytes 01 00 08 03"),
    "an unknown type": (b"\0\0\x0a\1" + bytes(8), "not an IDX file"),
    "no dimensions": (b"\0\0\x08\0" + bytes(8), "not an IDX file"),
    "five dimensions": (header(1, 1, 1, 1, 1) + b"\0", r"dimensions \(01 to 04\)"),
    "a size of zero": (header(0, 4294967295, 4294967295, 4294967295), "holds no values"),
    "sizes that overflow 64 bits": (header(*[4294967295] * 4), "allowed: up to 1,073,741,824"),
    "one byte over the cap": (header(streams.LARGEST + 1), "allowed: up to 1,073,741,824"),
    "one value over the cap": (header(streams.LARGEST // 8 + 1, code=0x0E), "allowed: up to 1,073,741,824"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "Check that this is the file you mean"),
}


@packings
@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_name_and_what_is_wrong(file, name, suffix):
    content, message = BAD[name]
    file.write_bytes(PACK[suffix](content))
    # 8 MiB of these are the xz decoder's, for the dictionary of the usual preset
    with memory_under(12 * MIB), pytest.raises(FormatError, match=message) as raised:
        read_idx(file)
    assert str(raised.value).startswith(str(file))


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
@pytest.mark.parametrize("kept", [7, 20, -9, -1])
def test_a_compressed_stream_cut_short_is_damaged(file, suffix, kept):
    file.write_bytes(PACK[suffix](idx_bytes(SMALL))[:kept])
    with pytest.raises(FormatError, match="compressed data is damaged"):
        read_idx(file)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_no_flipped_byte_of_a_compressed_stream_changes_the_values_unnoticed(file, suffix):
    packed = PACK[suffix](idx_bytes(SMALL))
    for place in range(len(packed)):
        file.write_bytes(packed[:place] + bytes([packed[place] ^ 0xFF]) + packed[place + 1 :])
        with contextlib.suppress(FormatError):  # gzip's header holds a time and a system, which mean nothing here
            assert np.array_equal(read_idx(file), SMALL), place


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
@pytest.mark.parametrize("trailing", [b"x", b"\0\0\0\0x", "itself"])
def test_bytes_after_a_compressed_stream_are_refused(file, suffix, trailing):
    packed = PACK[suffix](idx_bytes(SMALL))
    file.write_bytes(packed + (packed if trailing == "itself" else trailing))
    with pytest.raises(FormatError):
        read_idx(file)


def test_bytes_after_an_xz_stream_are_refused_where_a_read_ends_with_the_stream(file, monkeypatch):
    packed = lzma.compress(idx_bytes(SMALL))
    monkeypatch.setattr(streams, "PIECE", len(packed))
    file.write_bytes(packed + b"x")
    with pytest.raises(FormatError, match="bytes after the end"):
        read_idx(file)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
@pytest.mark.parametrize("start", [header(24), bytes(8)], ids=["promises 24 bytes", "no IDX header"])
def test_a_bomb_is_refused_without_unpacking_it(file, suffix, start):
    bomb = PACK[suffix](start + bytes(64 * MIB))
    assert len(bomb) < MIB
    file.write_bytes(bomb)
    with memory_under(20 * MIB), pytest.raises(FormatError):
        read_idx(file)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_header_promising_a_gigabyte_allocates_only_what_is_there(file, suffix):
    file.write_bytes(PACK[suffix](header(streams.LARGEST) + bytes(MIB)))
    with memory_under(20 * MIB), pytest.raises(FormatError, match="1,048,576 are there"):
        read_idx(file)


def test_an_xz_stream_that_asks_the_decoder_for_gigabytes_is_refused(file):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    packed = bytearray(lzma.compress(idx_bytes(SMALL), filters=filters))
    block = packed[12:24]  # the block header: its size, flags, filter, one byte of properties = the dictionary's size
    assert block[:4] == b"\x02\x00\x21\x01"
    block[4] = 39  # 3 GiB
    block[8:12] = lzma_crc(block[:8])
    packed[12:24] = block
    file.write_bytes(packed)
    with memory_under(20 * MIB), pytest.raises(FormatError, match=r"[Mm]emory usage limit"):
        read_idx(file)


def lzma_crc(data):
    return gzip.zlib.crc32(data).to_bytes(4, "little")


def test_the_strongest_xz_preset_is_within_the_decoders_memory(file):
    file.write_bytes(lzma.compress(idx_bytes(SMALL), preset=9 | lzma.PRESET_EXTREME))
    assert np.array_equal(read_idx(file), SMALL)


@pytest.mark.parametrize("name", ["missing", ".", "a\0b", "x" * 5000, os.devnull], ids=lambda name: repr(name)[:9])
def test_what_is_no_regular_file_is_refused_with_what_to_do(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(DataError, match="Check the") as raised:
        read_idx(path)
    assert str(raised.value).startswith(str(path))


def test_a_disk_that_fails_is_an_error_of_ours(file, monkeypatch):
    file.write_bytes(idx_bytes(SMALL))

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(streams, "decompressed", fail)
    monkeypatch.setattr("convlet.datasets.readers.idx.decompressed", fail)
    with pytest.raises(DataError, match=r"cannot be read .*Input/output error"):
        read_idx(file)


# Any bytes


starts = st.sampled_from([b"", header(3), header(2, 2), header(1, 2, 3), b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"\0\0\x0d"])


@given(start=starts, rest=st.binary(max_size=60), suffix=st.sampled_from(sorted(PACK)))
def test_arbitrary_bytes_give_an_array_or_a_format_error(scratch, start, rest, suffix):
    scratch.write_bytes(PACK[suffix](start + rest))
    with contextlib.suppress(FormatError):
        assert read_idx(scratch).nbytes <= len(start + rest)


@given(data=st.data(), suffix=st.sampled_from(sorted(PACK)))
def test_a_good_file_with_a_stretch_overwritten_gives_an_array_or_a_format_error(scratch, data, suffix):
    content = PACK[suffix](idx_bytes(SMALL))
    place = data.draw(st.integers(0, len(content)))
    patch = data.draw(st.binary(min_size=1, max_size=12))
    scratch.write_bytes(content[:place] + patch + content[place + len(patch) :])
    with contextlib.suppress(FormatError):
        read_idx(scratch)
