"""The tool that breaks one place at a time finds the places that no test covers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.places import find_places

ROOT = Path(__file__).parents[2]


def broken(source):
    """Return what a source becomes, one broken place at a time."""
    text = source.encode()
    return [place.broken(text).decode() for place in find_places("m.py", text)]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("y = a < b", ["y = a <= b"]),
        ("y = (a) is not (b)", ["y = (a) is (b)"]),
        ("y = ψ not in b", ["y = ψ in b"]),
        ("y = a < b == c", ["y = a <= b == c", "y = a < b != c"]),
        ("y = a + b * c", ["y = a - b * c", "y = a + b / c"]),
        ("y = (a +  # plus\n  b)", ["y = (a -  # plus\n  b)"]),
        ("y = a and b or c", ["y = a or b or c", "y = a and b and c"]),
        ("y = not a", ["y = a"]),
        ("y = -a", ["y = a"]),
        ("y = f(3, 0.5, True)", ["y = f(0.5, 3, True)", "y = f(4, 0.5, True)",
                                 "y = f(3, 0.75, True)", "y = f(3, 0.5, False)"]),
        ("y = np.maximum(a, b)", []),
        ("y += x", ["pass", "y -= x"]),
        ("y.a = x", ["pass"]),
        ("f(x)", ["pass"]),
        ("def f(x=1):\n    return x, y", ["def f(x=2):\n    return x, y",
                                         "def f(x=1):\n    return y, x"]),
        ("raise ValueError(f'{x + 1}' + 'a', 2)", ["pass"]),
        ("for x in y:\n    break", ["for x in y:\n    pass"]),
    ],
)  # fmt: skip
def test_the_places_of_a_source(source, wanted):
    assert sorted(broken(source)) == sorted(wanted)


@pytest.mark.parametrize(
    "source",
    [
        '"""Text, 1 < 2."""', "__all__ = ['a']", "def f(x: int | None) -> list[int | str]: ...",
        "@dataclass(frozen=True)\nclass A:\n    x: int", "assert a < b", "y = f'{a + 1}'",
        "y = zip(a, strict=True)", "Array = np.ndarray | None", "y = cast('A[1]', x)",
        "if TYPE_CHECKING:\n    x = 1", "raise AssertionError(1)",
    ],
)  # fmt: skip
def test_what_cannot_change_a_result_is_left_out(source):
    assert broken(source) == []


TOY = {
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--import-mode=importlib']\n",
    "nnplug/__init__.py": "",
    "nnplug/testing/__init__.py": "",
    "nnplug/testing/pytest_plugin.py": "",  # pytest loads it wherever nnplug is installed
    "nnplug/toy.py": """
def at_least(low, x):
    return x if x > low else low

def first(items):
    return items[0]  # an index that is too large raises

def count(n):
    while n > 0:
        n = n - 1
    return n
""",
    "tests/test_toy.py": """
from nnplug.toy import at_least, count, first

def test_at_least():
    assert at_least(1, 5) == 5

def test_first():
    assert first([7]) == 7

def test_count():
    assert count(3) == 0
""",
}


@pytest.mark.slow
def test_survivors_of_a_toy_are_told_from_what_is_caught(tmp_path):
    for name, text in TOY.items():
        path = tmp_path / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = [sys.executable, "-m", "tests.mutation", "nnplug/toy.py", "--root", tmp_path / "toy",
               "--cache", tmp_path / "cache", "--patience", "5"]  # fmt: skip
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said, _, survived = done.stdout.partition("What survived:")
    found = re.findall(
        r"^(\w+) +[\d.]+ s  nnplug/toy.py:(\d+):\d+: `(.+)` became", said, re.MULTILINE
    )
    assert sorted(found) == [
        ("assertion", "10", "1"), ("assertion", "9", "0"), ("assertion", "9", ">"),
        ("crash", "6", "0"), ("hang", "10", "-"), ("survived", "3", ">"),
    ]  # fmt: skip
    assert survived.splitlines()[1] == ("  nnplug/toy.py:3:19: `>` became `>=`  (3 tests)")
    assert "6 of 6 places: 5 caught (83.3 %), 3 by an assertion, 1 by a crash" in survived
    assert (tmp_path / "toy/nnplug/toy.py").read_text() == TOY["nnplug/toy.py"]
