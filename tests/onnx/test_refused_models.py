"""What cannot be taken from ONNX is named: the node, its operator, what is missing. Hostile files take no memory."""

import re

import numpy as np
import pytest
from onnx_models import model_of

import convlet as cl
from convlet.errors import ConvletError, FormatError, InputError, StorageError

onnx = pytest.importorskip("onnx", reason="ONNX is an extra: make test-extras")

from convlet.exchange.graph import building, folding  # noqa: E402
from convlet.exchange.graph.taking import checkpoint_of  # noqa: E402
from convlet.exchange.onnx import reading, wire  # noqa: E402

WEIGHTS = {
    "w": np.ones((4, 2, 3, 3), np.float32),
    "d": np.ones((2, 1, 3, 3), np.float32),
    "m": np.ones((8, 3), np.float32),
    "one": np.ones((3, 2, 1, 1), np.float32),
    "low": np.float32(-1e6),
    "high": np.float32(1),
    "far": np.float32(1e6),
}
ROWS = [("Flatten", [], {})]
COUNTED = {"count_include_pad": 1}


def refused(model):
    content = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(ConvletError) as error:
        checkpoint_of(reading.parsed(content, "file"), "file")
    return error


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([("LRN", [], {"size": 3})], r"node 'node0' \(LRN\): no layer of convlet does what this operator does"),
        ([("Conv", ["w"], {"dilations": [2, 2]})], r"\(Conv\): dilations=\[2, 2\]: expected 1"),
        ([("Conv", ["w"], {"group": 2})], r"\(Conv\): group=2, a kernel for 2 channels, images of 2"),
        ([("Conv", ["w"], {"pads": [-1, 0, 0, 0]})], "pads=\\[-1, 0, 0, 0\\]: expected pixels of zeros"),
        ([("Conv", ["nothing"], {})], r"its input 'nothing' depends on the images"),
        ([("Conv", [], {})], "it has 1 inputs; expected more"),
        ([("MaxPool", [], {})], r"\(MaxPool\): it is not as ONNX has it: KeyError: 'kernel_shape'"),
        (
            [("AveragePool", [], {"kernel_shape": [1, 1], "dilations": [2, 1], "pads": [1] * 4} | COUNTED)],
            r"\(AveragePool\): dilations=\[2, 1\]: expected 1",
        ),
        (
            [("GlobalAveragePool", [], {}), ("Conv", ["one"], {"pads": [1, 1, 1, 1]})],
            r"\(Conv\): it is given rows of numbers, \(2, 1, 1\); expected images",
        ),
        ([("Clip", ["low", "high"], {})], r"\(Clip\): a bound of -1e\+06: expected one from -10000 to 10000, or none"),
        ([("Clip", ["", "far"], {})], r"\(Clip\): a bound of 1e\+06: expected one from"),
        ([("MaxPool", [], {"kernel_shape": [9, 9]})], "a window of 9 × 9 does not fit in 2 × 2 pixels"),
        ([*ROWS, ("MaxPool", [], {"kernel_shape": [2, 2]})], r"it is given rows of numbers, \(8,\); expected images"),
        ([("MatMul", ["m"], {})], r"a kernel of shape \(8, 3\) for \(2, 2, 2\)"),
        ([*ROWS, ("Gemm", ["m"], {"transA": 1})], "transA=1"),
        ([*ROWS, ("Softmax", [], {"axis": 0}), ("Tanh", [], {})], "axis=0"),
        ([*ROWS, ("Softmax", [], {"axis": 0})], "axis=0"),
        ([("Transpose", [], {"perm": [1, 0, 2, 3]})], r"perm=\[1, 0, 2, 3\]: expected the images' axis, 0, to stay"),
        ([("Flatten", [], {"axis": 2})], "axis=2: expected 1"),
        ([("Erf", [], {}), ("Flatten", [], {})], "Erf: no layer of convlet does that alone"),
        ([("Gelu", [], {"approximate": "tanh"})], "approximate='tanh': expected 'none'"),
        ([("Mul", ["x"], {}), ("Flatten", [], {})], "two values that depend on the images, multiplied"),
        ([("Cast", [], {"to": 7})], "to ONNX's type 7: expected floats"),
        ([("Pad", [], {"mode": "reflect"})], "expected zeros around an image"),
        ([("Relu", [], {})], r"it gives \(2, 2, 2\) an image; expected one number a class"),
        (ROWS, "expected one number a class"),
        ([*ROWS, ("Gemm", ["m"], {}), ("Reshape", ["w"], {})], r"\(Reshape\): it is not as ONNX has it"),
    ],
)
def test_what_no_layer_does_is_named_with_its_node(nodes, says):
    assert re.search(says, str(refused(model_of((2, 2, 2), nodes, WEIGHTS)).value))


