"""ONNX's own cases for the operators that become something of ours, on our engines.

Of the 1,884 cases that onnx 1.23 makes, those concern us whose operators are all among ours, and whose numbers are
floats. Each is computed as it should be, or refused, in words that say why no network here does it: none is left out
because it came out wrong.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from convlet.errors import InputError

onnx = pytest.importorskip("onnx", reason="ONNX is an extra: make test-extras")

from convlet.exchange.graph.operators import OPERATORS  # noqa: E402
from convlet.exchange.onnx import backend  # noqa: E402

FLOATS = (1, 10, 11)  # ONNX's numbers for float32, float16, float64
REASONS = {  # what a refusal says, and so why the case is none for a network of images
    "it adds, multiplies or divides by numbers that differ from image to image": "the same for every image",
    "its images have one axis or three": r"it is given rows of numbers, \(\d+(, \d+, \d+)?(, \d+)*\)",
    "it gives several results, such as a mask or places": "inputs .* outputs .* expected one of each",
    "it trains": "training_mode is true",
    "its first axis is none of images": "to stay the first|an image do not fit|expected axes of one number",
    "it makes images of rows of numbers": "no layer of convlet makes images|expected images to stay as they are",
    "it flattens images together": r"\(Flatten\): axis=",
    "it multiplies by a kernel for each image, or from the left": r"\(MatMul\): a kernel|transA=1|\(Gemm\): it is not",
    "it takes means, or softmax, over other axes than an image's": r"a mean over axes|\(Softmax\): axis=",
    "its kernel has gaps": "dilations=",
    "it pads with other numbers than zeros": "expected zeros around an image",
    "padding counts, and positions are rounded up": "ceil_mode and count_include_pad together",
    "it has a slope for each number": "a slope of shape",
    "it is a curve that is no layer here": "Erf: no layer|approximate='tanh'",
}
COUNTS = {"numpy": (97, 182), "numba": (97, 182)}  # of onnx 1.23: computed, of all that concern us


def concerns_us(case):
    graph = case.model.graph
    ends = [value.type.tensor_type.elem_type for value in (*graph.input[:1], *graph.output[:1])]
    plain = all(node.op_type in OPERATORS and node.domain == "" for node in graph.node)
    return plain and all(kind in FLOATS for kind in ends) and not case.name.startswith("test_cast")  # between types


@pytest.fixture(scope="module")
def cases():
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(action="ignore"):  # of how the references compute, where a case wants NaN
        return [case for case in collect_testcases(None) if case.model and concerns_us(case)]


@pytest.mark.parametrize("engine", COUNTS)
def test_onnxs_own_cases_are_computed_or_refused_for_a_reason(cases, engine):
    ours, computed, unexplained = backend(engine), 0, {}
    for case in cases:
        try:
            for inputs, (expected, *_) in case.data_sets:
                (found,) = ours.prepare(case.model).run(inputs)
                assert (found.shape, found.dtype) == (expected.shape, expected.dtype), case.name
                np.testing.assert_allclose(found, expected, case.rtol, case.atol, err_msg=case.name)
            computed += 1
        except InputError as error:
            if not any(re.search(words, str(error)) for words in REASONS.values()):
                unexplained[case.name] = str(error)
    assert unexplained == {}
    if onnx.__version__.startswith("1.23."):
        assert (computed, len(cases)) == COUNTS[engine]


@pytest.mark.parametrize("page", ["README.md", "docs/exchange.md"])
def test_the_numbers_that_are_published_are_these(page):
    computed, concerned = COUNTS["numpy"]
    assert set(COUNTS.values()) == {(computed, concerned)}  # "both engines"
    text = " ".join((Path(__file__).parents[2] / page).read_text("utf-8").split())
    assert f"{computed} of {concerned}" in text and f"other {concerned - computed} are refused" in text


def test_a_case_that_comes_out_wrong_would_be_noticed(cases, monkeypatch):
    monkeypatch.setitem(OPERATORS, "Tanh", OPERATORS["Sigmoid"])
    few = [case for case in cases if case.name.startswith("test_tanh")]
    assert few
    with pytest.raises(AssertionError):
        test_onnxs_own_cases_are_computed_or_refused_for_a_reason(few, "numpy")
