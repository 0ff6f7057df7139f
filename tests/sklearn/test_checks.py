"""scikit-learn's checks of an estimator: no failure, and none that is expected.

The number of engines and arguments that are tried is larger with
NNPLUG_SKLEARN_CHECKS=all.
"""

from __future__ import annotations

import os

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from nnplug.sklearn import MLPClassifier, MLPRegressor

ALL = os.environ.get("NNPLUG_SKLEARN_CHECKS") == "all"

DEEP = {
    "hidden_layer_sizes": (20, 8),
    "activation": ["gelu", "tanh"],
    "solver": "adamw:weight_decay=0.001",
    "learning_rate_init": 0.01,
    "schedule": "cosine",
    "clip_global_norm": 5.0,
}
SGD = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.01}
# With a penalty that keeps the search well conditioned: some checks compare two closely.
LBFGS = {"solver": "lbfgs", "l2": 0.01, "max_iter": 50}

# Without batch_norm, for which rows of weight 0 are rows of a batch all the same.
LAYERS = {"layers": "dense:8 layer_norm gelu residual[dense:8 tanh]", "learning_rate_init": 0.02}

CLASSIFIERS = [
    {}, LBFGS | {"class_weight": "balanced"}, SGD, DEEP | {"metrics": ["accuracy"]}, LAYERS,
]  # fmt: skip
REGRESSORS = [{}, LBFGS, SGD | {"loss": "huber"}, DEEP | {"metrics": ["mae", "r2"]}]
if ALL:
    REGRESSORS.append(LAYERS)


def estimators():
    for kind, sets in ((MLPClassifier, CLASSIFIERS), (MLPRegressor, REGRESSORS)):
        for number, arguments in enumerate(sets):
            yield kind(engine="numpy", **arguments)
            # What is compiled takes a while; the default, and lbfgs of the regressor.
            if ALL or number == (kind is MLPRegressor):
                yield kind(engine="numba", **arguments)


# Some checks fit twenty rows for a few epochs, and none looks at convergence.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(list(estimators()))
def test_estimator(estimator, check):
    check(estimator)
