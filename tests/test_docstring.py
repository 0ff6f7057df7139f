"""Docstrings are taken apart for pages and tables."""

from __future__ import annotations

import pytest

from nnplug.parts.docstring import read_docstring


@pytest.mark.parametrize(
    ("line", "about", "source"),
    [
        ("Identity: x.", "Identity: x", ""),
        ("Tanh, in (-1, 1).", "Tanh, in (-1, 1)", ""),
        ("Swish (A & B, 2017, arXiv:1.2, eq. 1).", "Swish", "A & B, 2017, arXiv:1.2, eq. 1"),
        # a DOI with brackets of its own, and a bracket before it
        ("Heavy ball: f(x) (P, 1964, doi:10.1/0041(64)9).", "Heavy ball: f(x)",
         "P, 1964, doi:10.1/0041(64)9"),
        ("Dice (M, 2016, section 3), with the sum.", "Dice, with the sum", "M, 2016, section 3"),
        ("A bracket (that is not closed", "A bracket (that is not closed", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_the_source_stands_in_the_brackets_with_a_year(line, about, source):
    found = read_docstring(line)
    assert (found.about, found.source) == (about, source)


def test_the_sections_are_taken_apart():
    found = read_docstring(
        "One\nline (A, 2020).\n\nMore.\n\nParameters\n----------\n"
        "low, high : float\n    The\n    range.\nq : float\n    At 0.\n\n"
        "Examples\n--------\n>>> 1\n1"
    )
    assert (found.text, found.about) == ("One\nline (A, 2020).\n\nMore.", "One line")
    assert found.parameters == {"low": "The range.", "high": "The range.", "q": "At 0."}
    assert found.examples == ">>> 1\n1"
