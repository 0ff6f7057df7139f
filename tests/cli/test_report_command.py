"""`nnplug plugins report`: the page, its formats and its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from nnplug.cli.plugins import plugins
from nnplug.errors import NnplugError
from nnplug.plugins.registry import Registry
from nnplug.testing.report import passed_in
from nnplug.testing.speed import nearest_builtin
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`

PARTS = '''
import nnplug, numpy as np

@nnplug.activation
def wavy(x, *, height: float = 1.0):
    """Wavy <b>: x + height·sin(x) (Author & Other, 2020, arXiv:2001.00001, eq. 1)."""
    return x + height * np.sin(x)

@nnplug.schedule
def falling(epoch, epochs):
    """A factor that turns negative."""
    return {first} - epoch

@nnplug.hookimpl
def register_activations(register):
    register(wavy)

@nnplug.hookimpl
def register_schedules(register):
    register(falling)
'''
GOOD, BAD = PARTS.format(first="1 + epochs"), PARTS.format(first="1")


@pytest.fixture(autouse=True)
def at_home(site, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    return home


def run(*arguments, code=0):
    result = CliRunner().invoke(plugins, ["report", "--engine", "numpy", *map(str, arguments)])
    if isinstance(result.exception, NnplugError):
        assert result.exception.exit_code == code
        return str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    if "-" in arguments:
        return result.stdout
    assert all(len(line) <= 80 for line in result.output.splitlines() if "/" not in line)
    return result.output


def test_of_all_installed_packages_it_writes_a_page(site):
    site.install("nnplug-waves", GOOD)
    said = run().splitlines()
    assert said[:2] == [
        "  ok      activation wavy: 11 checks",
        "  ok      schedule falling: 5 checks",
    ]
    assert said[3] == "2 parts, 16 checks in the numpy engine: all passed."
    page = Path("nnplug-parts.html").read_text(encoding="utf-8")
    assert said[4] == f"nnplug-parts.html: {len(page.encode()):,} bytes written"
    assert "<h1>Parts of nnplug-waves</h1>" in page
    # Nothing of an author's text is HTML.
    assert "<p>Wavy &lt;b&gt;: x + height·sin(x).</p>" in page
    assert "Source: Author &amp; Other, 2020, arXiv:2001.00001, eq. 1" in page
    assert page.count("<math ") == 1
    # The value and the derivative of the activation, the factor of the schedule.
    assert page.count('<svg class="chart"') == 2
    assert page.count("<polyline") == 3
    assert "11 of 11 passed" in " ".join(re.sub("<[^>]*>", "", page).split())
    assert "default-src 'none'" in page
    assert not re.search(r"<script|https?://(?!www.w3.org)|src=", page)


def test_a_failed_check_is_told_and_the_exit_code_is_1(site):
    site.install("nnplug-waves", BAD)
    said = run("nnplug-waves", "--format", "markdown", "-o", "parts.md", code=1)
    assert "  FAILED  schedule falling: non-negative: at epoch" in said
    page = Path("parts.md").read_text(encoding="utf-8")
    assert "# Parts of nnplug-waves\n" in page
    assert r"Wavy \<b>: x + height·sin(x)." in page
    assert "y = x + height * sin(x)\ndy/dx = 1 + height * cos(x)\n" in page
    assert "- Check non-negative: failed. at epoch" in page
    (row,) = [line for line in page.splitlines() if line.startswith("| schedule | falling")]
    assert (
        row == "| schedule | falling | nnplug-waves 1.0 | not given | 4 of 5 passed | needs none |"
    )


def test_a_file_that_p_names(at_home):
    (at_home / "mine.py").write_text(GOOD, encoding="utf-8")
    written = json.loads(run("-p", "./mine.py", "--format", "json", "-o", "-"))
    assert written["ok"]
    assert [part["name"] for part in written["parts"]] == ["wavy", "falling"]
    assert [part["passed_in"] for part in written["parts"]] == [["numpy"], []]
    assert list(at_home.glob("nnplug-parts*")) == []


def test_a_package_that_cannot_be_loaded_costs_no_other_its_page(site):
    site.install("nnplug-broken", "1 / 0\n")
    site.install("nnplug-waves", GOOD)
    said = run("--format", "json", code=1)
    assert "ZeroDivisionError" in said
    written = json.loads(Path("nnplug-parts.json").read_text(encoding="utf-8"))
    assert len(written["parts"]) == 2
    assert not written["ok"]
    assert "nnplug-broken" in written["problems"][0]


def test_where_there_is_nothing_to_report_it_says_what_to_name():
    assert run(code=2).startswith("No plugin package is installed to report on.\n")
    assert "There is no part, package, entry point or file 'wavy'." in run("wavy", code=2)


def test_a_file_that_exists_is_replaced_only_if_that_is_asked_for(at_home):
    place = at_home / "nnplug-parts.html"
    place.write_text("mine", encoding="utf-8")
    said = run("constant", code=2)
    assert "nnplug-parts.html exists; --overwrite replaces it" in " ".join(said.split())
    assert place.read_text(encoding="utf-8") == "mine"
    run("constant", "--overwrite")
    assert "schedule constant" in place.read_text(encoding="utf-8")


def test_times_are_measured_beside_a_built_in_part(at_home):
    (at_home / "mine.py").write_text(GOOD, encoding="utf-8")
    written = json.loads(run("-p", "./mine.py", "--speed", "--format", "json", "-o", "-"))
    activation, schedule = written["parts"]
    assert schedule["speed"] == []
    ((measured),) = activation["speed"]
    assert measured["engine"] == "numpy"
    assert measured["beside"] in Registry(allowed=()).names("activation")
    assert 0.05 < measured["ratio"] < 20


@pytest.mark.parametrize(
    ("kind", "name", "beside"),
    [
        ("activation", "identity", "relu"),
        ("activation", "log_softmax", "softmax"),
        ("loss", "half_mse", "mse"),
        ("optimizer", "adamw", "amsgrad"),
    ],
)
def test_the_part_beside_is_of_like_arithmetic(kind, name, beside):
    registry = Registry(allowed=())
    assert nearest_builtin(registry.get(kind, name), registry).name == beside


def test_a_kind_without_arithmetic_of_its_own_is_not_timed():
    registry = Registry(allowed=())
    assert nearest_builtin(registry.get("schedule", "cosine"), registry) is None


@pytest.mark.parametrize(
    ("checks", "engines"),
    [
        ([{"outcome": "passed"}], ["numba", "numpy"]),
        ([{"outcome": "expected failure"}], ["numba", "numpy"]),
        ([{"outcome": "failed", "only_in": "numba"}], ["numpy"]),
        ([{"outcome": "failed"}], []),
        ([{"outcome": "passed"}, {"outcome": "not run"}], []),
    ],
)
def test_the_engines_in_which_a_part_passed(checks, engines):
    assert passed_in({"engines": ["numba", "numpy"], "checks": checks}) == engines
