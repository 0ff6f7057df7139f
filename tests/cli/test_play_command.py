"""`nnplug play`: what it prints, how it ends, and what it refuses before it starts."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli import cli

TABLE = "a,b,kind\n" + "".join(f"{k % 7},{k % 5},{'x' if k % 7 > 3 else 'y'}\n" for k in range(30))


def start(*arguments, folder):
    environment = {**os.environ, "PYTHONPATH": str(Path(nnplug.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-m", "nnplug", "play", "--no-browser", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def request(address, method, path, content=None):
    host, port, token = re.fullmatch(r"http://(127\.0\.0\.1):(\d+)/([\w-]+)/", address).groups()
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    own = {"Origin": f"http://{host}:{port}", "Content-Type": "application/json"}
    connection.request(method, f"/{token}/{path}", content, own)
    return connection, connection.getresponse()


def test_it_prints_its_address_and_ends_with_an_open_tab(tmp_path):
    (tmp_path / "mine.csv").write_text(TABLE, encoding="utf-8")
    running = start("mine.csv", "--target", "a", folder=tmp_path)
    try:
        address = running.stdout.readline().strip()
        first, answer = request(address, "POST", "do", '{"tab": "0123456789", "do": "open"}')
        text = answer.read().decode()
        first.close()
        assert '"table":"mine.csv"' in text
        assert '"target":["a"]' in text
        # A tab that is open when Ctrl-C comes.
        stream, answer = request(address, "GET", "events?tab=0123456789")
        assert answer.readline() == b"retry: 1000\n"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        answer.close()
        stream.close()
    finally:
        running.kill()
        running.wait()
    assert out == ""
    assert err.split("\n") == ["Ctrl-C ends it.", "", "error: interrupted", ""]
    assert running.returncode == 130
    assert list(Path(tmp_path).iterdir()) == [tmp_path / "mine.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_set"], "There is no dataset 'no_such_set'"),
        (["no-such-file.csv"], "no-such-file.csv"),
        (["moons", "--target", "x"], "--target: moons has its own target."),
        (["moons:size=5"], "size"),
        (["moons:size=50000"], "20,000 at most"),
        (["--screen", "data=moonz"], "--screen: There is no dataset 'moonz'"),
        (["--screen", "data=xor&optimizer=addam"], "--screen: There is no optimizer 'addam'."),
        (["--screen", "data=xor&hiden=[3]"], "--screen: The playground has no setting 'hiden'."),
        (["--screen", "race=3"], "--screen: settings=3: give a table"),
    ],
)
def test_what_is_refused_before_a_page_is_opened(arguments, message, monkeypatch):
    monkeypatch.setattr("nnplug.cli.play._open", lambda _: pytest.fail("it opened a page"))
    done = CliRunner().invoke(cli, ["play", *arguments])
    assert done.exit_code != 0
    assert message in str(done.exception) + done.output


def test_a_screen_is_opened(monkeypatch):
    from nnplug.play import server

    opened = []
    monkeypatch.setattr("nnplug.cli.play._open", opened.append)
    monkeypatch.setattr(server, "serve", lambda app, listening: None)
    text = 'data=moons&hidden=[3]&epoch=2&edits=[{"array":"nowhere"}]'
    lines = text.replace("&", "\n  &")
    for given in (text, lines, f"#{text}", f"http://127.0.0.1:5/old/#{text}"):
        done = CliRunner().invoke(cli, ["play", "--screen", given])
        assert done.exit_code == 0
        assert done.stdout.strip() == opened[-1]
        # What is trained on the way is for the page to do, and its errors for the page to say.
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/#" + re.escape(text), opened[-1])


def test_a_table_that_cannot_be_learned_is_refused_on_the_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr("nnplug.cli.play._open", lambda _: pytest.fail("it opened a page"))
    table = tmp_path / "mine.csv"
    table.write_text("a,kind\n1,x\n2,x\n")
    for more, message in (([], "one class only"), (["--target", "z"], 'no column "z"')):
        done = CliRunner().invoke(cli, ["play", str(table), *more])
        assert done.exit_code != 0
        assert message in str(done.exception) + done.output


def test_a_port_that_is_taken(monkeypatch):
    from nnplug.play import server

    taken = server.bind()
    port = taken.getsockname()[1]
    try:
        done = CliRunner().invoke(cli, ["play", "--no-browser", "--port", str(port)])
    finally:
        taken.close()
    assert done.exit_code == 2
    assert f"--port {port}: Address already in use.\nLeave it out for a free one." in done.output
    done = CliRunner().invoke(cli, ["play", "--no-browser", "--port", "70000"])
    assert "--port 70000: the largest port is 65535." in done.output


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    monkeypatch.delitem(sys.modules, "nnplug.play.server", raising=False)
    monkeypatch.delattr("nnplug.play.server", raising=False)
    done = CliRunner().invoke(cli, ["play"])
    assert done.exit_code == 2
    assert "pip install starlette uvicorn" in done.output
