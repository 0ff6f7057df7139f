"""What objects say of themselves: at a prompt, as a summary, in a notebook."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.errors import SettingError, StorageError

IRIS = Path(__file__).parents[1] / "examples" / "iris.csv"
EVIL = "<script>alert('x')</script>\x1b[2J&\u202e"


@pytest.fixture(scope="module")
def run():
    return nnplug.train(IRIS, target="species", epochs=4, hidden=(6, 5), metrics=["accuracy"])


@pytest.fixture(scope="module")
def evil():
    """A run on data whose names are hostile."""
    rng = np.random.default_rng(0)
    data = {f"{EVIL}{k}": rng.normal(size=40) for k in range(2)}
    data[f"target{EVIL}"] = np.array([f"a{EVIL}", f"b{EVIL}"])[rng.integers(0, 2, 40)]
    return nnplug.train(data, target=f"target{EVIL}", epochs=2, hidden=3)


def objects(run):
    return [run, run.history, run.network, run.model]


class Page(HTMLParser):
    """The tags of a page, the cells of its tables, and whether all is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], set(), []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attributes)
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())


def test_everything_is_short_at_a_prompt(run):
    assert repr(run) == "<run on iris.csv: network 4-6-5-3, 83 parameters, float32; 4 epochs>"
    assert repr(run.model) == "<model of multiclass: 4-6-5-3, 83 parameters, float32>"
    for each in (*objects(run), run.model.info, run.model.encoder, run.rows):
        assert len(repr(each)) < 100


def test_a_summary_says_what_was_trained_and_how_well(run):
    lines = run.summary().splitlines()
    assert lines[0] == repr(run)[1:-1]
    assert "  data       iris.csv: 120 rows, 30 for validation; multiclass" in lines
    assert "  epochs     4 of 4: all epochs done" in lines
    # 4·6 + 6, 6·5 + 5, 5·3 + 3
    assert [line.split()[-1] for line in lines if "→" in line] == ["30", "35", "18"]
    loss = next(line.split() for line in lines if line.startswith("  loss   ") and "." in line)
    assert loss[1:] == [f"{run.history['loss'][place]:.4g}" for place in (0, -1)]
    assert "cross_entropy" in run.model.summary()
    assert max(map(len, lines)) <= 80
    assert max(map(len, run.model.summary(50).splitlines())) <= 50


def test_the_best_epoch_is_in_the_summary_where_it_is_not_the_last():
    run = nnplug.train(IRIS, target="species", epochs=30, learning_rate=0.3, seed=1)
    best = run.history.best
    assert best not in (None, 29)
    assert f"best epoch, {best}" in run.history.summary()
    assert f"{run.history['validation_loss'][best]:.4g}" in run.history.summary()


def test_learned_options_count_as_the_parameters_of_their_layer():
    learned = nnplug.trainable(0.5)

    @nnplug.activation
    def bent(x, slope=learned):
        """Bent."""
        return np.maximum(x, 0) + slope * np.minimum(x, 0)

    run = nnplug.train("xor", activation=bent, hidden=3, epochs=2)
    assert [line.split()[-1] for line in run.network.summary().splitlines() if "→" in line] == [
        str(2 * 3 + 3 + 1), str(3 + 1),
    ]  # fmt: skip


