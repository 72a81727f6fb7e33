"""What is on disk is whole: round trips, disks that fail at every call, kills while saving, hostile files."""

import errno
import json
import os
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from comparing import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_safetensors
from strategies import networks

from convlet import storage
from convlet.engines import State
from convlet.errors import FormatError, StorageError
from convlet.history import History
from convlet.optimizers import SGD, Adam
from convlet.recipe import Recipe, Training
from convlet.run import load
from convlet.storage import Checkpoint, load_checkpoint, save_checkpoint, write_file

RECIPE = Recipe("tiny", tiny.NETWORK, Training(steps=3))


def checkpoint(steps=3, seed=0):
    return tiny.train(steps=steps, seed=seed).checkpoint()


def assert_same(actual, expected):
    for part in ("network", "classes", "history", "seed"):
        assert getattr(actual, part) == getattr(expected, part)
    assert actual.state.step == expected.state.step
    assert_same_bits(actual.state.parameters, expected.state.parameters)
    assert_same_bits(actual.state.slots, expected.state.slots)


# --- round trip -------------------------------------------------------------------------------------------------------

any_float = st.floats(allow_nan=False, width=64)


@st.composite
def checkpoints(draw):
    network = draw(networks())
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    seed = draw(st.integers(0, 2**63 - 1))
    parameters = network.initial_parameters(seed, dtype)
    optimizer = draw(st.sampled_from([SGD(0.1), SGD(0.1, momentum=0.9), Adam()]))
    slots = {
        f"{n}/{s}": np.random.default_rng(0).normal(size=a.shape).astype(dtype)
        for n, a in parameters.items()
        for s in optimizer.slots
    }
    steps = draw(st.integers(0, 5))
    history = History(
        draw(st.integers(1, 2**40)),
        draw(st.lists(any_float, min_size=steps, max_size=steps)),
        draw(st.lists(st.integers(0, 2**40), min_size=steps, max_size=steps)),
        draw(st.lists(st.tuples(st.integers(0, 2**40), any_float, st.floats(0, 1)), max_size=3)),
        draw(st.lists(st.tuples(st.integers(0, 2**40), st.floats(0, 1)), max_size=3)),
    )
    classes = tuple(
        draw(st.lists(st.text(max_size=5), min_size=network.output_shape[0], max_size=network.output_shape[0]))
    )
    return Checkpoint(network, classes, State(parameters, slots, draw(st.integers(0, steps))), history, seed)


