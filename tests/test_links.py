"""Link and targets of a loss: predictions are means, other targets refused, units kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

import nnplug
from nnplug.errors import DataError, NotFiniteError, PartError, SettingError
from nnplug.parts.targets import LINKS, TARGETS, linked, mean_of, outside
from nnplug.sklearn import MLPClassifier, MLPRegressor
from nnplug.tables import table_of
from tests import declared
from tests.cli.models import nnplug_here

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
RATE = np.exp(X @ [0.5, -0.3, 0.2] + 1)
COUNTS = RNG.poisson(RATE).astype(float)
TIMES = RNG.gamma(2.0, RATE / 2)
BINARY = X[:, 0] > 0
SHARES = special.softmax(X, axis=1)


# --- the two small modules --------------------------------------------------------------


@pytest.mark.parametrize("link", LINKS)
def test_a_link_and_its_inverse(link):
    mean = SHARES
    np.testing.assert_allclose(mean_of(link, linked(link, mean)), mean, rtol=1e-12)
    scores = linked(link, mean)
    wanted = {
        "identity": mean, "log": np.log(mean), "logit": special.logit(mean),
        "softmax": np.log(mean) - np.log(mean).mean(axis=1, keepdims=True),
    }[link]  # fmt: skip
    np.testing.assert_allclose(scores, wanted, rtol=1e-12)


INSIDE = {
    "real": [-1.5, 0, 1e300],
    "nonnegative": [0, 1e-300, 2.5],
    "positive": [1e-300, 2.5],
    "count": [0, 1, 1e15],
    "unit": [0, 0.3, 1],
    "binary": [0, 1],
}
OUTSIDE = {
    "real": [np.nan, np.inf],
    "nonnegative": [-1e-300, np.nan],
    "positive": [0, -1],
    "count": [0.5, -1, np.inf],
    "unit": [-1e-9, 1.0001],
    "binary": [0.5, 2, -1],
}


@pytest.mark.parametrize("kind", INSIDE)
def test_what_targets_may_be(kind):
    assert not outside(kind, np.array([INSIDE[kind]])).any()
    assert outside(kind, np.array([OUTSIDE[kind]], float)).all()
    assert {*INSIDE, "distribution", "labels"} == set(TARGETS)


def test_what_a_distribution_is():
    rows = np.array([[0.5, 0.5], [1, 0], [0.3, 0.3], [1.5, -0.5]])
    assert outside("distribution", rows).any(axis=1).tolist() == [False, False, True, True]
    assert not outside("distribution", SHARES.astype(np.float32)).any()


# --- the declaration --------------------------------------------------------------------


def test_what_a_loss_says_by_the_names_of_its_arguments():
    usual = {
        "mse": ("identity", "real"), "binary_cross_entropy": ("logit", "unit"),
        "cross_entropy": ("softmax", "labels"),
    }  # fmt: skip
    registry = nnplug.plugins.registry.Registry()
    for name, wanted in usual.items():
        part = registry.get("loss", name)
        assert (part.link, part.targets) == wanted
    assert (declared.dice.link, declared.dice.targets) == ("identity", "binary")
    assert (declared.tweedie.link, declared.tweedie.targets) == ("log", "nonnegative")
    assert (declared.kl.link, declared.kl.targets) == ("softmax", "distribution")
    assert declared.tweedie.with_options(power=1.3).link == "log"


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        ("prediction, target", {"link": "lgo"}, "link='lgo': it takes prediction, whose link is "
         "'identity' or 'log' or 'logit' or 'softmax'. Did you mean 'log'?"),
        ("logits, target", {"link": "log"}, "link='log': it takes logits, whose link is 'logit' or "
         "'softmax'."),
        ("logits, labels", {"link": "logit"}, "link='logit': it takes logits, whose link is "
         "'softmax'."),
        ("probabilities, target", {"link": "logit"}, "whose link is 'identity'."),
        ("prediction, target", {"link": "log", "targets": "real"}, "targets='real': with "
         "prediction and the link 'log' they are 'nonnegative' or 'positive' or 'count'."),
        ("prediction, target", {"targets": "positve"}, "Did you mean 'positive'?"),
        ("logits, labels", {"targets": "unit"}, "targets='unit': it takes labels, which are "),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_be(arguments, given, message):
    namespace = {}
    exec(f"def odd({arguments}):\n    return 0", namespace)
    with pytest.raises(PartError) as caught:
        nnplug.loss(**given)(namespace["odd"])
    assert "loss 'odd': " in str(caught.value)
    assert message in str(caught.value)


# --- predictions are means ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "y", "theirs"),
    [
        (declared.poisson, COUNTS, PoissonRegressor(alpha=0, tol=1e-8, max_iter=1000)),
        (declared.gamma, TIMES, GammaRegressor(alpha=0, tol=1e-8, max_iter=1000)),
        (declared.tweedie, COUNTS,
         TweedieRegressor(power=1.5, link="log", alpha=0, tol=1e-8, max_iter=1000)),
    ],
    ids=["poisson", "gamma", "tweedie"],
)  # fmt: skip
def test_one_layer_is_scikit_learns_linear_model(loss, y, theirs):
    ours = MLPRegressor(
        loss, (), solver="lbfgs", alpha=0, tol=1e-12, max_iter=2000, random_state=0
    ).fit(X, y)
    theirs.fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)
    assert ours.out_activation_ == "exp"


def test_shares_of_one_unit_are_shares():
    y = special.expit(X @ [1.0, -1.0, 0.5])
    model = MLPRegressor(
        declared.fractional, (), solver="lbfgs", alpha=0, tol=1e-14, max_iter=2000, random_state=0
    ).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-4)
    assert model.score(X, y) > 0.9999


def test_a_distribution_is_predicted_as_one(tmp_path):
    run = nnplug.train(
        (X, SHARES), hidden=(), loss=declared.kl, epochs=300, dtype="float64", validation=0,
        learning_rate=0.05, metrics=["mae"],
    )  # fmt: skip
    found = run.predict(X)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(found, SHARES, atol=0.01)
    assert run.history["mae"][-1] == pytest.approx(abs(found - SHARES).mean())


def test_classes_by_a_softmax_of_another_loss_than_cross_entropy():
    labels = SHARES.argmax(axis=1)
    settings = {"hidden": (), "epochs": 20, "dtype": "float64", "validation": 0, "seed": 1}
    ours = nnplug.train((X, labels), loss=declared.kl_of_classes, **settings)
    usual = nnplug.train((X, labels), loss="cross_entropy", **settings)
    np.testing.assert_allclose(ours.probabilities(X), usual.probabilities(X), rtol=1e-9)
    two = MLPClassifier(
        (4,), loss=declared.kl_of_classes, max_iter=1000, random_state=0, learning_rate_init=0.05
    )
    two.fit(X, X[:, 0] > 0)
    assert two.predict_proba(X).shape == (300, 2)
    assert two.score(X, X[:, 0] > 0) > 0.95
    np.testing.assert_allclose(two.predict_proba(X).sum(axis=1), 1, rtol=1e-12)


def test_labels_by_dice():
    labels = (X > 0).astype(int)
    run = nnplug.train((X, labels), loss=declared.dice, epochs=60, validation=0)
    assert run.settings.output_activation == "sigmoid"
    assert (run.predict(X) == labels).mean() > 0.9


# A linear network can give each of two groups a mean of its own, so the best means are known.
@pytest.mark.parametrize(
    ("loss", "best"),
    [("poisson_nll", np.mean), ("msle", lambda y: np.expm1(np.log1p(y).mean()))],
)
def test_built_in_losses_with_a_log_link_predict_the_mean(loss, best):
    group = np.repeat([[0.0], [1.0]], 100, axis=0)
    counts = RNG.poisson(np.where(group == 0, 1.5, 20.0))
    run = nnplug.train(
        (group, counts.astype(float)), loss=loss, hidden=(), epochs=300, validation=0,
        optimizer="adam:learning_rate=0.1", batch_size="full", dtype="float64",
    )  # fmt: skip
    assert run.model.task == "regression"  # though the counts could be classes
    found = run.predict([[0.0], [1.0]]).ravel()
    np.testing.assert_allclose(found, [best(counts[:100]), best(counts[100:])], rtol=1e-3)


def test_shares_of_a_target_of_0_are_refused():
    with pytest.raises(DataError, match="loss 'mape' is for numbers above 0"):
        nnplug.train((X, COUNTS), loss="mape", epochs=1)


@pytest.mark.parametrize("loss", ["kl_div", "categorical_cross_entropy"])
def test_built_in_losses_of_shares_predict_shares(loss):
    run = nnplug.train(
        (X, SHARES), loss=loss, hidden=(), epochs=300, validation=0, dtype="float64",
        optimizer="adam:learning_rate=0.1", batch_size="full",
    )  # fmt: skip
    np.testing.assert_allclose(run.predict(X), SHARES, atol=1e-3)
    wanted = 0 if loss == "kl_div" else -np.mean(np.sum(SHARES * np.log(SHARES), axis=1))
    assert run.final.loss == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    "loss",
    ["hinge", "squared_hinge", "multiclass_hinge", "categorical_hinge", "binary_focal", "nll"],
)
@pytest.mark.parametrize("classes", [2, 3])
def test_built_in_losses_of_classes_tell_them_apart(loss, classes):
    labels = np.array(list("abc"))[np.digitize(X[:, 0], [-0.5, 0.5] if classes == 3 else [0.0])]
    run = nnplug.train(
        (X, labels), loss=loss, hidden=(8,), epochs=150, validation=0, seed=0,
        optimizer="adam:learning_rate=0.02",
    )  # fmt: skip
    assert (run.predict(X) == labels).mean() > 0.93
    chances = run.model.probabilities(X)
    assert chances.shape == (300, classes)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)


def test_a_mean_that_overflows_is_none():
    run = nnplug.train((X, COUNTS), hidden=(), loss=declared.poisson, epochs=1)
    run.network["output.bias"][...] = 1000
    with pytest.raises(NotFiniteError, match="outputs are finite, but too large for the target's"):
        run.predict(X)


# --- tables ------------------------------------------------------------------------------


def table(**changed):
    return pd.DataFrame({**dict(zip("abc", X.T, strict=True)), "n": COUNTS.astype(int), **changed})


def test_a_table_keeps_the_unit_of_such_a_target(tmp_path, nnplug_registry):
    nnplug_registry.register(declared.poisson)
    run = nnplug.train(
        table(), target="n", hidden=(), loss="poisson", epochs=1500, validation=0,
        dtype="float64", registry=nnplug_registry, batch_size="full", learning_rate=0.02,
    )  # fmt: skip
    (scale,) = run.model.encoder.scales
    assert (scale.mean, scale.scale) == (0.0, 1.0)
    assert run.rows.targets[:, 0].tolist() == COUNTS.tolist()
    theirs = PoissonRegressor(alpha=0).fit(X, COUNTS)
    np.testing.assert_allclose(run.predict(table())[:, 0], theirs.predict(X), rtol=0.05)
    run.save(tmp_path / "n.safetensors")
    model = nnplug.load(tmp_path / "n.safetensors", registry=nnplug_registry)
    assert (model.predict(table()) == run.predict(table())).all()
    found = model.evaluate(table(), metrics=["mae"])
    assert found["mae"] == pytest.approx(abs(run.predict(table())[:, 0] - COUNTS).mean())
    # Another loss has its targets standardised, as ever.
    usual = nnplug.train(table(), target="n", hidden=(), epochs=1, task="regression")
    assert usual.model.encoder.scales[0].scale == pytest.approx(COUNTS.std(), rel=0.1)


@pytest.mark.parametrize("stream", [False, True])
def test_a_target_outside_is_refused_before_training(stream):
    with pytest.raises(DataError) as caught:
        nnplug.train(
            table(n=np.where(np.arange(300) == 41, -3, COUNTS)), target="n", task="regression",
            loss=declared.poisson, stream=stream,
        )  # fmt: skip
    assert str(caught.value) == (
        "the data: target \"n\": row 42, counted from 1, has -3, and loss 'poisson' is for whole "
        "numbers that are at least 0.\n"
        "Way out: correct or leave out such rows, or use another loss."
    )


def test_a_target_outside_in_arrays_and_in_an_evaluation():
    with pytest.raises(DataError, match=r"^arrays: the targets: row 7, counted from 0, has 0, and"):
        nnplug.train((X, np.where(np.arange(300) == 7, 0, TIMES)), loss=declared.gamma)
    with pytest.raises(DataError, match=r"row 2, counted from 0, has 0\.3, 0\.3, 0\.3, and"):
        nnplug.train((X, np.where(np.arange(300)[:, None] == 2, 0.3, SHARES)), loss=declared.kl)
    run = nnplug.train((X, TIMES), loss=declared.gamma, epochs=1)
    with pytest.raises(DataError, match=r"^the targets: row 1, counted from 0, has -1, and loss"):
        run.model.evaluate((X[:2], [1.0, -1.0]))
    with pytest.raises(ValueError, match="row 3, counted from 0, has -1, and loss 'gamma' is for"):
        MLPRegressor(declared.gamma).fit(X, np.where(np.arange(300) == 3, -1, TIMES))


def test_from_the_command_line(tmp_path):
    (tmp_path / "part.py").write_text(
        "import nnplug, numpy as np\n\n"
        "@nnplug.loss(link='log', targets='count')\ndef poisson(prediction, target):\n"
        "    return np.exp(prediction) - target * prediction\n"
    )
    table().to_csv(tmp_path / "t.csv", index=False)
    train = ["train", "t.csv", "--target", "n", "-p", "./part.py", "--loss", "poisson",
             "--hidden", "none", "--epochs", "20"]  # fmt: skip
    done = nnplug_here(*train, "--output", "run", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = nnplug_here("predict", "run", "t.csv", "-p", "./part.py", folder=tmp_path)
    assert (np.array(done.stdout.split()[1:], float) > 0).all()
    table(n=COUNTS + 0.5).to_csv(tmp_path / "t.csv", index=False)
    done = nnplug_here(*train, "--no-output", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'error: t.csv: target "n": row 1, counted from 1, has ' in done.stderr
    done = nnplug_here("evaluate", "run", "t.csv", "-p", "./part.py", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


# --- what does not go together -------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "loss", "message"),
    [
        ("xor", declared.poisson, "loss 'poisson' is for whole numbers that are at least 0, and "
         "not for classes."),
        ((X, BINARY), declared.poisson, "loss 'poisson' is for whole numbers that"),
        ((X, SHARES[:, :1]), declared.kl, "sum to 1 in each row; one alone cannot"),
        ((X, (X > 0).astype(int)), declared.kl_of_classes, "the labels of a row do not"),
        ((X, COUNTS), declared.kl_of_classes, "sum to 1 in each row; one alone cannot"),
    ],
)  # fmt: skip
def test_losses_for_other_tasks(data, loss, message):
    with pytest.raises(SettingError) as caught:
        nnplug.train(data, loss=loss, task="binary" if data[1] is BINARY else None)
    assert message in str(caught.value)


def test_whole_numbers_are_counts_for_a_loss_of_counts():
    assert nnplug.train((X, COUNTS.astype(int)), loss="mse", epochs=1).settings.task == "multiclass"
    run = nnplug.train((X, COUNTS.astype(int)), loss=declared.poisson, epochs=1)
    assert run.settings.task == "regression"


def test_a_missing_target_row_is_left_out_first():
    n = COUNTS.copy()
    n[5] = np.nan
    run = nnplug.train(
        table(n=n), target="n", loss=declared.poisson, epochs=1, drop_missing_targets=True,
        task="regression",
    )  # fmt: skip
    assert len(run.rows.targets) == 299
    assert table_of(table(n=n)).rows == 300
