"""The playground in a notebook: the page and the session of `nnplug play`, as a widget."""

from __future__ import annotations

import atexit
import json
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from nnplug.errors import NnplugError
from nnplug.parts import Part
from nnplug.play.content import Content
from nnplug.play.messages import View
from nnplug.play.screen import in_one_line, read_screen
from nnplug.play.session import Session
from nnplug.play.worker import Worker
from nnplug.runs.preparing import default_registry

if TYPE_CHECKING:
    from anywidget import AnyWidget

    from nnplug.plugins.registry import Registry
    from nnplug.runs.run import Run

__all__ = ["Playground", "module"]


def module() -> str:
    """Write the widget's module for the browser: one file, which loads nothing else."""
    folder = resources.files("nnplug.play")
    files = {
        file.name: file.read_text(encoding="utf-8")
        for file in (folder / "page").iterdir()
        if file.name.endswith((".js", ".css", ".html"))
    }
    del files["page.js"]  # the other host
    own = (folder / "widget.js").read_text(encoding="utf-8")
    return f"const FILES = {json.dumps(files)};\n{own}"


@cache
def _page() -> type[AnyWidget]:
    """Return the class of the widgets, which anywidget is needed for.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import traitlets  # noqa: PLC0415  # an extra
        from anywidget import AnyWidget  # noqa: PLC0415  # the same
    except ImportError as error:
        raise ImportError(
            f"The playground in a notebook needs anywidget ({error}).\n"
            "Install it with: pip install anywidget"
        ) from error

    class Page(AnyWidget):
        _esm = module()
        address = traitlets.Unicode().tag(sync=True)

    return Page


@cache
def _worker() -> Worker:
    """Return the thread in which all playgrounds of this process compute."""
    worker = Worker(_gone)
    worker.start()
    atexit.register(worker.stop)
    return worker


def _gone() -> Session:
    raise NnplugError(
        "This playground was closed, by close() or because others needed its place.\n"
        "Run its cell again."
    )


class Playground:
    """Watch a network learn, in a notebook: the page of `nnplug play` as a widget.

    A cell that ends with it shows it, in Jupyter and wherever else anywidget works. The
    network learns in the kernel, in a thread of its own and only while somebody looks: not
    while the browser's tab is hidden, the widget is out of sight, or a cell runs for more
    than a few seconds.

    Parameters
    ----------
    data : str, path, pair of arrays, DataFrame or mapping
        What to learn, as for `nnplug.train`: a dataset, a table or its path, arrays.
    target : str or sequence of str, optional
        The column of a table to predict; by default the last one.
    screen : str, optional
        What to show, as `Share` gives it and as `nnplug play --screen` takes it.
    hide : sequence of str, optional
        The controls to hide, by the names that `Share` lists: `("loss", "optimizer")`.
    play : bool, optional
        Whether it learns as soon as it is seen.
    registry : Registry, optional
        Where names are looked up; by default among all installed parts.
    **settings
        Settings of `nnplug.train` to begin with, those that the page can change.

    Attributes
    ----------
    widget : AnyWidget
        The widget itself, to put among others.

    Raises
    ------
    NnplugError
        If the data or a setting cannot be used.
    ImportError
        If anywidget is not installed.

    Examples
    --------
    >>> playground = Playground("moons", hidden=[4, 3], activation="gelu")
    >>> playground.run.network.widths
    [2, 4, 3, 1]
    >>> playground.close()
    """

    def __init__(
        self,
        data: Any = "xor",
        target: str | Sequence[str] = (),
        *,
        screen: str = "",
        hide: Sequence[str] = (),
        play: bool = True,
        registry: Registry | None = None,
        **settings: Any,
    ) -> None:
        page, registry = _page(), registry or default_registry()
        columns = (target,) if isinstance(target, str) else tuple(target)
        content = Content.of_data(data, columns, registry, settings.get("task"))
        self._session, self._name = Session(registry, content), uuid.uuid4().hex
        self._views = dict[str, View]()
        _worker().add(self._name, self._session).result()
        wanted = read_screen(screen)
        first = {name: _plain(value) for name, value in settings.items()}
        wanted["settings"] = [{**wanted["settings"][0], **first}, *wanted["settings"][1:]]
        self._do("open", **wanted)
        if play and not {"epoch", "step"} & set(wanted):
            self._do("play")
        hidden = "&hide=" + ",".join(hide) if hide else ""
        self.widget = page(address=f"#{in_one_line(screen)}{hidden}")
        self.widget.on_msg(self._hear)

    @property
    def run(self) -> Run:
        """The run as it is now, paused; of a race the first network's.

        It is not a copy: if you play on, its network learns on.
        """
        _worker().do(self._name, {"do": "pause"}).exception()  # one that lost its place is paused
        return self._session.learners[0].run

    def close(self) -> None:
        """End the widget and its work."""
        for view in self._views.values():
            view.close()
        _worker().drop(self._name)
        self.widget.close()

    def _do(self, what: str, **more: Any) -> None:
        answer = _worker().do(self._name, {"do": what, **more}).result()
        if "error" in answer:
            _worker().drop(self._name)
            raise NnplugError(answer["error"])

    def _hear(self, _: Any, message: Any, buffers: Any) -> None:
        """Take a message of a view, in the kernel's thread."""
        if isinstance(message, Mapping) and isinstance(name := message.get("view"), str):
            if name not in self._views:
                self._views[name] = View(name, self._name, _worker(), self._post)
            self._views[name].hear(message)

    def _post(self, message: dict[str, Any], content: bytes) -> None:
        self.widget.send(message, [content])

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)

    def __repr__(self) -> str:
        return f"<playground of {self._session.content.label}>"


def _plain(value: Any) -> Any:
    """Write a setting as the page knows it: parts by their text."""
    if isinstance(value, Part):
        return value.text
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
