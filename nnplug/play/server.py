"""The transport of the playground: pages and commands over HTTP, frames as server-sent events."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nnplug.errors import NnplugError

if TYPE_CHECKING:
    from nnplug.play.worker import Worker

__all__ = ["HOST", "Application", "Server", "address", "bind", "make_app", "new_token", "serve"]

HOST = "127.0.0.1"
"""The only address that is listened at: other machines cannot reach it."""

LARGEST_BODY = 8_000_000
"""Bytes of the largest command: a table that is pasted."""

SILENCE = 10.0
"""Seconds after which a comment is sent, so that a closed tab is noticed."""

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_TAB = re.compile(r"[0-9a-f-]{8,40}")


def new_token() -> str:
    """Draw the secret part of the address."""
    return secrets.token_urlsafe(16)


def bind(port: int = 0) -> socket.socket:
    """Listen at a port of this machine; 0 takes a free one.

    Raises
    ------
    OSError, OverflowError
        If the port is taken, or there is no such port.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(64)
    except (OSError, OverflowError):
        listening.close()
        raise
    return listening


class Server(uvicorn.Server):
    """A server that ends its streams before it shuts down, so that no tab holds it up."""

    def __init__(self, app: Application) -> None:
        self._app = app
        super().__init__(_config(app))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the connections."""
        self._app.end_streams()
        await super().shutdown(sockets)


def serve(app: Application, listening: socket.socket) -> None:
    """Serve until an interrupt."""
    Server(app).run(sockets=[listening])


def _config(app: Application) -> uvicorn.Config:
    return uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1,
        ws="none", server_header=False, proxy_headers=False,
    )  # fmt: skip


def make_app(worker: Worker, token: str, port: int) -> Application:
    """Make the application: every address of it begins with the token.

    Parameters
    ----------
    worker : Worker
    token : str
        Whoever does not know it is refused.
    port : int
        Where it is served; requests that name another host are refused.
    """
    files, ends = _files(), set[Callable[[], None]]()

    async def page(request: Request) -> Response:
        # A look-up in a table, so that no path leads to another file.
        name = request.path_params.get("name", "") or "index.html"
        if name not in files:
            return PlainTextResponse("There is no such file.", 404)
        ending = name.rpartition(".")[2]
        return Response(files[name], media_type=_TYPES[ending])

    async def do(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return JSONResponse({"error": "Commands are application/json."}, 415)
        try:
            asked = json.loads(await _body(request), parse_constant=_no_number)
        except OverflowError:
            limit = f"{LARGEST_BODY // 1_000_000} MB"
            return JSONResponse({"error": f"That is more than {limit}; use a file: "
                                          "nnplug play FILE."}, 413)  # fmt: skip
        except (ValueError, RecursionError):
            return JSONResponse({"error": "The command is not JSON."}, 400)
        if not isinstance(asked, dict):
            return JSONResponse({"error": "The command is not an object."}, 400)
        tab = str(asked.get("tab", ""))
        if not _TAB.fullmatch(tab):
            return JSONResponse({"error": "The command names no tab."}, 400)
        try:
            answer = await asyncio.wrap_future(worker.do(tab, asked))
        except Exception as error:  # a part of a plugin may raise anything
            from nnplug.play.worker import trouble  # noqa: PLC0415  # loaded by now

            answer = trouble(error)
        return JSONResponse(answer)

    async def events(request: Request) -> Response:
        tab = request.query_params.get("tab", "")
        if not _TAB.fullmatch(tab):
            return JSONResponse({"error": "The request names no tab."}, 400)
        return StreamingResponse(_frames(worker, tab, ends), media_type="text/event-stream")

    routes = [
        Route(f"/{token}/", page),
        Route(f"/{token}/do", do, methods=["POST"]),
        Route(f"/{token}/events", events),
        Route(f"/{token}/{{name}}", page),
    ]
    return Application(Starlette(routes=routes), token, port, ends)


async def _frames(worker: Worker, tab: str, ends: set[Callable[[], None]]) -> AsyncIterator[str]:
    """Yield the frames of a tab; of several that wait, the latest only.

    Parameters
    ----------
    ends : set of callable
        Is given a function that ends the stream, for as long as it lasts.
    """
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    latest, number, ended = "", 0, asyncio.Event()

    def end() -> None:
        ended.set()
        arrived.set()

    def take(frame: str) -> None:
        nonlocal latest
        latest = frame
        arrived.set()

    def listener(frame: str) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(take, frame)

    ends.add(end)
    try:
        await asyncio.wrap_future(worker.listen(tab, listener))
        yield "retry: 1000\n\n"
        while True:
            try:
                await asyncio.wait_for(arrived.wait(), SILENCE)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            arrived.clear()
            if ended.is_set():
                break
            number += 1
            yield f"id: {number}\ndata: {latest}\n\n"
    except NnplugError as error:
        yield f"event: refused\ndata: {json.dumps(str(error))}\n\n"
    finally:
        ends.discard(end)
        worker.leave(tab, listener)


async def _body(request: Request) -> bytes:
    """Read a request's body.

    Raises
    ------
    OverflowError
        If it is larger than a command may be.
    """
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > LARGEST_BODY:
            raise OverflowError
    return bytes(found)


def _no_number(name: str) -> float:
    """Refuse NaN and Infinity, which Python reads but JSON does not have."""
    raise ValueError(name)


def _files() -> Mapping[str, bytes]:
    """Read the files of the page."""
    folder = resources.files("nnplug.play") / "page"
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }


class Application:
    """The application; it refuses whoever is not its page before it looks at anything else.

    A page of another origin can send requests here, and by DNS rebinding even under a name
    of its own; it has neither this Host, nor this Origin, nor the token.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, ends: set[Callable[[], None]]) -> None:
        self.app, self.token, self._ends = app, token, ends
        self.hosts = {f"{HOST}:{port}", f"localhost:{port}"}

    def end_streams(self) -> None:
        """End all streams of events."""
        for end in tuple(self._ends):
            end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        trouble = self._trouble(scope)
        headed = _with_headers(send)
        if trouble:
            await PlainTextResponse(trouble, 403)(scope, receive, headed)
        else:
            await self.app(scope, receive, headed)

    def _trouble(self, scope: Scope) -> str:
        """Say why a request is refused; empty if it is not."""
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if host not in self.hosts:
            return "This server is for its own address only."
        if origin is not None and origin != f"http://{host}":
            return "This server is for its own page only."
        if scope["method"] == "POST" and origin is None:
            return "A command needs the Origin of the page."
        given = scope["path"].partition("/")[2].partition("/")[0].encode()
        if not secrets.compare_digest(given, self.token.encode()):
            return "The address lacks its secret part. Copy it whole from the terminal."
        return ""


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def headed(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *own]}
        await send(message)

    return headed


def address(token: str, port: int) -> str:
    """Write the address of the page."""
    return f"http://{HOST}:{port}/{token}/"
