"""Files that are no checkpoints, or no longer: refused with their name, whatever their bytes."""

import json
import struct
from contextlib import suppress

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from roaming import examples
from safetensors.numpy import save as to_safetensors

from convlet.errors import FormatError, NumericsError, StorageError
from convlet.runs import checkpoint
from convlet.runs.checkpoint import LARGEST, load_checkpoint, save_checkpoint


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def parts():
    """A good checkpoint's arrays and metadata, to be spoilt."""
    with pytest.MonkeyPatch.context() as patch:
        kept = {}
        patch.setattr(checkpoint, "write_file", lambda path, content: None)
        patch.setattr(
            checkpoint, "save_tensors", lambda arrays, metadata: kept.update(arrays=arrays, metadata=metadata)
        )
        save_checkpoint(None, tiny.train(steps=3).checkpoint())
    return kept["arrays"], kept["metadata"]


ARRAYS, METADATA = parts()
KERNEL, SLOT = "parameters/dense_1/kernel", "optimizer/dense_1/kernel/m"
GOOD = to_safetensors(ARRAYS, METADATA)
DEEP = "[" * 100_000


def spoilt(arrays=None, drop=(), **metadata):
    kept = {name: array for name, array in {**ARRAYS, **(arrays or {})}.items() if name not in drop}
    return to_safetensors(kept, {name: text for name, text in {**METADATA, **metadata}.items() if text is not None})


