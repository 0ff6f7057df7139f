"""TOML that is written is read back equal, by Python's own reader."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnplug.runs.toml_text import toml_line, toml_table, toml_value

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), TEXT,
                  st.floats(allow_nan=False))  # fmt: skip


NESTED = st.one_of(PLAIN, st.lists(PLAIN), st.dictionaries(TEXT, st.lists(PLAIN) | PLAIN))


@given(TEXT, NESTED)
def test_what_is_written_is_read_back(key, value):
    assert tomllib.loads(toml_line(key, value)) == {key: value}


@given(st.dictionaries(TEXT, PLAIN))
def test_a_table_is_read_back(values):
    assert tomllib.loads("\n".join(toml_table("read", values))) == {"read": values}


@pytest.mark.parametrize("value", [None, {"a": None}, object(), [None], "\udc80"])
def test_what_toml_has_not_is_refused(value):
    with pytest.raises(TypeError):
        toml_value(value)
