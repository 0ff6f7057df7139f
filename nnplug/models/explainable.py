"""What can be explained: a model with the rows that it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnplug.models.predictor import Predictor

if TYPE_CHECKING:
    from nnplug.models.explanation import Explanation
    from nnplug.models.importance import Importance
    from nnplug.models.monotone import Monotonicity
    from nnplug.parts import Metric

__all__ = ["Explainable"]


class Explainable(Predictor):
    """The methods of a model that say why it predicts what it predicts."""

    def explain(
        self,
        data: Any,
        *,
        rows: Sequence[int] | None = None,
        of: Any = None,
        baseline: Any = None,
        segments: int = 64,
    ) -> Explanation:
        """Share each prediction among the columns: see `nnplug.models.attributions`.

        The contributions of a row sum to its prediction minus that of the
        baseline: numbers in the target's unit, or probabilities. They are
        computed in float64, whatever the network's dtype.

        Parameters
        ----------
        data : DataFrame, path, mapping, Table or array
            See `outputs`.
        rows : sequence of int, optional
            The rows of `data` to explain, counted from 0; by default all.
        of : optional
            The class whose probability is explained; by default the one that
            is predicted for the row.
        baseline : as `data`, optional
            Rows whose typical one is the baseline: the mean of numbers, the
            most frequent text, the date in the middle. By default the
            means of the training, and for the rest the rows of `data`. For a
            network that was trained on arrays, the mean of each input.
        segments : int, optional
            The segments of the line from the baseline to the row. More of them
            are closer to integrated gradients; the sum is exact with any number.

        Raises
        ------
        DataError
            If a column of the training data is missing, or the row does not exist.
        SettingError
            If the class is unknown, or there are no classes.
        NotFiniteError
            If a prediction is not finite.
        """
        from nnplug.models.explanation import explain  # noqa: PLC0415  # few models are explained

        return explain(self, data, rows=rows, of=of, baseline=baseline, segments=segments)

    def importance(
        self,
        data: Any,
        *,
        metric: str | Metric | None = None,
        repeats: int = 5,
        seed: int = 0,
    ) -> Importance:
        """Compute how much worse a metric is when the values of a column are shuffled.

        Parameters
        ----------
        data : DataFrame, path or pair of arrays
            Rows whose target is known: see `evaluate`.
        metric : str or Metric, optional
            By default the first of the training.
        repeats : int, optional
            How often each column is shuffled.
        seed : int, optional
            Of the shuffling.

        Raises
        ------
        SettingError
            If `repeats` is below 1.
        NotFiniteError
            If a row has no finite prediction.
        """
        from nnplug.models.importance import importance  # noqa: PLC0415  # the same

        return importance(self, data, metric=metric, repeats=repeats, seed=seed)

    def monotonicity(self) -> Monotonicity:
        """Prove with which columns the predictions never fall, or never rise.

        The proof is for all values of all columns, and not by samples: signs of
        weights are multiplied along all paths, and the derivatives of activations
        are bounded over the whole line. It is up to the rounding of floating-point
        numbers. What is not proved may still be so.
        """
        from nnplug.models.monotone import monotonicity  # noqa: PLC0415  # few models are proved

        return monotonicity(self)