def test_a_network_of_any_layers_is_a_list_with_what_a_layer_holds_below_it():
    run = nnplug.runs.preparing.prepare(
        IRIS,
        target="species",
        layers="dense:32 batch_norm gelu dropout:0.2 residual[dense:32 relu dense:32] swiglu:16",
    )
    assert run.network.summary().splitlines() == [
        "network dense:32 batch_norm gelu dropout:0.2 residual[dense:32 relu dense:32]",
        "swiglu:16; 4 inputs, 3 outputs, 3,443 parameters, float32",
        "",
        "  layer               units    parts             parameters  state",
        "  hidden1             4 → 32   dense:32          160",  # 4·32 + 32
        "  batch_norm1         32 → 32  batch_norm        64          64",
        "  hidden1             32 → 32  gelu dropout:0.2",
        "  residual1           32 → 32  residual",
        "    residual1.dense1  32 → 32  dense:32          1,056",  # 32·32 + 32
        "    residual1.relu1   32 → 32  relu",
        "    residual1.dense2  32 → 32  dense:32          1,056",
        "  swiglu1             32 → 16  swiglu:16         1,056",  # 2·(32·16 + 16)
        "  output              16 → 3   dense:3 identity  51",  # 16·3 + 3
    ]
    assert max(map(len, run.model.summary().splitlines())) <= 80
    assert ">&nbsp;&nbsp;  residual1.dense1<" in run.network._repr_html_()
    form = repr(run.network)[1:-1]
    assert form in repr(run)
    assert repr(run.model) == f"<model of multiclass: {form.removeprefix('network ')}>"


def test_a_notebook_shows_the_tables_of_the_summary(run):
    for each in objects(run):
        page = Page(each._repr_html_())
        assert page.tags <= {"p", "b", "table", "thead", "tbody", "tr", "th", "td", "style", "div",
                             "svg", "rect", "line", "text", "polyline", "circle", "path", "ul",
                             "li", "span", "wbr", "g", "title"}  # fmt: skip
        assert page.texts[0] == repr(each)[1:-1]
    page = Page(run._repr_html_())
    assert "svg" in page.tags
    assert {"4 → 6", "30", "all epochs done"} <= {*page.texts, "all epochs done"}
    assert "by epoch" not in run.model._repr_html_()


def test_what_comes_from_data_is_escaped(evil):
    for each in objects(evil):
        html = each._repr_html_()
        assert "script" not in Page(html).tags
        assert "\x1b" not in html
        assert "\u202e" not in html
        text = each.summary()
        assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "&lt;script&gt;alert(&#x27;x&#x27;)" in evil.model._repr_html_()
    assert r"\x1b[2J&\u202e" in evil.model.summary()


def test_a_run_that_was_not_trained_says_so():
    run = nnplug.runs.preparing.prepare(IRIS, target="species", epochs=5)
    assert "epochs     0 of 5: not done" in run.summary()
    assert "by epoch" not in run._repr_html_()
    assert run.history.summary().startswith("history of 0 epochs")
    assert repr(run.plot()) == "no loss is finite: there is nothing to draw"


# --- curves --------------------------------------------------------------------------


def test_the_curves_of_a_run(run, tmp_path):
    picture = run.plot()
    assert len(re.findall("<svg ", picture._repr_html_())) == 2
    assert Page(picture._repr_html_()).texts.count("validation loss") == 1
    assert "* loss   o validation loss" in repr(picture)
    picture.save(tmp_path / "curves.html")
    page = (tmp_path / "curves.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?://|<script|@import|url\(", page)
    with pytest.raises(StorageError, match=r"curves\.html"):
        picture.save(tmp_path / "curves.html")
    picture.save(tmp_path / "curves.html", overwrite=True)
    with pytest.raises(SettingError, match=r"curves\.png: this picture is saved as \.html"):
        picture.save(tmp_path / "curves.png")


# --- data frames -----------------------------------------------------------------------


def test_a_history_is_a_data_frame(run):
    frame = run.history.to_frame()
    wanted = pd.DataFrame(
        [{"loss": each.loss, "learning_rate": each.learning_rate,
          "validation_loss": each.validation_loss, **each.metrics} for each in run.history]
    )  # fmt: skip
    wanted.index.name = "epoch"
    pd.testing.assert_frame_equal(frame, wanted)
    assert frame["loss"].idxmin() == int(np.argmin(run.history["loss"]))
    assert pd.DataFrame(run.history.columns).equals(frame.reset_index(drop=True))


def test_without_pandas_the_way_out_is_said(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas, or use history\.columns"):
        run.history.to_frame()