BFLOAT16 = {"__metadata__": METADATA, KERNEL: {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}
network = json.loads(METADATA["network"])

HOSTILE = {
    "empty": b"",
    "seven bytes": b"1234567",
    "no header": bytes(8),
    "huge header length": struct.pack("<Q", 2**63) + b"{}",
    "largest header length": b"\xff" * 8 + b"{}",
    "header beyond the end": struct.pack("<Q", 1000) + b"{}",
    "not JSON": raw(b"nonsense"),
    "not UTF-8": raw(b'{"\xff": 1}'),
    "a list": raw([]),
    "a number": raw(b"1"),
    "no tensors": raw({}),
    "metadata is no table": raw({"__metadata__": []}),
    "metadata of numbers": raw({"__metadata__": {"format": 1}}),
    "nested deep": raw(DEEP.encode()),
    "tensor of a huge shape": raw({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, bytes(4)),
    "tensor beyond the end": raw({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(4)),
    "tensor of negative size": raw({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
    "tensors that overlap": raw(
        {n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in ("x", "y")}, bytes(4)
    ),
    "unknown dtype": raw({"x": {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    "bfloat16": raw(BFLOAT16, bytes(2)),
    "not ours": to_safetensors({"weight": np.zeros(3, np.float32)}),
    "no metadata": to_safetensors(ARRAYS),
    "another format": spoilt(format="convlet 2"),
    "truncated by one byte": GOOD[:-1],
    "one byte more": GOOD + b"x",
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a pickle": b"\x80\x04\x95" + bytes(100),
    **{f"without {name}": spoilt(**{name: None}) for name in METADATA if name not in ("recipe", "data")},
    **{f"without {name}": spoilt(drop=[name]) for name in ARRAYS if not name.startswith("optimizer/")},
    "network is no JSON": spoilt(network="{"),
    "network nested deep": spoilt(network=DEEP),
    "network is a list": spoilt(network="[]"),
    "network of unknown layers": spoilt(network='{"input_shape": [2], "layers": [{"type": "os.system"}]}'),
    "network of another shape": spoilt(network=json.dumps({**network, "input_shape": [9, 9, 1]})),
    "network that is no classifier": spoilt(network=json.dumps({**network, "layers": network["layers"][:1]})),
    "network with initialisers in initialisers": spoilt(
        network='{"input_shape": [2], "layers": [{"type": "Dense", "units": 3, "kernel_initializer": '
        + '{"type": "Constant", "value": ' * 3000
        + "1"
        + "}" * 3000
        + "}]}"
    ),
    "classes are no JSON": spoilt(classes="x"),
    "classes are a text": spoilt(classes='"abc"'),
    "classes are a table": spoilt(classes='{"a": 1, "b": 2, "c": 3}'),
    "too few classes": spoilt(classes='["a", "b"]'),
    "classes nested deep": spoilt(classes=DEEP),
    "a step that is no number": spoilt(step="x"),
    "a negative step": spoilt(step="-1"),
    "a step beyond the history": spoilt(step="4"),
    "a step of many digits": spoilt(step="9" * 10_000),
    "a negative seed": spoilt(seed="-1"),
    "a seed that is too large": spoilt(seed=str(2**63)),
    "no images in a batch": spoilt(batch_size="0"),
    "an unknown parameter": spoilt({"parameters/dense_9/kernel": np.zeros(3, np.float32)}),
    "a slot of nothing": spoilt({"optimizer/dense_9/kernel/m": np.zeros(3, np.float32)}),
    "a slot without a slash": spoilt({"optimizer/m": np.zeros(3, np.float32)}),
    "an unknown history": spoilt({"history/times": np.zeros(3)}),
    **{
        f"{name} of {kind}": spoilt({name: ARRAYS[name].astype(kind)})
        for name in (KERNEL, SLOT, "history/losses", "history/correct", "history/validations", "history/reports")
        for kind in ("int32", "float16", "bool", "float64", "float32", "int64")
        if ARRAYS[name].dtype != kind
    },
    **{
        f"{name} of another shape": spoilt({name: np.zeros((*ARRAYS[name].shape, 2), ARRAYS[name].dtype)})
        for name in (KERNEL, SLOT, "history/losses", "history/correct", "history/validations", "history/reports")
    },
    "a history of one number": spoilt({"history/losses": np.array(1.0)}),
    "a longer history of losses": spoilt({"history/losses": np.zeros(4)}),
    "a validation at no step": spoilt({"history/validations": np.full((1, 3), np.nan)}),
    "a validation at an endless step": spoilt({"history/validations": np.full((1, 3), np.inf)}),
}


def test_the_good_checkpoint_these_are_made_from_is_good(tmp_path):
    (tmp_path / "good").write_bytes(GOOD)
    (tmp_path / "also good").write_bytes(spoilt())
    assert load_checkpoint(tmp_path / "good").state.step == load_checkpoint(tmp_path / "also good").state.step == 3


@pytest.mark.parametrize("title", HOSTILE)
def test_a_file_that_is_no_checkpoint_is_refused_with_its_name(tmp_path, title):
    path = tmp_path / "x.safetensors"
    path.write_bytes(HOSTILE[title])
    with pytest.raises(FormatError) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"{path}: not a checkpoint of convlet: ")
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [name for name in ARRAYS if name.startswith("parameters/")])
def test_a_checkpoint_with_a_weight_that_is_no_number_is_refused_and_the_weight_named(tmp_path, name, bad):
    array = ARRAYS[name].copy()
    array.reshape(-1)[-1] = bad
    path = tmp_path / "x.safetensors"
    path.write_bytes(spoilt({name: array}))
    with pytest.raises(FormatError) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"{path}: {name.removeprefix('parameters/')} has a weight that is NaN or inf")


def test_what_loading_refuses_saving_refuses_too_and_what_stands_there_stays(tmp_path):
    run = tiny.train(steps=3)
    run.save(tmp_path / "x.safetensors")
    before = (tmp_path / "x.safetensors").read_bytes()
    run.program.parameters["dense_1/bias"][0] = np.inf
    with pytest.raises(NumericsError, match="step 3: dense_1/bias has a weight that is NaN or infinite"):
        run.save(tmp_path / "x.safetensors")
    assert (tmp_path / "x.safetensors").read_bytes() == before


@examples(300)
@given(data=st.data())
def test_damaged_bytes_never_raise_anything_but_our_own_errors(data, tmp_path_factory):
    content = bytearray(GOOD)
    header = 8 + struct.unpack("<Q", GOOD[:8])[0]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, header - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    path.write_bytes(content)
    with suppress(FormatError):
        load_checkpoint(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@examples(300)
@given(key=st.sampled_from([*METADATA]), value=json_values, as_json=st.booleans())
def test_any_metadata_is_either_right_or_refused(key, value, as_json, tmp_path_factory):
    text = json.dumps(value) if as_json else str(value)
    path = tmp_path_factory.getbasetemp() / "metadata.safetensors"
    path.write_bytes(spoilt(**{key: text.encode(errors="ignore").decode()}))
    with suppress(FormatError):
        load_checkpoint(path)


@pytest.mark.parametrize("where", ["missing.safetensors", "a file/below", "a folder", "x" * 300, "nul\0"])
def test_what_cannot_be_read_is_a_storage_error(tmp_path, where):
    (tmp_path / "a file").write_bytes(b"")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        load_checkpoint(tmp_path / where)


def test_a_file_larger_than_any_checkpoint_is_not_even_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(FormatError, match="bytes; a checkpoint has at most"):
        load_checkpoint(tmp_path / "sparse")


def test_a_run_saved_by_this_version_has_these_names(tmp_path):
    """What an older version wrote must stay readable: change these only with FORMAT."""
    assert sorted(METADATA) == [
        "batch_size",
        "classes",
        "data",
        "data_sha256",
        "format",
        "network",
        "preprocessing",
        "recipe",
        "seed",
        "step",
    ]
    assert {name.split("/")[0] for name in ARRAYS} == {"parameters", "optimizer", "history"}
