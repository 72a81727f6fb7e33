"""The .npz reader: what NumPy writes is read exactly; everything else is refused, in bounded memory."""

import contextlib
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from convlet.datasets.readers import streams
from convlet.datasets.readers.npz import read_npz
from convlet.errors import DataError, FormatError

MIB = 1 << 20
KEYS = ("x", "y")
SMALL = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file.npz"


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """One file for all examples of a property."""
    return tmp_path_factory.mktemp("npz") / "file.npz"


def npy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text, version=b"\x01\x00"):
    return b"\x93NUMPY" + version + len(text).to_bytes(2 if version[0] == 1 else 4, "little") + text


def write_zip(file, content, name="x.npy", packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(file, "w", packing) as archive:
        archive.writestr(name, content)


@given(
    array=nps.arrays(
        st.one_of(nps.integer_dtypes(endianness="?"), nps.unsigned_integer_dtypes(), nps.floating_dtypes()),
        nps.array_shapes(max_dims=4, max_side=4),
    ),
    fortran=st.booleans(),
    save=st.sampled_from([np.savez, np.savez_compressed]),
)
def test_what_numpy_saves_is_read_back_exactly(scratch, array, fortran, save):
    save(scratch, x=np.asfortranarray(array) if fortran else array)
    found = read_npz(scratch, KEYS)["x"]
    assert found.shape == array.shape and found.dtype == array.dtype.newbyteorder("=") and found.dtype.isnative
    assert found.tobytes() == array.astype(found.dtype).tobytes()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_header_is_read(file, version):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, SMALL, version)
    write_zip(file, buffer.getvalue())
    assert np.array_equal(read_npz(file, KEYS)["x"], SMALL)


def test_a_header_written_by_python_2_is_read(file):
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L, 4L), }\n"
    write_zip(file, header(text) + SMALL.tobytes())
    assert np.array_equal(read_npz(file, KEYS)["x"], SMALL)


def plain(shape, padding=0):
    return header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}{' ' * padding}\n".encode())


BAD = {
    "empty": (b"", "not an array of NumPy"),
    "text": (b"1,2,3\n4,5,6", "not an array of NumPy"),
    "version 4": (header(b"{}", b"\x04\x00"), "not an array of NumPy"),
    "a length cut short": (b"\x93NUMPY\x01\x00\x10", "not a sound .npz"),
    "a header cut short": (npy_bytes(SMALL)[:60], "not a plain array"),
    "a header of gigabytes": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(20_000), "not a plain array"),
    "a header padded beyond the limit": (plain("(24,)", padding=20_000) + bytes(24), "not a plain array"),
    "pickled objects": (npy_bytes(np.array([{}, []], object)), "not a plain array.*Save uint8 or float images"),
    "text values": (npy_bytes(np.array(["a"])), "not a plain array"),
    "a structure": (npy_bytes(np.zeros(2, [("a", "u1")])), "not a plain array"),
    "no dimensions": (npy_bytes(np.array(1.0)), "not a plain array of 1 to 4 dimensions"),
    "code in the header": (header(b"__import__('os').abort()"), "not a plain array"),
    "nested brackets": (header(b"(" * 9000), "not a plain array"),
    "cut short": (npy_bytes(SMALL)[:-1], "promises 24 bytes of values, 23 are there"),
    "a trailing byte": (npy_bytes(SMALL) + b"\0", "more bytes follow the 24"),
    "no values": (npy_bytes(np.zeros((0, 3))), "holds no values"),
    "sizes that overflow": (plain("(4294967296, 4294967296, 4294967296)"), "allowed: up to 1,073,741,824"),
    "a gigabyte promised": (plain(f"({streams.LARGEST},)"), "0 are there"),
    "a bomb": (plain("(24,)") + bytes(32 * MIB), "more bytes follow the 24"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_member_is_refused_in_bounded_memory(file, name):
    content, message = BAD[name]
    write_zip(file, content)
    with pytest.raises(FormatError, match=message) as raised:
        tracemalloc.start()
        try:
            read_npz(file, KEYS)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peak < 4 * MIB
    assert str(raised.value).startswith(str(file))


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_unpacks_without_bounds_is_refused(file, packing):
    write_zip(file, npy_bytes(SMALL), packing=packing)
    with pytest.raises(FormatError, match="packed in a way that NumPy does not write"):
        read_npz(file, KEYS)


def test_an_unknown_name_is_refused_with_the_allowed_ones(file):
    np.savez(file, x=SMALL, z=SMALL)
    with pytest.raises(DataError, match="holds 'z'; allowed: x, y"):
        read_npz(file, KEYS)


def test_the_same_name_twice_is_refused(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x", npy_bytes(SMALL))
        archive.writestr("x.npy", npy_bytes(SMALL))
    with pytest.raises(FormatError, match="twice"):
        read_npz(file, KEYS)


def test_an_encrypted_member_is_refused(file):
    write_zip(file, npy_bytes(SMALL))
    content = bytearray(file.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    file.write_bytes(content)
    with pytest.raises(FormatError, match="encrypted"):
        read_npz(file, KEYS)


def test_a_missing_file_is_refused(file):
    with pytest.raises(DataError, match=r"file.npz: no such file.* Check the path"):
        read_npz(file, KEYS)


@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_give_only_data_errors(scratch, content, in_a_zip):
    if in_a_zip:
        write_zip(scratch, b"\x93NUMPY" + content)
    else:
        scratch.write_bytes(content)
    with pytest.raises(FormatError):
        read_npz(scratch, KEYS)


@given(data=st.data(), save=st.sampled_from([np.savez, np.savez_compressed]))
def test_a_good_file_with_a_stretch_overwritten_gives_arrays_or_a_data_error(scratch, data, save):
    save(scratch, x=SMALL, y=np.arange(2))
    content = scratch.read_bytes()
    place = data.draw(st.integers(0, len(content)))
    patch = data.draw(st.binary(min_size=1, max_size=12))
    scratch.write_bytes(content[:place] + patch + content[place + len(patch) :])
    with contextlib.suppress(DataError):
        read_npz(scratch, KEYS)