@settings(max_examples=30)
@given(saved=checkpoints())
def test_a_checkpoint_is_read_back_as_it_was(saved, tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "c.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        save_checkpoint(path, saved)
    assert_same(load_checkpoint(path), saved)


def test_a_run_predicts_the_same_after_saving_and_loading(tmp_path):
    run = tiny.train(steps=5)
    run.save(tmp_path / "mine.safetensors")
    images = tiny.dataset().test.images
    loaded = load(tmp_path / "mine.safetensors", engine_name="numpy")
    assert_same_bits(loaded.predict(images), run.predict(images))
    assert (loaded.classes, loaded.history, loaded.seed) == (run.classes, run.history, run.seed)


def test_the_weights_of_a_run_can_be_read_without_convlet(tmp_path):
    from safetensors import safe_open

    run = tiny.train(steps=2)
    run.save(tmp_path / "mine.safetensors")
    with safe_open(tmp_path / "mine.safetensors", framework="numpy") as file:
        metadata = file.metadata()
        kernel = file.get_tensor("parameters/dense_1/kernel")
    assert_same_bits(kernel, run.program.state().parameters["dense_1/kernel"])
    assert json.loads(metadata["classes"]) == list(tiny.CLASSES)
    assert (metadata["format"], metadata["step"], metadata["preprocessing"]) == ("convlet 1", "2", "uint8 / 255")


def test_a_fingerprint_depends_on_names_shapes_types_and_every_bit():
    base = {"a": np.zeros((2, 3), np.float32), "b": np.ones(1, np.float32)}
    others = [
        {**base, "a": np.zeros((3, 2), np.float32)},
        {**base, "a": np.zeros((2, 3), np.float64)},
        {**base, "a": -base["a"]},
        {"c": base["a"], "b": base["b"]},
        {"a": base["a"]},
    ]
    fingerprints = {storage.weights_sha256(weights) for weights in (base, *others)}
    assert len(fingerprints) == 6
    assert storage.weights_sha256(dict(reversed(base.items()))) in fingerprints
    assert storage.weights_sha256({**base, "a": np.zeros((3, 2), np.float32).T}) == storage.weights_sha256(base)


# --- disks that fail --------------------------------------------------------------------------------------------------

CALLS = (
    "os.open",
    "os.fdopen",
    "os.fsync",
    "os.close",
    "os.replace",
)


class FailingDisk:
    """Lets the i-th call that touches the disk fail, and counts them all."""

    def __init__(self, patch, fail_at, number):
        self.calls, self.fail_at, self.number = [], fail_at, number
        for name in CALLS:
            attribute = name.removeprefix("os.")
            patch.setattr(os, attribute, self.wrap(name, getattr(os, attribute)))

    def wrap(self, name, real):
        def call(*arguments, **options):
            self.fail(name)
            result = real(*arguments, **options)
            return FailingFile(result, self) if name == "os.fdopen" else result

        return call

    def fail(self, name):
        self.calls.append(name)
        if len(self.calls) - 1 == self.fail_at:
            raise OSError(self.number, os.strerror(self.number))


class FailingFile:
    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()
        self.disk.fail("file.close")

    def fileno(self):
        return self.file.fileno()

    def write(self, content):
        self.file.write(content[: len(content) // 2])  # a disk is full in the middle of something
        self.disk.fail("file.write")
        return self.file.write(content[len(content) // 2 :])

    def flush(self):
        self.disk.fail("file.flush")
        self.file.flush()


def calls_of_a_write(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        disk = FailingDisk(patch, None, 0)
        write_file(tmp_path / "probe", b"1234")
    (tmp_path / "probe").unlink()
    return disk.calls


def test_a_file_is_flushed_before_it_is_put_in_place_and_its_folder_after(tmp_path):
    calls = calls_of_a_write(tmp_path)
    first, second = (place for place, name in enumerate(calls) if name == "os.fsync")
    assert calls.index("file.write") < first < calls.index("os.replace") < second
    assert calls.index("file.flush") < first


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_whichever_call_fails_the_old_checkpoint_is_intact_and_nothing_is_left(tmp_path, number):
    old, new, path = checkpoint(3, seed=1), checkpoint(4, seed=2), tmp_path / "last.safetensors"
    count = len(calls_of_a_write(tmp_path))
    assert count >= 8
    refused = 0
    for fail_at in range(count):
        save_checkpoint(path, old)
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, fail_at, number)
            try:
                save_checkpoint(path, new)
            except StorageError as error:
                refused += 1
                assert str(path) in str(error) and os.strerror(number) in str(error) and "\n" not in str(error)
        replaced = "os.replace" in disk.calls[:fail_at]
        tolerated = disk.calls[fail_at] == "os.chmod"
        assert_same(load_checkpoint(path), new if replaced or tolerated else old)
        assert [entry.name for entry in tmp_path.iterdir()] == ["last.safetensors"], disk.calls[fail_at]
    assert refused >= count - 2


def test_a_full_disk_is_named_in_one_clear_sentence(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        FailingDisk(patch, 2, errno.ENOSPC)
        with pytest.raises(StorageError, match=r"x: cannot be written: No space left on device\. "):
            write_file(tmp_path / "x", b"1234")


def test_training_on_a_disk_that_gets_full_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    folder = tmp_path / "r"

    def fill(run):
        if run.history.steps == 7 and run.clock.taken:
            monkeypatch.setattr("os.fsync", full)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError, match="No space left"):
        tiny.train(steps=14, run_dir=folder, watch=fill)
    monkeypatch.undo()
    assert load_checkpoint(folder / "last.safetensors").state.step == 6
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    resumed = tiny.train(steps=14, run_dir=folder, resume=True)
    assert tiny.fingerprint(resumed) == tiny.fingerprint(tiny.train(steps=14))


@pytest.mark.parametrize("fail_at", range(9))
def test_a_run_folder_that_cannot_be_begun_is_not_left_behind(tmp_path, fail_at):
    with pytest.MonkeyPatch.context() as patch:
        FailingDisk(patch, fail_at, errno.ENOSPC)
        try:
            storage.begin_run(tmp_path / "runs" / "r", RECIPE)
        except StorageError:
            assert not (tmp_path / "runs" / "r").exists()


# --- kills ------------------------------------------------------------------------------------------------------------

SAVING = """
import sys, tiny
from pathlib import Path
from convlet import storage
runs = [tiny.train(steps=n).checkpoint() for n in (1, 2)]
print("ready", flush=True)
while True:
    for run in runs:
        storage.save_checkpoint(Path(sys.argv[1]), run)
"""


def test_a_process_killed_at_any_moment_of_saving_leaves_a_whole_checkpoint(tmp_path):
    path, seen = tmp_path / "last.safetensors", set()
    expected = {n: checkpoint(n) for n in (1, 2)}
    generator = np.random.default_rng(0)
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, path], stdout=subprocess.PIPE, env=tiny.environment()
        ) as process:
            process.stdout.readline()
            time.sleep(0.02 + generator.uniform(0, 0.05))
            process.kill()
        assert process.returncode == -signal.SIGKILL
        found = load_checkpoint(path)
        assert_same(found, expected[found.state.step])
        seen.add(found.state.step)
    assert seen


def test_what_a_kill_left_is_cleared_away_when_the_run_goes_on(tmp_path):
    tiny.train(steps=3, run_dir=tmp_path / "r")
    (tmp_path / "r" / ".last.safetensors.a1b2c3").write_bytes(b"half")
    (tmp_path / "r" / ".mine").write_bytes(b"not ours")
    tiny.train(steps=3, run_dir=tmp_path / "r", resume=True)
    assert sorted(path.name for path in (tmp_path / "r").iterdir() if path.name.startswith(".")) == [".mine"]


# --- files that are no checkpoints ------------------------------------------------------------------------------------


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def parts():
    """A good checkpoint's arrays and metadata, to be spoilt."""
    with pytest.MonkeyPatch.context() as patch:
        kept = {}
        patch.setattr(storage, "write_file", lambda path, content: None)
        patch.setattr(storage, "save_tensors", lambda arrays, metadata: kept.update(arrays=arrays, metadata=metadata))
        save_checkpoint(None, checkpoint())
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
    **{f"without {name}": spoilt(**{name: None}) for name in METADATA if name not in ("preprocessing",)},
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


@settings(max_examples=300)
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


@settings(max_examples=300)
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
        file.truncate(storage.LARGEST + 1)
    with pytest.raises(FormatError, match="bytes; a checkpoint has at most"):
        load_checkpoint(tmp_path / "sparse")


# --- run folders ------------------------------------------------------------------------------------------------------


def test_a_run_folder_begins_with_its_recipe_and_the_machine(tmp_path):
    with storage.hold(tmp_path / "deep" / "r"):
        storage.begin_run(tmp_path / "deep" / "r", RECIPE)
    assert storage.recipe_of(tmp_path / "deep" / "r") == RECIPE
    about = json.loads((tmp_path / "deep" / "r" / "environment.json").read_text())
    assert {"python", "packages", "system", "processor", "cores"} == about.keys()
    assert str(Path.home()) not in json.dumps(about)


def test_an_existing_run_is_never_overwritten(tmp_path):
    tiny.train(steps=2, run_dir=tmp_path / "r")
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    with pytest.raises(StorageError, match=r"already something in it.*never overwritten"):
        tiny.train(steps=3, run_dir=tmp_path / "r")
    assert {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()} == before


def test_an_empty_folder_may_become_a_run(tmp_path):
    assert tiny.train(steps=1, run_dir=tmp_path).run_dir == tmp_path


def test_a_folder_is_one_processs_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    other = "import sys, tiny; from pathlib import Path; tiny.train(steps=2, run_dir=Path(sys.argv[1]), resume=True)"
    tiny.train(steps=1, run_dir=tmp_path / "r")
    with storage.hold(tmp_path / "r"), pytest.raises(AssertionError, match="another process is training in it"):
        tiny.in_new_process(other, tmp_path / "r")
    tiny.in_new_process(other, tmp_path / "r")
    assert storage.load_checkpoint(tmp_path / "r" / "last.safetensors").state.step == 2


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path):
    with storage.hold(tmp_path / "r"):
        assert (tmp_path / "r").is_dir()
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("where", ["a file", "a file/below", "x" * 300])
def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path, where):
    (tmp_path / "a file").write_bytes(b"mine")
    with pytest.raises(StorageError, match="cannot be used"):
        tiny.train(steps=1, run_dir=tmp_path / where)
    assert (tmp_path / "a file").read_bytes() == b"mine"


def test_a_folder_that_may_not_be_written_is_a_storage_error(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        tiny.train(steps=1, run_dir=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_the_first_free_folder_is_claimed_and_nobody_else_gets_it(tmp_path):
    assert storage.claim_folder(tmp_path, "x") == tmp_path / "x-1"
    (tmp_path / "x-3").mkdir()
    assert storage.claim_folder(tmp_path, "x") == tmp_path / "x-2"
    assert storage.claim_folder(tmp_path, "x") == tmp_path / "x-4"


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"name = ", b""])
def test_a_folder_without_a_readable_recipe_is_no_run(tmp_path, content):
    if content is not None:
        (tmp_path / "recipe.toml").write_bytes(content)
    with pytest.raises((StorageError, storage.RecipeError)) as caught:
        storage.recipe_of(tmp_path)
    assert str(tmp_path / "recipe.toml") in str(caught.value)


def test_a_run_saved_by_this_version_has_these_names(tmp_path):
    """What an older version wrote must stay readable: change these only with FORMAT."""
    assert sorted(METADATA) == [
        "batch_size",
        "classes",
        "data_sha256",
        "format",
        "network",
        "preprocessing",
        "seed",
        "step",
    ]
    assert {name.split("/")[0] for name in ARRAYS} == {"parameters", "optimizer", "history"}
    assert replace(checkpoint(), seed=5).seed == 5
