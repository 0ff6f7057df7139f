"""JSON files: arrays of objects as pandas writes them, lines under this name, and others."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from nnplug.errors import DataError
from nnplug.tables import json_faults, read_table


def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "n": rng.integers(0, 9, 200),
        "x": rng.standard_normal(200),
        "city": rng.choice(['Ro"me', "Oslo, ü", "]}"], 200),
        "ok": rng.random(200) < 0.5,
        "gap": np.where(rng.random(200) < 0.2, np.nan, 1.5),
    })  # fmt: skip


def refusal(path, **read):
    with pytest.raises(DataError) as caught:
        read_table(path, **read)
    return str(caught.value)


def save(tmp_path, text, name="t.json"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "more",
    [
        {"orient": "records"},
        {"orient": "records", "indent": 2},
        {"orient": "records", "lines": True},
    ],
)
@pytest.mark.parametrize("before", ["", "\ufeff", " \n\n"])
def test_what_pandas_writes_is_read(tmp_path, more, before):
    text = frame().to_json(double_precision=15, **more)
    table = read_table(save(tmp_path, before + text))
    expected = frame().to_json(orient="records", double_precision=15)
    assert table.names == tuple(frame().columns)
    for column in table.columns:
        wanted = [each[column.name] for each in json.loads(expected)]
        missing = [each is None for each in wanted]
        assert (column.missing is not None and column.missing.any()) == any(missing)
        found = column.values.tolist()
        assert [f for f, m in zip(found, missing, strict=True) if not m] == [
            w for w in wanted if w is not None
        ]


def test_compressed(tmp_path):
    path = save(tmp_path, gzip.compress(b'[{"a": 1}, {"a": 2}]'), "t.json.gz")
    assert read_table(path).column("a").values.tolist() == [1, 2]


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table"])
def test_other_ways_of_pandas_are_refused_with_the_way_out(tmp_path, orient):
    path = save(tmp_path, frame().to_json(orient=orient))
    assert refusal(path) == (
        "t.json: the file is one object, and a table is an array of objects, one per row:\n"
        '[{"age": 31, "city": "Rome"}, ...]\n'
        'From pandas: frame.to_json("t.json", orient="records")'
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (frame().to_json(orient="values"), "t.json: record 1: the record is not an object"),
        ('[{"a": 1}, 2]', "t.json: record 2: the record is not an object"),
        ('[{"a": 1},\n {"a": 1, "a": 2}]', 't.json: record 2: the object has the key "a" twice'),
        ('[{"a": 1}, {"a": ', "t.json: record 2: the record is not JSON at position"),
        ('[{"a": 1} {"a": 2}]', "t.json: record 1: the record is not JSON at position 10"),
        ('[{"a": 1}, {"a": "x"}, {"a": 2}]', 'record 2: column "a": cannot read "x" as a number'),
        ('[{"a": 1}, {"a": [1]}, {"a": 2}]', 'record 2: column "a": cannot read [1] as a number'),
        ("[" * 100_000, "t.json: record 1: the record is nested too deeply"),
        ('[{"a": ' + "[" * 5000 + "]" * 5000 + "}]", "t.json: "),
        ('[{"a": 1}] {"a": 2}', "t.json: record 2: "),
        ("[]", "t.json: "),
        ("[1, 2", "t.json: record 1: the record is not an object"),
        ("x", "t.json: the file is neither an array nor lines of objects"),
        ("a,b\n1,2\n", "t.json: the file is neither an array nor lines of objects"),
        ('[{"a": "\udcff"}]'.encode("utf-8", "surrogateescape"), "t.json:1: the file is not UTF-8"),
        ('{"a": 1}\n{"a": \n', "t.json:2: the line is not JSON"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, said):
    assert said in refusal(save(tmp_path, text))


def test_another_encoding(tmp_path):
    path = save(tmp_path, '[{"a": "Köln"}]'.encode("utf-16"))
    assert read_table(path, encoding="utf-16").column("a").values.tolist() == ["Köln"]


def test_a_mark_of_missing_values_has_its_way_out(tmp_path):
    rows = [{"a": k, "b": 1} for k in range(20)] + [{"a": "n/a", "b": 2}]
    path = save(tmp_path, json.dumps(rows))
    assert refusal(path).endswith(
        "If so here: --read na=n/a\nIf the column is text: --categorical a\n"
        "Otherwise correct the file."
    )
    assert read_table(path, na="n/a").column("a").missing.sum() == 1
    assert read_table(path, text="a").column("a").kind == "text"


def test_places_are_found_in_an_array_longer_than_a_stretch(tmp_path, monkeypatch):
    monkeypatch.setattr(json_faults, "_STRETCH", 64)
    rows = [{"a": k, "b": "x" * (k % 90), "c": "}],"} for k in range(300)]
    rows[217]["a"] = "old"
    for indent in (None, 3):
        path = save(tmp_path, json.dumps(rows, indent=indent))
        assert refusal(path).startswith('t.json: record 218: column "a": cannot read "old" as a')
