"""`nnplug play`: watch networks learn, in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnplug.cli.command import Command, option_group
from nnplug.cli.completion import complete_file
from nnplug.cli.options import WholeNumber, plugin_options, registry_of, warn
from nnplug.cli.setting_options import setting_option
from nnplug.cli.terminal import echo

if TYPE_CHECKING:
    from nnplug.play.content import Content
    from nnplug.plugins.registry import Registry

_EPILOG = """\b
Examples:
  nnplug play
  nnplug play spiral:noise=0.1,classes=3
  nnplug play iris.csv --target species
  nnplug play --screen "data=moons&hidden=[8,4]&epoch=50"
  nnplug play --no-browser --port 8000
"""


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("data", required=False, default="xor", shell_complete=complete_file)
@option_group(
    "Data",
    setting_option("target"),
    click.option(
        "--screen",
        metavar="TEXT",
        default="",
        help="What to show: the part of a page's address after #, as Share gives it.",
    ),
)
@option_group(
    "Server",
    click.option(
        "--no-browser", is_flag=True, help="Print the address, and do not open a browser."
    ),
    click.option(
        "--port",
        type=WholeNumber(0),
        metavar="PORT",
        default=0,
        help="Port on this machine; by default, a free one.",
    ),
)
@plugin_options
@click.pass_context
def play(
    context: click.Context,
    data: str,
    target: tuple[str, ...] | None,
    screen: str,
    no_browser: bool,
    port: int,
) -> None:
    """Watch a network learn DATA: the path of a table, or a dataset's name.

    A page opens in the browser, on which you choose the data, the layers, the
    activations, the loss and the optimizer. Nothing leaves this machine.
    Without a target, the last column of a table is predicted. Ctrl-C stops it.
    """
    try:
        from nnplug.play import server
    except ImportError as error:
        raise click.UsageError(
            f"The playground needs Starlette and uvicorn ({error}).\n"
            "Install them with: pip install starlette uvicorn"
        ) from None
    registry = registry_of(context)
    content = None if data == "xor" and not target else _content(data, target or (), registry)
    if screen:
        screen = _checked(screen, content, registry)
    try:
        listening = server.bind(port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "the largest port is 65535"
        raise click.UsageError(f"--port {port}: {reason}.\nLeave it out for a free one.") from None
    token, port = server.new_token(), listening.getsockname()[1]
    address = server.address(token, port) + screen
    echo(address)
    echo("Ctrl-C ends it.", err=True)
    if not no_browser:
        _open(address)
    # The browser starts meanwhile, and waits for the answer.
    from nnplug.play.session import Session
    from nnplug.play.worker import Worker

    worker = Worker(lambda: Session(registry, content))
    warn(registry)
    worker.start()
    try:
        server.serve(server.make_app(worker, token, port), listening)
    finally:
        worker.stop()
        listening.close()


def _content(data: str, target: tuple[str, ...], registry: Registry) -> Content:
    """Find the data before the server starts, so that an error is on the terminal."""
    from nnplug.errors import SettingError
    from nnplug.play.content import Content
    from nnplug.runs.preparing import prepare
    from nnplug.runs.sources import is_path

    if target and not is_path(data):
        raise SettingError(f"--target: {data} has its own target.\nLeave it out.")
    content = Content.of_table(Path(data), target) if is_path(data) else Content(data)
    with registry.naming_culprits():
        prepare(content.rows(registry), registry=registry, **content.settings)
    return content


def _checked(screen: str, content: Content | None, registry: Registry) -> str:
    """Find what is wrong with a screen before the server starts; return it with its #."""
    from nnplug.errors import SettingError
    from nnplug.play.screen import in_one_line, read_screen
    from nnplug.play.session import Session

    wanted = read_screen(screen)
    # Nothing is trained here: that, and what is set by hand on the way, is for the page.
    for later in ("epoch", "step", "edits"):
        wanted.pop(later, None)
    answer = Session(registry, content).do({"do": "open", **wanted})
    if "error" in answer:
        raise SettingError(f"--screen: {answer['error']}")
    return f"#{in_one_line(screen)}"


def _open(address: str) -> None:
    """Open the browser without waiting for it: some return only when they are closed."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
