"""scikit-learn's MLPClassifier, given the same initial weights and batches."""

from __future__ import annotations

import warnings
from typing import Any

TITLE = "scikit-learn"
RANK = 5
PACKAGES = ("scikit-learn",)


def supports(work: Any) -> bool:
    """Take classifications; its regressor has no sigmoid at the output."""
    return bool(work.loss == "cross_entropy" and work.optimizer == "adam")


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
    with clock("plan"):
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
    with clock("plan"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the epochs are few on purpose
        model.fit(arrays["inputs"], arrays["targets"])
    clock.seconds["plan"] -= clock.seconds["loop"]
    return float(model.loss_curve_[-1])
