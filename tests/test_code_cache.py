"""Machine code on disk: kept where nobody else may write, and nowhere else; said once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import warnings

import pytest

from nnplug.cli import main
from nnplug.engines.numba.code_cache import CodeCache, cache_folder
from nnplug.engines.numba.compiler import Compiler
from nnplug.errors import NnplugWarning

KEY, CODE = "0123", b"machine code"
SOURCE = "def function(table):\n    return {number}\n"
WAY_OUT = "\nWay out: let NNPLUG_CACHE name a folder of your own, which nobody else may write to."


def kept(base):
    """Give what another process would find of the code, as far as it may."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NnplugWarning)
        return CodeCache(base).read(KEY)


def told(action):
    """Give the one warning of an action that is done twice."""
    with pytest.warns(NnplugWarning) as caught:
        action()
    action()  # any warning is an error here
    (warning,) = caught
    return str(warning.message)


def test_what_is_written_is_read_and_is_the_users_alone(tmp_path):
    cache = CodeCache(tmp_path / "new" / "nnplug")
    old = os.umask(0)  # as loose as it gets
    try:
        cache.write(KEY, CODE)
    finally:
        os.umask(old)
    assert kept(tmp_path / "new" / "nnplug") == CODE
    assert cache.trouble == ""
    for path in (cache.folder.parent, cache.folder, *cache.folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY}.o"]


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o1777])
@pytest.mark.parametrize("inner", [False, True])
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path, mode, inner):
    base = tmp_path / "cache"
    CodeCache(base).write(KEY, CODE)
    folder = base / "code" if inner else base
    folder.chmod(mode)
    said = f"{folder} may be written to by others (mode {mode:04o})."
    cache = CodeCache(base)
    assert told(lambda: cache.read(KEY)) == (
        f"Compiled code is not kept, so each run compiles anew: {said}{WAY_OUT}"
    )
    assert kept(base) is None
    cache.write("4567", CODE)  # said already
    assert [path.name for path in (base / "code").iterdir()] == [f"{KEY}.o"]
    folder.chmod(0o700)
    assert kept(base) == CODE


@pytest.mark.parametrize("mode", [0o666, 0o660, 0o622])
def test_a_file_that_others_may_write_to_is_not_read(tmp_path, mode):
    cache = CodeCache(tmp_path)
    cache.write(KEY, CODE)
    path = cache.folder / f"{KEY}.o"
    path.chmod(mode)
    assert told(lambda: cache.read(KEY)) == (
        f"Compiled code is not used: {path} may be written to by others (mode {mode:04o}). "
        "It is compiled anew."
    )
    assert kept(tmp_path) is None
    cache.write(KEY, CODE)  # puts a new file in its place
    assert kept(tmp_path) == CODE


def test_a_link_is_not_followed(tmp_path):
    cache = CodeCache(tmp_path)
    cache.write(KEY, CODE)
    path = cache.folder / f"{KEY}.o"
    path.rename(tmp_path / "elsewhere.o")
    path.symlink_to(tmp_path / "elsewhere.o")
    assert kept(tmp_path) is None


def test_what_belongs_to_another_user_is_not_used(tmp_path, monkeypatch):
    CodeCache(tmp_path).write(KEY, CODE)
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    cache = CodeCache(tmp_path)
    assert f"{tmp_path} belongs to another user (uid {owner}; you are {owner + 1})." in told(
        lambda: cache.read(KEY)
    )
    assert kept(tmp_path) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
def test_one_file_of_another_user_is_not_used(tmp_path):
    cache = CodeCache(tmp_path)
    cache.write(KEY, CODE)
    path = cache.folder / f"{KEY}.o"
    os.chown(path, 12345, -1)
    assert told(lambda: cache.read(KEY)).startswith(
        f"Compiled code is not used: {path} belongs to another user (uid 12345; you are 0)."
    )


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "code").write_text("a file where the folder should be")
    compiler = Compiler(tmp_path)
    with pytest.warns(NnplugWarning, match=rf"anew: {tmp_path}/code cannot be written: ") as caught:
        compiler.functions([SOURCE.format(number=5), SOURCE.format(number=6)])
    assert (len(caught), compiler.compiled) == (1, 2)
    assert (tmp_path / "code").read_text() == "a file where the folder should be"


def test_without_a_home_there_is_no_folder(monkeypatch):
    import pwd

    def unknown(uid):
        raise KeyError(uid)

    for name in ("HOME", "NNPLUG_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert cache_folder() is None
    cache = CodeCache(None)
    assert cache.read(KEY) is None
    assert told(lambda: cache.write(KEY, CODE)) == (
        "Compiled code is not kept, so each run compiles anew: there is no home folder: HOME is "
        f"not set, and the system does not know the user.{WAY_OUT}"
    )


# --- as users meet it -------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "times"), [("numpy", 0), ("numba", 1)])
def test_the_command_line_says_it_once_on_stderr(tmp_path, engine, times):
    tmp_path.chmod(0o777)
    said = subprocess.run(
        [sys.executable, "-m", "nnplug", "train", "xor", "--epochs", "50", "--engine", engine],
        env={**os.environ, "NNPLUG_CACHE": str(tmp_path)},
        capture_output=True, text=True, check=True, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    line = f"Warning: Compiled code is not kept, so each run compiles anew: {tmp_path} may be"
    assert said.stderr.count(line) == said.stderr.count("Warning") == times
    assert "Warning" not in said.stdout
    assert "code_cache.py" not in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_warning_of_another_is_left_to_python(monkeypatch):
    import nnplug.cli

    def warn_oddly(*_, **__):
        warnings.warn("odd", stacklevel=1)

    monkeypatch.setattr(nnplug.cli.cli, "main", warn_oddly)
    with pytest.warns(UserWarning, match="odd"), pytest.raises(SystemExit):
        main([])


NOBODY = """
    import json, os, pathlib, warnings
    import nnplug
    from nnplug.engines.numba.compiler import compiler

    # Compiles, and so imports all that another user may not read.
    os.environ["NNPLUG_CACHE"] = str(pathlib.Path("cache").absolute())
    nnplug.train("xor", epochs=50, engine="numba")
    first = compiler()  # kept: its code is in use
    compiler.cache_clear()
    os.chdir("/")
    os.setgroups([])
    os.setuid(54321)
    for name in ("HOME", "NNPLUG_CACHE", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)
    vars(compiler())["_surroundings"] = first._surroundings  # read from files of packages
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runs = [nnplug.train("xor", epochs=50, engine="numba") for _ in range(2)]
    print(json.dumps([[str(each.message) for each in caught], runs[0].final.loss]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become a user whom nobody knows")
def test_a_user_without_name_and_home_trains(tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(NOBODY)],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    (warning,), loss = json.loads(said.stdout)
    assert "there is no home folder: HOME is not set" in warning
    assert 0 < loss < 0.3
