"""A trained network with all that a prediction needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnplug import tables
from nnplug.errors import DataError
from nnplug.models.explainable import Explainable
from nnplug.models.uncertainty import Uncertainty
from nnplug.models.writing import Writable
from nnplug.network.network import Network
from nnplug.parts import Metric
from nnplug.plugins.registry import Registry
from nnplug.summary import Block, Summarized
from nnplug.tables import matrix
from nnplug.training import Evaluator, Scores
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.models.info import ModelInfo
    from nnplug.models.new_rows import NewRows
    from nnplug.models.nonfinite import NonfiniteRows
    from nnplug.tables import ReadOptions
    from nnplug.tables.encoder import Unknown

__all__ = ["Model"]


@dataclass(eq=False, repr=False)
class Model(Uncertainty, Explainable, Writable, Summarized):
    """A network, how its data is read, and how its outputs become answers.

    Attributes
    ----------
    network : Network
        Of a model with several members, the first.
    features : tuple of str
        A name for each input.
    registry : Registry
        Where its parts were found.
    describe : callable
        Makes `info`, which most runs never need.
    notes : tuple of str
        What is worth knowing about the parts that were found.
    others : tuple of Network
        The networks of the other members, of the same layers. What is
        predicted is the mean of what the members predict.
    head, encoder, classes, calibration
        See `Answers`; for intervals and sets, see `Uncertainty`, for `save` and `export`
        `Writable`, for `explain` and `importance` `Explainable`.
    """

    network: Network
    features: tuple[str, ...]
    registry: Registry
    describe: Callable[[], ModelInfo]
    notes: tuple[str, ...] = ()
    others: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        self._evaluators = [Evaluator(network) for network in self.networks]

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks of all members; most models have one."""
        return (self.network, *self.others)

    @property
    def learned(self) -> int:
        """The number of parameters of all members."""
        return len(self.networks) * self.network.learned

    @property
    def info(self) -> ModelInfo:
        """What a model file says: sizes, classes, settings, parts with their packages."""
        return replace(self._described, calibration=self.calibration)

    @cached_property
    def _described(self) -> ModelInfo:
        return self.describe()

    def __repr__(self) -> str:
        of_members = f", {len(self.networks)} members" if self.others else ""
        return (
            f"<model of {self.task}: {self.network.form}, {self.network.learned:,} parameters"
            f"{of_members}, {self.network.dtype.name}>"
        )

    def _summary(self) -> Iterator[Block]:
        yield Block([(name, text) for name, text in self.info.described() if text])
        yield from self.network._summary()

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
        if x.shape[1] != self.network.inputs:
            raise DataError(
                f"The data to predict has {x.shape[1]} columns; the network was trained on "
                f"{self.network.inputs}."
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
        from nnplug.models.new_rows import Features, open_rows  # noqa: PLC0415  # reading tables

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
        return set(self.features) <= set(getattr(data, "columns", ()))

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
        return self.average([evaluator.run(inputs)[0] for evaluator in self._evaluators])

    def run_member(self, member: int, inputs: AnyArray) -> AnyArray:
        """Compute the outputs of one member alone, counted from 0; see `run`."""
        return self._evaluators[member].run(inputs)[0]

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

    def probabilities(
        self,
        data: Any,
        *,
        calibrated: bool = False,
        unknown: Unknown = "bucket",
        allow_nonfinite: bool = False,
    ) -> AnyArray:
        """Compute the probability of each class for new rows; see `outputs`.

        Parameters
        ----------
        calibrated : bool, optional
            Whether to correct how sure they are, as the rows that were held
            out in training suggest; the most probable class stays the same.
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
        outputs, finite = self._outputs(data, unknown, allow_nonfinite)
        return self.shares(outputs, finite, calibrated=calibrated)

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
        """Make what counts the rows of `data` that have no finite prediction."""
        from nnplug.models import nonfinite  # noqa: PLC0415  # most networks are finite

        first = int(self.encoder is not None or self._names_columns(data))
        source = os.fspath(data) if isinstance(data, str | os.PathLike) else "The data"
        return nonfinite.NonfiniteRows(self.networks, source, first=first, finite=self.finite)

    # --- how good it is ---------------------------------------------------------------

    def evaluate(
        self,
        data: Any,
        *,
        metrics: Sequence[str | Metric] | None = None,
        interval: float | None = None,
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
        interval : float, optional
            Also count how often intervals or sets of this level hold the
            target; see `measure_uncertainty`.
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
            pair = self.inputs(data[0]), self.take_targets(data[1])
        else:
            raise DataError("The network was trained on arrays: give (inputs, targets).")
        return self.evaluate_parts(
            [pair],
            metrics=metrics,
            interval=interval,
            rows=self.nonfinite_rows(data),
            allow_nonfinite=allow_nonfinite,
        )

    def evaluate_parts(
        self,
        parts: Iterable[tuple[AnyArray, AnyArray]],
        *,
        rows: NonfiniteRows | None = None,
        metrics: Sequence[str | Metric] | None = None,
        interval: float | None = None,
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
        metrics, interval, allow_nonfinite
            See `evaluate`.
        watch : callable, optional
            Is given outputs and targets of all rows, at the end.
        """
        rows = self.nonfinite_rows(None) if rows is None else rows
        chosen = self._metrics(metrics)
        dtype, judged = self.network.dtype, self.network
        if self.others:  # the loss is that of the mean
            judged = Network.without_layers(judged.outputs, dtype)
        evaluator = Evaluator(judged, self.loss)
        targets: list[AnyArray] = []
        latest: list[AnyArray] = []

        def encoded() -> Iterator[tuple[AnyArray, AnyArray, None]]:
            for inputs, target in parts:
                targets.append(target)
                latest[:] = [inputs]
                given = self.run(inputs) if self.others else inputs
                yield given, self.head.encode(target, dtype), None

        def usable(_: AnyArray, output: AnyArray) -> AnyArray | None:
            finite = rows.add(latest[0], output)
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
        true = np.concatenate(targets)
        if watch is not None:
            watch(outputs, true)
        scores = {"loss": loss, **self.measure(chosen, outputs, true)}
        if interval is not None:
            scores |= self.measure_uncertainty(outputs, true, self.level(interval))
        return Scores(scores)

    def _metrics(self, asked: Sequence[str | Metric] | None) -> tuple[Metric, ...]:
        if asked is not None:
            return tuple(cast(Metric, self.registry.get("metric", metric)) for metric in asked)
        from nnplug.models import selection  # noqa: PLC0415  # a run knows its parts already

        found, notes = selection.find_parts(self.info, ("metrics",), self.registry)
        selection.warn_of(notes, stacklevel=4)
        return cast("tuple[Metric, ...]", found["metrics"])
