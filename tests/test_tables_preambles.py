"""Lines of a text file that are not rows of its table: preambles, comments, `sep=`."""

import gzip

import pandas as pd
import pytest

from nnplug.errors import DataError, SettingError
from nnplug.tables import ReadOptions, read_table

ROWS = "".join(f"{i % 7};{i % 7 * 3}.5\n" for i in range(50))


@pytest.fixture
def save(tmp_path):
    def save(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


def columns(table):
    return {column.name: column.values.tolist() for column in table.columns}


def refusal(path, **read):
    with pytest.raises(DataError) as caught:
        read_table(path, **read)
    return str(caught.value)


@pytest.mark.parametrize(
    "first", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\n", "SEP=;\n", "sep=; \n"]
)
def test_the_first_line_says_the_delimiter(save, first):
    text = save(first + "a;b,c\n1;2\n3;4\n")
    assert columns(read_table(text)) == {"a": [1, 3], "b,c": [2, 4]}


def test_a_tab_that_the_first_line_says(save):
    assert columns(read_table(save("sep=\\t\na\tb\n1\t2\n"))) == {"a": [1], "b": [2]}
    assert columns(read_table(save("sep=\t\na\tb\n1\t2\n"))) == {"a": [1], "b": [2]}
    # A delimiter that the user states is the user's.
    assert columns(read_table(save("sep=,\na;b\n1;2\n"), delimiter=";")) == {"a": [1], "b": [2]}
    # And a name that begins so is a name.
    assert columns(read_table(save("sep=;x\n1\n2\n"), delimiter=",")) == {"sep=;x": [1, 2]}


def test_lines_are_skipped_as_pandas_does(save):
    path = save('by "a tool, v2\n\n# second; line\na;b\n1;x\n\n2;y\n')
    expected = pd.read_csv(path, sep=";", skiprows=3)
    assert columns(read_table(path, skip=3)) == expected.to_dict("list")
    assert columns(read_table(save(b"\xef\xbb\xbfx\na,b\n1,2\n"), skip=1)) == {"a": [1], "b": [2]}
    packed = save(gzip.compress(b"\x84\na,b\n1,2\n"), "t.csv.gz")
    assert columns(read_table(packed, skip=1)) == {"a": [1], "b": [2]}
    utf_16 = save("note\na,b\n1,ü\n".encode("utf-16"))
    assert columns(read_table(utf_16, skip=1, encoding="utf-16")) == {"a": [1], "b": ["ü"]}
    assert refusal(path, skip=9) == (
        "t.csv: no lines are left in the file. A table needs names and rows."
    )


def test_comments_are_left_out_and_cells_are_not(save):
    path = save('# a\na,b\n# c\n1,"x\n# y"\n2,#z\n#\n3,u\n')
    found = columns(read_table(path, comment="#"))
    assert found == {"a": [1, 2, 3], "b": ["x\n# y", "#z", "u"]}
    assert columns(read_table(save("// a\na,b\n1,2\n"), comment="//")) == {"a": [1], "b": [2]}


def test_faults_have_their_lines_in_the_users_file(save):
    path = save("a tool\n#\na,b\n# c\n" + "1,2\n" * 9 + "1,x\n")
    assert refusal(path, skip=1, comment="#").startswith(
        't.csv:14: column "b": cannot read "x" as a number'
    )
    path = save("sep=;\na;b\n1;2\n1;2;3\n")
    assert refusal(path).startswith("t.csv:4: the row has 3 cells, the first line 2")
    path = save(b"sep=;\na;b\n1;\xff\n")
    assert refusal(path).startswith("t.csv:3: the file is not UTF-8 text")
    path = save("sep=;\n1;2\n")
    assert refusal(path).startswith('t.csv:2: the number "1" stands where')


@pytest.mark.parametrize(
    ("before", "said", "option"),
    [
        ("exported by a tool\n# second line\n", "the 2 lines before are", "skip=2"),
        ("exported by a tool\n", "the line before is", "skip=1"),
        ("Report;;;\n;;;\n", "the 2 lines before are", "skip=2"),
        ("2024\n\n", "the line before is", "skip=2"),
        ("# one; two\n# three\n", "the 2 lines before are", "comment=#"),
        ('a 5" pipe; and more\n\n"two\nlines"\n', "the 2 lines before are", "skip=4"),
    ],
)
def test_a_preamble_is_found_and_the_way_out_works(save, before, said, option):
    path = save(before + "x;y;z;w\n" + "".join(f"{i};{i / 2};u;v{i}\n" for i in range(20)))
    message = refusal(path)
    line = before.count("\n") + 1
    assert message.startswith(
        f't.csv: the table seems to begin on line {line}, with the names "x", "y", "z", "w";\n'
        f"{said} not as long as its rows: "
    )
    assert message.endswith(f"\nIf so: --read {option}")
    assert read_table(path, ReadOptions.parse([option])).names == ("x", "y", "z", "w")


@pytest.mark.parametrize(
    "text",
    [
        "a,b\nx,y\nx\nu,v\nu,w\n",  # one short row among text
        "a,b,c\nx,y\nu,v\n",  # names for more columns than there are
        "a,b\nx,y,z\nu,v,w\n",
        "a,b\n1,2\n1,2,3\n1,2\n",
    ],
)
def test_a_fault_is_not_taken_for_a_preamble(save, text):
    assert "t.csv:" in refusal(save(text))
    assert "seems to begin" not in refusal(save(text))


def test_comments_among_the_rows_have_their_way_out(save):
    path = save("a,b\n1,2\n# c\n3,4\n#\n")
    assert refusal(path).endswith("If the lines that begin with # are comments: --read comment=#")
    assert columns(read_table(path, comment="#")) == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize("text", ["skip=x", "skip=-1", "skip=1.5", f"skip={'9' * 5000}", "skip="])
def test_lines_to_skip_are_a_number(text):
    with pytest.raises(SettingError, match=r"read: skip=.*: it must be a number of lines"):
        ReadOptions.parse([text])


def test_a_comment_begins_with_a_sign():
    for text in ('comment="', "comment= "):
        with pytest.raises(SettingError, match="use a sign such as #"):
            ReadOptions.parse([text])


@pytest.mark.parametrize(
    ("name", "option", "what"),
    [
        ("t.parquet", "skip=1", "delimited text or a workbook"),
        ("t.jsonl", "delimiter=;", "delimited text"),
        ("t.csv", "table=x", "a database"),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(tmp_path, name, option, what):
    frame = pd.DataFrame({"a": [1, 2]})
    path = tmp_path / name
    if name == "t.parquet":
        frame.to_parquet(path)
    elif name == "t.jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)
    with pytest.raises(SettingError) as caught:
        read_table(path, ReadOptions.parse([option]))
    key = option.partition("=")[0]
    assert str(caught.value) == (
        f"{name}: --read {key}= says how {what} is read, and this is another file. Leave it out."
    )


def test_the_file_of_a_split_may_have_another_format(tmp_path):
    from nnplug.tables.preparation import with_file

    (tmp_path / "a.csv").write_text("note\na;b\n1;2\n")
    pd.DataFrame({"a": [3], "b": [4]}).to_parquet(tmp_path / "b.parquet")
    read = ReadOptions.parse(["skip=1", "delimiter=;"])
    joined, held = with_file(
        read_table(tmp_path / "a.csv", read), str(tmp_path / "b.parquet"), read
    )
    assert columns(joined) == {"a": [1, 3], "b": [2, 4]}
    assert held.tolist() == [False, True]