@pytest.mark.parametrize("turned", [True, False])
def test_a_row_times_its_sigmoid_in_another_order_is_no_silu(turned):
    nodes = [("Sigmoid", [], {}), ("Transpose", [], {"perm": [0, 2, 1]}), ("Mul", ["x"], {}), *ROWS]
    model = model_of((2, 2), nodes if turned else [nodes[0], *nodes[2:]], {})
    if turned:
        assert "two values that depend on the images, multiplied" in str(refused(model).value)
    else:
        checkpoint_of(reading.parsed(model.SerializeToString(), "file"), "file")


def test_an_input_that_is_left_out_where_it_must_not_be_is_named():
    model = model_of((8,), [("MatMul", ["m"], {})], WEIGHTS)
    model.graph.node.append(onnx.helper.make_node("Concat", ["", "m"], ["unused"], axis=0))
    assert "(Concat): it is not as ONNX has it" in str(refused(model).value)


def test_ways_that_part_otherwise_than_in_a_block_are_named():
    """x → a → b, and a + x and b + (a + x) would each need a value of the other's inside."""
    node = onnx.helper.make_node
    nodes = [
        *(node("Tanh", ["x"], ["a"]), node("Sigmoid", ["a"], ["b"]), node("Relu", ["b"], ["c"])),
        *(node("Add", ["b", "x"], ["d"]), node("Add", ["c", "a"], ["e"]), node("Add", ["d", "e"], ["y"])),
    ]
    given = onnx.helper.make_tensor_value_info("x", 1, ["N", 5])
    made = onnx.helper.make_tensor_value_info("y", 1, ["N", 5])
    graph = onnx.helper.make_graph(nodes, "graph", [given], [made])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    assert "goes to several nodes, and their ways do not come together in a sum" in str(refused(model).value)


def test_a_weight_that_is_no_number_is_named_and_warns_of_nothing():
    """Warnings are errors here, those of NumPy's arithmetic too."""
    arrays = {"w": np.full((8, 3), np.inf, np.float32)}
    error = refused(model_of((8,), [("Gemm", ["w"], {"alpha": 0.0})], arrays))
    assert "w/kernel has a weight that is NaN or infinite" in str(error.value)


@pytest.mark.parametrize("opset", [8, 26])
def test_an_opset_that_is_too_old_or_too_new_is_refused(opset):
    assert f"opset {opset}; expected 9 to 25" in str(refused(model_of((8,), ROWS, {}, opset=opset)).value)


def test_open_axes_two_inputs_and_whole_numbers_are_refused():
    assert "expected all but the first to be known" in str(refused(model_of((3, "H", "W"), ROWS, {})).value)
    assert "of ONNX's type 7: expected floats or bytes" in str(refused(model_of((8,), ROWS, {}, type=7)).value)
    model = model_of((8,), ROWS, {})
    model.graph.input.append(onnx.helper.make_tensor_value_info("z", 1, ["N"]))
    assert "inputs ['x', 'z']" in str(refused(model).value)


def test_numbers_in_another_file_are_not_opened(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(96))
    model = model_of((8,), [("MatMul", ["m"], {})], WEIGHTS)
    (tensor,) = (each for each in model.graph.initializer if each.name == "m")
    onnx.external_data_helper.set_external_data(tensor, str(tmp_path / "secret"))
    tensor.ClearField("raw_data")
    error = refused(model)
    assert error.type is InputError and "external_data=False" in str(error.value)


