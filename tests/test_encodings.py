"""Encodings: the formulas, the facts that they get, how they are chosen, and what keeps them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

import nnplug
from nnplug.builtin import encodings as builtin
from nnplug.cli import cli
from nnplug.errors import DataError, ModelFileError, NnplugError, PartError
from nnplug.plugins.registry import Registry
from nnplug.runs.encoding_setting import Encodings
from nnplug.runs.preparing import prepare
from nnplug.tables import Encoder, sample
from nnplug.tables.dates import Dates, place_in
from nnplug.tables.encodings import Categories, Scale
from nnplug.tables.sample import Sample
from nnplug.tables.summary import NumberSummary, years
from nnplug.tables.table import make_column
from nnplug.tables.wishes import TableOptions

RNG = np.random.default_rng(5)
N = 90
SIZE = RNG.gamma(2.0, 3.0, N)
TABLE = {
    "size": SIZE.tolist(),
    "gap": [None if k % 10 == 3 else float(v) for k, v in enumerate(RNG.normal(20, 4, N))],
    "kind": [None if k % 30 == 7 else v for k, v in enumerate(RNG.choice([*"abc"], N).tolist())],
    "when": np.datetime64("2019-03-01T00:00:00", "us") + RNG.integers(0, 20_000, N) * 3600 * 10**6,
    "y": (np.sin(SIZE) + RNG.normal(size=N)).tolist(),
}


def run_of(encoding, **more):
    return prepare(TABLE, target="y", encoding=encoding, **{"validation": 0.0, **more})


def inputs(encoding, *names, **more):
    """Prepare a run, and give its inputs, of columns whose names begin so."""
    rows = run_of(encoding, dtype="float64", **more).rows
    places = [k for k, feature in enumerate(rows.features) if feature.startswith(names)]
    return rows.inputs[:, places]


# --- the default, as formulas -------------------------------------------------------------


def test_standard_is_the_default_of_numbers_to_the_bit():
    values = np.concatenate([SIZE, [0, -0.0, 1e3, -1e9, 1e300, 5e-324, 63.0]])
    scale = Scale("x", "number", float(SIZE.mean()), float(SIZE.std()), 0.0)
    column = make_column("x", "number", values)
    found = np.zeros((len(values), 1))
    scale.writer(column, "t")(slice(None), found)
    (made,) = builtin.standard.columns(values, {"mean": scale.mean, "deviation": scale.scale})
    assert made.tobytes() == found[:, 0].tobytes()


def test_one_hot_is_the_default_of_text():
    words = ["a", "c", "b", "rare", "new", "a"]
    text = Categories("kind", ("a", "b", "c"), ("rare", "scarce"))
    column = make_column("kind", "text", np.array(words, object))
    found = np.zeros((len(words), 4))
    text.writer(column, "t")(slice(None), found)
    places = text.places(column.words)[column.data].astype(float)
    made = builtin.one_hot.columns(places, {"counts": (9.0, 9.0, 9.0, 2.0)})
    np.testing.assert_array_equal(np.stack(made, axis=1), found)


def test_date_parts_are_the_default_of_dates_to_the_bit():
    instants = TABLE["when"]
    dates = Dates("when", 49.5, 0.7, ("year", "week", "day"))
    found = np.zeros((N, 7))
    dates.writer(make_column("when", "date", instants), "t")(slice(None), found)
    cycles = {cycle: place_in(instants, cycle) for cycle in dates.cycles}
    facts = {"mean": dates.mean, "deviation": dates.scale, **cycles}
    made = builtin.date_parts.columns(years(instants), facts)
    assert np.stack(made, axis=1).tobytes() == found.tobytes()


def test_naming_the_defaults_changes_nothing():
    usual, named = run_of(None), run_of("standard one_hot date_parts")
    assert named.rows.features == usual.rows.features
    assert named.rows.inputs.tobytes() == usual.rows.inputs.tobytes()
    assert usual.settings.table["encoding"] == {}
    assert named.settings.table["encoding"] == {
        "*": "standard:far=10.0 one_hot date_parts:yearly=true,weekly=true,daily=true"
    }


# --- the formulas ------------------------------------------------------------------------


def test_piecewise_linear_counts_the_distance_through_the_bins():
    made = inputs("piecewise_linear:bins=6", "size")
    edges = np.quantile(SIZE, np.arange(7) / 6)
    assert made.shape == (N, 6)
    # Going through the bins from the first edge, as far as each share says, one is at x.
    np.testing.assert_allclose(edges[0] + made @ np.diff(edges), SIZE, rtol=1e-12)
    later, earlier = made[:, 1:], made[:, :-1]
    assert ((later == 0) | (earlier == 1)).all()
    outside = builtin.piecewise_linear.columns(np.array([-1e9, 1e9]), {"edges": tuple(edges)})
    assert np.stack(outside, axis=1).tolist() == [[0.0] * 6, [1.0] * 6]


def test_equal_quantiles_are_one_edge():
    table = {"x": [0.0] * 40 + [1.0] * 17 + [2.0] * 8, "y": np.arange(65.0)}
    rows = prepare(table, target="y", encoding="piecewise_linear", validation=0.0).rows
    assert rows.features == ("x.piecewise_linear1", "x.piecewise_linear2")
    assert np.unique(rows.inputs, axis=0).tolist() == [[0, 0], [1, 0], [1, 1]]


def test_quantile_gives_the_normal_score_of_the_rank():
    made = inputs("quantile:shares=20", "size")[:, 0]
    edges, scores = (
        np.quantile(SIZE, np.arange(21) / 20),
        stats.norm.ppf((np.arange(21) + 0.5) / 21),
    )
    np.testing.assert_allclose(made, np.interp(SIZE, edges, scores), rtol=1e-12, atol=1e-13)
    # Of equal quantiles, a step.
    (tied,) = builtin.quantile.columns(np.array([0.9, 1.0]), {"edges": (0.0, 1.0, 1.0, 2.0)})
    quarter, three = stats.norm.ppf([0.375, 0.625])
    np.testing.assert_allclose(tied[1], three, rtol=1e-12)
    assert tied[0] < quarter


def test_robust_clip_and_log_by_hand():
    low, median, high = np.percentile(SIZE, [25, 50, 75])
    z = (SIZE - median) / (high - low)
    np.testing.assert_allclose(
        inputs("robust_clip", "size")[:, 0], z / np.sqrt(1 + z**2 / 9), rtol=1e-12
    )
    logs = (np.log(1 + SIZE) - np.log(1 + median)) / np.log((1 + high) / (1 + low))
    np.testing.assert_allclose(inputs("log", "size")[:, 0], logs, rtol=1e-9, atol=1e-12)
    # Where the quartiles are equal, half the range is the unit.
    facts = {"median": 1.0, "lower_quartile": 1.0, "upper_quartile": 1.0, "minimum": 0.0,
             "maximum": 8.0}  # fmt: skip
    (made,) = builtin.robust_clip.columns(np.array([5.0, 1e300]), facts)
    np.testing.assert_allclose(made, [1 / np.sqrt(1 + 1 / 9), 3], rtol=1e-12)


def test_ordinal_goes_through_the_alphabet():
    column = inputs({"kind": "ordinal"}, "kind")
    places = {"a": -1.0, "b": -1 / 3, "c": 1 / 3, None: 1.0}  # a missing one is the last
    np.testing.assert_allclose(column[:, 0], [places[word] for word in TABLE["kind"]])


# --- one of another, and side by side -------------------------------------------------------


def test_one_of_another_gets_the_facts_of_its_input():
    rows = run_of({"size": "standard[log:unit=0.5]"}, dtype="float64").rows
    place = rows.features.index("size.standard[log]")
    logs = np.log1p(2 * SIZE)  # standard takes back any shift and scale
    np.testing.assert_allclose(
        rows.inputs[:, place], (logs - logs.mean()) / logs.std(), rtol=1e-9, atol=1e-12
    )


def test_one_of_categories_gets_the_facts_of_the_rows():
    found = run_of(
        {"kind": "standard[ordinal] robust_clip[ordinal]"}, dtype="float64", validation=0
    ).rows
    places = {"a": -1.0, "b": -1 / 3, "c": 1 / 3, None: 1.0}
    x = np.array([places[word] for word in TABLE["kind"]])
    lower, median, upper = np.quantile(x, [0.25, 0.5, 0.75])
    clipped = (x - median) / (upper - lower)
    wanted = np.column_stack([(x - x.mean()) / x.std(), clipped / np.sqrt(1 + (clipped / 3) ** 2)])
    first = found.features.index("kind.standard[ordinal]")
    np.testing.assert_allclose(found.inputs[:, first : first + 2], wanted, rtol=1e-9, atol=1e-12)


def test_inputs_stand_side_by_side_with_names_and_the_gaps_last():
    rows = run_of("piecewise_linear:bins=2 robust_clip piecewise_linear:bins=3").rows
    assert [name for name in rows.features if name.startswith("gap")] == [
        "gap.piecewise_linear:bins=21", "gap.piecewise_linear:bins=22", "gap.robust_clip",
        "gap.piecewise_linear:bins=31", "gap.piecewise_linear:bins=32",
        "gap.piecewise_linear:bins=33", "gap=(missing)",
    ]  # fmt: skip


def test_a_missing_number_is_encoded_as_the_mean_and_told():
    missing = np.array([value is None for value in TABLE["gap"]])
    present = np.array([value for value in TABLE["gap"] if value is not None])
    made = inputs("quantile robust_clip", "gap")
    (mean,) = builtin.quantile.columns(
        np.array([present.mean()]),
        {"edges": tuple(np.quantile(present, np.arange(33) / 32))},
    )
    assert made.shape == (N, 3)
    np.testing.assert_allclose(made[missing, 0], mean[0], rtol=1e-12)
    np.testing.assert_array_equal(made[:, 2], missing)


def test_a_missing_date_is_0_in_all_inputs():
    when = TABLE["when"].copy()
    when[4] = "NaT"
    rows = prepare({"when": when, "y": SIZE}, target="y", validation=0.0,
                   encoding={"when": "standard date_parts:daily=false"}).rows  # fmt: skip
    assert rows.inputs[4].tolist() == [0] * 6 + [1]
    assert rows.features[-1] == "when=(missing)"


def test_facts_come_from_the_rows_for_training_alone():
    changed = {**TABLE, "size": SIZE.copy()}
    first = run_of("robust_clip piecewise_linear", validation=0.3)
    changed["size"][first.validation_rows] = 1e6
    second = prepare(changed, target="y", encoding="robust_clip piecewise_linear", validation=0.3)
    assert second.rows.encoder.to_dict() == first.rows.encoder.to_dict()
    kept = first.train_rows
    np.testing.assert_array_equal(second.rows.inputs[kept], first.rows.inputs[kept])


def test_each_column_may_have_its_own_and_the_others_theirs():
    encoding = {"size": "log", "*": "robust_clip ordinal"}
    features = run_of(encoding).rows.features
    assert features[:4] == ("size.log", "gap.robust_clip", "gap=(missing)", "kind.ordinal")
    assert all(feature.startswith("when.") for feature in features[4:])  # as by default


def test_several_inputs_of_a_text_column():
    rows = run_of({"kind": "one_hot ordinal"}).rows
    assert [name for name in rows.features if name.startswith("kind")] == [
        "kind.one_hot1", "kind.one_hot2", "kind.one_hot3", "kind.one_hot4", "kind.ordinal",
    ]  # fmt: skip


# --- how they are written --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("robust_clip", {"*": "robust_clip"}),
        ("piecewise_linear:bins=16 robust_clip", {"*": "piecewise_linear:bins=16 robust_clip"}),
        ("robust_clip[log:unit=2]", {"*": "robust_clip[log:unit=2]"}),
        ("nnplug-own/mine:a=1", {"*": "nnplug-own/mine:a=1"}),
        ("price=log", {"price": "log"}),
        ("price=standard:far=3[log:unit=2]", {"price": "standard:far=3[log:unit=2]"}),
        ("the price, in $=log robust_clip", {"the price, in $": "log robust_clip"}),
        ("*=log", {"*": "log"}),
    ],
)
def test_the_option_names_all_columns_or_one(text, found):
    assert Encodings().parse(text) == found


def test_the_option_is_repeated_but_for_the_same_column():
    both = Encodings().check([{"*": "log"}, {"a": "standard"}])
    assert both == {"*": "log", "a": "standard"}
    with pytest.raises(ValueError, match="it must give the encodings of column 'a' once"):
        Encodings().check([{"a": "log"}, {"a": "standard"}])
    with pytest.raises(ValueError, match="as 'piecewise_linear:bins=16 robust_clip', or those of"):
        Encodings().check({"a": 3})


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        (
            {"size": "log,robust_clip"},
            "encoding of column \"size\" = 'log,robust_clip': 'log,robust_clip' is not the name "
            "of a part.\nWrite name, name:key=value,key=value or package/name.\nWrite encodings "
            "side by side with a space between, 'log robust_clip', and one of another in brackets: "
            "'robust_clip[log]'.",
        ),
        ("robust_clipp", "There is no encoding 'robust_clipp'. Did you mean 'robust_clip'"),
        ("piecewise_linear:bins=0", "bins=0: it must be at least 1 and at most 1000."),
        ("log[", "encoding = 'log[': 'log[': a [ without a ] after it."),
        ("standard[log log]", "'standard' holds 2 encodings; it takes the one input of another."),
        ("standard[standard[standard[standard[log]]]]", "are more than 4 deep."),
        ("ordinal[log]", "'ordinal' takes categories, not the input of another encoding."),
        (
            {"size": "standard[piecewise_linear:bins=3]"},
            "encoding 'standard' takes one input, and piecewise_linear:bins=3 makes 3.\nPut them "
            "side by side: 'piecewise_linear:bins=3 standard'.",
        ),
        (
            {"kind": "log"},
            "column \"kind\" holds text, and encoding 'log' takes numbers.\n",
        ),
        ({"size": "date_parts"}, "encoding 'date_parts' takes dates."),
        (
            {"sise": "log"},
            "encoding: there is no column \"sise\" to predict from. Did you mean 'size'?",
        ),
        ({"y": "log"}, 'encoding: there is no column "y" to predict from.'),
        (3, "encoding=3: it must be encodings by their text form, as"),
    ],
)
def test_what_cannot_be_chosen(encoding, message):
    with pytest.raises(NnplugError) as caught:
        run_of(encoding)
    assert message in str(caught.value)


def test_arrays_have_no_columns_to_encode():
    with pytest.raises(NnplugError, match="arrays has no named columns to choose or to encode"):
        prepare((np.zeros((4, 1)), np.arange(4.0)), encoding="log")


def test_a_formula_that_is_not_finite_names_row_and_value():
    @nnplug.encoding
    def inverse(x, mean):
        return mean / x

    table = {"x": [1.0, 2.0, 0.0, 4.0], "y": [1.0, 2.5, 3.0, 4.0]}
    with pytest.raises(DataError) as caught:
        prepare(table, target="y", encoding={"x": inverse}, validation=0.0)
    assert re.search(
        r'column "x" holds 0 in row 3, for which encoding \'inverse\' \(.*test_encodings.py:\d+\) '
        r"gives no finite number\.\nChoose another encoding",
        str(caught.value),
    )


def test_what_a_formula_may_declare():
    with pytest.raises(PartError, match=r"edges = quantiles\('bins'\): there is no such whole opt"):
        nnplug.encoding(lambda_named("def f(x, edges=nnplug.quantiles('bins')): return x"))
    with pytest.raises(PartError, match=r"the option may be 0\.\nSay what it may be"):
        nnplug.encoding(
            lambda_named("def f(x, edges=nnplug.quantiles('bins'), *, bins=4): return x")
        )
    with pytest.raises(PartError, match="categories have no quantiles"):
        nnplug.encoding(takes="category")(
            lambda_named("def f(x, edges=nnplug.quantiles(4)): return x")
        )
    with pytest.raises(PartError, match="edges is a quantiles, which only an encoding may declare"):
        nnplug.activation(lambda_named("def f(x, edges=nnplug.quantiles(4)): return x"))
    with pytest.raises(PartError, match="quantiles: 0 is neither a whole number above 0 nor"):
        nnplug.quantiles(0)
    with pytest.raises(PartError, match="takes='words' is none of number, category, date"):
        nnplug.encoding(takes="words")(lambda_named("def f(x): return x"))


def lambda_named(text):
    namespace = {"nnplug": nnplug}
    exec(text, namespace)
    return namespace["f"]


# --- facts of many rows ----------------------------------------------------------------------


def test_all_numbers_of_few_chunks_are_the_sample():
    drawn = Sample()
    for chunk in np.array_split(SIZE, 7):
        drawn.add(chunk)
    np.testing.assert_array_equal(drawn.values, SIZE)


def test_a_sample_is_uniform_within_its_bound_and_does_not_depend_on_chunks(monkeypatch):
    monkeypatch.setattr(sample, "SAMPLE", 20_000)
    numbers = np.arange(200_000.0)  # in order, so that the first ones are no sample
    found = []
    for chunks in (13, 200):
        summary = NumberSummary()
        for chunk in np.array_split(numbers, chunks):
            summary.add(chunk)
        assert len(summary.sample) == 20_000
        found.append(sorted(summary.sample.tolist()))
        shares = np.arange(1, 16) / 16
        off = np.abs(np.array(summary.quantiles(shares)) / 200_000 - shares).max()
        assert off < np.sqrt(np.log(2e6) / (2 * 20_000))  # the bound that is stated
    assert found[0] == found[1]


def test_a_stream_gives_the_facts_of_the_table_in_memory(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "size,kind,y\n" + "".join(f"{a!r},{k or 'z'},{y!r}\n" for a, k, y in
                                  zip(TABLE["size"], TABLE["kind"], TABLE["y"], strict=True))
    )  # fmt: skip
    given = {"target": "y", "encoding": "piecewise_linear:bins=4 robust_clip[log] ordinal"}
    memory, stream = (prepare(path, stream=stream, **given).rows for stream in (False, True))
    assert stream.disk is not None
    assert stream.encoder.to_dict() == memory.encoder.to_dict()
    assert stream.features == memory.features


# --- what keeps them ----------------------------------------------------------------------------

EVERY = {
    "*": "piecewise_linear:bins=3 robust_clip",
    "size": "standard[log] quantile:shares=5",
    "kind": "ordinal",
    "when": "date_parts:weekly=false",
}


@nnplug.encoding
def waves(x, minimum, maximum, *, count=2):
    """Waves: sine and cosine over the range."""
    turns = 2 * np.pi * (x - minimum) / (maximum - minimum)
    return tuple(wave(k * turns) for k in range(1, count + 1) for wave in (np.sin, np.cos))


@pytest.fixture
def registry():
    registry = Registry()
    registry.register(waves)
    return registry


def test_a_model_keeps_facts_and_formulas(tmp_path, registry):
    run = nnplug.train(
        TABLE, target="y", encoding={**EVERY, "gap": "waves:count=3"}, epochs=2, registry=registry
    )
    run.save(tmp_path / "model.safetensors")
    new = {name: values[:20] for name, values in TABLE.items() if name != "y"}
    new["kind"] = ["never seen", *new["kind"][1:]]
    loaded = nnplug.load(tmp_path / "model.safetensors", registry=registry)
    np.testing.assert_array_equal(loaded.predict(new), run.predict(new))
    assert [record.text for record in loaded.info.parts["encodings"]] == [
        "log:unit=1.0", "standard:far=10.0", "quantile:shares=5", "waves:count=3", "ordinal",
        "date_parts:daily=true,weekly=false,yearly=true",
    ]  # fmt: skip
    described = dict(loaded.info.described())
    assert described["from"] == "size, gap, kind, when"
    assert "size: standard:far=10.0[log:unit=1.0] quantile:shares=5" in described["encoding"]
    with pytest.raises(ModelFileError, match="encoding waves is not from a package but from a fil"):
        nnplug.load(tmp_path / "model.safetensors", registry=Registry())


def test_a_model_without_them_has_no_word_of_them(tmp_path):
    run = nnplug.train(TABLE, target="y", epochs=1)
    state = run.model.info.to_dict()
    assert "encodings" not in state["parts"]
    assert {column["kind"] for column in state["encoder"]["columns"]} == {"number", "text", "date"}


def test_a_run_is_resumed_and_repeated_to_the_bit(tmp_path):
    given = {"target": "y", "encoding": EVERY, "seed": 3}
    whole = nnplug.train(TABLE, **given, epochs=6)
    half = nnplug.train(TABLE, **given, epochs=3, output=tmp_path / "run")
    assert half.configuration().settings["encoding"]["size"] == (
        "standard:far=10.0[log:unit=1.0] quantile:shares=5"
    )
    resumed = nnplug.resume(tmp_path / "run", data=TABLE, epochs=6)
    assert resumed.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()


def test_every_value_of_a_file_is_checked():
    encoder = run_of({"size": "piecewise_linear:bins=4", "kind": "ordinal one_hot"}).rows.encoder
    state = json.loads(json.dumps(encoder.to_dict()))
    assert Encoder.from_dict(state, encoder.parts) == encoder
    for column, path, value, message in [
        (0, ("part",), 7, 'an encoding of "size" is none of its'),
        (0, ("part",), True, 'an encoding of "size" is none of its'),
        (0, ("facts", "edges"), [3, 1], "edges .* not in order"),
        (0, ("facts", "edges"), [1] * 6, "edges .* has 6 numbers"),
        (0, ("facts", "edges"), [1, None], "the fact edges of"),
        (0, ("facts",), {}, "edges"),
        (2, ("facts", "counts"), [1.0], "counts .* has 1 number"),
    ]:
        state = json.loads(json.dumps(encoder.to_dict()))
        *way, last = path
        place = state["columns"][column]["encodings"][0][0]
        for key in way:
            place = place[key]
        place[last] = value
        with pytest.raises(ModelFileError, match=message):
            Encoder.from_dict(state, encoder.parts)
    for encodings, message in [([[]], "has 0 parts"), ([], '"size" has no encodings')]:
        state["columns"][0]["encodings"] = encodings
        with pytest.raises(ModelFileError, match=message):
            Encoder.from_dict(state, encoder.parts)


def test_an_encoder_can_be_fitted_by_itself(registry):
    options = TableOptions.of({"encoding": {"*": "waves"}}, registry)
    table = nnplug.tables.table_of({"x": [0.0, 1.0, 4.0], "y": [1.0, 0.0, 3.0]})
    encoder = Encoder.fit(table, target="y", options=options)
    assert encoder.features == ("x.waves1", "x.waves2", "x.waves3", "x.waves4")
    np.testing.assert_allclose(encoder.inputs(table)[1], [1, 0, 0, -1], atol=1e-15)


def test_the_command_line_trains_predicts_and_examines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{a!r},{k or ''},{y!r}" for a, k, y in
             zip(TABLE["size"], TABLE["kind"], TABLE["y"], strict=True)]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(["size,kind,y", *lines]))
    call = CliRunner().invoke
    chosen = ["--encoding", "piecewise_linear:bins=4 robust_clip", "--encoding", "kind=ordinal"]
    done = call(cli, ["train", "t.csv", "--target", "y", *chosen, "--epochs", "2", "--output", "r"])
    assert done.exit_code == 0, done.stderr
    assert "network 6-100-1" in done.stderr
    done = call(cli, ["predict", "r", "t.csv"])
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, N + 1)
    done = call(cli, ["info", "r"])
    assert "piecewise_linear:bins=4 robust_clip:limit=3.0; kind: ordinal" in done.stdout
    done = call(cli, ["train", "--config", "r/config.toml", "--epochs", "1", "--json"])
    assert json.loads(done.stdout)["settings"]["table"]["encoding"] == {
        "*": "piecewise_linear:bins=4 robust_clip:limit=3.0", "kind": "ordinal",
    }  # fmt: skip
    done = call(cli, ["data", "t.csv", "--target", "y", *chosen, "--json"])
    assert json.loads(done.stdout)["inputs"] == 6
    done = call(cli, ["data", "t.csv", "--target", "y", "--encoding", "size=nothing"])
    assert "There is no encoding 'nothing'" in str(done.exception)


def test_a_formula_that_writes_into_its_column_spoils_no_other():
    @nnplug.encoding
    def greedy(x, mean, deviation):
        if isinstance(x, np.ndarray):
            x -= mean
            return x / deviation
        return (x - mean) / deviation

    table = {"x": SIZE.copy(), "y": TABLE["y"]}
    alone = prepare(table, target="y", encoding="robust_clip", validation=0.0).rows
    registry = Registry()
    registry.register(greedy)
    both = prepare(
        table, target="y", encoding="greedy robust_clip", validation=0.0, registry=registry
    ).rows
    np.testing.assert_array_equal(table["x"], SIZE)
    np.testing.assert_array_equal(both.inputs[:, 1], alone.inputs[:, 0])


def test_unseen_categories_can_be_refused():
    encoder = run_of({"kind": "ordinal"}).rows.encoder
    new = nnplug.tables.table_of({**TABLE, "kind": ["new", *TABLE["kind"][1:]]})
    column = encoder.features.index("kind.ordinal")
    assert encoder.inputs(new)[0, column] == 0  # in the middle
    with pytest.raises(DataError, match='column "kind" has categories that training did not see'):
        encoder.inputs(new, unknown="error")
    assert "they count as none of the known ones" in " ".join(said(encoder, new))


def said(encoder, table):
    remarks = encoder.remarks(table.names)
    remarks.add(table)
    return remarks.lines()


def test_a_network_rises_with_the_standard_encoding_alone():
    with pytest.raises(DataError) as caught:
        run_of("robust_clip[log]", increasing="size")
    assert str(caught.value) == (
        'increasing: column "size" is encoded by robust_clip[log], and a network is built to rise '
        "or fall with the standard encoding alone.\nGive the column that one: --encoding "
        "size=standard"
    )
    run_of({"*": "robust_clip", "size": "standard"}, increasing="size")
