"""The text form of a part gives back the same options, to the last bit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import nnplug
from nnplug.parts import parse_part


@nnplug.activation
def bent(x, *, slope=0.5, times=2, sharp=False, mode="plain"):
    return x


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.from_regex(r"[a-z0-9_/.]+", fullmatch=True),
)
def test_text_form_comes_back(slope, times, sharp, mode):
    part = bent.with_options(slope=slope, times=times, sharp=sharp, mode=mode)
    said = parse_part(part.text)
    again = bent.with_options(**said.options)
    assert said.name == "bent"
    assert {key: repr(value) for key, value in again.options.items()} == {
        key: repr(value) for key, value in part.options.items()
    }
    assert again.text == part.text