def varint(number):
    head = []
    while number > 127:
        head.append(number & 127 | 128)
        number >>= 7
    return bytes([*head, number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


NESTED = b""
for _ in range(5000):
    NESTED = field(5, field(6, field(1, NESTED)))
PROMISE = b"\x08\x80\x80\x80\x80\x80\x20\x10\x01"  # a terabyte of float32
HOSTILE = {  # and whether they are refused before a parser makes objects of them
    "a million empty nodes": (field(7, field(1, b"") * 1_000_000), True),
    "a million empty texts": (field(7, field(10, b"") * 1_000_000), True),
    "a tensor that promises a terabyte": (b"\x42\x02\x10\x11" + field(7, field(5, PROMISE + field(9, b"1234"))), False),
    "cut short": (model_of((8,), ROWS, {}).SerializeToString()[:-9], True),
    "a length beyond the end": (field(7, b"")[:-1] + varint(2**40), True),
    "no end of a number": (b"\xff" * 40, True),
    "a group": (b"\x0b\x0c", True),
    "graphs in graphs": (field(7, field(1, NESTED)), False),
    "text": (b"<html>not a model at all, but a page that says why there is none</html>", True),
}


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_file_is_refused(title, monkeypatch):
    content, early = HOSTILE[title]
    if early:
        monkeypatch.setattr(onnx, "load_model_from_string", lambda content: pytest.fail("it was parsed"))
    error = refused(content)
    assert issubclass(error.type, FormatError | InputError) and str(error.value).startswith("file: ")


OUTER = {"a": np.ones((20, 1), np.float32), "b": np.ones((1, 20), np.float32)}
COUNTING = {"kernel_shape": [2, 2], "count_include_pad": 1, "pads": [1, 1, 0, 0]}
MADE = {  # title: (one image's axes, nodes that depend on it, nodes in front of them, arrays)
    "products of two rows": ((8,), ROWS, [("Mul", ["a", "b"])] * 9, OUTER),
    "kernels of averages": ((99, 2, 2), [("AveragePool", [], COUNTING)] * 9, [], {}),
    "offsets of each place": ((99,), [("Add", ["o"], {})] * 9, [], {"o": np.ones(99, np.float32)}),
}


@pytest.mark.parametrize("title", MADE)
def test_a_small_file_that_makes_much_of_itself_is_refused(title, monkeypatch):
    """A node takes some bytes of a file, and may make a million; there may be ten thousand of them."""
    dims, nodes, first, arrays = MADE[title]
    model = model_of(dims, nodes, arrays)
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(onnx.helper.make_node(kind, names, [f"f{i}"]) for i, (kind, names) in enumerate(first))
    model.graph.node.extend(rest)
    monkeypatch.setattr(building, "ROOM", 1000)
    assert "more than 1,000 bytes are made of the model" in str(refused(model).value)


def test_a_small_array_whose_parts_are_taken_many_times_is_refused(monkeypatch):
    monkeypatch.setattr(folding, "MOST", 100)
    arrays = {"table": np.ones((2, 20), np.float32), "places": np.zeros(6, np.int64)}
    model = model_of((20,), ROWS, arrays)
    model.graph.node.insert(0, onnx.helper.make_node("Gather", ["table", "places"], ["much"]))
    assert "an array of shape (20, 6) is worked out; expected at most 100 numbers" in str(refused(model).value)


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_file_is_refused_or_read_and_never_anything_else(seed):
    content = bytearray(model_of((2, 4, 4), [("Conv", ["w"], {}), *ROWS], WEIGHTS).SerializeToString())
    stream = np.random.default_rng(seed)
    for place in stream.integers(0, len(content), 3):
        content[place] = stream.integers(0, 256)
    try:
        checkpoint_of(reading.parsed(bytes(content), "file"), "file")
    except (FormatError, InputError) as error:
        assert str(error).startswith("file: ")


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path, monkeypatch):
    with pytest.raises(StorageError, match="cannot be read"):
        cl.onnx.load(tmp_path / "none.onnx")
    (tmp_path / "large.onnx").write_bytes(bytes(101))
    monkeypatch.setattr(reading, "MOST_BYTES", 100)
    with pytest.raises(FormatError, match=r"large\.onnx: 101 bytes; expected at most 100"):
        cl.onnx.load(tmp_path / "large.onnx")
    with pytest.raises(FormatError, match="bytes beside the numbers of its weights"):
        wire.check_size(field(7, field(2, bytes(wire.MOST_STRUCTURE))), "file")
    wire.check_size(field(7, field(5, field(9, bytes(wire.MOST_STRUCTURE)))), "file")
