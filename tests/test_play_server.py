"""The playground's transport: who is let in, and what he can ask for."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import nnplug
from nnplug.play import server
from nnplug.play.session import Session
from nnplug.play.worker import Worker
from nnplug.runs.preparing import default_registry

TOKEN, TAB = "a-secret-for-tests", "0123456789abcdef"


@dataclass
class Answer:
    status_code: int
    headers: dict
    text: str

    def json(self):
        return json.loads(self.text)


class Client:
    """A running server, and requests to it with any headers."""

    def __init__(self, registry):
        self.worker = Worker(lambda: Session(registry))
        self.worker.start()
        self.listening = server.bind()
        self.port = self.listening.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.own = {"Host": self.host, "Origin": f"http://{self.host}"}
        app = server.make_app(self.worker, TOKEN, self.port)
        self.server = server.Server(app)
        self.thread = threading.Thread(target=self.server.run, args=([self.listening],))
        self.thread.start()

    def close(self):
        self.server.should_exit = True
        self.thread.join(20)
        self.worker.stop()
        self.listening.close()

    def ask(self, method, path, content=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        for name, value in (self.own if headers is None else headers).items():
            connection.putheader(name, value)
        if content is not None:
            connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content)
        got = connection.getresponse()
        found = {name.lower(): value for name, value in got.getheaders()}
        if found.get("content-type", "").startswith("text/event-stream"):
            return Answer(got.status, found, connection)
        answer = Answer(got.status, found, got.read().decode())
        connection.close()
        return answer

    def get(self, path, headers=None):
        return self.ask("GET", path, headers=headers)


@pytest.fixture(scope="module")
def client():
    made = Client(default_registry())
    yield made
    made.close()


def post(client, asked, headers=None, token=TOKEN):
    headers = {**(client.own if headers is None else headers), "Content-Type": "application/json"}
    return client.ask("POST", f"/{token}/do", json.dumps(asked).encode(), headers)


def test_the_page_and_a_command(client):
    page = client.get(f"/{TOKEN}/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert client.get(f"/{TOKEN}/main.js").headers["content-type"].startswith("text/javascript")
    answer = post(client, {"tab": TAB, "do": "open"}).json()
    assert answer["data"]["name"] == "xor"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:PORT", "127.0.0.1:1", ""])
def test_another_host_is_refused(client, host):
    """By DNS rebinding, a page of another host reaches this server under its own name."""
    host = host.replace("PORT", str(client.port))
    for answer in (
        client.get(f"/{TOKEN}/", headers={"Host": host}),
        post(client, {"tab": TAB, "do": "open"}, {"Host": host, "Origin": f"http://{host}"}),
    ):
        assert answer.status_code == 403
        assert answer.text == "This server is for its own address only."


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://HOST", "http://127.0.0.1:1"]
)
def test_another_origin_is_refused(client, origin):
    headers = {**client.own, "Origin": origin.replace("HOST", client.host)}
    answer = post(client, {"tab": TAB, "do": "open"}, headers)
    assert (answer.status_code, answer.text) == (403, "This server is for its own page only.")
    assert client.get(f"/{TOKEN}/events?tab={TAB}", headers).status_code == 403


def test_a_command_without_an_origin_is_refused(client):
    answer = post(client, {"tab": TAB, "do": "open"}, {"Host": client.host})
    assert (answer.status_code, answer.text) == (403, "A command needs the Origin of the page.")


@pytest.mark.parametrize("path", ["/", "/do", "/wrong/", "/wrong/do", f"/{TOKEN}x/", "//"])
def test_without_the_token_nothing_is_to_be_had(client, path):
    for answer in (client.get(path), client.ask("POST", path, b"{}")):
        assert answer.status_code == 403
        assert "secret part" in answer.text
    assert TOKEN not in answer.text


def test_tokens_differ_and_are_long():
    found = {server.new_token() for _ in range(100)}
    assert len(found) == 100
    assert min(map(len, found)) >= 20


@pytest.mark.parametrize(
    "name",
    [
        "../pyproject.toml", "..%2f..%2f..%2fpyproject.toml", "%2fetc%2fpasswd", "session.py",
        "..%5csession.py", "__init__.py", "etc/passwd", "....//session.py",
    ],
)  # fmt: skip
def test_no_path_leads_to_another_file(client, name):
    answer = client.get(f"/{TOKEN}/{name}")
    # A client may resolve .. itself: then the token is gone.
    assert answer.status_code in (403, 404)
    assert "def " not in answer.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_command_is_json(client, kind):
    """The other types are those that a page of another origin may send without asking."""
    content = json.dumps({"tab": TAB, "do": "open"}).encode()
    headers = {**client.own, "Content-Type": kind}
    answer = client.ask("POST", f"/{TOKEN}/do", content, headers)
    assert (answer.status_code, answer.json()["error"]) == (415, "Commands are application/json.")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[1]", 400),
        (b'{"do": "open"}', 400),
        (b"[" * 10**5, 400),
        (b'{"tab": "%b", "do": "open", "epoch": NaN}' % TAB.encode(), 400),
    ],
)
def test_what_is_no_command(client, content, status):
    headers = {**client.own, "Content-Type": "application/json"}
    answer = client.ask("POST", f"/{TOKEN}/do", content, headers)
    assert answer.status_code == status
    assert "error" in answer.json()


def test_a_command_that_is_too_long(client, monkeypatch):
    monkeypatch.setattr(server, "LARGEST_BODY", 1_000_000)
    answer = post(client, {"tab": TAB, "do": "table", "text": "a,b\n" * 300_000})
    assert answer.status_code == 413
    assert "more than 1 MB" in answer.json()["error"]


def test_nothing_of_another_host_is_loaded_or_run(client):
    for path in ("", "main.js", "style.css", "no-such-file"):
        headers = client.get(f"/{TOKEN}/{path}").headers
        assert headers["content-security-policy"].startswith("default-src 'self'; ")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
    folder = server.resources.files("nnplug.play") / "page"
    files = [file for file in folder.iterdir() if file.name != "__pycache__"]
    for file in files:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "new Function"):
            assert word not in text, (file.name, word)
    assert sum(len(file.read_bytes()) for file in files) < 400_000


def test_what_the_extra_installs_is_small():
    wanted, found = ["starlette", "uvicorn"], dict[str, int]()
    while wanted:
        name = wanted.pop()
        if name not in found:
            dist = metadata.distribution(name)
            files = [Path(str(file.locate())) for file in dist.files or ()]
            found[name] = sum(file.stat().st_size for file in files if file.is_file())
            needed = [Requirement(line) for line in dist.requires or ()]
            wanted += [
                one.name for one in needed if not one.marker or one.marker.evaluate({"extra": ""})
            ]
    assert {"starlette", "uvicorn", "h11", "anyio"} <= set(found)
    assert sum(found.values()) < 10_000_000, found


def test_what_is_typed_into_the_page_is_not_run(client):
    marks = ["__import__('os').getcwd()", "tanh:slope=__import__('os')", "np.tanh", "./mine.py"]
    for text in marks:
        answer = post(client, {"tab": TAB, "do": "set", "settings": {"activation": [text]}})
        assert answer.status_code == 200
        assert "error" in answer.json()


def test_an_error_of_a_part_is_an_answer():
    @nnplug.dataset
    def broken():
        raise ZeroDivisionError("<b>no</b>")

    registry = nnplug.Registry()
    registry.register(broken)
    client = Client(registry)
    try:
        post(client, {"tab": TAB, "do": "open"})
        answer = post(client, {"tab": TAB, "do": "data", "data": "broken"})
        assert "<b>no</b>" in answer.json()["error"]  # the page sets it as text
        assert post(client, {"tab": TAB, "do": "state"}).json()["data"]["name"] == "xor"
    finally:
        client.close()


def test_frames_come_down_with_numbers_and_stop_when_nobody_listens(client):
    tab = "fedcba9876543210"
    post(client, {"tab": tab, "do": "open"})
    stream = client.get(f"/{TOKEN}/events?tab={tab}")
    assert stream.headers["content-type"].startswith("text/event-stream")
    post(client, {"tab": tab, "do": "play"})
    connection = stream.text
    reader = connection.sock.makefile("rb")
    ids, epochs = [], []
    while len(ids) < 4:
        line = reader.readline()
        if line.startswith(b"id: "):
            ids.append(int(line[4:]))
        elif line.startswith(b"data: "):
            epochs.append(json.loads(line[6:])["lanes"][0]["epoch"])
    assert ids == [1, 2, 3, 4]
    assert epochs == sorted(epochs)
    assert client.worker.tabs[tab].listeners
    reader.close()
    connection.sock.close()
    connection.close()
    until = time.monotonic() + 20
    while client.worker.tabs[tab].listeners and time.monotonic() < until:
        time.sleep(0.02)
    assert client.worker.tabs[tab].listeners == []


def test_it_listens_at_this_machine_only():
    listening = server.bind()
    try:
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        assert port > 0
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    finally:
        listening.close()
