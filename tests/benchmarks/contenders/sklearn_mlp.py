"""scikit-learn's MLPClassifier, given the same initial weights and batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

TITLE = "scikit-learn"
RANK = 6
PACKAGES = ("scikit-learn",)
AGREES = 2e-3  # it adds Adam's epsilon before the correction of the bias, the others after


def supports(work: Any) -> bool:
    """Take classifications; its regressor has no sigmoid at the output."""
    return bool(work.loss == "cross_entropy" and work.optimizer == "adam" and work.hidden == "relu")


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train, without weight penalty and early stop."""
    with clock("import"):
        from sklearn.neural_network import MLPClassifier, _multilayer_perceptron

    layers = iter(range(len(work.widths) - 1))
    epochs = iter(range(work.epochs))

    class SameStart(MLPClassifier):  # type: ignore[misc]  # scikit-learn is untyped
        def _init_coef(self, *shape_and_dtype: Any) -> Any:
            number = next(layers)
            return arrays[f"weight{number}"].copy(), arrays[f"bias{number}"].copy()

        def _fit_stochastic(self, *args: Any, **options: Any) -> Any:
            with clock("loop"):
                return super()._fit_stochastic(*args, **options)

    # It shuffles the indices of its rows with this function, once an epoch.
    _multilayer_perceptron.shuffle = lambda index, **_: work.order(next(epochs), len(index))
    with clock("plan"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the epochs are few on purpose
        model = SameStart(
            work.widths[1:-1],
            activation=work.hidden,
            solver=work.optimizer,
            alpha=0.0,
            batch_size=work.batch_size,
            learning_rate_init=work.learning_rate,
            max_iter=work.epochs,
            tol=0.0,
            n_iter_no_change=work.epochs + 1,
            random_state=work.seed,
        )
        model.fit(arrays["inputs"], arrays["targets"])
    clock.seconds["plan"] -= clock.seconds["loop"]
    return float(model.loss_curve_[-1])


def predictor(work: Any, arrays: dict[str, Any], clock: Any) -> Callable[[Any], Any]:
    """Give `predict` of a fitted network whose weights are then the work's."""
    with clock("import"):
        from sklearn.neural_network import MLPClassifier
    with clock("plan"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch is enough to make the arrays
        model = MLPClassifier(work.widths[1:-1], activation=work.hidden, max_iter=1)
        model.fit(arrays["inputs"][:200], arrays["targets"][:200])
        for number in range(len(work.widths) - 1):
            model.coefs_[number] = arrays[f"weight{number}"]
            model.intercepts_[number] = arrays[f"bias{number}"]
    return model.predict  # type: ignore[no-any-return]  # scikit-learn is untyped
