"""Folding and tables: nothing too wide, nothing lost, words whole."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnplug.layout import cells, columns, fold

WORDS = st.lists(st.text("abc_-/é北", min_size=1, max_size=30), min_size=1, max_size=12)


@given(WORDS, st.integers(10, 40))
def test_folding_loses_nothing_and_fits(words, width):
    folded = fold(" ".join(words), width, indent="  ", hanging="    ", breaking="all")
    assert all(cells(line) <= width for line in folded.split("\n"))
    assert "".join(folded.split()) == "".join(words)


@given(st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=20))
def test_words_that_fit_are_folded_as_the_standard_library_does(words):
    text = " ".join(words)
    assert fold(text, 20) == textwrap.fill(text, 20)
    assert fold(text, 24, indent=" - ", hanging="   ") == textwrap.fill(
        text, 24, initial_indent=" - ", subsequent_indent="   "
    )


@pytest.mark.parametrize(
    ("text", "width", "wanted"),
    [
        ("sparse_categorical_crossentropy", 20, "sparse_categorical_\ncrossentropy"),
        ("nnplug-layers/sparse_categorical", 16, "nnplug-layers/\nsparse_\ncategorical"),
        ("aaaaaaaaaaaaaaa", 6, "aaaaaa\naaaaaa\naaa"),
        ("mean 12 of 北京北京", 12, "mean 12 of\n北京北京"),
        ("mean 1.05 ±\u00a02.5", 12, "mean 1.05\n± 2.5"),
        ("adam:beta1=0.9,epsilon=1e-08", 26, "adam:beta1=0.9,\nepsilon=1e-08"),
        ("1,234,567.25", 9, "1,234,567\n.25"),
        ("short", 20, "short"),
        ("", 20, ""),
    ],
)
def test_long_words_are_folded_behind_signs(text, width, wanted):
    assert fold(text, width, breaking="all") == wanted


def test_a_path_stays_whole_if_wanted():
    path = "/a/very/long/path/to/some/file_of_mine.py"
    assert fold(f"see {path} there", 20) == f"see\n{path}\nthere"
    assert fold(f"see {path} there", 20, breaking="names") == f"see\n{path}\nthere"
    assert fold(path, 20, breaking="all") == "/a/very/long/path/\nto/some/file_of_\nmine.py"


TABLE = [
    ("Kind", "Name", "Aliases", "Number"),
    ("loss", "cross_entropy", "sparse_categorical_crossentropy, softmax_cross_entropy", "1"),
    ("metric", "accuracy", "", "1,234"),
]


def test_the_widest_column_of_a_table_gives_way():
    assert "\n".join(columns(TABLE, 56, right=[3])) == textwrap.dedent("""\
        Kind    Name           Aliases                    Number
        loss    cross_entropy  sparse_categorical_             1
                               crossentropy,
                               softmax_cross_entropy
        metric  accuracy                                   1,234""")


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(
            st.lists(st.text("ab_ 北", max_size=40), min_size=n, max_size=n), min_size=1, max_size=5
        )
    ),
    st.integers(60, 100),
)
def test_tables_fit_and_lose_nothing(rows, width):
    written = columns(rows, width)
    assert len(written) == len(rows)
    for line in "\n".join(written).split("\n"):
        assert cells(line) <= width
    for row, text in zip(rows, written, strict=True):
        assert sorted("".join(text.split())) == sorted("".join("".join(row).split()))
