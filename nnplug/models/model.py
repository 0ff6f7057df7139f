"""A trained network with all that a prediction needs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from nnplug import tables
from nnplug.durable import Disk, write_file
from nnplug.errors import DataError, SettingError
from nnplug.models.container import pack
from nnplug.models.description import describe
from nnplug.models.info import ModelInfo
from nnplug.models.new_rows import Features, NewRows, open_rows
from nnplug.models.selection import find_parts, warn_of
from nnplug.network.network import Network
from nnplug.network.tasks import Head, finite_rows, label_matrix
from nnplug.parts import Loss, Metric, by_column
from nnplug.plugins.registry import Registry
from nnplug.summary import Block, Summarized
from nnplug.tables import matrix
from nnplug.training import Evaluator, Scores
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.models.nonfinite import NonfiniteRows
    from nnplug.tables import Encoder, ReadOptions
    from nnplug.tables.encoder import Unknown

__all__ = ["Model"]


@dataclass(eq=False, repr=False)
class Model(Summarized):
    """A network, how its data is read, and how its outputs become answers.

    Attributes
    ----------
    network : Network
    head : Head
        How targets and outputs are read.
    encoder : Encoder or None
        What turns a table into inputs; None if the network was trained on
        arrays.
    info : ModelInfo
        What a model file says: sizes, parts with their packages and versions,
        classes, features, settings.
    registry : Registry
        Where its parts were found.
    notes : tuple of str
        What is worth knowing about the parts that were found.
    """

    network: Network
    head: Head
    encoder: Encoder | None
    info: ModelInfo
    registry: Registry
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<model of {self.task}: {self.network.form}, {self.network.learned:,} parameters, "
            f"{self.network.dtype.name}>"
        )

    def _summary(self) -> Iterator[Block]:
        yield Block([(name, text) for name, text in describe(self.info) if text])
        yield from self.network._summary()

    def __post_init__(self) -> None:
        self._evaluator = Evaluator(self.network)
        self._classes = np.asarray(self.classes)

    @property
    def task(self) -> str:
        """`"regression"` or the kind of classification."""
        return self.info.task

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes as the user knows them; empty for a regression."""
        return self.info.classes

    @property
    def loss(self) -> Loss:
        """What training made small."""
        return self.head.loss

    @property
    def targets(self) -> tuple[str, ...]:
        """What is predicted: the target columns of a table, else names that say so."""
        if self.encoder is not None:
            return self.encoder.target
        if self.task == "multilabel":
            return tuple(map(str, self.classes))
        if self.task == "regression" and self.info.outputs > 1:
            return tuple(f"prediction{k}" for k in range(1, self.info.outputs + 1))
        return ("prediction",)

    def inputs(self, data: Any, *, unknown: Unknown = "bucket") -> AnyArray:
        """Turn rows into the network's inputs, (N, D).

        Parameters
        ----------
        data : array, DataFrame, mapping, Table or path
        unknown : str, optional
            What is done with a category that training did not see: see
            `outputs`.

        Raises
        ------
        DataError
            If the columns are not those of the training data.
        """
        if self.encoder is not None or self._names_columns(data):
            with self.open_rows(data, unknown=unknown) as rows:
                return rows.whole()[1]
        x = matrix(data, "the data to predict")
        if x.shape[1] != self.info.inputs:
            raise DataError(
                f"The data to predict has {x.shape[1]} columns; the network was trained on "
                f"{self.info.inputs}."
            )
        return x

    def open_rows(
        self,
        data: Any,
        read: ReadOptions | None = None,
        *,
        ids: Sequence[str] = (),
        unknown: Unknown = "bucket",
        with_target: bool = False,
    ) -> AbstractContextManager[NewRows]:
        """Open a table to be taken a chunk at a time; see `nnplug.models.new_rows`."""
        encoder = Features(self.info.features) if self.encoder is None else self.encoder
        return open_rows(
            encoder,
            data,
            read,
            dtype=self.network.dtype,
            ids=ids,
            unknown=unknown,
            with_target=with_target,
        )

    def _names_columns(self, data: Any) -> bool:
        """Whether data is a table, or a data frame that has the columns of the features."""
        if isinstance(data, tables.Table | Mapping | str | os.PathLike):
            return True
        return set(self.info.features) <= set(getattr(data, "columns", ()))

    def outputs(self, data: Any, *, unknown: Unknown = "bucket") -> AnyArray:
        """Compute the network's outputs for new rows.

        Parameters
        ----------
        data : array, DataFrame or path
            Rows with the columns of the training data; an array (N, D) when
            the network was trained on arrays.
        unknown : str, optional
            With `"bucket"`, a category that training did not see counts as a
            rare one; where training had none, as none of the known ones. With
            `"error"` it is refused.

        Returns
        -------
        array
            (N, C): logits, probabilities or standardised predictions.
        """
        return self.run(self.inputs(data, unknown=unknown))

    def run(self, inputs: AnyArray) -> AnyArray:
        """Compute the outputs, (N, C), of inputs that are encoded already, (N, D)."""
        return self._evaluator.run(inputs)[0]

    def predict(
        self, data: Any, *, unknown: Unknown = "bucket", allow_nonfinite: bool = False
    ) -> AnyArray:
        """Predict the target of new rows; see `outputs`.

        Parameters
        ----------
        allow_nonfinite : bool, optional
            Whether rows for which the network gives no finite numbers are
            left empty: a number is then nan, and a class is masked.

        Returns
        -------
        array
            The class of each row, (N,), numbers in the target's units,
            (N, K), or 0 or 1 for each label, (N, K). A masked array, if a
            class or label is missing.

        Raises
        ------
        NotFiniteError
            If a row has no finite prediction and that is not allowed.
        """
        return self.answers(*self._outputs(data, unknown, allow_nonfinite))

    def interval(
        self,
        data: Any,
        *,
        level: float = 0.9,
        unknown: Unknown = "bucket",
        allow_nonfinite: bool = False,
    ) -> tuple[AnyArray, AnyArray]:
        """Give bounds between which the target of new rows is with probability `level`.

        Parameters
        ----------
        level : float, optional
            Between 0 and 1.
        allow_nonfinite : bool, optional
            Whether rows for which the network gives no finite numbers are nan.

        Returns
        -------
        tuple of array
            The lower and the upper bounds, each (N, K), in the target's units.

        Raises
        ------
        PartError
            If the loss gives no intervals.
        SettingError
            If the level is not above 0 and below 1.
        NotFiniteError
            If a row has no finite prediction and that is not allowed.
        """
        if not 0 < level < 1:
            raise SettingError(f"level={level!r}: it must be between 0 and 1, as 0.9.")
        outputs, finite = self._outputs(data, unknown, allow_nonfinite)
        lower, upper = map(self.in_units, self.loss.bounds(outputs, level))
        if finite is not None:
            lower, upper = (np.where(finite[:, None], bound, np.nan) for bound in (lower, upper))
        return lower, upper

    def probabilities(
        self, data: Any, *, unknown: Unknown = "bucket", allow_nonfinite: bool = False
    ) -> AnyArray:
        """Compute the probability of each class for new rows; see `outputs`.

        Parameters
        ----------
        allow_nonfinite : bool, optional
            Whether rows for which the network gives no finite numbers are nan.

        Returns
        -------
        array
            (N, classes), in the order of `classes`.

        Raises
        ------
        SettingError
            For a regression.
        NotFiniteError
            If a row has no finite prediction and that is not allowed.
        """
        self.check_has_classes()
        return self.shares(*self._outputs(data, unknown, allow_nonfinite))

    def _outputs(
        self, data: Any, unknown: Unknown, allow_nonfinite: bool
    ) -> tuple[AnyArray, AnyArray | None]:
        """Compute outputs, and tell which rows are finite; None if all are."""
        inputs = self.inputs(data, unknown=unknown)
        outputs = self.run(inputs)
        finite = self.finite(outputs)
        if finite is not None and not allow_nonfinite:
            rows = self.nonfinite_rows(data)
            rows.add(inputs, outputs)
            rows.check()
        return outputs, finite

    def nonfinite_rows(self, data: Any) -> NonfiniteRows:
        """Make a counter of the rows of `data` that have no finite prediction."""
        from nnplug.models.nonfinite import NonfiniteRows  # noqa: PLC0415  # few rows have none

        is_table = self.encoder is not None or self._names_columns(data)
        source = os.fspath(data) if isinstance(data, str | os.PathLike) else "The data"
        return NonfiniteRows(self.network, source, first=int(is_table), finite=self.finite)

    def finite(self, outputs: AnyArray) -> npt.NDArray[np.bool_] | None:
        """Tell for which rows of outputs (N, C) there is an answer; None if for all."""
        if self.task == "regression" and self.encoder is not None:
            # A finite number may be too large for the target's unit.
            outputs = np.concatenate([outputs, self.decode(outputs)], axis=1)
            return finite_rows(outputs)
        return self.head.finite(outputs)

    def answers(self, outputs: AnyArray, finite: AnyArray | None = None) -> AnyArray:
        """Turn outputs (N, C) into what `predict` gives, for all rows or those that are finite."""
        if self.task == "regression":
            numbers = self.decode(outputs)
            return numbers if finite is None else np.where(finite[:, None], numbers, np.nan)
        if finite is None:
            chosen = self.head.classes(outputs)
            return chosen if self.task == "multilabel" else self._classes[chosen]
        some = self.answers(outputs[finite])
        answers = np.zeros((len(outputs), *some.shape[1:]), some.dtype)
        answers[finite] = some
        missing = np.broadcast_to(~finite.reshape(-1, *[1] * (some.ndim - 1)), answers.shape)
        return np.ma.MaskedArray(answers, missing)

    def shares(self, outputs: AnyArray, finite: AnyArray | None = None) -> AnyArray:
        """Turn outputs (N, C) into what `probabilities` gives, as `answers` does."""
        if finite is None:
            return self.head.probabilities(outputs)
        shares = np.full((len(outputs), len(self.classes)), np.nan, outputs.dtype)
        shares[finite] = self.head.probabilities(outputs[finite])
        return shares

    def decode(self, outputs: AnyArray) -> AnyArray:
        """Turn outputs of a regression, (N, K), into what is predicted, in the target's units."""
        return self.in_units(self.head.numbers(outputs))

    def in_units(self, targets: AnyArray) -> AnyArray:
        """Bring targets of a regression, (N, K), as the loss takes them, to their units."""
        return targets if self.encoder is None else self.encoder.decode(targets)

    def check_has_classes(self) -> None:
        """Refuse to speak of probabilities where there are none."""
        if self.task == "regression":
            raise SettingError("A regression has no classes, so no probabilities; use predict.")

    # --- how good it is ---------------------------------------------------------------

    def evaluate(
        self,
        data: Any,
        *,
        metrics: Sequence[str | Metric] | None = None,
        allow_nonfinite: bool = False,
    ) -> dict[str, float]:
        """Compute the loss and the metrics on rows whose target is known.

        Parameters
        ----------
        data : DataFrame, path or pair of arrays
            Rows with the columns and the target of the training data; inputs
            (N, D) and targets if the network was trained on arrays.
        metrics : sequence of str or Metric, optional
            Instead of those of the training.
        allow_nonfinite : bool, optional
            Whether rows for which the network gives no finite numbers are
            left out.

        Returns
        -------
        dict of str to float
            `"loss"`, then the metrics by name.

        Raises
        ------
        NotFiniteError
            If a row has no finite prediction and that is not allowed, or no
            row has.
        """
        if self.encoder is not None:
            with self.open_rows(data, with_target=True) as rows:
                table, inputs = rows.whole()
                pair = inputs, rows.targets(table)
        elif isinstance(data, tuple) and len(data) == 2:
            pair = self.inputs(data[0]), self._targets(data[1])
        else:
            raise DataError("The network was trained on arrays: give (inputs, targets).")
        return self.evaluate_parts(
            [pair],
            metrics=metrics,
            rows=self.nonfinite_rows(data),
            allow_nonfinite=allow_nonfinite,
        )

    def evaluate_parts(
        self,
        parts: Iterable[tuple[AnyArray, AnyArray]],
        *,
        rows: NonfiniteRows | None = None,
        metrics: Sequence[str | Metric] | None = None,
        allow_nonfinite: bool = False,
        watch: Callable[[AnyArray, AnyArray], object] | None = None,
    ) -> dict[str, float]:
        """Compute loss and metrics over parts of the rows, one after the other.

        Parameters
        ----------
        parts : iterable of tuple of array
            Inputs (N, D) and targets, as `Encoder.targets` gives them, of each
            part. Only outputs and targets are kept.
        rows : NonfiniteRows, optional
            Counts the rows without a finite prediction.
        metrics, allow_nonfinite
            See `evaluate`.
        watch : callable, optional
            Is given outputs and targets of all rows, at the end.
        """
        rows = self.nonfinite_rows(None) if rows is None else rows
        chosen = self._metrics(metrics)
        evaluator = Evaluator(self.network, self.loss)
        dtype = self.network.dtype
        targets: list[AnyArray] = []

        def encoded() -> Iterator[tuple[AnyArray, AnyArray, None]]:
            for inputs, target in parts:
                targets.append(target)
                yield inputs, self.head.encode(target, dtype), None

        def usable(inputs: AnyArray, output: AnyArray) -> AnyArray | None:
            finite = rows.add(inputs, output)
            if finite is not None:
                targets[-1] = targets[-1][finite]
            return finite

        found = evaluator.over(encoded(), usable)
        assert found is not None, "an evaluation has rows"
        if not allow_nonfinite:
            rows.check()
        if rows.count and rows.count == rows.rows:
            rows.check(way_out="; there is none to go by")
        outputs, _, loss = found
        if watch is not None:
            watch(outputs, np.concatenate(targets))
        return Scores({"loss": loss, **self.measure(chosen, outputs, np.concatenate(targets))})

    def measure(
        self, metrics: Sequence[Metric], outputs: AnyArray, targets: AnyArray
    ) -> dict[str, float]:
        """Compute metrics from outputs (N, C) and targets as `Encoder.targets` gives them.

        They are nan where an output is not finite: there is no answer to measure.
        """
        scores = {}
        if not np.isfinite(outputs).all():
            return dict.fromkeys(by_column(metrics), math.nan)
        for name, metric in by_column(metrics).items():
            if metric.takes == "prediction":
                if self.task == "regression":
                    pair = self.decode(outputs), self.in_units(targets.reshape(len(outputs), -1))
                else:
                    pair = self.head.one_hot_pair(outputs, targets)
            elif metric.takes == "classes":
                pair = self.head.classes(outputs), targets
            else:
                pair = self.head.probabilities(outputs), targets
            scores[name] = float(metric(*pair))
        return scores

    def _metrics(self, asked: Sequence[str | Metric] | None) -> tuple[Metric, ...]:
        if asked is None:
            found, notes = find_parts(self.info, ("metrics",), self.registry)
            warn_of(notes, stacklevel=4)
            return cast("tuple[Metric, ...]", found["metrics"])
        return tuple(cast(Metric, self.registry.get("metric", each)) for each in asked)

    def _targets(self, given: Any) -> AnyArray:
        """Take targets given as an array as numbers (N, K) or class indices (N,)."""
        if self.task == "regression":
            targets = np.asarray(given)
            return matrix(targets.reshape(len(targets), -1), "the targets")
        if self.task == "multilabel":
            return label_matrix(given, "the targets", len(self.classes))
        index = {label: number for number, label in enumerate(self.classes)}
        labels = np.asarray(given).reshape(-1).tolist()
        for row, label in enumerate(labels):
            if label not in index:
                listed = ", ".join(map(repr, self.classes[:10]))
                raise DataError(
                    f"The target of row {row} is {label!r}, which is none of the classes that the "
                    f"network was trained on: {listed}."
                )
        return np.array([index[label] for label in labels], np.int64)

    # --- keeping it -------------------------------------------------------------------

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, disk: Disk | None = None
    ) -> None:
        """Write it to a model file; see `nnplug.load`.

        Parameters
        ----------
        path : path
            By custom it ends in `.safetensors`.
        overwrite : bool, optional
            Whether a file that is there may be replaced.

        Raises
        ------
        StorageError
            If the file cannot be written. What was there is then as it was.
        """
        # A file that could not be read again is not written.
        content = ModelInfo.from_dict(self.info.to_dict()).to_dict()
        arrays = {span.name: self.network[span.name] for span in self.network.spans}
        write_file(path, pack("model", content, arrays), overwrite=overwrite, disk=disk)
