"""`nnplug info --card` and `Model.card`: the card as a whole, and with hostile text in a file."""

from __future__ import annotations

import csv
import json
import re

import pytest
from markdown_it import MarkdownIt

import nnplug
from tests.cli.models import nnplug_command, nnplug_here
from tests.reliability.hostile import Sample

HOUSES = {
    "area": [30.0, 50.0, 70.0, 90.0] * 5,
    "town": ["Ulm", "Oslo", "Ulm", "Rome", *["Ulm", "Bonn"] * 8],
    "garden": [True, False] * 10,
    "built": [f"20{k:02}-06-01" for k in range(20)],
    "name": [f"house {k}" for k in range(20)],
    "price": [float(k) for k in range(20)],
}

CARD = """\
# Regression of price

A neural network, 10-2-1, 25 parameters, float32; made with nnplug VERSION.

## Data

- source: `houses.csv`
- rows for training: 16
- rows for validation: 4
- predicts: `price`

Columns:

- `area`: number; mean 60, standard deviation 22.36
- `town`: text, one of `Bonn`, `Ulm`
    - rare, with one input for all of them: `Oslo`, `Rome`
- `garden`: truth value; true in 0.5 of the rows
- `built`: date, with its place in the year, week

Columns that it does not use: `name`.

## Training

- share of rows held out, or how: `0.2`
- how they were chosen: `time:built`
- epochs at most: `2`
- rows in a batch: `32`
- patience: `20`
- seed: `0`
- epochs run: `2`
- started: `STARTED`
- ended by: `epochs`
- seconds: `SECONDS`
- `python` `PYTHON`
- `numpy` `NUMPY`
- command: `nnplug train houses.csv --target price --split time:built --hidden 2 --epochs 2 \
--recipe none --output houses`

## Scores

At epoch BEST, whose weights were kept:

- `loss`: LOSS
- `validation_loss`: VALIDATION
- `r2`: R2

`loss` is of the rows for training, the others are of the rows for validation. Those helped to \
choose the epoch, so expect a little less on new rows.

## Uncertainty

- intervals none at 0.9: 4 rows held out are too few

```console
$ nnplug predict houses/model.safetensors new.csv --interval 0.5
```

An interval or a set holds the truth of new rows as often as its level says, on average over \
rows like those that were held out. It says nothing of a group of them, or of rows of another \
time or place.

## Parts

- layer `dense:units=2` from `nnplug VERSION`
    - Dense: x·W + b, with W of shape (D, H).
- activation `relu` from `nnplug VERSION`
    - Rectified linear unit: max(x, 0) (Nair & Hinton, 2010, ICML).
- activation `identity` from `nnplug VERSION`
    - Identity: x.
- loss `mse` from `nnplug VERSION`
    - Mean squared error: (prediction - target)², averaged over rows and outputs.
- metric `r2` from `nnplug VERSION`, not needed to predict
    - Coefficient of determination R²: 1 - residual / total sum of squares.
- optimizer `adam:beta1=0.9,beta2=0.999,epsilon=1e-08,learning_rate=0.001` from \
`nnplug VERSION`, not needed to predict
    - Adam (Kingma & Ba, 2015, arXiv:1412.6980, Algorithm 1).
- schedule `constant:warmup=0.0` from `nnplug VERSION`, not needed to predict
    - A constant learning rate.
- initializer `glorot_uniform` from `nnplug VERSION`, not needed to predict
    - Uniform on ±√(6 / (fan\\_in + fan\\_out)) (Glorot & Bengio, 2010, AISTATS, eq. 16).

## Predict

```console
$ nnplug predict houses/model.safetensors new.csv -o answers.csv
```

```python
import nnplug

model = nnplug.load('houses/model.safetensors')
model.predict("new.csv")
```

New rows need the columns above, in any order.

## Export

To use it without nnplug:

- `nnplug export houses/model.safetensors --to onnx -o houses/model.onnx`
    - ONNX, with the columns as inputs.
    - onnxruntime.InferenceSession(FILE).run(None, cells), with cells of shape (N, 1) by column.
- `nnplug export houses/model.safetensors --to numpy -o houses/model.py`
    - A page of NumPy, to read and to run.
    - python FILE new.csv, or its function predict(columns).
- `nnplug export houses/model.safetensors --to sql -o houses/model.sql`
    - One statement for DuckDB, PostgreSQL or SQLite.
    - The statement reads the table data; sql:table=NAME names another, and dialect= the database.
- `nnplug export houses/model.safetensors --to c -o houses/model.c`
    - C99, a source and a header.
    - Compile it with -lm; NAME\\_predict(&row, values) answers.
- `nnplug export houses/model.safetensors --to js -o houses/model.mjs`
    - A JavaScript module, with a page on request.
    - import { predict } from FILE; predict(row) answers for an object of cells by column.

## Limits

- A missing number is replaced by the mean of the rows for training.
- A category that training did not see counts as a rare one; in a column without rare ones, as \
none of the known.
- Beyond 10 standard deviations from the mean, a number's effect grows as a logarithm. Answers \
outside of the range of the training data are extrapolations.
- Nothing is recorded about where the data comes from, whom it describes, what the model is \
meant for and what it must not be used for. Add that by hand.
"""


