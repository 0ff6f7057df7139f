"""Ctrl-C at any moment of a fit: a fitted estimator or none, and a process that goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

from nnplug.engines.numba.compiler import Compiler
from nnplug.plans import StepPlanner
from nnplug.sklearn import MLPClassifier, MLPRegressor
from nnplug.sklearn._lbfgs import Objective
from nnplug.training import Evaluator, Steps, Trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(
        sys.platform == "win32", reason="Windows has no signals that are sent to a process"
    ),
]

ROOT = Path(__file__).parents[2]
X, Y = scale(load_wine().data), load_wine().target
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0, "batch_size": 30}
MOMENTS = int(os.environ.get("NNPLUG_MOMENTS", "25"))


def interrupting(monkeypatch, owner, name, times=1):
    """Press Ctrl-C so many times when a method is called."""
    method, left = getattr(owner, name), [times]

    def pressed(self, *arguments, **options):
        while left[0]:
            left[0] -= 1
            signal.raise_signal(signal.SIGINT)
        return method(self, *arguments, **options)

    monkeypatch.setattr(owner, name, pressed)


@pytest.mark.parametrize(
    ("owner", "name", "arguments"),
    [
        (StepPlanner, "plan", {}),
        (Trainer, "__init__", {}),
        (Steps, "bound", {}),
        (Steps, "run_many", {}),
        (Evaluator, "over", {"early_stopping": True}),
        (Compiler, "functions", {"engine": "numba"}),
        (Objective, "__init__", {"solver": "lbfgs"}),
        (Objective, "__call__", {"solver": "lbfgs"}),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_fit_that_is_interrupted_returns_a_fitted_estimator(
    kind, owner, name, arguments, monkeypatch
):
    estimator = kind(**SMALL | arguments)
    interrupting(monkeypatch, owner, name)
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        estimator.fit(X, Y)
    assert caught[0].filename == __file__
    assert estimator.n_iter_ < 15
    assert np.isfinite(estimator.coefs_[0]).all()
    assert len(estimator.predict(X)) == len(X)
    whole = kind(**SMALL | arguments).fit(X, Y)
    np.testing.assert_array_equal(estimator.fit(X, Y).coefs_[0], whole.coefs_[0])


def test_partial_fit_that_is_interrupted_goes_on(monkeypatch):
    estimator = MLPClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1, 2])
    before = estimator.coefs_[0].copy()
    interrupting(monkeypatch, Steps, "run_many")
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator.partial_fit(X, Y)
    assert np.abs(estimator.coefs_[0] - before).max() > 0  # a step was taken all the same
    estimator.partial_fit(X, Y)
    assert estimator.n_iter_ == 1
    assert np.isfinite(estimator.loss_curve_).all()


@pytest.mark.parametrize("fitted", [False, True])
def test_a_second_ctrl_c_leaves_no_fitted_estimator(fitted, monkeypatch):
    estimator = MLPClassifier(**SMALL)
    if fitted:
        estimator.fit(X, Y)
    interrupting(monkeypatch, Steps, "run_many", times=2)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, Y)
    assert not hasattr(estimator, "coefs_")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    whole = MLPClassifier(**SMALL).fit(X, Y)
    np.testing.assert_array_equal(estimator.fit(X, Y).coefs_[0], whole.coefs_[0])


def in_a_process_of_its_own(code, folder):
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={**os.environ, "NNPLUG_CACHE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished


@pytest.mark.parametrize("module", ["numba.core.types", "numba.np.arraymath"])
def test_an_import_that_is_interrupted_is_whole(module, tmp_path):
    finished = in_a_process_of_its_own(
        f"""
        import os, signal, sys, threading, time, warnings
        import numpy as np
        from nnplug.sklearn import MLPClassifier

        X, y = np.random.default_rng(0).standard_normal((60, 5)), np.arange(60) % 7

        def watch():
            while {module!r} not in sys.modules:
                time.sleep(0.0005)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=watch, daemon=True).start()
        for attempt in range(3):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model = MLPClassifier((5,), max_iter=5, engine="numba").fit(X, y)
            print(model.n_iter_, caught[0].message, model.predict(X).shape)
        """,
        tmp_path,
    )
    lines = finished.stdout.splitlines()
    assert lines[0] == "0 Training interrupted by user. (60,)"
    assert all(line.startswith("5 Stochastic Optimizer: Max") for line in lines[1:])
    assert len(lines) == 3


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_at_any_moment(engine, tmp_path):
    """Random moments of a fit: each leaves an estimator that is fitted, or one that is not."""
    finished = in_a_process_of_its_own(
        f"""
        import os, random, signal, threading, time, warnings
        import numpy as np
        from nnplug.sklearn import MLPClassifier

        warnings.simplefilter("ignore")
        X, y = np.random.default_rng(0).standard_normal((300, 5)), np.arange(300) % 3

        def new():
            return MLPClassifier(
                (20,), max_iter=60, batch_size=10, engine={engine!r}, random_state=0,
                early_stopping=True, n_iter_no_change=100,
            )

        new().fit(X, y)
        took = []
        for _ in range(3):
            started = time.perf_counter()
            whole = new().fit(X, y)
            took.append(time.perf_counter() - started)
        moments, ends = random.Random(0), dict.fromkeys(("whole", "interrupted", "not fitted"), 0)

        def press(delay, done):
            if not done.wait(delay):
                os.kill(os.getpid(), signal.SIGINT)

        for _ in range({MOMENTS}):
            model, done = new(), threading.Event()
            thread = threading.Thread(target=press, args=(moments.uniform(0, min(took)), done))
            try:
                thread.start()
                model.fit(X, y)
                done.set()
                thread.join()
            except KeyboardInterrupt:
                pass
            thread.join()
            if hasattr(model, "coefs_"):
                assert np.isfinite(model.predict_proba(X)).all()
                ends["whole" if model.n_iter_ == whole.n_iter_ else "interrupted"] += 1
            else:
                assert not hasattr(model, "network_")
                ends["not fitted"] += 1
            assert all(map(np.array_equal, new().fit(X, y).coefs_, whole.coefs_))
        print(ends)
        """,
        tmp_path,
    )
    ends = eval(finished.stdout)  # a dict that the lines above print
    assert sum(ends.values()) == MOMENTS
    assert ends["interrupted"] > MOMENTS / 10


def test_compiling_is_said(tmp_path):
    finished = in_a_process_of_its_own(
        """
        import warnings
        import numpy as np
        from nnplug.sklearn import MLPClassifier

        warnings.simplefilter("ignore")
        X, y = np.random.default_rng(0).standard_normal((60, 5)), np.arange(60) % 3
        fit = {"max_iter": 2, "random_state": 0}
        MLPClassifier((5,), engine="numba", verbose=True, **fit).fit(X, y)
        print("again")
        MLPClassifier((5,), engine="numba", verbose=True, **fit).fit(X, y)
        MLPClassifier((6,), engine="numba", early_stopping=True, **fit).fit(X, y)
        MLPClassifier((7,), engine="numpy", **fit).fit(X, y)
        """,
        tmp_path,
    )
    said, _, after = finished.stdout.partition("again\n")
    assert said.splitlines()[0].startswith("compiling the training step for engine='numba'")
    assert "compiling" not in after
    assert finished.stderr.startswith("compiling the training step for engine='numba'; its code")
