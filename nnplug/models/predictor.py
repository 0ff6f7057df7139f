"""What an explanation needs of a model: its network, and rows as it takes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from nnplug.models.answers import Answers

if TYPE_CHECKING:
    from nnplug.models.new_rows import NewRows
    from nnplug.models.nonfinite import NonfiniteRows
    from nnplug.network.network import Network
    from nnplug.parts import Metric
    from nnplug.plugins.registry import Registry
    from nnplug.tables import ReadOptions
    from nnplug.tables.encoder import Unknown
    from nnplug.types import AnyArray

__all__ = ["Predictor"]


class Predictor(Answers, ABC):
    """A network with how its rows are read; see `Model`, which it is."""

    network: Network
    features: tuple[str, ...]
    registry: Registry

    @abstractmethod
    def inputs(self, data: Any, *, unknown: Unknown = "bucket") -> AnyArray:
        """Turn rows into the network's inputs, (N, D)."""

    @abstractmethod
    def open_rows(
        self,
        data: Any,
        read: ReadOptions | None = None,
        *,
        ids: Sequence[str] = (),
        unknown: Unknown = "bucket",
        with_target: bool = False,
    ) -> AbstractContextManager[NewRows]:
        """Open a table to be taken a chunk at a time."""

    @abstractmethod
    def run(self, inputs: AnyArray) -> AnyArray:
        """Compute the outputs, (N, C), of inputs, (N, D)."""

    @abstractmethod
    def nonfinite_rows(self, data: Any) -> NonfiniteRows:
        """Make what counts the rows of `data` that have no finite prediction."""

    @abstractmethod
    def _names_columns(self, data: Any) -> bool:
        """Whether data is a table, or a data frame that has the columns of the features."""

    @abstractmethod
    def _metrics(self, asked: Sequence[str | Metric] | None) -> tuple[Metric, ...]:
        """Give the metrics asked for; by default those of the training."""
