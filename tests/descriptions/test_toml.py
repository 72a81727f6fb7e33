"""TOML as it is written is what Python reads."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlet.descriptions.toml import to_toml

texts = st.text(st.characters(codec="utf-8"), max_size=8)
values = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_any_table_is_read_as_it_was(table):
    assert tomllib.loads(to_toml(table)) == table


def test_layers_are_written_one_a_line_also_inside_of_others():
    layers = [{"type": "Flatten"}, {"type": "Residual", "layers": [{"type": "Activation"}]}]
    text = to_toml({"name": "a", "network": {"layers": layers}})
    assert tomllib.loads(text)["network"]["layers"] == layers
    assert text.splitlines()[3:] == [
        "layers = [",
        '    { type = "Flatten" },',
        '    { type = "Residual", layers = [',
        '        { type = "Activation" },',
        "    ] },",
        "]",
    ]


@pytest.mark.parametrize("text", ["a\nb", "\n", '\n"""', "a\\\n\tb", "\r\n", "é\x7f\n\n ", '"\n"'])
def test_a_text_of_several_lines_stands_in_several_and_is_read_as_it_was(text):
    written = to_toml({"data": {"source": text}, "rows": [{"x": text}]})
    assert tomllib.loads(written) == {"data": {"source": text}, "rows": [{"x": text}]}
    assert written.count("\n") > 4 + 2 * text.count("\n")


def test_what_has_no_form_is_refused():
    with pytest.raises(TypeError, match="object has no form in TOML"):
        to_toml({"data": {"source": object()}})
