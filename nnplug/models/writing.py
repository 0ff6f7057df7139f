"""A model in files: its own, or those of other programs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnplug.errors import SettingError
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.tool import Exporter

if TYPE_CHECKING:
    from nnplug.durable import Disk
    from nnplug.models.info import ModelInfo

__all__ = ["Writable"]


class Writable(ABC):
    """What can be written: a network with all that a prediction needs."""

    network: Network
    registry: Registry

    @property
    @abstractmethod
    def networks(self) -> tuple[Network, ...]:
        """The networks of all members."""

    @property
    @abstractmethod
    def info(self) -> ModelInfo:
        """What a model file says of it."""

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, disk: Disk | None = None
    ) -> None:
        """Write it to a model file; see `nnplug.load`.

        Parameters
        ----------
        path : path
            By custom it ends in `.safetensors`.
        overwrite : bool, optional
            Whether an existing file may be replaced.

        Raises
        ------
        StorageError
            If the file cannot be written. An existing file is then unchanged.
        """
        from nnplug.durable import write_file  # noqa: PLC0415  # few models are saved
        from nnplug.models.container import pack  # noqa: PLC0415  # the same
        from nnplug.models.info import ModelInfo  # noqa: PLC0415  # the same

        # A file that could not be read again is not written.
        content = ModelInfo.from_dict(self.info.to_dict()).to_dict()
        # Several members are one array each, (members, ...).
        arrays = {
            span.name: np.stack([network[span.name] for network in self.networks])
            if len(self.networks) > 1
            else self.network[span.name]
            for span in self.network.spans
        }
        write_file(path, pack("model", content, arrays), overwrite=overwrite, disk=disk)

    def export(
        self,
        to: str,
        path: str | os.PathLike[str],
        *,
        interval: float | None = None,
        overwrite: bool = False,
    ) -> tuple[Path, ...]:
        """Write it for another program or language.

        Parameters
        ----------
        to : str
            The name of an exporter with its options: `"onnx"`, `"numpy"`,
            `"sql:dialect=sqlite"`, `"c"`, `"js"`, or a plugin's.
        path : path
            The file to write. Exporters of several files write the others
            beside it, under the same name.
        interval : float, optional
            The level of intervals or sets that the answer is to have, as 0.9;
            see `predict_interval` and `predict_set`.
        overwrite : bool, optional
            Whether existing files may be replaced.

        Returns
        -------
        tuple of Path
            What was written.

        Raises
        ------
        UnknownPartError, OptionError
            If there is no such exporter, or it has no such option.
        SettingError
            If the model cannot be written so, or cannot give such intervals.
        StorageError
            If a file cannot be written.

        Examples
        --------
        >>> import tempfile, nnplug
        >>> run = nnplug.train("xor", epochs=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [file.name for file in run.model.export("c", folder + "/xor.c")]
        ['xor.c', 'xor.h']
        """
        from nnplug.durable import write_file  # noqa: PLC0415  # few models are exported

        path = Path(path)
        found: dict[Path, bytes] = {}
        for suffix, content in self.exported(to, path.stem, interval).items():
            # What the exporter's main file is called is up to the user.
            target = path.with_suffix(suffix) if found else path
            found[target] = content
        if not overwrite:
            for target in found:
                if target.exists() or target.is_symlink():
                    raise SettingError(
                        f"{target}: the file exists.\nChoose another name, or allow replacing it: "
                        "--overwrite, or overwrite=True in Python."
                    )
        for target, content in found.items():
            write_file(target, content, overwrite=overwrite)
        return tuple(found)

    def card(self, file: str = "model.safetensors", record: Mapping[str, Any] | None = None) -> str:
        """Write a model card: what is known of the model and what is not, in Markdown.

        Parameters
        ----------
        file : str, optional
            What the model file is called, for the commands on the card.
        record : mapping, optional
            The run's record, as its folder has it in `run.json`: the model
            itself does not know its rows and scores.

        Examples
        --------
        >>> import nnplug
        >>> print(nnplug.train("xor", epochs=1).model.card().splitlines()[2])
        A neural network, 2-2-1, 9 parameters, float64; made with nnplug ...
        """
        from nnplug.models.card import model_card  # noqa: PLC0415  # few cards are written

        return model_card(self.info, self.registry, file, record)

    def exported(self, to: str, name: str, interval: float | None = None) -> dict[str, bytes]:
        """Give the files that an exporter makes, by their endings, the main one first.

        Parameters
        ----------
        to : str
            See `export`.
        name : str
            What the files are called, without an ending; functions in them
            may be called so too.
        interval : float, optional
            See `export`.
        """
        exporter = cast(Exporter, self.registry.tool("exporter", to))
        if interval is not None:
            exporter = exporter.with_options({"interval": repr(float(interval))})
        with self.registry.naming_culprits():
            return exporter.files(self, name)