def test_the_card_of_a_run(tmp_path):
    with (tmp_path / "houses.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HOUSES, *zip(*HOUSES.values(), strict=True)])
    command = re.search(r"- command: `nnplug (.*)`", CARD)
    trained = nnplug_command(*command[1].split(), folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    record = json.loads((tmp_path / "houses" / "run.json").read_text())
    final = record["final"]
    words = {
        "VERSION": nnplug.__version__, "STARTED": record["started"],
        "SECONDS": format(record["seconds"], ".3g"), "PYTHON": record["versions"]["python"],
        "NUMPY": record["versions"]["numpy"], "BEST": str(record["best_epoch"]),
        "LOSS": format(final["loss"], ".6g"), "VALIDATION": format(final["validation_loss"], ".6g"),
        "R2": format(final["r2"], ".6g"),
    }  # fmt: skip
    wanted = re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[0]], CARD)
    done = nnplug_here("info", "houses", "--card", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == wanted


def test_without_a_record_what_is_not_known_is_said():
    model = nnplug.train("xor", epochs=2).model
    lines = model.card("my model.safetensors").splitlines()
    assert lines[0] == "# Binary"
    assert lines[4:9] == [
        "## Data", "", "- source: `xor`", "- rows: not recorded in the model file",
        "- classes: `0`, `1`",
    ]  # fmt: skip
    assert "- inputs, an array of numbers: `a`, `b`" in lines
    scores = lines.index("## Scores")
    assert lines[scores + 2 : scores + 7] == [
        "The model file has no scores. To compute them on rows of your choice:", "",
        "```console", "$ nnplug evaluate 'my model.safetensors' new.csv", "```",
    ]  # fmt: skip
    assert "model.predict(X)  # (N, 2)" in lines
    assert lines[lines.index("## Limits") + 2 :] == [
        "- Whether the probabilities are calibrated is not recorded.",
        "- Scores, rows and the time of training are in the run's folder, not in the file.",
        "- Nothing is recorded about where the data comes from, whom it describes, what the model "
        "is meant for and what it must not be used for. Add that by hand.",
    ]


def test_scores_without_rows_held_out_are_called_what_they_are():
    model = nnplug.train("xor", epochs=2).model
    card = model.card(record={"data": {"training": 4}, "final": {"loss": 0.25, "learning_rate": 1}})
    assert (
        "\n## Scores\n\n- `loss`: 0.25\n\n"
        "No rows were held out: these are scores on the rows for training.\n"
    ) in card
    assert "- rows for training: 4\n" in card


def test_parts_that_are_not_installed(tmp_path):
    nnplug.train("xor", epochs=1).save(tmp_path / "m.safetensors")
    sample = Sample.of((tmp_path / "m.safetensors").read_bytes())
    parts = sample.document["content"]["parts"]
    parts["layers"][1] |= {"package": "nnplug-mush", "version": "1.2.3", "name": "mush"}
    (tmp_path / "m.safetensors").write_bytes(sample.bytes())
    done = nnplug_here("info", "m.safetensors", "--card", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "- activation `mush` from `nnplug-mush 1.2.3`\n"
        "    - not installed where this card was written, so there is no description\n"
    ) in done.stdout
    assert "```console\n$ pip install nnplug-mush==1.2.3\n```\n" in done.stdout


HOSTILE = (
    "<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](https://example.org/x.png)",
    "a`b``c", "`", "\n# Heading\n", "```\n<b>", "| a | b |", "<!-- ", "&lt;b&gt;",
    "\x1b]0;owned\x07", "\u202ebackwards", "https://example.org", "*bold* _it_ ~~s~~ $x$ \\",
)  # fmt: skip


def elements(text):
    """List the kinds of elements that a Markdown reader makes of a text, code left out."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    inline = (token for token in reader.parse(text) for token in [token, *(token.children or ())])
    return {token.type for token in inline}


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_a_file_is_neither_markdown_nor_html(evil, tmp_path):
    table = {"a": [1.0, 2.0, 3.0, 4.0], "b": ["x", "y"] * 2, "c": ["p", "q"] * 2}
    run = nnplug.train(table, target="c", hidden=2, epochs=1, validation=0)
    run.save(tmp_path / "m.safetensors")
    sample = Sample.of((tmp_path / "m.safetensors").read_bytes())
    plain = elements(nnplug_here("info", "m.safetensors", "--card", folder=tmp_path).stdout)
    content = sample.document["content"]
    encoder = content["encoder"]
    encoder["target"][0] = evil
    content["classes"] = encoder["classes"] = encoder["columns"][1]["categories"] = sorted(
        [evil, "x"]
    )
    encoder["columns"][0]["name"] = evil + "1"
    encoder["left_out"] = [evil + "2"]
    content["settings"]["data"] = content["settings"]["split"] = evil
    content["parts"]["optimizer"][0]["options"]["beta1"] = evil
    (tmp_path / "m.safetensors").write_bytes(sample.bytes())
    done = nnplug_here("info", "m.safetensors", "--card", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert elements(done.stdout) <= plain | {"text_special"}  # an escaped letter
    assert done.stdout.count("\n# ") + done.stdout.count("\n## ") == 8
    assert done.stdout.replace("\n", "").isprintable()
    assert "<script" not in re.sub(r"(?s)(`+).*?\1", "", done.stdout)


def test_one_form_at_a_time(tmp_path):
    nnplug.train("xor", epochs=1).save(tmp_path / "m.safetensors")
    done = nnplug_here("info", "m.safetensors", "--card", "--json", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --json and --card are two forms of the answer: choose")
