"""Where an estimator's training differs from the trainer's: patience, the best weights."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import nnplug
from nnplug.sklearn import MLPClassifier, MLPRegressor
from nnplug.sklearn._stochastic import Patience

X, Y = scale(load_wine().data), load_wine().target


@pytest.mark.parametrize(("goal", "sign"), [("minimize", 1), ("maximize", -1)])
def test_patience_compares_with_the_best_and_counts_a_gain_of_just_min_delta(goal, sign):
    # 0.75 improves 1.0 by 0.25; 0.625 is the best, 0.5 improves that by less than 0.25, and
    # 0.25 improves 0.5 by it.
    stopping = Patience(goal=goal, patience=3, min_delta=0.25)
    seen = []
    for epoch, value in enumerate([1.0, 0.75, 0.625, 0.5, 0.25, 0.375]):
        seen.append((stopping.observe(epoch, sign * value), stopping.waited))
    assert seen == [(True, 0), (True, 0), (True, 1), (True, 2), (True, 0), (False, 1)]
    assert (stopping.best, stopping.best_epoch) == (sign * 0.25, 4)


def test_patience_that_an_earlier_fit_used_up_runs_out_after_an_epoch():
    stopping = Patience(patience=2, waited=5, best=1.0)
    assert not stopping.exhausted
    stopping.observe(0, 2.0)
    assert stopping.exhausted


@pytest.fixture
def scored():
    """A fit whose best score is not its last."""
    with pytest.warns(UserWarning, match="Maximum iterations"):
        return MLPClassifier(
            (8,),
            "tanh",
            solver=averaged,
            learning_rate_init=0.1,
            early_stopping=True,
            validation_data=(X[::3], Y[::3]),
            n_iter_no_change=np.inf,
            max_iter=12,
            random_state=0,
            batch_size=30,
        ).fit(X[::4], Y[::4])


@nnplug.optimizer(evaluate="average")
def averaged(param, grad, average, *, learning_rate=0.3):
    """Gradient descent that predicts with a running average of its parameters."""
    param = param - learning_rate * grad
    return param, 0.5 * average + 0.5 * param


def test_early_stopping_keeps_the_best_of_the_weights_that_an_optimizer_predicts_with(scored):
    scores = scored.validation_scores_
    assert scores[-1] < max(scores) == scored.best_validation_score_
    assert scored.score(X[::3], Y[::3]) == scored.best_validation_score_


def test_the_history_has_the_epoch_whose_weights_were_kept(scored):
    assert scored.history_.best == int(np.argmax(scored.validation_scores_))
    assert scored.history_.final.epoch == scored.history_.best


def test_a_fit_whose_weights_are_the_last_has_no_best_epoch():
    with pytest.warns(UserWarning, match="Maximum iterations"):
        estimator = MLPClassifier(max_iter=3, random_state=0).fit(X, Y)
    assert estimator.history_.best is None


def test_an_interrupted_fit_predicts_before_its_first_step(monkeypatch):
    network = nnplug.sklearn._fitting.StochasticSolver
    run = network.run
    monkeypatch.setattr(
        network, "run", lambda self, epochs, look, _, **rest: run(self, epochs, look, lambda: True)
    )
    estimator = MLPClassifier(
        (8,), solver=averaged, early_stopping=True, random_state=0, max_iter=5
    )
    with pytest.warns(UserWarning, match="interrupted"):
        estimator.fit(X, Y)
    assert np.abs(estimator.coefs_[0]).max() > 0  # the weights that were drawn


def test_lbfgs_prints_the_score_of_validation_rows_too(capsys):
    with pytest.warns(UserWarning, match="lbfgs failed to converge"):
        MLPClassifier(
            solver="lbfgs", validation_data=(X, Y), max_iter=2, random_state=0, verbose=True
        ).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Iteration", "Validation"] * 2


@pytest.mark.parametrize("way", ["fit", "warm_start", "partial_fit"])
def test_options_follow_their_schedule_at_the_time_of_the_learning_rate(way):
    """On inputs of 0 only the decay changes the weights."""
    X, y, epochs = np.zeros((20, 2)), np.zeros(20), 5
    model = MLPRegressor(
        hidden_layer_sizes=(), alpha=0, batch_size=10, max_iter=epochs, random_state=0,
        solver="adamw:learning_rate=0.1,weight_decay=2*linear", dtype="float64",
        warm_start=way == "warm_start",
    )  # fmt: skip
    factors = [1 - step / 2 / epochs for step in range(2 * epochs)]  # two batches an epoch
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if way == "partial_fit":
            model.partial_fit(X, y)
            start, factors = model.coefs_[0].copy(), factors[2:]
            for _ in range(epochs - 1):
                model.partial_fit(X, y)
        else:
            model.set_params(max_iter=1).fit(X, y)
            start = model.coefs_[0] / (1 - 0.1 * 2 * 1) / (1 - 0.1 * 2 * 0.5)
            model.set_params(max_iter=epochs).fit(X, y)
            if way == "warm_start":  # the second fit has the whole schedule again
                factors += [1, 0.5]
    assert model.coefs_[0] == pytest.approx(start * np.prod([1 - 0.2 * f for f in factors]))
